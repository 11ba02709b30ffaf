//! Payments: what an order is paid with, the money that came and the money that went back.
//!
//! ```text
//!              ┌─▶ paid ──RefundPayment──▶ refunding ──▶ refunded
//!   pending ───┼─▶ failed ──┐                 ▲
//!              └─▶ expired ─┴── late money ───┘
//! ```
//!
//! An order has a payment for each revision of its lines that came as far as that. The last is the current one;
//! those before it are superseded and closed. All of them together are the payment participant's barrier.
//!
//! ```text
//!   pending ──Hold──▶ held ──Process, a later revision──▶ superseded: closed, and a new one pending
//!      ▲               └──Process, Expire: this one; Refund──▶ as it would be without the hold
//!      └──────────────────────────────┘
//! ```
//!
//! A `manual` payment is paid, declined and given back by people, who report it ([`SettlePayment`]): money that is to go
//! back stays `refunding`, without a call, until somebody reports that it has gone.
//!
//! Money that comes for a held payment is recorded and decided upon when the hold ends: it pays the revision
//! that stands, or goes back. A later revision opens a payment over a held one alone; so once [`RefundPayment`]
//! has come, nothing that is still on its way can open another.
//!
//! The row decides, not a clock elsewhere: whichever of success and expiry reaches it first wins.
//! Money that comes for a closed payment is recorded and goes back; it is never lost and never kept.
//! A call to an outside provider is first committed as `call`, made afterwards, and its answer
//! committed by [`RecordPaymentCall`].
//!
//! The payment of a direct order, which no saga drives, calls its order in the same way: to tell it that it is paid or
//! will not be, and to ask it before money goes back. One call follows the other, each committed with what led to it:
//!
//! ```text
//!   ChargeDirect ─▶ charge ─┬─ done ─▶ paid, mark_order_paid ─┬─ done ─▶ (settled)
//!                           │                                 └─ order closed ─▶ refund ─▶ refunded
//!                           └─ declined ─▶ failed, fail_order ─▶ (settled)
//!   RefundDirect ─▶ cancel_order ─┬─ done ─▶ refund ─▶ refunded
//!                                 └─ goods on their way ─▶ paid still
//! ```

mod command;
mod decide;
mod direct;
mod draft;
mod payer;
mod payments;
mod provider;
mod report;

pub use command::{
    ExpirePayment, HoldPayment, OpenPayment, Payable, PaymentAnswer, PaymentCommand, PaymentRefusal, ProcessPayment,
    RecordPaymentCall, RefundPayment, Terms,
};
pub use direct::{ChargeDirect, RefundDirect};
pub use payer::{NoPayer, Payer};
pub use payments::Payments;
pub use provider::{ManualNames, NoProvider, Provider, ProviderName};
pub use report::{Discrepancy, Reported, Reporter, SettlePayment, Settlement};

use super::{
    aggregate::Errand,
    call::{Said, Trouble},
    ids::{OrderId, PaymentId, SagaId},
    money::{Amount, Currency},
    notifier::GivenId,
    order::{CancelOrder, CancelPaidOrder, Goods, MarkOrderPaid, OrderCommand},
    reason::Reason,
    reference::Reference,
    saga::Outcome,
    simulation::Script,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PaymentStatus {
    /// No result yet.
    Pending,
    /// The money is in.
    Paid,
    /// Declined, or closed before any money came.
    Failed,
    /// No money came in time.
    Expired,
    /// The money is on its way back.
    Refunding,
    /// The money is back.
    Refunded,
}

impl PaymentStatus {
    /// The status's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether there is no money, for good, or it goes back.
    pub const fn is_unwound(self) -> bool {
        !matches!(self, Self::Pending | Self::Paid)
    }

    /// Whether it says how a payment went, or how it was undone, and nothing is under way: what others are told of.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Paid | Self::Failed | Self::Expired | Self::Refunded)
    }
}

/// A call that is committed as requested and whose answer is not yet known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum PaymentCall {
    /// The provider: take the money.
    Charge,
    /// The provider: give it back.
    Refund,
    /// The provider, which has refused that: give it back.
    RefundAgain,
    /// A direct order: the money is in.
    MarkOrderPaid,
    /// A direct order: there will be none.
    FailOrder,
    /// A direct order whose goods never left: the money goes back.
    CancelOrder,
    /// A direct order whose goods are back: the money goes back.
    CancelReturnedOrder,
}

/// A call to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ProviderCall {
    /// Take the money.
    Charge,
    /// Give it back.
    Refund,
}

impl ProviderCall {
    /// The call's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl PaymentCall {
    /// The call's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id, and the idempotency key of every call to the provider.
    pub id: PaymentId,
    /// The order it pays for.
    pub order_id: OrderId,
    /// The revision of the order's lines that it pays for.
    pub revision: u32,
    /// The saga to signal; `None` until the saga's payment stage adopts it.
    pub saga_id: Option<SagaId>,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Who pays, where that is known.
    pub payer: Option<Payer>,
    /// Who takes the money.
    pub provider: Provider,
    /// What the simulated provider does.
    pub script: Script,
    /// Where it stands.
    pub status: PaymentStatus,
    /// Why it is closed.
    pub reason: Option<Reason>,
    /// When it may expire.
    pub deadline_at: Option<Timestamp>,
    /// The call whose answer is not yet known.
    pub call: Option<PaymentCall>,
    /// Attempts of that call, or of deciding a simulated one, so far.
    pub attempts: u32,
    /// Why that call is not answered yet, where it has been made in vain.
    pub trouble: Option<Box<Trouble>>,
    /// How many of its saga's retries it has heard of.
    pub retries: u32,
    /// Whether a client opened it with `POST /payments`.
    pub claimed: bool,
    /// Whether it is a direct order's, which it tells itself how it went.
    pub direct: bool,
    /// Whether its order is being edited: what comes of it is decided when that is over.
    pub held: bool,
    /// The latest amendment of its order that has held it, or one before it; 0 for none.
    pub amendment: u32,
    /// What its provider calls it, where that has said so.
    pub reference: Option<Reference>,
    /// When money came, whatever became of it.
    pub captured_at: Option<Timestamp>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Which way money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum MovementKind {
    /// From the customer.
    Capture,
    /// Back to the customer.
    Refund,
}

impl MovementKind {
    /// The kind's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One row of the append-only ledger: money that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The payment's order.
    pub order_id: OrderId,
    /// The payment.
    pub payment_id: PaymentId,
    /// Which way.
    pub kind: MovementKind,
    /// How much.
    pub amount: Amount,
    /// When.
    pub at: Timestamp,
}

impl Payment {
    /// The row of a payment that is opened now.
    fn open(terms: &Terms, now: Timestamp) -> Self {
        let Terms { order_id, payment_id, amount, currency, provider, script, .. } = *terms;
        Self {
            revision: terms.revision,
            payer: terms.payer,
            saga_id: Some(terms.saga_id),
            deadline_at: Some(now.plus_millis(terms.deadline_ms)),
            ..Self::without_saga(order_id, currency, payment_id, amount, provider, script, now)
        }
    }

    /// The row of a payment that a client opens itself. To be edited, an order must have one that can be held: it is for
    /// the lines as they were placed.
    const fn without_saga(
        order_id: OrderId,
        currency: Currency,
        id: PaymentId,
        amount: Amount,
        provider: Provider,
        script: Script,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            order_id,
            revision: 0,
            saga_id: None,
            amount,
            currency,
            payer: None,
            provider,
            script,
            status: PaymentStatus::Pending,
            reason: None,
            deadline_at: None,
            call: None,
            attempts: 0,
            trouble: None,
            retries: 0,
            claimed: false,
            direct: false,
            held: false,
            amendment: 0,
            reference: None,
            captured_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Where a call of it goes.
    pub const fn errand(&self, call: PaymentCall) -> Errand<ProviderCall> {
        let order_id = self.order_id;
        Errand::Order(match call {
            PaymentCall::Charge => return Errand::Outside(ProviderCall::Charge),
            PaymentCall::Refund | PaymentCall::RefundAgain => return Errand::Outside(ProviderCall::Refund),
            PaymentCall::MarkOrderPaid => OrderCommand::MarkPaid(MarkOrderPaid { order_id }),
            PaymentCall::FailOrder => {
                let reason = match self.reason {
                    Some(reason) => reason,
                    None => Reason::PaymentDeclined,
                };
                OrderCommand::Cancel(CancelOrder { order_id, saga_id: None, reason })
            }
            PaymentCall::CancelOrder => OrderCommand::CancelPaid(CancelPaidOrder { order_id, goods: Goods::Kept }),
            PaymentCall::CancelReturnedOrder => {
                OrderCommand::CancelPaid(CancelPaidOrder { order_id, goods: Goods::Returned })
            }
        })
    }

    /// Asks for a call.
    fn request(&mut self, call: PaymentCall) {
        self.call = Some(call);
        self.attempts = 0;
        self.trouble = None;
    }

    /// The call that was outstanding is answered.
    fn answered(&mut self) {
        self.call = None;
        self.trouble = None;
    }

    /// The call that was made after `attempts` unusable answers has had another one. Where it was made twice, only one of
    /// the two is made again.
    fn in_vain(&mut self, attempts: u32, said: &Said, now: Timestamp) {
        if self.attempts == attempts {
            self.attempts += 1;
            self.trouble = Some(Box::new(Trouble::after(self.attempts, said, now)));
        }
    }

    /// An operator's retry has what is outstanding asked again, now.
    fn heed(&mut self, retries: u32) {
        if retries > self.retries {
            self.retries = retries;
            match self.call {
                Some(PaymentCall::RefundAgain) => self.request(PaymentCall::Refund),
                Some(call) => self.request(call),
                None => {}
            }
        }
    }

    /// Whether the provider answers inside the batch: there is nobody outside to call, nor to wait for.
    const fn answers_at_once(&self) -> bool {
        matches!(self.provider, Provider::Simulated) && self.script.delay_ms == 0
    }

    /// What the saga is told about the payment as it stands.
    fn outcome(&self) -> Outcome {
        match self.status {
            PaymentStatus::Pending => Outcome::Pending { until: self.deadline_at },
            PaymentStatus::Paid => Outcome::done(self.id.uuid()),
            _ => Outcome::rejected(self.reason.unwrap_or(Reason::PaymentClosed)),
        }
    }

    /// Whether it vouches for this user, and for this order where one is named: it is paid, and known to be theirs. One
    /// whose payer is not known vouches for nobody.
    ///
    /// # Errors
    /// It is another one's, or not paid.
    pub fn vouches_for(&self, user: &GivenId, order: Option<OrderId>) -> Result<bool, PaymentRefusal> {
        if order.is_some_and(|order| order != self.order_id) {
            return Err(PaymentRefusal::NotTheOrders);
        }
        if self.payer.is_some_and(|payer| payer.as_str() != user.to_string()) {
            return Err(PaymentRefusal::NotTheUsers);
        }
        self.check_paid()?;
        Ok(self.payer.is_some())
    }

    /// Whether its money is in, as somebody says.
    ///
    /// # Errors
    /// It is not, or has gone back.
    pub fn check_paid(&self) -> Result<(), PaymentRefusal> {
        if self.status == PaymentStatus::Paid { Ok(()) } else { Err(PaymentRefusal::NotPaid(self.status)) }
    }

    /// Whether its provider will not give the money back, though it is asked again and again.
    pub fn refuses_refund(&self) -> bool {
        self.call == Some(PaymentCall::RefundAgain)
    }

    /// What the saga is told about the compensation as it stands: done when the payment is closed and no money is held.
    /// A charge may still be in doubt. The order does not wait for it: money that comes of it goes back by itself.
    fn refund_outcome(&self) -> Outcome {
        match (self.status, self.call) {
            (PaymentStatus::Failed | PaymentStatus::Expired, None | Some(PaymentCall::Charge))
            | (PaymentStatus::Refunded, None) => Outcome::done(self.id.uuid()),
            _ if self.refuses_refund() => Outcome::rejected(Reason::RefundRefused),
            _ => Outcome::Pending { until: None },
        }
    }
}

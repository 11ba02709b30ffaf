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
//! Money that comes for a held payment is recorded and decided upon when the hold ends: it pays the revision
//! that stands, or goes back. A later revision opens a payment over a held one alone; so once [`RefundPayment`]
//! has come, nothing that is still on its way can open another.
//!
//! The row decides, not a clock elsewhere: whichever of success and expiry reaches it first wins.
//! Money that comes for a closed payment is recorded and goes back; it is never lost and never kept.
//! A call to an outside provider is first committed as `call`, made afterwards, and its answer
//! committed by [`RecordPaymentCall`].

mod command;
mod decide;
mod draft;
mod payments;
mod provider;

pub use command::{
    ExpirePayment, HoldPayment, OpenPayment, Payable, PaymentAnswer, PaymentCommand, PaymentRefusal, ProcessPayment,
    RecordPaymentCall, RefundPayment, SettlePayment, Settlement, Terms,
};
pub use payments::Payments;
pub use provider::{NoProvider, Provider, ProviderName};

use super::{
    ids::{OrderId, PaymentId, SagaId},
    money::{Amount, Currency},
    reason::Reason,
    saga::Outcome,
    simulation::Script,
    time::Timestamp,
};
use strum::{EnumString, IntoStaticStr};

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, EnumString)]
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
}

/// A call to the provider that is committed as requested and whose answer is not yet known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum PaymentCall {
    /// Take the money.
    Charge,
    /// Give it back.
    Refund,
}

impl PaymentCall {
    /// The call's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The outside call whose answer is not yet known.
    pub call: Option<PaymentCall>,
    /// Attempts of that call, or of deciding a simulated one, so far.
    pub attempts: u32,
    /// Whether a client opened it with `POST /payments`.
    pub claimed: bool,
    /// Whether its order is being edited: what comes of it is decided when that is over.
    pub held: bool,
    /// The latest amendment of its order that has held it, or one before it; 0 for none.
    pub amendment: u32,
    /// When money came, whatever became of it.
    pub captured_at: Option<Timestamp>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Which way money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, EnumString)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        Self {
            id: terms.payment_id,
            order_id: terms.order_id,
            revision: terms.revision,
            saga_id: Some(terms.saga_id),
            amount: terms.amount,
            currency: terms.currency,
            provider: terms.provider,
            script: terms.script,
            status: PaymentStatus::Pending,
            reason: None,
            deadline_at: Some(now.plus_millis(terms.deadline_ms)),
            call: None,
            attempts: 0,
            claimed: false,
            held: false,
            amendment: 0,
            captured_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether the provider answers inside the batch: there is nobody outside to call.
    const fn answers_at_once(&self) -> bool {
        match self.provider {
            Provider::Manual => true,
            Provider::Simulated => self.script.delay_ms == 0,
            Provider::Configured(_) => false,
        }
    }

    /// What the saga is told about the payment as it stands.
    fn outcome(&self) -> Outcome {
        match self.status {
            PaymentStatus::Pending => Outcome::Pending { until: self.deadline_at },
            PaymentStatus::Paid => Outcome::done(self.id.uuid()),
            _ => Outcome::rejected(self.reason.unwrap_or(Reason::PaymentClosed)),
        }
    }

    /// What the saga is told about the compensation as it stands: done when no money is held and no
    /// outside answer is outstanding.
    fn refund_outcome(&self) -> Outcome {
        match (self.status, self.call) {
            (PaymentStatus::Failed | PaymentStatus::Expired | PaymentStatus::Refunded, None) => {
                Outcome::done(self.id.uuid())
            }
            _ => Outcome::Pending { until: None },
        }
    }
}

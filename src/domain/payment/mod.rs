//! Payments: an order's one payment, the money that came and the money that went back.
//!
//! ```text
//!              ┌─▶ paid ──RefundPayment──▶ refunding ──▶ refunded
//!   pending ───┼─▶ failed ──┐                 ▲
//!              └─▶ expired ─┴── late money ───┘
//! ```
//!
//! The row decides, not a clock elsewhere: whichever of success and expiry reaches it first wins.
//! Money that comes for a closed payment is recorded and goes back; it is never lost and never kept.
//! A call to an outside provider is first committed as `call`, made afterwards, and its answer
//! committed by [`RecordPaymentCall`].

mod decide;

use super::{
    aggregate::{Aggregate, Decision, Outgoing},
    ids::{OrderId, PaymentId, SagaId},
    money::{Amount, Currency},
    order::OrderStatus,
    reason::Reason,
    saga::Outcome,
    simulation::{CallAnswer, Script},
    time::Timestamp,
};
use decide::Draft;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// Who takes the money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Provider {
    /// Somebody outside reports the result; until then, or the deadline, the payment waits.
    #[default]
    Manual,
    /// The built-in simulation, scripted per order.
    Simulated,
}

impl Provider {
    /// The provider's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

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

/// A payment as it is stored: the payment participant's barrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id, and the idempotency key of every call to the provider.
    pub id: PaymentId,
    /// The order it pays for; an order has one payment.
    pub order_id: OrderId,
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

/// What a saga knows of its payment; the same in every command, so that the first to arrive can
/// make the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The order.
    pub order_id: OrderId,
    /// Its saga.
    pub saga_id: SagaId,
    /// The id a new payment gets.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Who takes the money.
    pub provider: Provider,
    /// What the simulated provider does.
    pub script: Script,
    /// How long the saga waits for the money, in milliseconds.
    pub deadline_ms: u64,
}

/// An order as far as opening a payment for it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payable {
    /// The order.
    pub order_id: OrderId,
    /// Its total.
    pub total: Amount,
    /// Its currency.
    pub currency: Currency,
    /// How far it has come.
    pub status: OrderStatus,
}

/// Takes the money, or waits for it.
#[derive(Clone, Copy, Debug)]
pub struct ProcessPayment(pub Terms);

/// The deadline has passed, says the saga; the row decides.
#[derive(Clone, Copy, Debug)]
pub struct ExpirePayment(pub Terms);

/// Closes the payment for good and gives back what came. Compensates [`ProcessPayment`].
#[derive(Clone, Copy, Debug)]
pub struct RefundPayment(pub Terms);

/// A client opens the order's payment itself.
#[derive(Clone, Copy, Debug)]
pub struct OpenPayment {
    /// The order it pays for.
    pub order: Payable,
    /// The id a new payment gets.
    pub payment_id: PaymentId,
    /// What the client thinks the total is.
    pub amount: Amount,
    /// Who takes the money.
    pub provider: Provider,
}

/// How a payment went, as reported from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The money is in.
    Success,
    /// There will be none.
    Failed,
}

/// Somebody outside reports how the payment went.
#[derive(Clone, Copy, Debug)]
pub struct SettlePayment {
    /// The order.
    pub order_id: OrderId,
    /// Its payment, as the reporter knows it.
    pub payment_id: PaymentId,
    /// How it went.
    pub settlement: Settlement,
}

/// The provider's answer to an outside call.
#[derive(Clone, Debug)]
pub struct RecordPaymentCall {
    /// The order.
    pub order_id: OrderId,
    /// Which call.
    pub call: PaymentCall,
    /// What it came to.
    pub answer: CallAnswer,
}

/// What the payment participant can be asked.
#[derive(Clone, Debug)]
pub enum PaymentCommand {
    /// Take the money, or wait for it.
    Process(ProcessPayment),
    /// The deadline has passed.
    Expire(ExpirePayment),
    /// Close it and give back what came.
    Refund(RefundPayment),
    /// A client opens it.
    Open(OpenPayment),
    /// Somebody reports how it went.
    Settle(SettlePayment),
    /// The provider answered.
    Record(RecordPaymentCall),
}

/// Why a client's command is refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefusal {
    /// The client's amount is not the order's total.
    #[error("the amount must equal the order's total of {total}")]
    AmountMismatch {
        /// What it must be.
        total: Amount,
    },
    /// The order was unwound before it had a payment.
    #[error("the order is closed and takes no payment")]
    OrderClosed,
    /// No such payment.
    #[error("the order has no payment")]
    NoPayment,
    /// The payment is another order's.
    #[error("the payment does not belong to the order")]
    NotTheOrders,
    /// Money that has come cannot be reported as failed.
    #[error("the payment is already paid and cannot fail")]
    AlreadyPaid,
}

/// What a payment command is answered.
#[derive(Clone, Debug)]
pub struct PaymentAnswer {
    /// The saga's side: the step's outcome.
    pub outcome: Outcome,
    /// The client's side: the payment as it is now, and whether this command opened it.
    pub result: Result<(Payment, bool), PaymentRefusal>,
    /// A saga that waits for this payment and should ask again.
    pub signal: Option<SagaId>,
}

impl Payment {
    /// The row of a payment that is opened now.
    fn open(terms: &Terms, now: Timestamp) -> Self {
        Self {
            id: terms.payment_id,
            order_id: terms.order_id,
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

impl Aggregate for Payment {
    type Command = PaymentCommand;
    type Answer = PaymentAnswer;
    type Movement = Movement;

    fn order(command: &PaymentCommand) -> OrderId {
        match command {
            PaymentCommand::Process(ProcessPayment(terms))
            | PaymentCommand::Expire(ExpirePayment(terms))
            | PaymentCommand::Refund(RefundPayment(terms)) => terms.order_id,
            PaymentCommand::Open(open) => open.order.order_id,
            PaymentCommand::Settle(settle) => settle.order_id,
            PaymentCommand::Record(record) => record.order_id,
        }
    }

    fn begins(command: &PaymentCommand) -> bool {
        matches!(command, PaymentCommand::Process(_))
    }

    fn outcome(answer: PaymentAnswer) -> Outcome {
        answer.outcome
    }

    fn is_accepted(answer: &PaymentAnswer) -> bool {
        answer.result.is_ok()
    }

    fn decide(row: Option<&Self>, command: &PaymentCommand, now: Timestamp) -> Decision<Self> {
        let mut draft = Draft::new(row, now);
        let (outcome, result) = match command {
            PaymentCommand::Process(ProcessPayment(terms)) => (decide::process(&mut draft, terms), None),
            PaymentCommand::Expire(ExpirePayment(terms)) => (decide::expire(&mut draft, terms), None),
            PaymentCommand::Refund(RefundPayment(terms)) => (decide::refund(&mut draft, terms), None),
            PaymentCommand::Open(command) => (Outcome::DONE, Some(decide::open(&mut draft, command))),
            PaymentCommand::Settle(command) => {
                (Outcome::DONE, Some(decide::settle(&mut draft, command).map(|()| false)))
            }
            PaymentCommand::Record(record) => (decide::record(&mut draft, record), None),
        };
        draft.finish(outcome, result.unwrap_or(Ok(false)))
    }
}

impl Outgoing for Payment {
    type Call = PaymentCall;

    fn order_id(&self) -> OrderId {
        self.order_id
    }

    fn outstanding(&self, _part: usize) -> Option<(PaymentCall, u32)> {
        self.call.map(|call| (call, self.attempts))
    }

    fn aftermath(answer: &PaymentAnswer) -> (Option<&Self>, Option<SagaId>) {
        (answer.result.as_ref().ok().map(|(payment, _)| payment), answer.signal)
    }
}

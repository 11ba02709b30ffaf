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

    fn outcome(answer: PaymentAnswer) -> Outcome {
        answer.outcome
    }

    fn is_accepted(answer: &PaymentAnswer) -> bool {
        answer.result.is_ok()
    }

    fn decide(row: Option<&Self>, command: &PaymentCommand, now: Timestamp) -> Decision<Self> {
        let mut draft = Draft::new(row, now);
        let (outcome, result) = match command {
            PaymentCommand::Process(ProcessPayment(terms)) => (process(&mut draft, terms), None),
            PaymentCommand::Expire(ExpirePayment(terms)) => (expire(&mut draft, terms), None),
            PaymentCommand::Refund(RefundPayment(terms)) => (refund(&mut draft, terms), None),
            PaymentCommand::Open(command) => (Outcome::DONE, Some(open(&mut draft, command))),
            PaymentCommand::Settle(command) => (Outcome::DONE, Some(settle(&mut draft, command).map(|()| false))),
            PaymentCommand::Record(record) => (self::record(&mut draft, record), None),
        };
        draft.finish(outcome, result.unwrap_or(Ok(false)))
    }
}

impl Outgoing for Payment {
    type Call = PaymentCall;

    fn order_id(&self) -> OrderId {
        self.order_id
    }

    fn outstanding(&self) -> Option<(PaymentCall, u32)> {
        self.call.map(|call| (call, self.attempts))
    }

    fn aftermath(answer: &PaymentAnswer) -> (Option<&Self>, Option<SagaId>) {
        (answer.result.as_ref().ok().map(|(payment, _)| payment), answer.signal)
    }
}

/// The row while a command is being decided, and what goes with it.
struct Draft<'a> {
    before: Option<&'a Payment>,
    row: Option<Payment>,
    movements: Vec<Movement>,
    signal: bool,
    now: Timestamp,
}

impl<'a> Draft<'a> {
    fn new(before: Option<&'a Payment>, now: Timestamp) -> Self {
        Self { before, row: before.cloned(), movements: Vec::new(), signal: false, now }
    }

    /// The row, made from the saga's terms where there is none.
    fn adopt(&mut self, terms: &Terms) -> &mut Payment {
        let now = self.now;
        let row = self.row.get_or_insert_with(|| Payment::open(terms, now));
        if row.saga_id.is_none() {
            row.saga_id = Some(terms.saga_id);
            row.deadline_at = Some(now.plus_millis(terms.deadline_ms));
        }
        row
    }

    /// Money has come. For an open payment it pays; for a closed one it goes back.
    fn capture(&mut self) {
        let now = self.now;
        let Some(row) = self.row.as_mut() else { return };
        if row.captured_at.is_some() {
            return;
        }
        row.captured_at = Some(now);
        row.call = None;
        self.movements.push(row.movement(MovementKind::Capture, now));
        if row.status == PaymentStatus::Pending {
            row.status = PaymentStatus::Paid;
        } else {
            self.give_back();
        }
    }

    /// Sends captured money back: at once where nobody outside must be called. Late money always
    /// takes the outside way, so that its arrival is durable before anything else happens.
    fn give_back(&mut self) {
        if let Some(row) = self.row.as_mut() {
            row.status = PaymentStatus::Refunding;
            row.call = Some(PaymentCall::Refund);
            row.attempts = 0;
        }
    }

    fn refunded(&mut self) {
        let now = self.now;
        if let Some(row) = self.row.as_mut() {
            row.status = PaymentStatus::Refunded;
            row.call = None;
            self.movements.push(row.movement(MovementKind::Refund, now));
        }
    }

    fn finish(mut self, outcome: Outcome, result: Result<bool, PaymentRefusal>) -> Decision<Payment> {
        let changed = self.row.as_ref() != self.before;
        if let Some(row) = self.row.as_mut().filter(|_| changed) {
            row.updated_at = self.now;
        }
        let answer = PaymentAnswer {
            outcome,
            signal: self.row.as_ref().filter(|_| self.signal).and_then(|row| row.saga_id),
            result: result
                .and_then(|opened| self.row.clone().map(|row| (row, opened)).ok_or(PaymentRefusal::NoPayment)),
        };
        Decision { row: self.row.filter(|_| changed), movements: self.movements, answer }
    }
}

impl Payment {
    fn movement(&self, kind: MovementKind, at: Timestamp) -> Movement {
        Movement { order_id: self.order_id, payment_id: self.id, kind, amount: self.amount, at }
    }

    fn close(&mut self, status: PaymentStatus, reason: Reason) {
        self.status = status;
        self.reason = Some(reason);
    }
}

fn process(draft: &mut Draft<'_>, terms: &Terms) -> Outcome {
    draft.adopt(terms);
    charge_if_due(draft)
}

/// Takes the money of a pending payment where its provider is to be asked, and says how it stands.
fn charge_if_due(draft: &mut Draft<'_>) -> Outcome {
    let Some(row) = draft.row.as_mut() else { return Outcome::unknown("no payment") };
    let due = row.status == PaymentStatus::Pending && row.call.is_none() && row.provider == Provider::Simulated;
    if due && row.answers_at_once() {
        row.attempts += 1;
        match row.script.answer(row.attempts, Reason::PaymentDeclined) {
            CallAnswer::Done => draft.capture(),
            CallAnswer::Rejected(reason) => row.close(PaymentStatus::Failed, reason),
            CallAnswer::Unknown { happened, error } => {
                if happened {
                    draft.capture();
                }
                return Outcome::unknown(error);
            }
        }
    } else if due {
        row.call = Some(PaymentCall::Charge);
        row.attempts = 0;
    }
    draft.row.as_ref().map_or(Outcome::DONE, Payment::outcome)
}

fn expire(draft: &mut Draft<'_>, terms: &Terms) -> Outcome {
    let now = draft.now;
    let row = draft.adopt(terms);
    if row.status == PaymentStatus::Pending && row.deadline_at.is_none_or(|deadline| deadline <= now) {
        row.close(PaymentStatus::Expired, Reason::PaymentExpired);
    }
    row.outcome()
}

fn refund(draft: &mut Draft<'_>, terms: &Terms) -> Outcome {
    let row = draft.adopt(terms);
    match row.status {
        // Closed for good, whether or not a charge is in doubt: its answer decides what is refunded.
        PaymentStatus::Pending => row.close(PaymentStatus::Failed, Reason::PaymentClosed),
        PaymentStatus::Paid if row.answers_at_once() => draft.refunded(),
        PaymentStatus::Paid => draft.give_back(),
        _ => {}
    }
    draft.row.as_ref().map_or(Outcome::DONE, Payment::refund_outcome)
}

fn open(draft: &mut Draft<'_>, open: &OpenPayment) -> Result<bool, PaymentRefusal> {
    if open.amount != open.order.total {
        return Err(PaymentRefusal::AmountMismatch { total: open.order.total });
    }
    let now = draft.now;
    match draft.row.as_mut() {
        None if open.order.status.is_closed() => return Err(PaymentRefusal::OrderClosed),
        None => {
            draft.row = Some(Payment {
                id: open.payment_id,
                order_id: open.order.order_id,
                saga_id: None,
                amount: open.amount,
                currency: open.order.currency,
                provider: open.provider,
                script: Script::default(),
                status: PaymentStatus::Pending,
                reason: None,
                deadline_at: None,
                call: None,
                attempts: 0,
                claimed: true,
                captured_at: None,
                created_at: now,
                updated_at: now,
            });
        }
        // The saga's payment stage was faster; the client's choice of provider still counts, so that
        // the answer does not depend on who won.
        Some(row) if row.status == PaymentStatus::Pending && !row.claimed && row.call.is_none() => {
            row.claimed = true;
            row.provider = open.provider;
        }
        Some(_) => return Ok(false),
    }
    charge_if_due(draft);
    draft.signal = true;
    Ok(true)
}

fn settle(draft: &mut Draft<'_>, settle: &SettlePayment) -> Result<(), PaymentRefusal> {
    let row = draft.row.as_mut().ok_or(PaymentRefusal::NoPayment)?;
    if row.id != settle.payment_id {
        return Err(PaymentRefusal::NotTheOrders);
    }
    match settle.settlement {
        Settlement::Success => {
            draft.signal = row.captured_at.is_none();
            draft.capture();
        }
        Settlement::Failed if row.captured_at.is_some() => return Err(PaymentRefusal::AlreadyPaid),
        Settlement::Failed if row.status == PaymentStatus::Pending => {
            row.close(PaymentStatus::Failed, Reason::PaymentDeclined);
            draft.signal = true;
        }
        Settlement::Failed => {}
    }
    Ok(())
}

/// Takes in a provider's answer. One that nobody waits for any more changes nothing.
fn record(draft: &mut Draft<'_>, record: &RecordPaymentCall) -> Outcome {
    let Some(row) = draft.row.as_mut().filter(|row| row.call == Some(record.call)) else {
        return Outcome::DONE;
    };
    match (record.call, &record.answer) {
        (PaymentCall::Charge, CallAnswer::Done) => draft.capture(),
        (PaymentCall::Refund, CallAnswer::Done) => draft.refunded(),
        (PaymentCall::Charge, CallAnswer::Rejected(reason)) => {
            row.call = None;
            if row.status == PaymentStatus::Pending {
                row.close(PaymentStatus::Failed, *reason);
            }
        }
        // A provider that will not give money back is asked again: nothing else would be true.
        (_, CallAnswer::Unknown { .. }) | (PaymentCall::Refund, CallAnswer::Rejected(_)) => {
            row.attempts += 1;
            return Outcome::DONE;
        }
    }
    draft.signal = true;
    Outcome::DONE
}

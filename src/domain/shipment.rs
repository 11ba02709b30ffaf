//! Shipments: the goods on their way, or called back.
//!
//! ```text
//!   requested ──▶ shipped ──CancelShipping──▶ cancelled
//!       └──── carrier says no, or CancelShipping ──▲
//! ```
//!
//! A cancelled shipment whose `call` is still open is closed for the order, but its compensation is
//! done only when the carrier's answer is known: goods that went out after all are called back.

use super::{
    aggregate::{Aggregate, Decision, Outgoing},
    ids::{OrderId, SagaId, ShipmentId},
    reason::Reason,
    saga::Outcome,
    simulation::{CallAnswer, Script},
    time::Timestamp,
};
use strum::{EnumString, IntoStaticStr};

/// Where a shipment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ShipmentStatus {
    /// The carrier has not answered yet; not shown to clients.
    Requested,
    /// On its way.
    Shipped,
    /// Never left, or was called back.
    Cancelled,
}

impl ShipmentStatus {
    /// The status's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A call to the carrier that is committed as requested and whose answer is not yet known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum CarrierCall {
    /// Send the goods.
    Dispatch,
    /// Call them back.
    Recall,
}

impl CarrierCall {
    /// The call's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A shipment as it is stored: the shipping participant's barrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// Its id, and the idempotency key of every call to the carrier.
    pub id: ShipmentId,
    /// The order whose goods it carries; an order has one shipment.
    pub order_id: OrderId,
    /// The saga to signal.
    pub saga_id: SagaId,
    /// What the simulated carrier does.
    pub script: Script,
    /// Where it stands.
    pub status: ShipmentStatus,
    /// Why it was cancelled.
    pub reason: Option<Reason>,
    /// What the customer follows it by.
    pub tracking_number: Option<String>,
    /// The outside call whose answer is not yet known.
    pub call: Option<CarrierCall>,
    /// Attempts of that call, or of deciding a simulated one, so far.
    pub attempts: u32,
    /// When it was requested.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a saga knows of its shipment; the same in every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consignment {
    /// The order.
    pub order_id: OrderId,
    /// Its saga.
    pub saga_id: SagaId,
    /// The id a new shipment gets.
    pub shipment_id: ShipmentId,
    /// What the simulated carrier does.
    pub script: Script,
}

/// Sends the goods.
#[derive(Clone, Copy, Debug)]
pub struct StartShipping(pub Consignment);

/// Closes shipping for the order for good and calls back what left. Compensates [`StartShipping`].
#[derive(Clone, Copy, Debug)]
pub struct CancelShipping(pub Consignment);

/// The carrier's answer to a call.
#[derive(Clone, Debug)]
pub struct RecordCarrierCall {
    /// The order.
    pub order_id: OrderId,
    /// Which call.
    pub call: CarrierCall,
    /// What it came to.
    pub answer: CallAnswer,
}

/// What the shipping participant can be asked.
#[derive(Clone, Debug)]
pub enum ShippingCommand {
    /// Send the goods.
    Start(StartShipping),
    /// Close shipping and call them back.
    Cancel(CancelShipping),
    /// The carrier answered.
    Record(RecordCarrierCall),
}

/// What a shipping command is answered.
#[derive(Clone, Debug)]
pub struct ShippingAnswer {
    /// The saga's side: the step's outcome.
    pub outcome: Outcome,
    /// The shipment as it is now.
    pub shipment: Option<Shipment>,
    /// A saga that waits for this shipment and should ask again.
    pub signal: Option<SagaId>,
}

impl Shipment {
    fn requested(goods: &Consignment, now: Timestamp) -> Self {
        Self {
            id: goods.shipment_id,
            order_id: goods.order_id,
            saga_id: goods.saga_id,
            script: goods.script,
            status: ShipmentStatus::Requested,
            reason: None,
            tracking_number: None,
            call: None,
            attempts: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// The simulated carrier's tracking number: the last twelve digits of the shipment's id.
    fn ship(&mut self) {
        self.status = ShipmentStatus::Shipped;
        let digits = self.id.uuid().simple().to_string().to_uppercase();
        self.tracking_number = Some(format!("BS{}", &digits[20..]));
    }

    fn close(&mut self, reason: Reason) {
        self.status = ShipmentStatus::Cancelled;
        self.reason = self.reason.or(Some(reason));
    }

    fn outcome(&self) -> Outcome {
        match self.status {
            ShipmentStatus::Requested => Outcome::Pending { until: None },
            ShipmentStatus::Shipped => Outcome::done(self.id.uuid()),
            ShipmentStatus::Cancelled => Outcome::rejected(self.reason.unwrap_or(Reason::ShippingClosed)),
        }
    }

    fn cancel_outcome(&self) -> Outcome {
        match (self.status, self.call) {
            (ShipmentStatus::Cancelled, None) => Outcome::done(self.id.uuid()),
            _ => Outcome::Pending { until: None },
        }
    }
}

impl Aggregate for Shipment {
    type Command = ShippingCommand;
    type Answer = ShippingAnswer;
    type Movement = ();

    fn order(command: &ShippingCommand) -> OrderId {
        match command {
            ShippingCommand::Start(StartShipping(goods)) | ShippingCommand::Cancel(CancelShipping(goods)) => {
                goods.order_id
            }
            ShippingCommand::Record(record) => record.order_id,
        }
    }

    fn begins(command: &ShippingCommand) -> bool {
        matches!(command, ShippingCommand::Start(_))
    }

    fn outcome(answer: ShippingAnswer) -> Outcome {
        answer.outcome
    }

    fn decide(row: Option<&Self>, command: &ShippingCommand, now: Timestamp) -> Decision<Self> {
        let mut after = row.cloned();
        let (outcome, signal) = match command {
            ShippingCommand::Start(StartShipping(goods)) => {
                (start(after.get_or_insert_with(|| Self::requested(goods, now))), false)
            }
            ShippingCommand::Cancel(CancelShipping(goods)) => {
                (cancel(after.get_or_insert_with(|| Self::requested(goods, now))), false)
            }
            ShippingCommand::Record(answered) => {
                (Outcome::DONE, after.as_mut().is_some_and(|shipment| record(shipment, answered)))
            }
        };
        let changed = after.as_ref() != row;
        if changed && let Some(shipment) = after.as_mut() {
            shipment.updated_at = now;
        }
        let signal = after.as_ref().filter(|_| signal).map(|shipment| shipment.saga_id);
        let row = after.clone().filter(|_| changed);
        Decision { row, movements: Vec::new(), answer: ShippingAnswer { outcome, shipment: after, signal } }
    }
}

impl Outgoing for Shipment {
    type Call = CarrierCall;

    fn order_id(&self) -> OrderId {
        self.order_id
    }

    fn outstanding(&self) -> Option<(CarrierCall, u32)> {
        self.call.map(|call| (call, self.attempts))
    }

    fn aftermath(answer: &ShippingAnswer) -> (Option<&Self>, Option<SagaId>) {
        (answer.shipment.as_ref(), answer.signal)
    }
}

fn start(shipment: &mut Shipment) -> Outcome {
    let due = shipment.status == ShipmentStatus::Requested && shipment.call.is_none();
    if due && shipment.script.delay_ms == 0 {
        shipment.attempts += 1;
        match shipment.script.answer(shipment.attempts, Reason::ShippingFailed) {
            CallAnswer::Done => shipment.ship(),
            CallAnswer::Rejected(reason) => shipment.close(reason),
            CallAnswer::Unknown { happened, error } => {
                if happened {
                    shipment.ship();
                }
                return Outcome::unknown(error);
            }
        }
    } else if due {
        shipment.call = Some(CarrierCall::Dispatch);
        shipment.attempts = 0;
    }
    shipment.outcome()
}

fn cancel(shipment: &mut Shipment) -> Outcome {
    match shipment.status {
        ShipmentStatus::Requested => shipment.close(Reason::ShippingClosed),
        ShipmentStatus::Shipped => recall(shipment),
        ShipmentStatus::Cancelled => {}
    }
    shipment.cancel_outcome()
}

/// Calls goods back that have left: at once where nobody outside must be called.
fn recall(shipment: &mut Shipment) {
    shipment.close(Reason::ShippingClosed);
    if shipment.script.delay_ms > 0 {
        shipment.call = Some(CarrierCall::Recall);
        shipment.attempts = 0;
    }
}

/// Takes in a carrier's answer. True when a waiting saga should ask again.
fn record(shipment: &mut Shipment, answered: &RecordCarrierCall) -> bool {
    if shipment.call != Some(answered.call) {
        return false;
    }
    match (answered.call, &answered.answer) {
        (CarrierCall::Dispatch, CallAnswer::Done) => {
            shipment.call = None;
            if shipment.status == ShipmentStatus::Requested {
                shipment.ship();
            } else {
                recall(shipment);
            }
        }
        (CarrierCall::Dispatch, CallAnswer::Rejected(reason)) => {
            shipment.call = None;
            shipment.close(*reason);
        }
        (CarrierCall::Recall, CallAnswer::Done) => shipment.call = None,
        // A carrier that will not call goods back is asked again: nothing else would be true.
        (_, CallAnswer::Unknown { .. }) | (CarrierCall::Recall, CallAnswer::Rejected(_)) => {
            shipment.attempts += 1;
            return false;
        }
    }
    true
}

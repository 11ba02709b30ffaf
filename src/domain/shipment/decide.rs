//! What the shipping participant decides about its row.

use super::{
    CancelShipping, Consignment, RecordCarrierCall, Shipment, ShipmentCall, ShipmentStatus, Shipping, ShippingAnswer,
    ShippingCommand, StartShipping, report,
};
use crate::domain::{
    aggregate::{Decision, Outgoing},
    call::{Said, Trouble},
    reason::Reason,
    reference::Named,
    saga::Outcome,
    simulation::{CallAnswer, Script},
    time::Timestamp,
};
use std::sync::Arc;

pub(super) fn decide(row: Option<&Shipping>, command: &ShippingCommand, now: Timestamp) -> Decision<Shipping> {
    let mut after = row.cloned();
    let (outcome, signal) = match command {
        ShippingCommand::Start(StartShipping(goods)) => (start(Shipping::taken_up(&mut after, goods, now)), false),
        ShippingCommand::Cancel(CancelShipping(goods)) => (cancel(Shipping::taken_up(&mut after, goods, now)), false),
        ShippingCommand::Report(said) => {
            (Outcome::DONE, after.as_mut().is_some_and(|shipping| report::take_in(shipping, said)))
        }
        ShippingCommand::Record(answered) => {
            (Outcome::DONE, after.as_mut().is_some_and(|shipping| record(shipping, answered, now)))
        }
    };
    let changed = after.as_ref() != row;
    if changed && let Some(Shipping(shipments)) = after.as_mut() {
        let before = row.map_or(&[][..], Shipping::shipments);
        for (index, shipment) in shipments.iter_mut().enumerate() {
            if before.get(index) != Some(shipment) {
                shipment.updated_at = now;
            }
        }
    }
    let signal = after.as_ref().filter(|_| signal).and_then(|shipping| shipping.first().saga_id);
    let requested = after.as_ref().map(|after| <Shipping as Outgoing>::requested(row, after)).unwrap_or_default();
    let row = after.clone().filter(|_| changed);
    Decision { row, movements: Vec::new(), answer: ShippingAnswer { outcome, shipping: after, requested, signal } }
}

impl Shipping {
    /// The shipments of a consignment, made where there are none; they hear of its saga's retries.
    fn taken_up<'a>(row: &'a mut Option<Self>, goods: &Consignment, now: Timestamp) -> &'a mut Self {
        let shipping = row.get_or_insert_with(|| Self::requested(goods, now));
        shipping.0.iter_mut().for_each(|shipment| shipment.heed(goods.retries));
        shipping
    }

    /// The shipments of a consignment: one for each parcel, one for what is in none.
    fn requested(goods: &Consignment, now: Timestamp) -> Self {
        let parcels = goods.parcels.iter().map(|parcel| (Some(parcel.origin), Arc::clone(&parcel.contents)));
        let loose = (goods.loose || goods.parcels.is_empty()).then(|| (None, goods.named.as_slice().into()));
        let mut shipments: Vec<_> = (0..)
            .zip(parcels.chain(loose))
            .map(|(number, (origin, contents))| Shipment {
                id: goods.shipment_id.nth(number),
                order_id: goods.order_id,
                saga_id: goods.saga_id,
                origin,
                contents,
                carrier: goods.carrier,
                script: Script { fault: None, ..goods.script },
                reference: None,
                status: ShipmentStatus::Requested,
                reason: None,
                tracking_number: None,
                call: None,
                attempts: 0,
                trouble: None,
                retries: goods.retries,
                created_at: now,
                updated_at: now,
            })
            .collect();
        // What goes wrong on purpose goes wrong with the last one, when the others are on their way.
        if let Some(last) = shipments.last_mut() {
            last.script = goods.script;
        }
        Self(shipments)
    }

    /// One that the carrier has refused, or that was closed: the order's shipping is over.
    fn refused(&self) -> Option<Reason> {
        let closed = self.0.iter().filter(|shipment| shipment.status == ShipmentStatus::Cancelled);
        let mut reasons = closed.map(|shipment| shipment.reason.unwrap_or(Reason::ShippingClosed));
        let first = reasons.next()?;
        // The others were closed because of it.
        Some(if first == Reason::ShippingClosed {
            reasons.find(|reason| *reason != first).unwrap_or(first)
        } else {
            first
        })
    }

    fn outcome(&self) -> Outcome {
        if let Some(reason) = self.refused() {
            Outcome::rejected(reason)
        } else if self.0.iter().all(|shipment| shipment.status == ShipmentStatus::Shipped) {
            Outcome::done(self.first().id.uuid())
        } else {
            Outcome::Pending { until: None }
        }
    }

    fn cancel_outcome(&self) -> Outcome {
        let is_over = |shipment: &Shipment| shipment.status == ShipmentStatus::Cancelled && shipment.call.is_none();
        if self.0.iter().all(is_over) {
            Outcome::done(self.first().id.uuid())
        } else if self.0.iter().any(Shipment::refuses_recall) {
            Outcome::rejected(Reason::RecallRefused)
        } else {
            Outcome::Pending { until: None }
        }
    }
}

impl Shipment {
    /// Whether no saga asks again and tells the order: the shipment does both itself, by calls.
    const fn is_direct(&self) -> bool {
        self.saga_id.is_none()
    }

    /// Asks for a call.
    fn request(&mut self, call: ShipmentCall) {
        self.call = Some(call);
        self.attempts = 0;
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
                Some(ShipmentCall::RecallAgain) => self.request(ShipmentCall::Recall),
                Some(call) => self.request(call),
                None => {}
            }
        }
    }

    /// Nothing more is asked.
    fn settle(&mut self) {
        self.call = None;
        self.trouble = None;
    }

    /// The call that was under way is answered; a direct order hears of it by another.
    pub(super) fn answered(&mut self, tell: ShipmentCall) {
        self.settle();
        if self.is_direct() {
            self.request(tell);
        }
    }

    /// Whether the carrier answers inside the batch: there is nobody outside to call.
    const fn answers_at_once(&self) -> bool {
        self.carrier.is_simulated() && self.script.delay_ms == 0 && !self.is_direct()
    }

    /// Where the carrier gives no tracking number, it is made of the shipment's id.
    pub(super) fn ship(&mut self, named: Named) {
        self.status = ShipmentStatus::Shipped;
        let given = named.tracking_number.map(|number| number.as_str().to_owned());
        self.tracking_number = Some(given.unwrap_or_else(|| self.id.tracking_number()));
    }

    pub(super) fn close(&mut self, reason: Reason) {
        self.status = ShipmentStatus::Cancelled;
        self.reason = self.reason.or(Some(reason));
    }

    /// Sends it, or asks for the call that does; an unusable answer, if that is what came.
    fn start(&mut self) -> Option<String> {
        if self.status != ShipmentStatus::Requested || self.call.is_some() {
            return None;
        }
        if self.is_direct() {
            self.request(ShipmentCall::DispatchOrder);
            return None;
        }
        if self.carrier.is_manual() {
            return None;
        }
        if !self.answers_at_once() {
            self.request(ShipmentCall::Dispatch);
            return None;
        }
        self.attempts += 1;
        match self.script.answer(self.attempts, Reason::ShippingFailed) {
            CallAnswer::Done | CallAnswer::DoneAs(_) => self.ship(Named::default()),
            CallAnswer::Rejected(reason) => self.close(reason),
            CallAnswer::Refused(said) => return Some(said.text),
            CallAnswer::Unknown { happened, error } => {
                if happened {
                    self.ship(Named::default());
                }
                return Some(error.text);
            }
        }
        None
    }

    /// Calls goods back that have left: at once where nobody outside must be called.
    fn recall(&mut self) {
        self.close(Reason::ShippingClosed);
        if !self.answers_at_once() {
            self.request(ShipmentCall::Recall);
        }
    }
}

fn start(shipping: &mut Shipping) -> Outcome {
    // Where one is closed, none of the others may leave any more.
    if shipping.refused().is_none() {
        let errors: Vec<_> = shipping.0.iter_mut().filter_map(Shipment::start).collect();
        if let Some(error) = errors.into_iter().next() {
            return Outcome::unknown(error);
        }
    }
    shipping.outcome()
}

fn cancel(shipping: &mut Shipping) -> Outcome {
    for shipment in &mut shipping.0 {
        match shipment.status {
            ShipmentStatus::Requested => shipment.close(Reason::ShippingClosed),
            ShipmentStatus::Shipped => shipment.recall(),
            ShipmentStatus::Cancelled => {}
        }
    }
    shipping.cancel_outcome()
}

/// Takes in a carrier's answer. True when a waiting saga should ask again.
fn record(shipping: &mut Shipping, answered: &RecordCarrierCall, now: Timestamp) -> bool {
    let Some(shipment) = shipping.0.get_mut(answered.part) else { return false };
    if let (ShipmentCall::Dispatch, CallAnswer::DoneAs(Named { reference, .. })) = (answered.call, &answered.answer)
        && shipment.reference.is_none()
    {
        // Kept although another answer may have come before: it is what a recall is asked by.
        shipment.reference.clone_from(reference);
    }
    if shipment.call != Some(answered.call) {
        return false;
    }
    let (answer, named) = match &answered.answer {
        CallAnswer::DoneAs(named) => (&CallAnswer::Done, named.clone()),
        answer => (answer, Named::default()),
    };
    match (answered.call, answer) {
        (ShipmentCall::Dispatch, CallAnswer::Done) if shipment.status == ShipmentStatus::Requested => {
            shipment.ship(named);
            shipment.answered(ShipmentCall::CompleteOrder);
        }
        (ShipmentCall::Dispatch, CallAnswer::Done) => {
            shipment.settle();
            shipment.recall();
        }
        // What the order refuses is barred there too: the question may come again, and late.
        (ShipmentCall::Dispatch | ShipmentCall::DispatchOrder, CallAnswer::Rejected(reason)) => {
            shipment.close(*reason);
            shipment.answered(ShipmentCall::ReturnOrder);
        }
        (ShipmentCall::Recall | ShipmentCall::RecallAgain, CallAnswer::Done) => {
            shipment.answered(ShipmentCall::ReturnOrder);
        }
        (ShipmentCall::DispatchOrder, CallAnswer::Done) => match shipment.status {
            ShipmentStatus::Requested if shipment.carrier.is_manual() => shipment.settle(),
            ShipmentStatus::Requested => shipment.request(ShipmentCall::Dispatch),
            ShipmentStatus::Shipped | ShipmentStatus::Cancelled => shipment.request(ShipmentCall::ReturnOrder),
        },
        (ShipmentCall::CompleteOrder | ShipmentCall::ReturnOrder, CallAnswer::Done | CallAnswer::Rejected(_)) => {
            shipment.settle();
        }
        // A carrier that will not call goods back is asked again: nothing else would be true. Its saga hears of the first
        // refusal, and must not wait in silence.
        (ShipmentCall::Recall | ShipmentCall::RecallAgain, CallAnswer::Rejected(_) | CallAnswer::Refused(_)) => {
            let said = match answer {
                CallAnswer::Refused(said) => said.clone(),
                _ => Said::from("the carrier will not call the goods back"),
            };
            shipment.in_vain(answered.attempts, &said, now);
            let is_first = !shipment.refuses_recall();
            if is_first {
                shipment.call = Some(ShipmentCall::RecallAgain);
            }
            return is_first;
        }
        (_, CallAnswer::Unknown { error, .. } | CallAnswer::Refused(error)) => {
            shipment.in_vain(answered.attempts, error, now);
            return false;
        }
        (_, CallAnswer::DoneAs(_)) => return false,
    }
    true
}

//! What a call is about, whoever is called and however.

use super::answer::Answer;
use crate::domain::{
    ids::{OrderId, SagaId},
    payment::{Payment, ProviderCall},
    reason::Reason,
    reference::Reference,
    shipment::{CarrierCall, Shipment},
};

/// What a service is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Of a payment.
    Payment(ProviderCall),
    /// Of a shipment.
    Shipment(CarrierCall),
}

/// What it is asked to do it with.
#[derive(Clone, Debug)]
pub(super) enum Thing {
    Payment(Box<Payment>),
    Shipment(Box<Shipment>),
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) call: Call,
    pub(super) thing: Thing,
    /// It may have been made before.
    pub(super) repeat: bool,
}

impl Thing {
    const fn name(&self) -> &'static str {
        match self {
            Self::Payment(_) => "payment",
            Self::Shipment(_) => "shipment",
        }
    }
}

impl Call {
    /// The stable name, which is a part of the idempotency key.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Payment(call) => call.as_str(),
            Self::Shipment(call) => call.as_str(),
        }
    }

    /// The step or compensation that it is made for.
    pub(super) const fn step(self) -> &'static str {
        match self {
            Self::Payment(ProviderCall::Charge) => "process_payment",
            Self::Payment(ProviderCall::Refund) => "refund_payment",
            Self::Shipment(CarrierCall::Dispatch) => "start_shipping",
            Self::Shipment(CarrierCall::Recall) => "cancel_shipping",
        }
    }

    /// Whether it undoes what another has done.
    pub(super) const fn undoes(self) -> bool {
        matches!(self, Self::Payment(ProviderCall::Refund) | Self::Shipment(CarrierCall::Recall))
    }

    /// What a no means.
    pub(super) const fn refused(self) -> Reason {
        match self {
            Self::Payment(_) => Reason::PaymentDeclined,
            Self::Shipment(_) => Reason::ShippingFailed,
        }
    }

    /// What it means that it was undone at the service already.
    pub(super) const fn closed(self) -> Reason {
        match self {
            Self::Payment(_) => Reason::PaymentClosed,
            Self::Shipment(_) => Reason::ShippingClosed,
        }
    }
}

impl Subject {
    /// The id of what it is about, which nobody else's has.
    pub(super) fn id(&self) -> String {
        match &self.thing {
            Thing::Payment(payment) => payment.id.to_string(),
            Thing::Shipment(shipment) => shipment.id.to_string(),
        }
    }

    /// The idempotency key: the same for every attempt, another for every effect.
    pub(super) fn key(&self) -> String {
        format!("{}.{}", self.id(), self.call.as_str())
    }

    pub(super) fn order_id(&self) -> OrderId {
        match &self.thing {
            Thing::Payment(payment) => payment.order_id,
            Thing::Shipment(shipment) => shipment.order_id,
        }
    }

    pub(super) fn saga_id(&self) -> Option<SagaId> {
        match &self.thing {
            Thing::Payment(payment) => payment.saga_id,
            Thing::Shipment(shipment) => shipment.saga_id,
        }
    }

    /// Which attempt it is, from 1.
    pub(super) fn attempt(&self) -> u32 {
        match &self.thing {
            Thing::Payment(payment) => payment.attempts + 1,
            Thing::Shipment(shipment) => shipment.attempts + 1,
        }
    }

    /// What the service calls what it is about, where it has said so.
    pub(super) fn reference(&self) -> Option<&Reference> {
        match &self.thing {
            Thing::Payment(payment) => payment.reference.as_ref(),
            Thing::Shipment(shipment) => shipment.reference.as_ref(),
        }
    }

    /// The same, where the service has said what it calls it.
    pub(super) fn with(&self, reference: Reference) -> Self {
        let mut named = self.clone();
        match &mut named.thing {
            Thing::Payment(payment) => payment.reference = Some(reference),
            Thing::Shipment(shipment) => shipment.reference = Some(reference),
        }
        named
    }

    /// In place of an answer where the service is asked by what it calls it and has not said that: nothing is sent, since
    /// it would be asked about something else.
    pub(super) fn nameless(&self) -> Answer {
        let (call, thing) = (self.call.as_str(), self.thing.name());
        Answer::Refused(format!(
            "nothing is sent: the {call} is asked for by the reference of the {thing}, and the service has given none that \
             can be used"
        ))
    }

    /// What a service is told beside what it is asked: names and values of headers or metadata.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers =
            vec![("backstitch-step", self.call.step().to_owned()), ("backstitch-attempt", self.attempt().to_string())];
        headers.extend(self.saga_id().map(|saga| ("backstitch-saga", saga.to_string())));
        headers
    }
}

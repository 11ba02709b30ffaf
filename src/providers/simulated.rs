//! The simulated provider and carrier, which take their time.

use super::{PaymentProvider, ShippingProvider};
use crate::domain::{
    payment::{Payment, ProviderCall},
    reason::Reason,
    shipment::{CarrierCall, Shipment},
    simulation::{CallAnswer, Script},
};
use futures::future::BoxFuture;
use std::time::Duration;

/// Answers what the order's script says, after the script's delay.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedPayments;

/// Ships what the order's script says, after the script's delay.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedCarrier;

fn after(script: Script, answer: CallAnswer) -> BoxFuture<'static, CallAnswer> {
    Box::pin(async move {
        tokio::time::sleep(Duration::from_millis(script.delay_ms.into())).await;
        answer
    })
}

impl PaymentProvider for SimulatedPayments {
    fn call(&self, call: ProviderCall, payment: &Payment, _repeat: bool) -> BoxFuture<'static, CallAnswer> {
        let answer = match call {
            ProviderCall::Charge => payment.script.answer(payment.attempts + 1, Reason::PaymentDeclined),
            ProviderCall::Refund => CallAnswer::Done,
        };
        after(payment.script, answer)
    }
}

impl ShippingProvider for SimulatedCarrier {
    fn call(&self, call: CarrierCall, shipment: &Shipment, _repeat: bool) -> BoxFuture<'static, CallAnswer> {
        let answer = match call {
            CarrierCall::Dispatch => shipment.script.answer(shipment.attempts + 1, Reason::ShippingFailed),
            CarrierCall::Recall => CallAnswer::Done,
        };
        after(shipment.script, answer)
    }
}

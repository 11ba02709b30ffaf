//! The outside world behind payment and shipping.
//!
//! A provider is called only after the participant has committed that it will be, never inside a batch
//! or a transaction, and always with the same idempotency key for the same effect. What it answers is
//! committed by the participant afterwards. Knows only [`crate::domain`].

mod simulated;

pub use simulated::{ManualPayments, SimulatedCarrier, SimulatedPayments};

use crate::domain::{
    payment::{Payment, PaymentCall, Provider},
    shipment::{CarrierCall, Shipment},
    simulation::CallAnswer,
};
use futures::future::BoxFuture;
use std::{sync::Arc, time::Duration};

/// Takes and gives back money.
pub trait PaymentProvider: Send + Sync {
    /// Makes the call; the payment's id is its idempotency key. Must answer a repeated call as it
    /// answered the first.
    fn call(&self, call: PaymentCall, payment: &Payment) -> BoxFuture<'static, CallAnswer>;
}

/// Carries goods.
pub trait Carrier: Send + Sync {
    /// Makes the call; the shipment's id is its idempotency key.
    fn call(&self, call: CarrierCall, shipment: &Shipment) -> BoxFuture<'static, CallAnswer>;
}

/// Every provider that is configured.
#[derive(Clone)]
pub struct Providers {
    simulated: Arc<dyn PaymentProvider>,
    manual: Arc<dyn PaymentProvider>,
    carrier: Arc<dyn Carrier>,
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            simulated: Arc::new(SimulatedPayments),
            manual: Arc::new(ManualPayments),
            carrier: Arc::new(SimulatedCarrier),
        }
    }
}

impl Providers {
    /// Who takes the money of a payment with this provider.
    pub fn payment(&self, provider: Provider) -> &dyn PaymentProvider {
        match provider {
            Provider::Manual => self.manual.as_ref(),
            Provider::Simulated => self.simulated.as_ref(),
        }
    }

    /// Who carries the goods.
    pub fn carrier(&self) -> &dyn Carrier {
        self.carrier.as_ref()
    }
}

/// The wait before an outside call is made again after `attempts` unusable answers: 100 ms doubling to
/// 30 s. An outside effect in doubt is asked about until the answer is known.
pub fn call_backoff(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        attempts => Duration::from_millis(100 << (attempts - 1).min(9)).min(Duration::from_secs(30)),
    }
}

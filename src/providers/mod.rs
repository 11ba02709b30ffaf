//! The outside world behind payment and shipping.
//!
//! A provider is called only after the participant has committed that it will be, never inside a batch
//! or a transaction, and always with the same idempotency key for the same effect. What it answers is
//! committed by the participant afterwards. Knows only [`crate::domain`].

mod http;
mod outside;
mod simulated;

pub use http::HttpProvider;
pub use simulated::{ManualPayments, SimulatedCarrier, SimulatedPayments};

use crate::domain::{
    payment::{Payment, Provider, ProviderCall},
    shipment::{CarrierCall, Shipment},
    simulation::CallAnswer,
};
use futures::future::BoxFuture;
use http::HttpPayments;
use outside::Outside;
use std::{collections::HashMap, io, sync::Arc, time::Duration};

/// Takes and gives back money.
pub trait PaymentProvider: Send + Sync {
    /// Makes the call; the payment's id and the call are its idempotency key. Must answer a repeated call as it
    /// answered the first. `repeat` says that it may have been made before.
    fn call(&self, call: ProviderCall, payment: &Payment, repeat: bool) -> BoxFuture<'static, CallAnswer>;
}

/// Carries goods.
pub trait Carrier: Send + Sync {
    /// Makes the call; the shipment's id is its idempotency key.
    fn call(&self, call: CarrierCall, shipment: &Shipment) -> BoxFuture<'static, CallAnswer>;
}

/// Every provider that there is.
#[derive(Clone)]
pub struct Providers {
    simulated: Arc<dyn PaymentProvider>,
    manual: Arc<dyn PaymentProvider>,
    configured: HashMap<Provider, Arc<dyn PaymentProvider>>,
    absent: Arc<dyn PaymentProvider>,
    carrier: Arc<dyn Carrier>,
    _outside: Option<Arc<Outside>>,
}

/// The built-in ones.
impl Default for Providers {
    fn default() -> Self {
        Self {
            simulated: Arc::new(SimulatedPayments),
            manual: Arc::new(ManualPayments),
            configured: HashMap::new(),
            absent: Arc::new(Absent),
            carrier: Arc::new(SimulatedCarrier),
            _outside: None,
        }
    }
}

impl Providers {
    /// The built-in ones, and services outside by the names that the configuration gives them.
    ///
    /// # Errors
    /// When no thread or no client can be had.
    pub fn new<'a>(services: impl IntoIterator<Item = (Provider, &'a HttpProvider)>) -> io::Result<Self> {
        let mut services = services.into_iter().peekable();
        if services.peek().is_none() {
            return Ok(Self::default());
        }
        let outside = Outside::start()?;
        let mut configured: HashMap<_, Arc<dyn PaymentProvider>> = HashMap::new();
        for (provider, service) in services {
            let service = HttpPayments::new(provider.as_str(), service, &outside.handle())?;
            configured.insert(provider, Arc::new(service));
        }
        Ok(Self { configured, _outside: Some(Arc::new(outside)), ..Self::default() })
    }

    /// Who takes the money of a payment with this provider.
    pub fn payment(&self, provider: Provider) -> &dyn PaymentProvider {
        match provider {
            Provider::Manual => self.manual.as_ref(),
            Provider::Simulated => self.simulated.as_ref(),
            Provider::Configured(_) => self.configured.get(&provider).unwrap_or(&self.absent).as_ref(),
        }
    }

    /// Who carries the goods.
    pub fn carrier(&self) -> &dyn Carrier {
        self.carrier.as_ref()
    }
}

/// In place of a provider that payments of before name, and the configuration does not any more.
struct Absent;

impl PaymentProvider for Absent {
    fn call(&self, call: ProviderCall, payment: &Payment, _repeat: bool) -> BoxFuture<'static, CallAnswer> {
        let (payment_id, provider, call) = (payment.id, payment.provider.as_str(), call.as_str());
        tracing::warn!(%payment_id, provider, call, "a payment's provider is not configured here: configure it again");
        let error = format!("the provider {provider} is not configured on this server");
        Box::pin(std::future::ready(CallAnswer::Unknown { happened: false, error }))
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

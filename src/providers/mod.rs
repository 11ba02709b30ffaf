//! The outside world behind payment and shipping, and those who are told of payments.
//!
//! A provider is called only after the participant has committed that it will be, never inside a batch
//! or a transaction, and always with the same idempotency key for the same effect. What it answers is
//! committed by the participant afterwards. Knows only
//! [`crate::domain`] and, to call a service over gRPC, [`crate::proto`].

mod answer;
mod config;
mod gate;
mod grpc;
mod http;
mod outside;
mod receiver;
mod service;
mod signature;
mod simulated;
mod subject;
mod template;

pub use config::{Purpose, ServiceConfig};
pub use receiver::{ReceiverConfig, Receivers, Room};
pub use simulated::{SimulatedCarrier, SimulatedPayments};

use crate::domain::{
    payment::{Payment, Provider, ProviderCall},
    shipment::{Carrier, CarrierCall, Shipment},
    simulation::CallAnswer,
};
use config::Reached;
use futures::future::BoxFuture;
use grpc::GrpcLink;
use http::HttpLink;
use outside::Outside;
use service::{Link, Service};
use std::{collections::HashMap, io, sync::Arc};

/// Takes and gives back money.
pub trait PaymentProvider: Send + Sync {
    /// Makes the call; the payment's id and the call are its idempotency key. Must answer a repeated call as it
    /// answered the first. `repeat` says that it may have been made before.
    fn call(&self, call: ProviderCall, payment: &Payment, repeat: bool) -> BoxFuture<'static, CallAnswer>;
}

/// Carries goods.
pub trait ShippingProvider: Send + Sync {
    /// As [`PaymentProvider::call`], of a shipment.
    fn call(&self, call: CarrierCall, shipment: &Shipment, repeat: bool) -> BoxFuture<'static, CallAnswer>;
}

/// Every provider that there is.
#[derive(Clone)]
pub struct Providers {
    simulated: Arc<dyn PaymentProvider>,
    payments: HashMap<Provider, Arc<dyn PaymentProvider>>,
    simulated_carrier: Arc<dyn ShippingProvider>,
    carriers: HashMap<Carrier, Arc<dyn ShippingProvider>>,
    absent: Arc<Absent>,
    receivers: Receivers,
    _outside: Option<Arc<Outside>>,
}

/// The built-in ones.
impl Default for Providers {
    fn default() -> Self {
        Self {
            simulated: Arc::new(SimulatedPayments),
            payments: HashMap::new(),
            simulated_carrier: Arc::new(SimulatedCarrier),
            carriers: HashMap::new(),
            absent: Arc::new(Absent),
            receivers: Receivers::default(),
            _outside: None,
        }
    }
}

impl Providers {
    /// The built-in ones, and services outside by the names that the configuration gives them.
    ///
    /// # Errors
    /// When no thread or no client can be had.
    pub fn new<'a>(
        payments: impl IntoIterator<Item = (Provider, &'a ServiceConfig)>,
        carriers: impl IntoIterator<Item = (Carrier, &'a ServiceConfig)>,
    ) -> io::Result<Self> {
        let (payments, carriers): (Vec<_>, Vec<_>) = (payments.into_iter().collect(), carriers.into_iter().collect());
        if payments.is_empty() && carriers.is_empty() {
            return Ok(Self::default());
        }
        let outside = Outside::start()?;
        let mut all = Self::default();
        for (provider, config) in payments {
            let service = start(provider.as_str(), config, Purpose::Payment, &outside)?;
            all.payments.insert(provider, Arc::new(service));
        }
        for (carrier, config) in carriers {
            let service = start(carrier.as_str(), config, Purpose::Shipping, &outside)?;
            all.carriers.insert(carrier, Arc::new(service));
        }
        Ok(Self { _outside: Some(Arc::new(outside)), ..all })
    }

    /// The same, and those who are told how payments went.
    #[must_use]
    pub fn telling(self, receivers: Receivers) -> Self {
        Self { receivers, ..self }
    }

    /// Those who are told how payments went.
    pub const fn receivers(&self) -> &Receivers {
        &self.receivers
    }

    /// Who takes the money of a payment with this provider.
    pub fn payment(&self, provider: Provider) -> &dyn PaymentProvider {
        match provider {
            Provider::Simulated => self.simulated.as_ref(),
            // People are not called.
            Provider::Manual | Provider::Configured(_) => match self.payments.get(&provider) {
                Some(known) => known.as_ref(),
                None => self.absent.as_ref(),
            },
        }
    }

    /// Who carries the goods of a shipment with this carrier.
    pub fn carrier(&self, carrier: Carrier) -> &dyn ShippingProvider {
        match carrier {
            Carrier::Simulated => self.simulated_carrier.as_ref(),
            // People are not called.
            Carrier::Manual | Carrier::Configured(_) => match self.carriers.get(&carrier) {
                Some(known) => known.as_ref(),
                None => self.absent.as_ref(),
            },
        }
    }
}

/// A service outside, as it is described.
fn start(name: &str, config: &ServiceConfig, purpose: Purpose, outside: &Outside) -> io::Result<Service> {
    let link: Box<dyn Link> = match config.reached(purpose).map_err(io::Error::other)? {
        Reached::Http(service) => Box::new(HttpLink::new(config, &service)?),
        Reached::Grpc(service) => Box::new(GrpcLink::new(config, &service, &outside.handle())?),
    };
    Ok(Service::new(name, config.max_concurrent(), link, &outside.handle()))
}

/// In place of a service that payments or shipments of before name, and the configuration does not any more.
struct Absent;

impl PaymentProvider for Absent {
    fn call(&self, call: ProviderCall, payment: &Payment, _repeat: bool) -> BoxFuture<'static, CallAnswer> {
        let (payment_id, provider, call) = (payment.id, payment.provider.as_str(), call.as_str());
        tracing::warn!(%payment_id, provider, call, "a payment's provider is not configured here: configure it again");
        absent(provider)
    }
}

impl ShippingProvider for Absent {
    fn call(&self, call: CarrierCall, shipment: &Shipment, _repeat: bool) -> BoxFuture<'static, CallAnswer> {
        let (shipment_id, carrier, call) = (shipment.id, shipment.carrier.as_str(), call.as_str());
        tracing::warn!(%shipment_id, carrier, call, "a shipment's carrier is not configured here: configure it again");
        absent(carrier)
    }
}

fn absent(name: &str) -> BoxFuture<'static, CallAnswer> {
    let error = format!("{name} is not configured on this server");
    Box::pin(std::future::ready(CallAnswer::Unknown { happened: false, error: error.into() }))
}

//! A service outside, however it is reached.
//!
//! ```text
//!   call ─▶ gate: at most so many at once, and a pause while the service fails
//!        ─▶ link: HTTP or gRPC
//!        ─▶ answer: done, rejected, refused, pending, or unknown; counted
//! ```
//!
//! Runs on a thread of its own, so that what a service costs is no actor's time. Must not decide what an answer means for
//! a payment or a shipment.

use super::{
    PaymentProvider, ShippingProvider,
    answer::{Answer, Received},
    gate::Gate,
    subject::{Call, Subject, Thing},
};
use crate::domain::{
    call::Said,
    payment::{Payment, ProviderCall},
    shipment::{CarrierCall, Shipment},
    simulation::CallAnswer,
};
use futures::future::BoxFuture;
use std::{sync::Arc, time::Instant};
use tokio::runtime::Handle;

/// How a service is reached.
pub(super) trait Link: Send + Sync {
    /// Makes a call, or asks what has become of it; bounded in time.
    fn exchange<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Received>;
}

/// A service.
pub(super) struct Service(Arc<Inner>);

struct Inner {
    name: String,
    gate: Gate,
    link: Box<dyn Link>,
    runtime: Handle,
}

impl Service {
    /// The service of this name, called from this runtime, with so many calls at once.
    pub(super) fn new(name: &str, max_concurrent: usize, link: Box<dyn Link>, runtime: &Handle) -> Self {
        let gate = Gate::new(max_concurrent);
        Self(Arc::new(Inner { name: name.to_owned(), gate, link, runtime: runtime.clone() }))
    }

    fn start(&self, subject: Subject) -> BoxFuture<'static, CallAnswer> {
        let service = Arc::clone(&self.0);
        Box::pin(async move {
            let runtime = service.runtime.clone();
            let called = runtime.spawn(async move { service.call(&subject).await });
            called
                .await
                .unwrap_or_else(|error| CallAnswer::Unknown { happened: false, error: error.to_string().into() })
        })
    }
}

impl PaymentProvider for Service {
    fn call(&self, call: ProviderCall, payment: &Payment, repeat: bool) -> BoxFuture<'static, CallAnswer> {
        let thing = Thing::Payment(Box::new(payment.clone()));
        self.start(Subject { call: Call::Payment(call), thing, repeat })
    }
}

impl ShippingProvider for Service {
    fn call(&self, call: CarrierCall, shipment: &Shipment, repeat: bool) -> BoxFuture<'static, CallAnswer> {
        let thing = Thing::Shipment(Box::new(shipment.clone()));
        self.start(Subject { call: Call::Shipment(call), thing, repeat })
    }
}

impl Inner {
    async fn call(&self, subject: &Subject) -> CallAnswer {
        let permit = self.gate.enter().await;
        let begun = Instant::now();
        let Received { answer, status, retry_after } = self.link.exchange(subject).await;
        let took = begun.elapsed().as_secs_f64();
        if permit.end(!matches!(answer, Answer::Unknown { failing: true, .. })) {
            tracing::warn!(provider = self.name, "a provider fails again and again: it is left alone for a while");
        }
        let (provider, call) = (self.name.clone(), subject.call.as_str());
        metrics::histogram!("provider_call_seconds", "provider" => provider.clone(), "call" => call).record(took);
        metrics::counter!("provider_calls_total", "provider" => provider, "call" => call, "outcome" => answer.name())
            .increment(1);
        let said = |text: String| Said {
            text: format!("{}: {text}", self.name),
            status,
            retry_after_ms: retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        };
        let refused = |why: String| {
            // Once: it is asked again and again.
            if subject.attempt() == 1 {
                let (order_id, id) = (subject.order_id(), subject.id());
                tracing::warn!(%order_id, id, provider = self.name, call, why, "a {call} is refused; it is asked for again");
            }
            CallAnswer::Refused(said(why))
        };
        match answer {
            Answer::Done(named) => CallAnswer::DoneAs(named),
            Answer::Rejected(_) if subject.call.undoes() => refused(match status {
                Some(status) => format!("it refuses the {call} with {status}"),
                None => format!("it refuses the {call}"),
            }),
            Answer::Refused(why) if subject.call.undoes() => refused(why),
            Answer::Rejected(reason) => CallAnswer::Rejected(reason),
            Answer::Pending => {
                CallAnswer::Unknown { happened: false, error: said("it has not decided yet".to_owned()) }
            }
            Answer::Refused(why) | Answer::Unknown { why, .. } => {
                let (order_id, id) = (subject.order_id(), subject.id());
                tracing::info!(%order_id, id, provider = self.name, call, why, "a provider's answer is not known");
                CallAnswer::Unknown { happened: false, error: said(why) }
            }
        }
    }
}

//! A service outside, however it is reached.
//!
//! ```text
//!   call ─▶ gate: at most so many at once, and a pause while the service fails
//!        ─▶ link: HTTP or gRPC
//!        ─▶ answer: done, rejected, pending, or unknown; counted, and the wait that was asked for waited
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
    payment::{Payment, ProviderCall},
    shipment::{CarrierCall, Shipment},
    simulation::CallAnswer,
};
use futures::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::sleep};

/// The longest that a service may ask its callers to wait.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

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
            called.await.unwrap_or_else(|error| unknown(error.to_string()))
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

fn unknown(error: String) -> CallAnswer {
    CallAnswer::Unknown { happened: false, error }
}

impl Inner {
    async fn call(&self, subject: &Subject) -> CallAnswer {
        let permit = self.gate.enter().await;
        let Received { answer, retry_after } = self.link.exchange(subject).await;
        if permit.end(!matches!(answer, Answer::Unknown { failing: true, .. })) {
            tracing::warn!(provider = self.name, "a provider fails again and again: it is left alone for a while");
        }
        let (provider, call) = (self.name.clone(), subject.call.as_str());
        metrics::counter!("provider_calls_total", "provider" => provider, "call" => call, "outcome" => answer.name())
            .increment(1);
        let answer = match answer {
            Answer::Done(named) => CallAnswer::DoneAs(named),
            Answer::Rejected(reason) => {
                if subject.call.undoes() {
                    let (order_id, id) = (subject.order_id(), subject.id());
                    tracing::warn!(%order_id, id, provider = self.name, call, "a {call} is refused; it is asked for again");
                }
                CallAnswer::Rejected(reason)
            }
            Answer::Pending => unknown(format!("{} has not decided yet", self.name)),
            Answer::Unknown { why, .. } => {
                let (order_id, id) = (subject.order_id(), subject.id());
                tracing::info!(%order_id, id, provider = self.name, call, why, "a provider's answer is not known");
                unknown(format!("{}: {why}", self.name))
            }
        };
        if let (CallAnswer::Unknown { .. }, Some(wait)) = (&answer, retry_after) {
            sleep(wait.min(LONGEST_WAIT)).await;
        }
        answer
    }
}

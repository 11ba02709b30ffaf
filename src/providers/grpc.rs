//! Services that are reached over gRPC: any server of `payment.PaymentService` or `shipping.ShippingService`, as
//! `proto/payment.proto` and `proto/shipping.proto` have them.
//!
//! What the business refuses is an answer with a status; an error is never a no. There is nothing to ask what has become
//! of a call: what may have happened is sent again under the same key.

use super::{
    answer::{Answer, Received},
    config::{GrpcService, ServiceConfig},
    http::MOST,
    service::Link,
    subject::{Call, Subject, Thing},
};
use crate::{
    domain::{
        payment::{Payment, ProviderCall},
        reason::Reason,
        reference::Named,
        shipment::CarrierCall,
    },
    proto::{
        payment::{ProcessPaymentRequest, RefundPaymentRequest, payment_service_client::PaymentServiceClient},
        shipping::{CancelShippingRequest, StartShippingRequest, shipping_service_client::ShippingServiceClient},
    },
};
use futures::future::BoxFuture;
use std::{io, time::Duration};
use tokio::{runtime::Handle, time::timeout};
use tonic::{
    Code, Request, Status,
    metadata::{MetadataKey, MetadataMap},
    transport::{Channel, ClientTlsConfig, Endpoint},
};
use tonic_types::StatusExt;

/// How often a connection in use is asked whether it is still there, and how long it may take to answer.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(10));
/// The largest number up to which a double tells every whole one from the next.
const MOST_AMOUNT: i64 = 1 << 53;

/// A service over gRPC.
pub(super) struct GrpcLink {
    config: ServiceConfig,
    payments: PaymentServiceClient<Channel>,
    shipping: ShippingServiceClient<Channel>,
}

impl GrpcLink {
    /// A connection is made when it is first needed, and again when it is lost.
    ///
    /// # Errors
    /// When there can be no such connection.
    pub(super) fn new(config: &ServiceConfig, service: &GrpcService, runtime: &Handle) -> io::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut endpoint = Endpoint::from_shared(service.url.clone()).map_err(io::Error::other)?;
        if service.url.starts_with("https:") {
            endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(io::Error::other)?;
        }
        // Without these, a peer that is gone without a word is found out by TCP alone, after a quarter of an hour.
        let endpoint = endpoint
            .connect_timeout(config.timeout())
            .tcp_nodelay(true)
            .tcp_keepalive(Some(KEEPALIVE.0))
            .http2_keep_alive_interval(KEEPALIVE.0)
            .keep_alive_timeout(KEEPALIVE.1);
        let _guard = runtime.enter();
        let channel = endpoint.connect_lazy();
        Ok(Self {
            config: config.clone(),
            payments: PaymentServiceClient::new(channel.clone()).max_decoding_message_size(MOST),
            shipping: ShippingServiceClient::new(channel).max_decoding_message_size(MOST),
        })
    }

    async fn send(&self, subject: &Subject) -> Received {
        let sent = timeout(self.config.timeout(), self.ask(subject)).await;
        match sent.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time"))) {
            Ok(answer) => Received { answer, status: None, retry_after: None },
            Err(status) => {
                let failing = matches!(
                    status.code(),
                    Code::Unavailable
                        | Code::ResourceExhausted
                        | Code::DeadlineExceeded
                        | Code::Internal
                        | Code::Unknown
                );
                let said: String = status.message().chars().take(200).collect();
                let why = format!("{:?}: {said}", status.code());
                let retry_after = status.get_details_retry_info().and_then(|info| info.retry_delay);
                // What cannot succeed is for a person; it is asked for again all the same.
                let is_for_good = matches!(
                    status.code(),
                    Code::InvalidArgument
                        | Code::NotFound
                        | Code::PermissionDenied
                        | Code::FailedPrecondition
                        | Code::OutOfRange
                        | Code::Unimplemented
                        | Code::Unauthenticated
                );
                let answer = if is_for_good && subject.call.undoes() {
                    Answer::Refused(why)
                } else {
                    Answer::Unknown { why, failing }
                };
                Received { answer, status: None, retry_after }
            }
        }
    }

    async fn ask(&self, subject: &Subject) -> Result<Answer, Status> {
        let known = match subject.reference() {
            Some(reference) => reference.to_string(),
            None if subject.call.undoes() => return Ok(subject.nameless()),
            None => String::new(),
        };
        let order_id = subject.order_id().to_string();
        let (idempotency_key, saga_id) = (Some(subject.key()), subject.saga_id().map(|saga| saga.to_string()));
        let (step, attempt) = (Some(subject.call.step().to_owned()), Some(subject.attempt()));
        let said = match (subject.call, &subject.thing) {
            (Call::Payment(ProviderCall::Charge), Thing::Payment(payment)) => {
                let Some(amount) = amount(payment) else { return Ok(Answer::Rejected(Reason::PaymentError)) };
                let request = ProcessPaymentRequest {
                    order_id,
                    amount,
                    idempotency_key,
                    saga_id,
                    step,
                    attempt,
                    ..ProcessPaymentRequest::default()
                };
                let answer = self.payments.clone().process_payment(self.request(request, subject)).await?.into_inner();
                Said { status: answer.status, id: Some(answer.payment_id), done: "SUCCESS", refused: "FAILED" }
            }
            (Call::Payment(_), _) => {
                let request = RefundPaymentRequest { payment_id: known, idempotency_key, saga_id, step, attempt };
                let answer = self.payments.clone().refund_payment(self.request(request, subject)).await?.into_inner();
                Said { status: answer.status, id: None, done: "REFUNDED", refused: "FAILED" }
            }
            (Call::Shipment(CarrierCall::Dispatch), _) => {
                let request = StartShippingRequest {
                    order_id,
                    idempotency_key,
                    saga_id,
                    step,
                    attempt,
                    ..StartShippingRequest::default()
                };
                let answer = self.shipping.clone().start_shipping(self.request(request, subject)).await?.into_inner();
                Said { status: answer.status, id: Some(answer.shipment_id), done: "SHIPPED", refused: "CANCELLED" }
            }
            (Call::Shipment(CarrierCall::Recall), _) => {
                let request = CancelShippingRequest { shipment_id: known, idempotency_key, saga_id, step, attempt };
                let answer = self.shipping.clone().cancel_shipping(self.request(request, subject)).await?.into_inner();
                Said { status: answer.status, id: None, done: "CANCELLED", refused: "FAILED" }
            }
        };
        Ok(said.read(subject.call))
    }

    /// A message with what goes beside it.
    fn request<T>(&self, message: T, subject: &Subject) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.config.timeout());
        let metadata = request.metadata_mut();
        for (name, value) in &self.config.headers.0 {
            put(metadata, &name.to_ascii_lowercase(), value);
        }
        for (name, value) in subject.headers() {
            put(metadata, name, &value);
        }
        put(metadata, "idempotency-key", &subject.key());
        request
    }
}

/// What is no metadata is left out: the configuration was checked for that.
fn put(metadata: &mut MetadataMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (MetadataKey::from_bytes(name.as_bytes()), value.parse()) {
        metadata.insert(name, value);
    }
}

/// What a payment is for, as far as a double can say that.
#[expect(clippy::cast_precision_loss, reason = "every number up to there has a double of its own")]
fn amount(payment: &Payment) -> Option<f64> {
    Some(payment.amount.get()).filter(|amount| *amount <= MOST_AMOUNT).map(|amount| amount as f64)
}

/// What a service says.
struct Said {
    status: String,
    id: Option<String>,
    done: &'static str,
    refused: &'static str,
}

impl Said {
    fn read(self, call: Call) -> Answer {
        let Self { status, id, done, refused } = self;
        match status.as_str() {
            status if status == done => {
                let (named, why) = Named::parse(id.filter(|id| !id.is_empty()), None);
                if let Some(why) = why {
                    tracing::warn!(why, call = call.as_str(), "what a service calls it cannot be used");
                }
                Answer::Done(named)
            }
            status if status == refused => Answer::Rejected(call.refused()),
            "PENDING" => Answer::Pending,
            other => {
                let other: String = other.chars().take(64).collect();
                Answer::Unknown { why: format!("its status {other:?} is none that there is"), failing: false }
            }
        }
    }
}

impl Link for GrpcLink {
    fn exchange<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Received> {
        Box::pin(self.send(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_is_written() {
        let said = |status: &str, id: &str| Said {
            status: status.into(),
            id: Some(id.into()),
            done: "SUCCESS",
            refused: "FAILED",
        };
        let call = Call::Payment(ProviderCall::Charge);
        let Answer::Done(named) = said("SUCCESS", "pi_1").read(call) else { panic!("it is done") };
        assert_eq!(named.reference.expect("a reference").as_str(), "pi_1");
        assert_eq!(said("SUCCESS", "").read(call), Answer::Done(Named::default()));
        assert_eq!(said("SUCCESS", "a\0b").read(call), Answer::Done(Named::default()));
        assert_eq!(said("FAILED", "").read(call), Answer::Rejected(Reason::PaymentDeclined));
        assert_eq!(said("PENDING", "").read(call), Answer::Pending);
        for odd in ["", "success", "REFUNDED", "SUCCESS "] {
            assert!(matches!(said(odd, "").read(call), Answer::Unknown { failing: false, .. }), "{odd:?}");
        }
    }
}

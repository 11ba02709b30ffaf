//! The three services by which a client drives its order itself, without a saga.

mod crashes;
mod outcomes;
mod races;
mod refusals;
mod sagas;

use super::refuses;
use crate::support::TestApp;
use backstitch::{
    proto::{
        order::{CancelOrderRequest, CreateOrderRequest, order_service_client::OrderServiceClient},
        payment::{
            self, ProcessPaymentRequest, ProcessPaymentResponse, RefundPaymentRequest,
            payment_service_client::PaymentServiceClient,
        },
        shipping::{
            CancelShippingRequest, StartShippingRequest, StartShippingResponse,
            shipping_service_client::ShippingServiceClient,
        },
    },
    role::Role,
};
use serde_json::Value;
use std::net::SocketAddr;
use tonic::{Status, transport::Channel};

const REJECT: i32 = payment::Fault::Reject as i32;

/// A client of the three, each on a port of its own.
#[derive(Clone)]
pub(crate) struct Steps {
    orders: OrderServiceClient<Channel>,
    payments: PaymentServiceClient<Channel>,
    shipping: ShippingServiceClient<Channel>,
}

fn channel(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).expect("an address").connect_lazy()
}

impl Steps {
    pub(crate) fn at(address: impl Fn(Role) -> SocketAddr) -> Self {
        Self {
            orders: OrderServiceClient::new(channel(address(Role::Order))),
            payments: PaymentServiceClient::new(channel(address(Role::Payment))),
            shipping: ShippingServiceClient::new(channel(address(Role::Shipping))),
        }
    }

    fn of(app: &TestApp) -> Self {
        Self::at(|port| app.grpc(port))
    }

    /// The id of a new order without lines.
    pub(crate) async fn create(&self) -> Result<String, Status> {
        let request = CreateOrderRequest { user_id: 42, ..CreateOrderRequest::default() };
        let created = self.orders.clone().create_order(request).await?.into_inner();
        assert_eq!(created.status, "PENDING");
        Ok(created.order_id)
    }

    pub(crate) async fn cancel(&self, order_id: &str) -> Result<String, Status> {
        let request = CancelOrderRequest { order_id: order_id.to_owned() };
        Ok(self.orders.clone().cancel_order(request).await?.into_inner().status)
    }

    async fn charge(&self, request: ProcessPaymentRequest) -> Result<ProcessPaymentResponse, Status> {
        Ok(self.payments.clone().process_payment(request).await?.into_inner())
    }

    /// Its id and its status.
    pub(crate) async fn pay(&self, order_id: &str) -> Result<(String, String), Status> {
        let paid = self.charge(payment_of(order_id)).await?;
        Ok((paid.payment_id, paid.status))
    }

    pub(crate) async fn refund(&self, payment_id: &str) -> Result<String, Status> {
        let request = RefundPaymentRequest { payment_id: payment_id.to_owned(), ..RefundPaymentRequest::default() };
        Ok(self.payments.clone().refund_payment(request).await?.into_inner().status)
    }

    async fn send(&self, request: StartShippingRequest) -> Result<StartShippingResponse, Status> {
        Ok(self.shipping.clone().start_shipping(request).await?.into_inner())
    }

    /// Its id and its status.
    pub(crate) async fn ship(&self, order_id: &str) -> Result<(String, String), Status> {
        let sent = self.send(shipment_of(order_id)).await?;
        Ok((sent.shipment_id, sent.status))
    }

    pub(crate) async fn call_back(&self, shipment_id: &str) -> Result<String, Status> {
        let request = CancelShippingRequest { shipment_id: shipment_id.to_owned(), ..CancelShippingRequest::default() };
        Ok(self.shipping.clone().cancel_shipping(request).await?.into_inner().status)
    }

    /// An order that is paid: its id and its payment's.
    async fn paid(&self) -> (String, String) {
        let order = self.create().await.expect("an order");
        let (payment, status) = self.pay(&order).await.expect("a payment");
        assert_eq!(status, "SUCCESS");
        (order, payment)
    }

    /// An order that is shipped: its id, its payment's and its shipment's.
    async fn shipped(&self) -> (String, String, String) {
        let (order, payment) = self.paid().await;
        let (shipment, status) = self.ship(&order).await.expect("a shipment");
        assert_eq!(status, "SHIPPED");
        (order, payment, shipment)
    }
}

/// 170,000 for an order.
fn payment_of(order_id: &str) -> ProcessPaymentRequest {
    ProcessPaymentRequest { order_id: order_id.to_owned(), amount: 170_000.0, ..ProcessPaymentRequest::default() }
}

fn shipment_of(order_id: &str) -> StartShippingRequest {
    StartShippingRequest { order_id: order_id.to_owned(), ..StartShippingRequest::default() }
}

/// What REST shows of an order: its status, its payment's, and its shipments'.
async fn shown(app: &TestApp, order_id: &str) -> (String, Option<String>, Vec<String>) {
    let order = app.order(order_id).await.success(200).clone();
    assert_eq!((&order["saga_id"], &order["saga"]), (&Value::Null, &Value::Null), "{order}");
    let text = |value: &Value| value.as_str().expect("a status").to_owned();
    let payment = order["payment"].as_object().map(|payment| text(&payment["status"]));
    let shipments = order["shipments"].as_array().expect("shipments").iter().map(|one| text(&one["status"]));
    (text(&order["status"]), payment, shipments.collect())
}

/// Fails unless REST shows an order, its payment and its shipments so.
async fn assert_shown(app: &TestApp, order_id: &str, order: &str, payment: Option<&str>, shipments: &[&str]) {
    let expected = (order.to_owned(), payment.map(str::to_owned), shipments.iter().map(ToString::to_string).collect());
    assert_eq!(shown(app, order_id).await, expected);
}

//! `order.OrderService`, `payment.PaymentService` and `shipping.ShippingService`: the steps of an order that its client
//! drives itself. What the business refuses is an answer; what cannot be done is a status.
//!
//! Payments and shipments are one for each order, so that a key there adds nothing: it is only looked at.

use super::{call::Call, requests};
use crate::{
    domain::{
        checkout::DirectFields,
        ids::{OrderId, PaymentId, ShipmentId},
        money::Amount,
        order::{LineFields, LinesFields, OrderStatus},
        payment::PaymentStatus,
        shipment::{Shipment, ShipmentStatus},
    },
    proto::{
        order::{
            CancelOrderRequest, CancelOrderResponse, CreateOrderRequest, CreateOrderResponse, Line,
            order_service_server::OrderService,
        },
        payment::{
            ProcessPaymentRequest, ProcessPaymentResponse, RefundPaymentRequest, RefundPaymentResponse,
            payment_service_server::PaymentService,
        },
        shipping::{
            CancelShippingRequest, CancelShippingResponse, StartShippingRequest, StartShippingResponse,
            shipping_service_server::ShippingService,
        },
    },
    service::{Problem, Service},
};
use tonic::{Request, Response, Status, async_trait};

/// The services behind their ports.
pub(super) struct Direct {
    service: Service,
}

impl Direct {
    pub(super) const fn new(service: Service) -> Self {
        Self { service }
    }

    async fn create(&self, call: &Call, request: CreateOrderRequest) -> Result<CreateOrderResponse, Problem> {
        // Where its key stands makes no other order.
        let essence = CreateOrderRequest { idempotency_key: None, ..request.clone() };
        let claim = call.claim(&essence, request.idempotency_key.as_deref())?;
        let CreateOrderRequest { user_id, customer_ref, lines, .. } = request;
        let fields = DirectFields {
            customer_ref: Some(customer_ref.unwrap_or_else(|| user_id.to_string())),
            lines: (!lines.is_empty()).then(|| LinesFields {
                lines: Some(lines.into_iter().map(LineFields::from).collect()),
                ..LinesFields::default()
            }),
        };
        let created = self.service.create_direct(fields, claim).await?;
        Ok(CreateOrderResponse { order_id: created.order_id.to_string(), status: order_status(created.status) })
    }

    async fn cancel(&self, request: CancelOrderRequest) -> Result<CancelOrderResponse, Problem> {
        let order_id = requests::id("order_id", &request.order_id).map(OrderId::from_uuid)?;
        let status = self.service.cancel_and_wait(order_id).await?;
        let status = if status.is_closed() { order_status(status) } else { "CANCELLING".into() };
        Ok(CancelOrderResponse { status })
    }

    async fn charge(&self, call: &Call, request: ProcessPaymentRequest) -> Result<ProcessPaymentResponse, Problem> {
        call.key(request.idempotency_key.as_deref())?;
        let ProcessPaymentRequest { order_id, amount, provider, simulate, simulate_delay_ms, .. } = request;
        let order_id = requests::id("order_id", &order_id).map(OrderId::from_uuid)?;
        let script = requests::script(simulate, simulate_delay_ms)?;
        let amount = Some(amount).filter(|amount| *amount != 0.0).map(Amount::parse_whole).transpose();
        let amount = amount.map_err(|message| Problem::field("amount", message))?;
        let payment = self.service.charge_direct(order_id, amount, provider.as_deref(), script).await?;
        let status = if payment.status == PaymentStatus::Paid { "SUCCESS" } else { "FAILED" };
        Ok(ProcessPaymentResponse { payment_id: payment.id.to_string(), status: status.into() })
    }

    async fn refund(&self, call: &Call, request: RefundPaymentRequest) -> Result<RefundPaymentResponse, Problem> {
        call.key(request.idempotency_key.as_deref())?;
        let payment_id = requests::id("payment_id", &request.payment_id).map(PaymentId::from_uuid)?;
        let payment = self.service.refund_direct(payment_id).await?;
        Ok(RefundPaymentResponse { status: payment.status.as_str().to_uppercase() })
    }

    async fn ship(&self, call: &Call, request: StartShippingRequest) -> Result<StartShippingResponse, Problem> {
        call.key(request.idempotency_key.as_deref())?;
        let StartShippingRequest { order_id, simulate, simulate_delay_ms, .. } = request;
        let order_id = requests::id("order_id", &order_id).map(OrderId::from_uuid)?;
        let script = requests::script(simulate, simulate_delay_ms)?;
        let shipment = self.service.ship_direct(order_id, script).await?;
        Ok(StartShippingResponse { shipment_id: shipment.id.to_string(), status: shipment_status(&shipment) })
    }

    async fn call_back(&self, call: &Call, request: CancelShippingRequest) -> Result<CancelShippingResponse, Problem> {
        call.key(request.idempotency_key.as_deref())?;
        let shipment_id = requests::id("shipment_id", &request.shipment_id).map(ShipmentId::from_uuid)?;
        let shipment = self.service.cancel_shipment(shipment_id).await?;
        Ok(CancelShippingResponse { status: shipment_status(&shipment) })
    }
}

fn order_status(status: OrderStatus) -> String {
    status.as_str().to_uppercase()
}

fn shipment_status(shipment: &Shipment) -> String {
    let status = match shipment.status {
        ShipmentStatus::Shipped => "SHIPPED",
        ShipmentStatus::Cancelled => "CANCELLED",
        ShipmentStatus::Requested => "REQUESTED",
    };
    status.into()
}

impl From<Line> for LineFields {
    fn from(line: Line) -> Self {
        let Line { item_name, quantity, price } = line;
        Self { quantity, item_name: Some(item_name), price: Some(price), ..Self::default() }
    }
}

#[async_trait]
impl OrderService for Direct {
    async fn create_order(
        &self,
        request: Request<CreateOrderRequest>,
    ) -> Result<Response<CreateOrderResponse>, Status> {
        let (call, message) = Call::of("order.OrderService/CreateOrder", request);
        let answer = self.create(&call, message).await;
        call.answer(answer)
    }

    async fn cancel_order(
        &self,
        request: Request<CancelOrderRequest>,
    ) -> Result<Response<CancelOrderResponse>, Status> {
        let (call, message) = Call::of("order.OrderService/CancelOrder", request);
        call.answer(self.cancel(message).await)
    }
}

#[async_trait]
impl PaymentService for Direct {
    async fn process_payment(
        &self,
        request: Request<ProcessPaymentRequest>,
    ) -> Result<Response<ProcessPaymentResponse>, Status> {
        let (call, message) = Call::of("payment.PaymentService/ProcessPayment", request);
        let answer = self.charge(&call, message).await;
        call.answer(answer)
    }

    async fn refund_payment(
        &self,
        request: Request<RefundPaymentRequest>,
    ) -> Result<Response<RefundPaymentResponse>, Status> {
        let (call, message) = Call::of("payment.PaymentService/RefundPayment", request);
        let answer = self.refund(&call, message).await;
        call.answer(answer)
    }
}

#[async_trait]
impl ShippingService for Direct {
    async fn start_shipping(
        &self,
        request: Request<StartShippingRequest>,
    ) -> Result<Response<StartShippingResponse>, Status> {
        let (call, message) = Call::of("shipping.ShippingService/StartShipping", request);
        let answer = self.ship(&call, message).await;
        call.answer(answer)
    }

    async fn cancel_shipping(
        &self,
        request: Request<CancelShippingRequest>,
    ) -> Result<Response<CancelShippingResponse>, Status> {
        let (call, message) = Call::of("shipping.ShippingService/CancelShipping", request);
        let answer = self.call_back(&call, message).await;
        call.answer(answer)
    }
}

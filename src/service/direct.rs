//! Direct orders: those that their client drives itself, step by step, without a saga.
//!
//! Payment and shipping tell the order what happened by calls that are committed with it; a client is answered once
//! these are delivered. Whoever gives up waiting may ask again: everything is done once for an order.

use super::{MAX_WAIT_SECONDS, Service, ServiceError, What, send};
use crate::{
    actors::{OrderAnswered, RequestOrder, ShipDirect, WhenSettled},
    domain::{
        checkout::DirectFields,
        ids::{OrderId, PaymentId, ShipmentId},
        money::{Amount, Currency},
        order::{CancelUnpaidOrder, CreateOrder, Goods, NotDirect, Order, OrderCommand, OrderStatus},
        payment::{ChargeDirect, Payable, Payment, PaymentRefusal, PaymentStatus, RefundDirect},
        saga::{Outcome, Refused, Status},
        shipment::{CancelShipping, Carrier, Consignment, Content, Shipment, Shipping, ShippingCommand, StartShipping},
        simulation::Script,
    },
    store::{Claim, Keyed, StoreError},
};
use actix::Recipient;
use std::{future::Future, time::Duration};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// How often a row is looked at whose calls another node may be making.
const RECHECK: Duration = Duration::from_millis(500);

/// A direct order that was created.
#[derive(Clone, Copy, Debug)]
pub struct DirectOrder {
    /// Its id.
    pub order_id: OrderId,
    /// How far it has come.
    pub status: OrderStatus,
}

impl Service {
    /// Creates an order that its client drives.
    ///
    /// # Errors
    /// Fields that cannot be accepted, storage away, or an idempotency key used with another body.
    pub async fn create_direct(&self, fields: DirectFields, claim: Option<Claim>) -> Result<DirectOrder, ServiceError> {
        let (customer_ref, basket) = fields.parse(&self.policy)?;
        let order_id = OrderId::from_uuid(Uuid::now_v7());
        let currency = Currency::default();
        let create = CreateOrder { order_id, saga_id: None, customer_ref, currency, basket };
        let OrderAnswered { order_id, replayed, .. } = self.request_order(OrderCommand::Create(create), claim).await?;
        let status = if replayed { self.order(order_id).await?.status } else { OrderStatus::Pending };
        Ok(DirectOrder { order_id, status })
    }

    async fn request_order(&self, command: OrderCommand, claim: Option<Claim>) -> Result<OrderAnswered, ServiceError> {
        let message = || Ok(RequestOrder(Keyed { command: command.clone(), claim: claim.clone() }));
        Ok(send(&self.actors.order.request, message).await??)
    }

    /// Closes an unpaid direct order.
    ///
    /// # Errors
    /// No such order, or its money is in.
    pub(super) async fn cancel_direct(&self, order_id: OrderId) -> Result<(), ServiceError> {
        let cancel = OrderCommand::CancelUnpaid(CancelUnpaidOrder { order_id });
        match self.request_order(cancel, None).await?.outcome {
            Outcome::Done { .. } => Ok(()),
            _ => match self.order(order_id).await? {
                order if order.status.is_closed() => Ok(()),
                Order { goods: Goods::Dispatched, .. } => Err(NotDirect::Dispatched.into()),
                _ => Err(NotDirect::Paid.into()),
            },
        }
    }

    /// Cancels any order for good, as its client wants; how it stands then. One that a saga drives is turned back, and
    /// waited for.
    ///
    /// # Errors
    /// No such order, its money is in, or its saga is stuck on the way back.
    pub async fn cancel_and_wait(&self, order_id: OrderId) -> Result<OrderStatus, ServiceError> {
        let order = self.order(order_id).await?;
        if order.status.is_closed() {
            return Ok(order.status);
        }
        let cancelled = self.cancel_order(order_id).await;
        if let (Ok(()), Some(saga_id)) = (&cancelled, order.saga_id) {
            self.wait_for_rest(saga_id, Duration::from_secs(MAX_WAIT_SECONDS)).await?;
            if self.queries.sagas.saga(saga_id).await?.is_some_and(|row| row.status == Status::NeedsAttention) {
                return Err(Refused::Stuck.into());
            }
        }
        // Whoever else has closed it meanwhile has done what is wanted.
        match self.order(order_id).await?.status {
            status if status.is_closed() => Ok(status),
            status => cancelled.map(|()| status),
        }
    }

    /// Takes the money of a direct order, by the provider that its client names or the server has for that. The payment
    /// as it is once the order has heard of it.
    ///
    /// # Errors
    /// No such order, one with a saga or closed, an amount that is not its total, or no answer in time.
    pub async fn charge_direct(
        &self,
        order_id: OrderId,
        amount: Option<Amount>,
        provider: Option<&str>,
        script: Option<Script>,
    ) -> Result<Payment, ServiceError> {
        let order = self.direct(order_id).await?;
        let (provider, script) = (self.policy.direct_provider(provider)?, self.policy.script(script)?);
        let order = Payable::of(&order);
        let amount = order.amount(amount)?;
        let payment_id = PaymentId::from_uuid(Uuid::now_v7());
        let charge = ChargeDirect { order, payment_id, amount, provider, script };
        let payment = self.payment_request(charge, None).await?.payment;
        self.settled_payment(payment).await
    }

    /// Gives the money of a direct order back, and cancels it. The payment as it is then.
    ///
    /// # Errors
    /// No such payment, a saga's, one without money, goods on their way, or no answer in time.
    pub async fn refund_direct(&self, payment_id: PaymentId) -> Result<Payment, ServiceError> {
        let order_id = self.payment(payment_id).await?.order_id;
        loop {
            let goods = self.direct(order_id).await?.goods;
            let payment = self.payment_request(RefundDirect { order_id, payment_id, goods }, None).await?.payment;
            let payment = self.settled_payment(payment).await?;
            if payment.refuses_refund() {
                return Err(PaymentRefusal::RefundRefused.into());
            }
            if payment.status != PaymentStatus::Paid {
                return Ok(payment);
            }
            // The order has refused: its goods were quicker. They go one way only, so that this ends.
            if self.order(order_id).await?.goods == Goods::Dispatched {
                return Err(PaymentRefusal::GoodsDispatched.into());
            }
        }
    }

    /// Sends the goods of a direct order. Its shipment as it is once the order has heard of it.
    ///
    /// # Errors
    /// No such order, one with a saga, not paid or closed, or no answer in time.
    pub async fn ship_direct(&self, order_id: OrderId, script: Option<Script>) -> Result<Shipment, ServiceError> {
        let order = self.order(order_id).await?;
        order.check_shippable()?;
        let (carrier, script) = (self.policy.carrier, self.policy.script(script)?);
        let named = Content::of_free_text(&order.basket, carrier);
        let goods =
            Consignment { named, ..consignment(order_id, ShipmentId::from_uuid(Uuid::now_v7()), carrier, script) };
        self.shipping_request(ShippingCommand::Start(StartShipping(goods))).await
    }

    /// Calls the goods of a direct order back. Its shipment as it is once the order has heard of it.
    ///
    /// # Errors
    /// No such shipment, a saga's, or no answer in time.
    pub async fn cancel_shipment(&self, id: ShipmentId) -> Result<Shipment, ServiceError> {
        let shipment = self.queries.shipments.shipment(id).await?;
        let shipment = shipment.ok_or_else(|| ServiceError::NotFound(What::Shipment, id.to_string()))?;
        if let Some(saga_id) = shipment.saga_id {
            return Err(NotDirect::HasSaga(saga_id).into());
        }
        let goods = consignment(shipment.order_id, id, shipment.carrier, Script::default());
        self.shipping_request(ShippingCommand::Cancel(CancelShipping(goods))).await
    }

    /// An order that its client drives.
    async fn direct(&self, order_id: OrderId) -> Result<Order, ServiceError> {
        let order = self.order(order_id).await?;
        order.check_direct()?;
        Ok(order)
    }

    async fn shipping_request(&self, command: ShippingCommand) -> Result<Shipment, ServiceError> {
        let shipping = send(&self.actors.shipping.ship, || Ok(ShipDirect(command.clone()))).await??;
        let order_id = shipping.first().order_id;
        let open = |shipping: &Shipping| shipping.first().call.is_some() && !shipping.first().refuses_recall();
        let read = || self.queries.shipments.shipping_of(order_id);
        let shipping = self.settled(&self.actors.shipping.settled, order_id, shipping, open, read).await?;
        if shipping.first().refuses_recall() {
            return Err(NotDirect::RecallRefused.into());
        }
        Ok(shipping.first().clone())
    }

    async fn settled_payment(&self, payment: Payment) -> Result<Payment, ServiceError> {
        let order_id = payment.order_id;
        let read = || self.queries.payments.payment_of(order_id);
        self.settled(
            &self.actors.payment.settled,
            order_id,
            payment,
            |payment| payment.call.is_some() && !payment.refuses_refund(),
            read,
        )
        .await
    }

    /// Waits until nothing is under way of what a row asks for; the row then.
    async fn settled<T, R>(
        &self,
        actor: &Recipient<WhenSettled>,
        order_id: OrderId,
        mut row: T,
        is_open: impl Fn(&T) -> bool,
        read: impl Fn() -> R,
    ) -> Result<T, ServiceError>
    where
        R: Future<Output = Result<Option<T>, StoreError>>,
    {
        let deadline = Instant::now() + Duration::from_secs(MAX_WAIT_SECONDS);
        let mut stopping = self.stopping.clone();
        while is_open(&row) {
            if Instant::now() >= deadline || *stopping.borrow() {
                return Err(ServiceError::Unavailable("a direct order's step is still under way".into()));
            }
            // Subscribing before looking leaves no gap in which the end could be missed.
            let settled = send(actor, || Ok(WhenSettled(order_id))).await?;
            row = read().await?.unwrap_or(row);
            if is_open(&row) {
                tokio::select! {
                    _ = timeout_at(deadline.min(Instant::now() + RECHECK), settled) => {}
                    _ = stopping.wait_for(|stopping| *stopping) => {}
                }
                row = read().await?.unwrap_or(row);
            }
        }
        Ok(row)
    }
}

/// All that shipping knows of a direct order: it has one shipment.
const fn consignment(order_id: OrderId, shipment_id: ShipmentId, carrier: Carrier, script: Script) -> Consignment {
    Consignment {
        order_id,
        saga_id: None,
        shipment_id,
        parcels: Vec::new(),
        loose: true,
        named: Vec::new(),
        carrier,
        script,
        retries: 0,
    }
}

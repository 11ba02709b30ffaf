//! What proxies ask: the name of each question, with what is asked and answered.

use crate::{
    actors::{
        CatalogRequestError, NotifierRequestError, OrderAnswered, PaymentAccepted, PaymentRequestError,
        StockRequestError,
    },
    domain::{
        catalog::CatalogCommand,
        ids::{NotificationId, OrderId, SagaId},
        money::Amount,
        notifier::{GivenId, PaidUser, UserPaid},
        order::OrderCommand,
        payment::{ChargeDirect, OpenPayment, PaymentCommand, RefundDirect, SettlePayment},
        saga::StepReply,
        shipment::{Shipping, ShippingCommand},
        stock::{StockChange, StockCommand},
    },
    peers::Endpoint,
    store::{CatalogDone, ChangeAnswer, Claim, Keyed, PaidExternal, Retried, StoreError},
};

/// A client's command and the idempotency key that it was sent under.
pub(super) type Requested<C> = (C, Option<Claim>);
/// A client's command to a payment.
pub(super) type PaymentRequest<C> = Endpoint<Requested<C>, Result<PaymentAccepted, PaymentRequestError>>;
/// The order, its user, how much, and the idempotency key.
pub(super) type ExternalQuestion = (GivenId, GivenId, Amount, Option<Claim>);

pub(super) const PERFORM_ORDER: Endpoint<Vec<OrderCommand>, Vec<StepReply>> = Endpoint::new("order.perform");
pub(super) const REQUEST_ORDER: Endpoint<Keyed<OrderCommand>, Result<OrderAnswered, StoreError>> =
    Endpoint::new("order.request");
pub(super) const PERFORM_STOCK: Endpoint<Vec<StockCommand>, Vec<StepReply>> = Endpoint::new("stock.perform");
pub(super) const CHANGE_STOCK: Endpoint<(StockChange, Claim), Result<ChangeAnswer, StockRequestError>> =
    Endpoint::new("stock.change");
pub(super) const CHANGE_CATALOG: Endpoint<Requested<CatalogCommand>, Result<CatalogDone, CatalogRequestError>> =
    Endpoint::new("stock.change_catalog");
pub(super) const PERFORM_PAYMENT: Endpoint<Vec<PaymentCommand>, Vec<StepReply>> = Endpoint::new("payment.perform");
pub(super) const OPEN: PaymentRequest<OpenPayment> = Endpoint::new("payment.open");
pub(super) const SETTLE: PaymentRequest<SettlePayment> = Endpoint::new("payment.settle");
pub(super) const CHARGE: PaymentRequest<ChargeDirect> = Endpoint::new("payment.charge");
pub(super) const REFUND: PaymentRequest<RefundDirect> = Endpoint::new("payment.refund");
pub(super) const RETRY_NOTIFICATION: Endpoint<(NotificationId, Option<Claim>), Result<Retried, NotifierRequestError>> =
    Endpoint::new("payment.retry_notification");
pub(super) const MARK_USER_PAID: Endpoint<UserPaid, Result<PaidUser, StoreError>> =
    Endpoint::new("payment.mark_user_paid");
pub(super) const TAKE_EXTERNAL_PAYMENT: Endpoint<ExternalQuestion, Result<PaidExternal, StoreError>> =
    Endpoint::new("payment.take_external_payment");
pub(super) const PAYMENT_SETTLED: Endpoint<OrderId, ()> = Endpoint::new("payment.settled");
pub(super) const PERFORM_SHIPPING: Endpoint<Vec<ShippingCommand>, Vec<StepReply>> = Endpoint::new("shipping.perform");
pub(super) const SHIP: Endpoint<ShippingCommand, Result<Shipping, StoreError>> = Endpoint::new("shipping.ship");
pub(super) const SHIPPING_SETTLED: Endpoint<OrderId, ()> = Endpoint::new("shipping.settled");
pub(super) const SIGNAL: Endpoint<Vec<SagaId>, ()> = Endpoint::new("coordinator.signal");

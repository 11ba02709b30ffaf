//! Problems: why a request was not served, in every facade's words: a stable code for every way a request can fail,
//! a word on this occurrence, and the fields that cannot be accepted.

use super::{ServiceError, What};
use crate::domain::{
    catalog::CatalogRefusal,
    field::{FieldError, FieldErrors},
    ids::OrderId,
    notifier::NotificationRefusal,
    order::NotDirect,
    payment::PaymentRefusal,
    reason::Reason,
    saga::Refused,
    shipment::ShipmentRefusal,
    stock::StockRefusal,
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $status:literal $code:literal $title:literal;)+) => {
        /// Stable codes of problems.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code, for documents that list them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Status, stable name and title.
            const fn facts(self) -> (u16, &'static str, &'static str) {
                match self {
                    $(Self::$name => ($status, $code, $title),)+
                }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson => 400 "malformed_json" "The request body is not valid JSON";
    /// A message over gRPC is not of its type.
    MalformedMessage => 400 "malformed_message" "The message cannot be read";
    /// What came is no HTTP request.
    MalformedRequest => 400 "malformed_request" "The request is not valid HTTP/1.1";
    /// An id in the path is no UUID.
    InvalidId => 400 "invalid_id" "An id in the path is malformed";
    /// Nobody vouches for what the request says.
    Unauthorized => 401 "unauthorized" "The request needs the secret of one's own services";
    /// The client took too long to send its request.
    RequestTimeout => 408 "request_timeout" "The request took too long to arrive";
    /// There is no such path.
    NotFound => 404 "not_found" "There is no such resource";
    /// There is no such order.
    OrderNotFound => 404 "order_not_found" "There is no such order";
    /// There is no such payment.
    PaymentNotFound => 404 "payment_not_found" "There is no such payment";
    /// There is no such shipment.
    ShipmentNotFound => 404 "shipment_not_found" "There is no such shipment";
    /// There is no such saga.
    SagaNotFound => 404 "saga_not_found" "There is no such saga";
    /// There is no such actor.
    ActorNotFound => 404 "actor_not_found" "There is no such actor";
    /// There is no such product.
    ProductNotFound => 404 "product_not_found" "There is no such product";
    /// There is no such variant.
    VariantNotFound => 404 "variant_not_found" "There is no such variant";
    /// There is no such shop.
    ShopNotFound => 404 "shop_not_found" "There is no such shop";
    /// The shop does not offer the variant.
    OfferNotFound => 404 "offer_not_found" "There is no such offer";
    /// There is no such warehouse.
    WarehouseNotFound => 404 "warehouse_not_found" "There is no such warehouse";
    /// There is no such notification.
    NotificationNotFound => 404 "notification_not_found" "There is no such notification";
    /// Nobody has said that the user has paid.
    UserNotFound => 404 "user_not_found" "There is no such user";
    /// The order was placed, and its payment was declined or did not come.
    PaymentFailed => 402 "payment_failed" "The order was not paid";
    /// The path has no such method.
    MethodNotAllowed => 405 "method_not_allowed" "The resource does not support this method";
    /// The order's money is in.
    OrderAlreadyPaid => 409 "order_already_paid" "The order is already paid";
    /// The order was unwound.
    OrderClosed => 409 "order_closed" "The order is closed";
    /// The order is being paid or edited, or its payment is not asked for yet.
    OrderBusy => 409 "order_busy" "The order is busy";
    /// A saga drives the order.
    OrderHasSaga => 409 "order_has_saga" "The order is driven by its saga";
    /// Its client drives the order.
    OrderHasNoSaga => 409 "order_has_no_saga" "The order is driven by its client";
    /// The order's money is not in.
    OrderUnpaid => 409 "order_unpaid" "The order is not paid";
    /// The order's goods are on their way.
    GoodsDispatched => 409 "goods_dispatched" "The order's goods are on their way";
    /// The order has been edited as often as it can be.
    TooManyEdits => 409 "too_many_edits" "The order has been edited too often";
    /// The order was placed, and is unwound.
    OrderFailed => 409 "order_failed" "The order has failed";
    /// There is too little in stock for an order's lines.
    OutOfStock => 409 "out_of_stock" "There is too little in stock";
    /// The saga has reached its pivot.
    SagaPastPivot => 409 "saga_past_pivot" "The saga can only go forward";
    /// The saga has completed or is compensated.
    SagaEnded => 409 "saga_ended" "The saga has ended";
    /// The saga is on its way back, and stuck there.
    SagaStuck => 409 "saga_stuck" "The saga is stuck on its way back";
    /// The saga's log cannot be used.
    SagaUnusable => 409 "saga_unusable" "The saga's log cannot be used";
    /// The payment is paid and cannot fail.
    PaymentAlreadyPaid => 409 "payment_already_paid" "The payment is already paid";
    /// The payment's money is not in, or has gone back.
    PaymentNotPaid => 409 "payment_not_paid" "The payment is not paid";
    /// The shipment's carrier alone says what becomes of it.
    ShipmentNotManual => 409 "shipment_not_manual" "The shipment is not a manual one";
    /// The shipment has left, or will not.
    ShipmentDecided => 409 "shipment_decided" "The shipment is decided otherwise";
    /// The shipment is on its way under another tracking number.
    TrackingNumberMismatch => 409 "tracking_number_mismatch" "The shipment has another tracking number";
    /// The payment is closed, and its order takes no other.
    PaymentClosed => 409 "payment_closed" "The payment is closed";
    /// The payment's provider alone says how it goes.
    PaymentNotManual => 409 "payment_not_manual" "The payment is not a manual one";
    /// The payment was reported under another id.
    PaymentReferenceMismatch => 409 "payment_reference_mismatch" "The payment was reported under another id";
    /// No money of the payment is to go back.
    PaymentNotRefunding => 409 "payment_not_refunding" "The payment is not being refunded";
    /// The provider will not give the money back.
    RefundRefused => 409 "refund_refused" "The provider will not give the money back";
    /// The carrier will not call the goods back.
    RecallRefused => 409 "recall_refused" "The carrier will not call the goods back";
    /// No money came with the payment.
    PaymentNotCaptured => 409 "payment_not_captured" "No money came with the payment";
    /// The payment is another order's.
    PaymentOfAnotherOrder => 409 "payment_of_another_order" "The payment belongs to another order";
    /// The notification's target has it.
    NotificationDelivered => 409 "notification_delivered" "The notification is delivered";
    /// The payment is another user's.
    PaymentOfAnotherUser => 409 "payment_of_another_user" "The payment belongs to another user";
    /// What is on hand is not what was expected.
    StockChanged => 409 "stock_changed" "The stock has changed meanwhile";
    /// More pieces are reserved than would be on hand.
    StockReserved => 409 "stock_reserved" "The stock is reserved for orders";
    /// Fewer pieces are available.
    InsufficientStock => 409 "insufficient_stock" "There is not enough stock";
    /// The shop takes nothing in.
    ShopInactive => 409 "shop_inactive" "The shop is not active";
    /// The product's variants are taken in nowhere.
    ProductInactive => 409 "product_inactive" "The product is not active";
    /// The warehouse takes nothing in.
    WarehouseInactive => 409 "warehouse_inactive" "The warehouse is not active";
    /// The warehouse takes in no more of the variant.
    WarehouseFull => 409 "warehouse_full" "The warehouse takes in no more of this variant";
    /// The warehouses are not the same shop's.
    WarehouseOfAnotherShop => 409 "warehouse_of_another_shop" "The warehouses belong to different shops";
    /// The variant takes nothing in.
    VariantInactive => 409 "variant_inactive" "The variant is not active";
    /// A shop asks for another price than the client expects.
    PriceChanged => 409 "price_changed" "The price has changed";
    /// Another variant has the stock-keeping unit.
    DuplicateSku => 409 "duplicate_sku" "Another variant has this sku";
    /// The product has as many variants as one can have.
    TooManyVariants => 409 "too_many_variants" "The product has too many variants";
    /// The shop has as many warehouses as one can have.
    TooManyWarehouses => 409 "too_many_warehouses" "The shop has too many warehouses";
    /// The body is too large.
    BodyTooLarge => 413 "body_too_large" "The request body is too large";
    /// The body is not sent as JSON.
    UnsupportedMediaType => 415 "unsupported_media_type" "The request body must be application/json";
    /// Fields cannot be accepted; `errors` names them.
    InvalidRequest => 422 "invalid_request" "The request has fields that cannot be accepted";
    /// The amount is not the order's total.
    AmountMismatch => 422 "amount_mismatch" "The amount is not the order's total";
    /// A report names another currency than the payment has.
    CurrencyMismatch => 422 "currency_mismatch" "The currency is not the payment's";
    /// The idempotency key was used with another body.
    IdempotencyKeyReused => 422 "idempotency_key_reused" "The idempotency key was used for another request";
    /// Simulation is not enabled here.
    SimulationDisabled => 422 "simulation_disabled" "Simulation is not enabled on this server";
    /// The request's headers are too large.
    HeadersTooLarge => 431 "headers_too_large" "The request's headers are too large";
    /// A fault of ours.
    Internal => 500 "internal_error" "An internal error";
    /// Too many sagas are under way.
    Overloaded => 503 "overloaded" "Too many orders are under way";
    /// Too many sagas are followed.
    TooManyFollowers => 503 "too_many_followers" "Too many sagas are followed";
    /// Too many clients watch how the server is.
    TooManyWatchers => 503 "too_many_watchers" "Too many clients watch the server's health";
    /// Too many connections are open.
    TooManyConnections => 503 "too_many_connections" "Too many connections are open";
    /// Too many requests wait.
    TooManyWaiting => 503 "too_many_waiting" "Too many requests wait";
    /// Storage or an actor is away.
    Unavailable => 503 "unavailable" "The service is temporarily unavailable";
}

impl Code {
    /// Its HTTP status.
    pub const fn status(self) -> u16 {
        self.facts().0
    }

    /// Its stable name.
    pub const fn as_str(self) -> &'static str {
        self.facts().1
    }

    /// What an order has come to that is unwound for this reason.
    const fn of_failure(reason: Reason) -> Self {
        match reason {
            Reason::OutOfStock => Self::OutOfStock,
            Reason::PaymentDeclined | Reason::PaymentExpired | Reason::PaymentError => Self::PaymentFailed,
            _ => Self::OrderFailed,
        }
    }

    /// Its title for a person.
    pub const fn title(self) -> &'static str {
        self.facts().2
    }
}

/// Why a request was not served, on its way to the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// The order that it is about, where that exists all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
}

impl Problem {
    /// A problem with a word on this occurrence.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), order_id: None }
    }

    /// One field that cannot be accepted.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut errors = FieldErrors::default();
        errors.add(field, message);
        Self::invalid(errors.finish().err().unwrap_or_default())
    }

    /// Fields that cannot be accepted.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self::fields(Code::InvalidRequest, errors)
    }

    /// Fields that cannot be accepted, for a reason with a code of its own.
    pub fn fields(code: Code, errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{} {}", only.field, only.message),
            several => format!("{} fields cannot be accepted; see errors", several.len()),
        };
        Self { errors, ..Self::new(code, detail) }
    }

    /// One field that cannot be accepted, under a code of its own.
    pub fn about(code: Code, field: impl Into<String>, message: String) -> Self {
        Self { code, detail: message.clone().into(), ..Self::field(field, message) }
    }

    /// What was made of a request's fields, unless any of them cannot be accepted.
    pub fn unless_invalid<T>(errors: FieldErrors, made: Option<T>) -> Result<T, Self> {
        match (made, errors.finish()) {
            (Some(made), Ok(())) => Ok(made),
            (_, errors) => Err(Self::invalid(errors.err().unwrap_or_default())),
        }
    }

    /// The problem's code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What went wrong this time, and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The order that it is about, where that exists all the same.
    pub const fn order_id(&self) -> Option<OrderId> {
        self.order_id
    }

    /// The fields that cannot be accepted.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code, code.title())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        let code = match error {
            ServiceError::Invalid(errors) => return Self::invalid(errors),
            ServiceError::PriceChanged(errors) => return Self::fields(Code::PriceChanged, errors),
            ServiceError::TooLittle(errors) => {
                return Self { detail: detail.into(), ..Self::fields(Code::OutOfStock, errors) };
            }
            ServiceError::OrderFailed(failed) => {
                return Self {
                    detail: detail.into(),
                    order_id: Some(failed.order_id),
                    ..Self::fields(Code::of_failure(failed.reason), failed.errors)
                };
            }
            ServiceError::NotSimulated(_) => Code::SimulationDisabled,
            ServiceError::NotFound(what, _) => match what {
                What::Order => Code::OrderNotFound,
                What::Payment => Code::PaymentNotFound,
                What::Shipment => Code::ShipmentNotFound,
                What::Saga => Code::SagaNotFound,
                What::Actor => Code::ActorNotFound,
                What::Product => Code::ProductNotFound,
                What::Variant => Code::VariantNotFound,
                What::Shop => Code::ShopNotFound,
                What::Offer => Code::OfferNotFound,
                What::Warehouse => Code::WarehouseNotFound,
                What::Notification => Code::NotificationNotFound,
                What::User => Code::UserNotFound,
            },
            ServiceError::SagaRefused(Refused::PastPivot) => Code::SagaPastPivot,
            ServiceError::SagaRefused(Refused::Ended(_)) => Code::SagaEnded,
            ServiceError::SagaRefused(Refused::AlreadyPaid) | ServiceError::NotDirect(NotDirect::Paid) => {
                Code::OrderAlreadyPaid
            }
            ServiceError::SagaRefused(Refused::Stuck) => Code::SagaStuck,
            ServiceError::SagaRefused(Refused::TooManyAmendments(_)) => Code::TooManyEdits,
            ServiceError::SagaRefused(Refused::Amendment(Reason::OutOfStock)) => Code::OutOfStock,
            ServiceError::SagaRefused(Refused::Busy | Refused::Amendment(Reason::PaymentUnderWay)) => Code::OrderBusy,
            ServiceError::SagaRefused(Refused::Turned | Refused::Amendment(_))
            | ServiceError::NotDirect(NotDirect::Closed) => Code::OrderClosed,
            ServiceError::PaymentRefused(refusal) => return of_payment(&refusal),
            ServiceError::ShipmentRefused(refusal) => match refusal {
                ShipmentRefusal::NotManual(_) => Code::ShipmentNotManual,
                ShipmentRefusal::Decided(_) => Code::ShipmentDecided,
                ShipmentRefusal::OtherTrackingNumber(_) => Code::TrackingNumberMismatch,
                ShipmentRefusal::UnderWay => Code::OrderBusy,
            },
            ServiceError::NotDirect(NotDirect::HasSaga(_)) => Code::OrderHasSaga,
            ServiceError::NotDirect(NotDirect::HasNoSaga) => Code::OrderHasNoSaga,
            ServiceError::NotDirect(NotDirect::Unpaid) => Code::OrderUnpaid,
            ServiceError::NotDirect(NotDirect::Dispatched) => Code::GoodsDispatched,
            ServiceError::NotDirect(NotDirect::RecallRefused) => Code::RecallRefused,
            ServiceError::NotificationRefused(NotificationRefusal::Delivered) => Code::NotificationDelivered,
            ServiceError::StockRefused(refusal) => return of_stock(&refusal),
            ServiceError::CatalogRefused(CatalogRefusal::DuplicateSku { .. }) => {
                return Self::about(Code::DuplicateSku, "sku", detail);
            }
            ServiceError::CatalogRefused(CatalogRefusal::TooManyVariants(_)) => Code::TooManyVariants,
            ServiceError::CatalogRefused(CatalogRefusal::TooManyWarehouses(_)) => Code::TooManyWarehouses,
            ServiceError::CatalogRefused(CatalogRefusal::NoProduct(_)) => Code::ProductNotFound,
            ServiceError::CatalogRefused(CatalogRefusal::NoVariant(_)) => Code::VariantNotFound,
            ServiceError::CatalogRefused(CatalogRefusal::NoShop(_)) => Code::ShopNotFound,
            ServiceError::CatalogRefused(CatalogRefusal::NoWarehouse(_)) => Code::WarehouseNotFound,
            ServiceError::UnusableLog(_) => Code::SagaUnusable,
            ServiceError::KeyReused => Code::IdempotencyKeyReused,
            ServiceError::Overloaded => Code::Overloaded,
            ServiceError::TooManyFollowers => Code::TooManyFollowers,
            ServiceError::NotReady(_) => Code::Unavailable,
            ServiceError::Unavailable(why) => {
                tracing::warn!(why, "a request could not be served");
                return Self::new(Code::Unavailable, "the service cannot do this now; try again shortly");
            }
            ServiceError::Elsewhere(problem) => return problem,
            // Rows, SQL and paths are for the log, never for a client.
            ServiceError::Internal(why) => {
                tracing::error!(why, "a request failed");
                return Self::new(Code::Internal, "an internal error; name the request_id when you report it");
            }
        };
        Self::new(code, detail)
    }
}

/// Why a payment is refused, and which field to look at where it is about one.
fn of_payment(refusal: &PaymentRefusal) -> Problem {
    let detail = refusal.to_string();
    let code = match refusal {
        PaymentRefusal::AmountMismatch { total } => {
            let mut problem = Problem::field("amount", format!("must equal the order's total of {total}"));
            problem.code = Code::AmountMismatch;
            return problem;
        }
        PaymentRefusal::Differs(found) => {
            let code = if found.field == "amount" { Code::AmountMismatch } else { Code::CurrencyMismatch };
            return Problem::about(code, found.field.clone(), detail);
        }
        PaymentRefusal::NoAmount => return Problem::field("amount", detail),
        PaymentRefusal::BeingAmended | PaymentRefusal::UnderWay => Code::OrderBusy,
        PaymentRefusal::OrderClosed => Code::OrderClosed,
        PaymentRefusal::NotVouchedFor => Code::Unauthorized,
        PaymentRefusal::NotManual(_) => Code::PaymentNotManual,
        PaymentRefusal::OtherReference => Code::PaymentReferenceMismatch,
        PaymentRefusal::NotRefunding(_) => Code::PaymentNotRefunding,
        PaymentRefusal::Closed(_) => Code::PaymentClosed,
        PaymentRefusal::HasSaga => Code::OrderHasSaga,
        PaymentRefusal::Direct => Code::OrderHasNoSaga,
        PaymentRefusal::GoodsDispatched => Code::GoodsDispatched,
        PaymentRefusal::NotPaid(_) => Code::PaymentNotPaid,
        PaymentRefusal::RefundRefused => Code::RefundRefused,
        PaymentRefusal::NothingCaptured => Code::PaymentNotCaptured,
        PaymentRefusal::NoPayment => Code::PaymentNotFound,
        PaymentRefusal::NotTheOrders => Code::PaymentOfAnotherOrder,
        PaymentRefusal::NotTheUsers => Code::PaymentOfAnotherUser,
        PaymentRefusal::AlreadyPaid => Code::PaymentAlreadyPaid,
    };
    Problem::new(code, detail)
}

/// Why a change of the stock is refused, and which field to look at.
fn of_stock(refusal: &StockRefusal) -> Problem {
    let (code, field) = match refusal {
        StockRefusal::NoWarehouse(_) => (Code::WarehouseNotFound, "warehouse_id"),
        StockRefusal::NoVariant(_) => (Code::VariantNotFound, "variant_id"),
        StockRefusal::ShopInactive(_) => (Code::ShopInactive, "warehouse_id"),
        StockRefusal::WarehouseInactive(_) => (Code::WarehouseInactive, "warehouse_id"),
        StockRefusal::ProductInactive(_) => (Code::ProductInactive, "variant_id"),
        StockRefusal::VariantInactive(_) => (Code::VariantInactive, "variant_id"),
        StockRefusal::Changed { .. } => (Code::StockChanged, "expected_on_hand"),
        StockRefusal::BelowReserved { .. } => (Code::StockReserved, "on_hand"),
        StockRefusal::Insufficient { .. } => (Code::InsufficientStock, "quantity"),
        StockRefusal::OtherShop => (Code::WarehouseOfAnotherShop, "to_warehouse_id"),
        StockRefusal::TooMany { .. } => (Code::WarehouseFull, "quantity"),
    };
    Problem::about(code, field, refusal.to_string())
}

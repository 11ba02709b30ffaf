//! Why a request is not served, in words that every facade can map.

use super::{OrderFailed, Problem};
use crate::{
    domain::{
        catalog::CatalogRefusal,
        checkout::{NotSimulated, ProviderRefused},
        field::FieldError,
        notifier::NotificationRefusal,
        order::{LinesRefused, NotDirect},
        payment::PaymentRefusal,
        saga::Refused,
        shipment::ShipmentRefusal,
        stock::StockRefusal,
    },
    store::StoreError,
};

/// What was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An order.
    Order,
    /// A payment.
    Payment,
    /// A shipment.
    Shipment,
    /// A saga.
    Saga,
    /// An actor.
    Actor,
    /// A product.
    Product,
    /// A variant of a product.
    Variant,
    /// A shop.
    Shop,
    /// A shop's offer.
    Offer,
    /// A warehouse.
    Warehouse,
    /// A notification.
    Notification,
    /// A user who has paid.
    User,
}

impl What {
    /// Its name in a sentence and in a problem's code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Shipment => "shipment",
            Self::Saga => "saga",
            Self::Actor => "actor",
            Self::Product => "product",
            Self::Variant => "variant",
            Self::Shop => "shop",
            Self::Offer => "offer",
            Self::Warehouse => "warehouse",
            Self::Notification => "notification",
            Self::User => "user",
        }
    }
}

/// Why a request is not served.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServiceError {
    /// Fields that cannot be accepted.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    /// Shops ask for other prices than the client has seen.
    #[error("prices have changed")]
    PriceChanged(Vec<FieldError>),
    /// Something simulated is asked for where payments are real.
    #[error(transparent)]
    NotSimulated(#[from] NotSimulated),
    /// There is no such thing.
    #[error("there is no {what} {id}", what = .0.as_str(), id = .1)]
    NotFound(What, String),
    /// The order was placed and has failed.
    #[error("{} The order {} is closed ({}); place a new one", .0.message, .0.order_id, .0.reason)]
    OrderFailed(OrderFailed),
    /// There is too little in stock for the order's new lines.
    #[error("it stays as it was: there is too little in stock for the new lines")]
    TooLittle(Vec<FieldError>),
    /// The saga's state forbids it.
    #[error(transparent)]
    SagaRefused(#[from] Refused),
    /// Who drives the order, or how far it has come, forbids it.
    #[error(transparent)]
    NotDirect(#[from] NotDirect),
    /// The payment's state forbids it.
    #[error(transparent)]
    PaymentRefused(#[from] PaymentRefusal),
    /// The shipment's state forbids it.
    #[error(transparent)]
    ShipmentRefused(#[from] ShipmentRefusal),
    /// The notification's state forbids it.
    #[error(transparent)]
    NotificationRefused(#[from] NotificationRefusal),
    /// The stock's state forbids it.
    #[error(transparent)]
    StockRefused(#[from] StockRefusal),
    /// The catalogue's rules forbid it.
    #[error(transparent)]
    CatalogRefused(#[from] CatalogRefusal),
    /// The saga's log is no saga.
    #[error("the saga's log cannot be used: {0}")]
    UnusableLog(String),
    /// The idempotency key was used for another request.
    #[error("the Idempotency-Key was used before with another request body; use a new key for a new request")]
    KeyReused,
    /// Too many sagas are under way.
    #[error("too many orders are under way; try again shortly")]
    Overloaded,
    /// Too many sagas are followed.
    #[error("too many sagas are followed here; read the log instead, or try again later")]
    TooManyFollowers,
    /// The process accepts no work, or does not get on with it; fit for anybody to read.
    #[error("{0}")]
    NotReady(&'static str),
    /// Storage or an actor is away.
    #[error("the service cannot do this now: {0}")]
    Unavailable(String),
    /// As the process says that it was left to.
    #[error("{0}")]
    Elsewhere(Problem),
    /// A fault of ours.
    #[error("an internal error: {0}")]
    Internal(String),
}

impl From<ProviderRefused> for ServiceError {
    fn from(refused: ProviderRefused) -> Self {
        match refused {
            ProviderRefused::NotSimulated(refused) => refused.into(),
            ProviderRefused::Unknown(message) => Self::Invalid(vec![FieldError { field: "provider".into(), message }]),
        }
    }
}

impl From<LinesRefused> for ServiceError {
    fn from(refused: LinesRefused) -> Self {
        match refused {
            LinesRefused::Invalid(errors) => Self::Invalid(errors),
            LinesRefused::PriceChanged(errors) => Self::PriceChanged(errors),
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => Self::Unavailable(why),
            StoreError::Conflict => Self::Unavailable("it changed meanwhile; try again".into()),
            StoreError::KeyReused => Self::KeyReused,
            StoreError::Poisoned(why) | StoreError::Refused(why) => Self::Internal(why),
        }
    }
}

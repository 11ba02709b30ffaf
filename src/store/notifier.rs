//! The notifier's side of the store.

use super::{Commands, Page, StoreError};
use crate::domain::{
    ids::NotificationId,
    notifier::{
        ExternalPayment, ExternalPaymentId, GivenId, Notification, NotificationRefusal, NotificationStatus,
        NotifierCommand, PaidUser,
    },
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// What a command to the notifier's owner is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifierAnswer {
    /// Some are claimed.
    Claimed(Claimed),
    /// How sending one has gone is taken in; the notification as it is now, where that has changed it.
    Recorded(Option<Box<Notification>>),
    /// One is sent again.
    Retried(Result<Retried, NotificationRefusal>),
    /// The user as they stand now.
    Marked(Box<PaidUser>),
    /// A payment for an order of another service.
    Paid(PaidExternal),
    /// There is no such notification.
    NotFound,
}

/// Notifications that were due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// These are to be sent, in the order in which they were due.
    pub notifications: Vec<Notification>,
    /// These cannot be read, and are given up.
    pub unreadable: Vec<NotificationId>,
}

/// A payment for an order of another service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidExternal {
    /// The payment.
    pub payment: Box<ExternalPayment>,
    /// Whether another request had used the idempotency key before, so that nothing was done now.
    pub replayed: bool,
}

/// A notification that is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    /// The notification as it is now.
    pub notification: Box<Notification>,
    /// Whether another request had used the idempotency key before, so that nothing was done now.
    pub replayed: bool,
}

/// Which notifications.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NotificationFilter {
    /// In one of these statuses; in any, where there is none.
    pub statuses: Vec<NotificationStatus>,
    /// To this target.
    pub target: Option<String>,
    /// About this payment.
    pub payment_id: Option<GivenId>,
    /// About a payment of this order.
    pub order_id: Option<GivenId>,
}

/// What can be asked of the notifier: notifications, users who have paid, and payments for orders of other services.
pub trait NotifierQueries: Send + Sync {
    /// One notification.
    fn notification(&self, id: NotificationId) -> BoxFuture<'static, Result<Option<Notification>, StoreError>>;
    /// Notifications, newest first.
    fn notifications(
        &self,
        filter: NotificationFilter,
        page: Page<NotificationId>,
    ) -> BoxFuture<'static, Result<Vec<Notification>, StoreError>>;
    /// A payment for an order of another service.
    fn external_payment(
        &self,
        id: ExternalPaymentId,
    ) -> BoxFuture<'static, Result<Option<ExternalPayment>, StoreError>>;
    /// A user who has paid.
    fn paid_user(&self, id: GivenId) -> BoxFuture<'static, Result<Option<PaidUser>, StoreError>>;
}

/// What the notifier owns, for its owner.
pub trait NotifierStore: NotifierQueries + Commands<NotifierCommand, NotifierAnswer> {}

impl<S: NotifierQueries + Commands<NotifierCommand, NotifierAnswer>> NotifierStore for S {}

//! What the notifier is asked, by facades and by the payments' actor.

use crate::{
    domain::{
        ids::NotificationId,
        money::Amount,
        notifier::{GivenId, NotificationRefusal, PaidUser, UserPaid},
    },
    store::{Claim, PaidExternal, Retried, StoreError},
};
use actix::Message;
use serde::{Deserialize, Serialize};

/// There is something to be sent. One that is lost is not missed: it is looked for all the same, a little later.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Wake;

/// A client wants a notification sent again.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Retried, NotifierRequestError>")]
pub struct RetryNotification {
    /// Which one.
    pub id: NotificationId,
    /// The idempotency key that it was sent under.
    pub claim: Option<Claim>,
}

/// Another service says that a user has paid.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<PaidUser, StoreError>")]
pub struct MarkUserPaid(pub UserPaid);

/// Somebody has paid for an order of another service.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<PaidExternal, StoreError>")]
pub struct TakeExternalPayment {
    /// The order.
    pub order_id: GivenId,
    /// Who has paid.
    pub user_id: GivenId,
    /// How much.
    pub amount: Amount,
    /// The idempotency key that it was sent under.
    pub claim: Option<Claim>,
}

/// Why a notification is not sent again.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum NotifierRequestError {
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] NotificationRefusal),
    /// There is no such notification.
    #[error("there is no such notification")]
    NotFound,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

//! The actors: who owns which data, and who talks to whom.
//!
//! ```text
//!   facade ──PlaceOrder, CancelSaga, RetrySaga──▶ SagaCoordinator ──Perform──▶ OrderActor
//!   facade ──OpenPayment, SettlePayment──┐             ▲   ││  └─────Perform──▶ ShippingActor
//!                                        ▼             │   │└────────Perform──▶ PaymentActor
//!                                   PaymentActor ──Signal  │                       │
//!                                        └── outside calls ┼───────────────────────┘
//!   facade ──a direct order's commands──▶ OrderActor ◀──its payment, its shipment── PaymentActor, ShippingActor
//!   facade ──ChangeStock──▶ StockActor ◀──Perform──────────┘
//!   facade ──ChangeCatalog──▶ CatalogActor
//!   PaymentActor ──Wake──▶ NotificationActor ──▶ those who are told how payments went
//! ```
//!
//! Every actor batches: handlers put (command, reply) into a buffer, and one flush hands the whole
//! buffer to the store, whose answers go back to whoever asked. The busier the mailbox, the larger the
//! batch. An actor's state is a cache: all truth is in the store, so a restart loses nothing but time.
//!
//! Must not hold a rule (those are in [`crate::domain`]) nor wait for anything inside a handler.

pub mod admission;
mod batch;
mod calls;
mod catalog;
pub mod coordinator;
mod crash;
mod deferred;
mod nodes;
mod notifier;
mod order;
mod owners;
mod payment;
mod proxy;
mod shipping;
mod start;
mod stock;
pub mod supervisor;

pub use calls::WhenSettled;
pub use catalog::{CatalogActor, CatalogRequestError, ChangeCatalog};
pub use coordinator::SagaCoordinator;
pub use crash::{Crash, CrashMode};
pub use deferred::Deferred;
pub use notifier::{
    MarkUserPaid, NotificationActor, NotifierRequestError, RetryNotification, TakeExternalPayment, Wake,
};
pub use order::{OrderActor, OrderAnswered, RequestOrder};
pub use owners::{CatalogOwner, NotifierOwner, OrderOwner, PaymentOwner, ShippingOwner, StockOwner};
pub use payment::{PaymentAccepted, PaymentActor, PaymentRequestError, Request};
pub use proxy::answer;
pub use shipping::{ShipDirect, ShippingActor};
pub use start::{Actors, Cast, Watched};
pub use stock::{ChangeStock, StockActor, StockRequestError};

use crate::domain::saga::StepReply;
use actix::Message;

/// The coordinator's commands to one participant: many in one message, answered together, in order.
#[derive(Debug, Message)]
#[rtype(result = "Vec<StepReply>")]
pub struct Perform<C: 'static>(pub Vec<C>);

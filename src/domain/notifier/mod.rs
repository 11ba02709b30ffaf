//! The payment notifier: whom a payment's settlement is told to, whom other services say is paid for, and payments for
//! orders of other services.
//!
//! ```text
//!   payment settles ─ same commit ─▶ pending ──claimed, sent──┬─ 2xx ────────────▶ delivered
//!                                      ▲                      ├─ anything else ──▶ pending, due later
//!                                      └──────── retry ───────┴─ the tenth time ─▶ failed
//! ```
//!
//! Owns who is told of what, when a notification is sent again, and when that ends. Must not know how one is sent.

mod about;
mod external;
mod notification;
mod target;
mod user;

pub(in crate::domain) use about::is_id;
pub use about::{About, GivenId, NoGivenId};
pub use external::{ExternalPayment, ExternalPaymentId, PayExternal};
pub use notification::{
    ATTEMPTS, Delivery, Notification, NotificationRefusal, NotificationStatus, RecordDelivery, UNREADABLE, wait_ms,
};
pub use target::{Audience, NoTarget, Target, TargetName};
pub use user::{PaidUser, UserPaid};

use super::ids::NotificationId;

/// What the notifier's owner can be asked.
#[derive(Clone, Debug)]
pub enum NotifierCommand {
    /// Take some that are due, so that nobody else sends them meanwhile.
    Claim {
        /// Of this target.
        target: TargetName,
        /// At most so many.
        limit: u32,
        /// Nobody else for so long, in milliseconds.
        lease_ms: u64,
    },
    /// Take in how sending one has gone.
    Record(RecordDelivery),
    /// Send one again, from the first attempt on.
    Retry(NotificationId),
    /// A user is paid for.
    MarkUser(UserPaid),
    /// An order of another service is paid.
    Pay(PayExternal),
}

//! What is shown of a call to a service outside that is not answered yet.

use super::wire::Time;
use crate::domain::call::Trouble;
use serde::Serialize;
use utoipa::ToSchema;

/// A call to a service outside, shown with the payment or the shipment that it is about.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallBody {
    /// Attempts of the outstanding call that had no usable answer.
    attempts: u32,
    /// What the service said last; null where nothing is outstanding, or nothing was in vain.
    last_error: Option<String>,
    /// The HTTP status of that.
    last_status: Option<u16>,
    /// When it is asked again.
    next_attempt_at: Option<Time>,
}

impl CallBody {
    /// What is known of the outstanding call, where there is one.
    pub(super) fn of(attempts: u32, trouble: Option<&Trouble>) -> Self {
        Self {
            attempts,
            last_error: trouble.map(|trouble| trouble.error.clone()),
            last_status: trouble.and_then(|trouble| trouble.status),
            next_attempt_at: trouble.and_then(|trouble| trouble.next_attempt_at).map(Time),
        }
    }
}

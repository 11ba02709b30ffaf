//! `[notifications]`: read as a whole, because its keys have names that users choose.

use crate::{domain::notifier::TargetName, providers::ReceiverConfig};
use std::collections::BTreeMap;

/// `[notifications]`: who is told how payments went, by the names that the configuration gives them:
/// `[notifications.NAME]`.
pub type Notifications = BTreeMap<TargetName, ReceiverConfig>;

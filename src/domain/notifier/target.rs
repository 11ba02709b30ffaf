//! Whom a payment's settlement is told to.

use super::{About, Notification};
use crate::domain::{
    interned::{interned, is_name},
    payment::PaymentStatus,
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// The name that the configuration gives to somebody who is told: 1 to 32 of `a-z 0-9 _`, a letter first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetName(&'static str);

/// A text that is no target's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a target: 1 to 32 of a-z 0-9 _, a letter first")]
pub struct NoTarget(String);

impl NoTarget {
    fn of(text: &str) -> Self {
        Self(text.chars().take(64).collect())
    }
}

impl TargetName {
    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// A client's text that may be a name: to compare names with, as it is never made one.
    ///
    /// # Errors
    /// It can be nobody's.
    pub fn sought(text: String) -> Result<String, NoTarget> {
        if is_name(&text) { Ok(text) } else { Err(NoTarget::of(&text)) }
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl From<TargetName> for &'static str {
    fn from(name: TargetName) -> Self {
        name.0
    }
}

impl From<&TargetName> for &'static str {
    fn from(name: &TargetName) -> Self {
        name.0
    }
}

/// For names from the configuration and from stored rows: each is kept for as long as the process lives.
impl FromStr for TargetName {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Self, NoTarget> {
        interned(text).map(Self).ok_or_else(|| NoTarget::of(text))
    }
}

impl Serialize for TargetName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for TargetName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Who.
    pub name: TargetName,
    /// Of payments that come to stand like this.
    pub on: Vec<PaymentStatus>,
    /// Only of those whose user is known, which it is told.
    pub needs_user: bool,
}

/// All who are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience(Vec<Target>);

impl Audience {
    /// These.
    pub const fn new(targets: Vec<Target>) -> Self {
        Self(targets)
    }

    /// Whether nobody is told anything.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is to be sent because a payment has come to stand like this.
    pub fn notifications(&self, about: &About, now: Timestamp) -> impl Iterator<Item = Notification> {
        let is_told =
            |target: &&Target| target.on.contains(&about.status) && (about.user_id.is_some() || !target.needs_user);
        self.0.iter().filter(is_told).map(move |target| Notification::new(target.name, about.clone(), now))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::notification::tests::about, *};

    fn target(name: &str, on: &[PaymentStatus], needs_user: bool) -> Target {
        Target { name: name.parse().unwrap(), on: on.to_vec(), needs_user }
    }

    #[test]
    fn everybody_is_told_what_they_want_to_hear_and_nothing_else() {
        let audience = Audience::new(vec![
            target("orders", &[PaymentStatus::Paid], false),
            target("users", &[PaymentStatus::Paid], true),
            target("books", &[PaymentStatus::Paid, PaymentStatus::Refunded], false),
        ]);
        let now = Timestamp::from_millis(1_000);
        let told =
            |about: &About| audience.notifications(about, now).map(|told| told.target.as_str()).collect::<Vec<_>>();
        assert_eq!(told(&about()), ["orders", "users", "books"]);
        assert_eq!(told(&About { user_id: None, ..about() }), ["orders", "books"]);
        assert_eq!(told(&About { status: PaymentStatus::Refunded, ..about() }), ["books"]);
        assert_eq!(told(&About { status: PaymentStatus::Expired, ..about() }), [""; 0]);
    }

    #[test]
    fn each_news_has_one_id_for_each_target() {
        let (first, second): (TargetName, TargetName) = ("orders".parse().unwrap(), "users".parse().unwrap());
        let (now, later) = (Timestamp::from_millis(1_000), Timestamp::from_millis(1_001));
        let id = |target: TargetName, about: &About, at| about.id_for(target.as_str(), at);
        assert_eq!(id(first, &about(), now), id(first, &about(), now));
        assert_ne!(id(first, &about(), now), id(second, &about(), now));
        assert_ne!(id(first, &about(), now), id(first, &About { status: PaymentStatus::Failed, ..about() }, now));
        assert!(id(first, &about(), now) < id(first, &about(), later));
    }
}

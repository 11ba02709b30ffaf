//! Users whom other services say are paid for.

use super::GivenId;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Somebody reports that a user has paid.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserPaid {
    /// The user, as the user's own service calls them.
    pub user_id: GivenId,
    /// For which order, where that was said.
    pub order_id: Option<GivenId>,
    /// With which payment, where that was said.
    pub payment_id: Option<GivenId>,
}

/// A user who has paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidUser {
    /// The user.
    pub user_id: GivenId,
    /// The last order that was paid, where it was said.
    pub order_id: Option<GivenId>,
    /// The last payment, where it was said.
    pub payment_id: Option<GivenId>,
    /// When they were first said to have paid.
    pub created_at: Timestamp,
    /// When that last changed.
    pub updated_at: Timestamp,
}

impl UserPaid {
    /// The user as they stand after it; `None` where nothing changes.
    pub fn decide(&self, before: Option<&PaidUser>, now: Timestamp) -> Option<PaidUser> {
        let Self { user_id, order_id, payment_id } = self.clone();
        let created_at = before.map_or(now, |before| before.created_at);
        let says_the_same = |before: &PaidUser| before.order_id == order_id && before.payment_id == payment_id;
        let says_nothing = order_id.is_none() && payment_id.is_none();
        match before {
            Some(before) if says_nothing || says_the_same(before) => None,
            _ => Some(PaidUser { user_id, order_id, payment_id, created_at, updated_at: now }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_changes_nothing_and_another_payment_is_the_last() {
        let paid = |payment: Option<i64>| UserPaid {
            user_id: GivenId::Number(7),
            order_id: None,
            payment_id: payment.map(GivenId::Number),
        };
        let (first, later) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        let user = paid(Some(1)).decide(None, first).expect("a user");
        assert_eq!((user.created_at, user.updated_at), (first, first));
        assert_eq!(paid(Some(1)).decide(Some(&user), later), None);
        assert_eq!(paid(None).decide(Some(&user), later), None, "what was said before is not forgotten");
        let user = paid(Some(2)).decide(Some(&user), later).expect("a change");
        assert_eq!((user.payment_id, user.created_at, user.updated_at), (Some(GivenId::Number(2)), first, later));
    }
}

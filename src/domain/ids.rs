//! Typed identifiers. An id of one thing cannot be passed where another is meant.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    str::FromStr,
};
use uuid::Uuid;

/// A map with ids for its keys. Nearly all of them are made here, and they come in by the thousands: the hash
/// is a fast one, seeded at random, so that ids made up by a client collide no more than others.
pub type IdMap<Id, T> = HashMap<Id, T, foldhash::fast::RandomState>;
/// A set of ids, hashed as in an [`IdMap`].
pub type IdSet<Id> = HashSet<Id, foldhash::fast::RandomState>;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID. New ids are UUIDv7, made outside the domain, so that keys are
            /// time-ordered and land at the end of every index.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The UUID's sixteen bytes, which sort as the ids do.
            pub const fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// An order, and the key by which every participant remembers what it did for that order.
    OrderId
);
impl OrderId {
    /// How far the time that an order counts as placed at may be from the time in its id, in milliseconds
    /// ([`super::order::placed_at`]): what is listed by time is looked for among ids that far around it.
    pub const DRIFT_MS: u64 = 60_000;

    /// When the id was made; `None` where it is no UUIDv7 and does not say.
    pub fn made_at(self) -> Option<Timestamp> {
        let millis = i64::try_from(self.0.as_u128() >> (128 - Self::TIME_BITS)).ok()?;
        (self.0.get_version_num() == 7).then_some(Timestamp::from_millis(millis))
    }

    /// The lowest id that can be made at a time.
    pub fn first_at(at: Timestamp) -> Self {
        let millis = u64::try_from(at.millis()).unwrap_or(0).min((1 << Self::TIME_BITS) - 1);
        Self(Uuid::from_u128(u128::from(millis) << (128 - Self::TIME_BITS)))
    }

    /// How many bits of a UUIDv7, from its start, are its time.
    const TIME_BITS: u32 = 48;
}

id!(
    /// One run of a saga definition for one order.
    SagaId
);
id!(
    /// An order's payment.
    PaymentId
);
id!(
    /// An order's shipment.
    ShipmentId
);

impl ShipmentId {
    /// The id that is `n` further on: an order's shipments are numbered from one that was made up front.
    #[must_use]
    pub const fn nth(self, n: u16) -> Self {
        const COUNTER: u128 = (1 << 62) - 1; // the random end of a UUIDv7, behind its variant
        let id = self.0.as_u128();
        Self(Uuid::from_u128((id & !COUNTER) | ((id + n as u128) & COUNTER)))
    }

    /// What the customer follows the shipment by, where its carrier has no number of its own: `BS` and fourteen digits
    /// without `I`, `L`, `O` and `U`. Eight are of the id's time, so that new numbers land at the end of their index; six
    /// are of its random end.
    pub fn tracking_number(self) -> String {
        const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        const TIME: u32 = 8;
        const END: u32 = 6;
        let id = self.0.as_u128();
        let digits = ((id >> 80) & ((1 << (5 * TIME)) - 1)) << (5 * END) | (id & ((1 << (5 * END)) - 1));
        let digit = |place: u32| char::from(DIGITS[(digits >> (5 * place)) as usize % DIGITS.len()]);
        "BS".chars().chain((0..TIME + END).rev().map(digit)).collect()
    }
}

id!(
    /// A product of the central catalogue.
    ProductId
);
id!(
    /// One form in which a product is sold: a size, a colour.
    VariantId
);
id!(
    /// A shop.
    ShopId
);
id!(
    /// A shop's warehouse.
    WarehouseId
);
id!(
    /// A transfer of stock from one warehouse to another.
    TransferId
);
id!(
    /// A notification.
    NotificationId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracking_number_is_in_the_order_of_the_time_in_its_id_and_an_orders_differ() {
        let at = |millis: u128, end: u128| ShipmentId::from_uuid(Uuid::from_u128(millis << 80 | end)).tracking_number();
        assert_eq!(at(0, 4), "BS00000000000004");
        assert_eq!(at(1, 31), "BS0000000100000Z");
        assert!(at(1_796_083_200_000, u128::from(u64::MAX)) < at(1_796_083_200_001, 0));
        let first = ShipmentId::from_uuid(Uuid::now_v7());
        assert_ne!(first.tracking_number(), first.nth(1).tracking_number());
        assert_eq!(first.tracking_number().len(), 16);
    }

    #[test]
    fn an_order_id_says_when_it_was_made_and_sorts_by_that() {
        let id = OrderId::from_uuid(Uuid::now_v7());
        let made = id.made_at().unwrap();
        assert!(OrderId::first_at(made) <= id && id < OrderId::first_at(made.plus_millis(1)));
        assert_eq!(OrderId::from_uuid(Uuid::from_u128(7)).made_at(), None);
        let (before_all, after_all) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
        assert!(OrderId::first_at(before_all).uuid().is_nil() && id < OrderId::first_at(after_all));
    }
}

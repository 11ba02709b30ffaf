//! How many orders there are of each kind, and what they come to.

use super::OrderFilter;
use crate::domain::{
    ids::{OrderId, ShopId},
    money::Currency,
    order::{Order, OrderStatus},
    reason::Reason,
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::collections::HashMap;
use strum::{EnumString, IntoStaticStr};

/// What orders are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum SummaryBy {
    /// How far they have come.
    Status,
    /// Why they were unwound; those that were not are a group of their own.
    Reason,
    /// Who sells. An order of several shops counts for each, with what each sells; free-text lines are no shop's.
    Shop,
}

/// Which orders are counted, and by what.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SummaryQuery {
    /// Placed at or after this time.
    pub from: Timestamp,
    /// Placed before this time.
    pub until: Timestamp,
    /// By what.
    pub by: SummaryBy,
}

/// What the orders of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SummaryKey {
    /// Their status.
    Status(OrderStatus),
    /// Why they were unwound, if they were.
    Reason(Option<Reason>),
    /// Who sells.
    Shop(ShopId),
}

/// A sum of orders' totals, which a 64-bit number may not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(pub i128);

/// As a text: JSON's numbers are not to be relied on that far.
impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Orders that have something in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryGroup {
    /// What.
    pub key: SummaryKey,
    /// The currency of their totals.
    pub currency: Currency,
    /// How many.
    pub orders: u64,
    /// What they come to: of a shop, what it sells of them.
    pub total: Sum,
}

impl SummaryQuery {
    /// The same orders as a list's filter, which says between which ids they are.
    pub(super) fn filter(self) -> OrderFilter {
        OrderFilter { created_after: Some(self.from), created_before: Some(self.until), ..OrderFilter::default() }
    }

    /// The ids between which they are; `None` where there can be none.
    pub(super) fn ids(self) -> Option<(OrderId, OrderId)> {
        let stretch = self.filter().stretches().into_iter().next()?;
        stretch.from.zip(stretch.until)
    }
}

/// Orders as they are counted one by one.
#[derive(Debug, Default)]
pub(super) struct Tally(HashMap<(SummaryKey, Currency), (u64, i128)>);

impl Tally {
    /// Counts some orders of a group in.
    pub(super) fn add(&mut self, key: SummaryKey, currency: Currency, orders: u64, total: i128) {
        let group = self.0.entry((key, currency)).or_default();
        group.0 += orders;
        group.1 += total;
    }

    /// Counts an order in for each shop that sells something of it.
    pub(super) fn add_shops(&mut self, order: &Order) {
        for part in order.basket.shop_orders() {
            self.add(SummaryKey::Shop(part.shop_id), order.currency, 1, part.total.get().into());
        }
    }

    /// The groups, the largest first.
    pub(super) fn groups(self) -> Vec<SummaryGroup> {
        let group = |((key, currency), (orders, total))| SummaryGroup { key, currency, orders, total: Sum(total) };
        let mut groups: Vec<_> = self.0.into_iter().map(group).collect();
        groups.sort_by_cached_key(|group| (u64::MAX - group.orders, format!("{:?}", group.key)));
        groups
    }
}

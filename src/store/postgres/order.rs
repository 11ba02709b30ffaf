//! Orders in PostgreSQL.

use super::{
    Postgres,
    codec::{Unreadable, count, from_json, get},
    loader::Loader,
    readers::{Condition, List, Planned, Readers, Walk, unless_unreadable},
};
use crate::{
    domain::{
        ids::OrderId,
        order::{Basket, Order, OrderCommand},
    },
    store::{
        Answers, Commands, Executed, Keyed, OrderFilter, OrderQueries, Page, StoreError, SummaryBy, SummaryGroup,
        SummaryKey, SummaryQuery,
        commands::Aggregates,
        query::{OrderLead, OrderStretch},
        summary::Tally,
    },
};
use futures::future::BoxFuture;
use std::{future::ready, sync::Arc};
use tokio_postgres::Row;

macro_rules! columns {
    () => {
        "id, saga_id, customer_ref, currency, total_amount, lines, revision, status, reason, goods, created_at, \
         updated_at, version"
    };
}
pub(super) use columns;

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM order_order WHERE id = ANY($1)");
/// The orders `$1`, locked in an order that is the same for every node.
pub(super) const LOCKED: &str =
    concat!("SELECT ", columns!(), " FROM order_order WHERE id = ANY($1) ORDER BY id FOR UPDATE");
/// All rows, by id: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM order_order ORDER BY id");
/// Which shops name which orders, by order: likewise.
pub(super) const SHOPS: &str = "SELECT order_id, shop_id FROM order_shop ORDER BY order_id";
/// Orders by id.
const LISTED: List = List {
    select: concat!("SELECT ", columns!(), " FROM order_order"),
    key: "id",
    key_column: 0,
    order: "id DESC",
    planned: Planned::Once,
};
/// A shop's orders, in the order of its own index.
const LISTED_OF_SHOP: List = List {
    select: concat!("SELECT ", columns!(), " FROM order_shop JOIN order_order ON id = order_id"),
    key: "order_id",
    key_column: 0,
    order: "order_id DESC",
    planned: Planned::Once,
};

/// Those that changed late, which are few: found by when, and sorted.
const LISTED_LATE: List = List {
    select: concat!("SELECT ", columns!(), " FROM order_order"),
    key: "id",
    key_column: 0,
    order: "id DESC",
    planned: Planned::ForItsValues,
};

macro_rules! counted {
    () => {
        "order_order WHERE id >= $1 AND id < $2 AND created_at >= $3 AND created_at < $4"
    };
}

/// Sums are texts: they may be more than a column of the driver's holds.
macro_rules! summed {
    () => {
        concat!(", currency, count(*), sum(total_amount)::text FROM ", counted!())
    };
}

/// What each shop sells of the orders, by their lines.
const SUMMED_BY_SHOP: &str = concat!(
    "SELECT shop_id, currency, count(*), sum(part)::text FROM (SELECT (line -> 'stocked' ->> 'shop_id')::uuid AS shop_id, \
     currency, sum((line ->> 'quantity')::numeric * (line ->> 'price')::numeric) AS part FROM (SELECT id, currency, \
     jsonb_array_elements(lines::jsonb) AS line FROM ",
    counted!(),
    ") l WHERE line -> 'stocked' IS NOT NULL GROUP BY id, currency, 1) p GROUP BY shop_id, currency"
);

/// Reads an order; the version is the column after it.
pub(super) fn read(row: &Row) -> Result<Order, Unreadable> {
    Ok(Order {
        id: get(row, 0)?,
        saga_id: get(row, 1)?,
        customer_ref: get(row, 2)?,
        currency: get(row, 3)?,
        basket: Arc::new(Basket::stored(from_json(row, 5)?, get(row, 4)?)),
        revision: count(row, 6)?,
        status: get(row, 7)?,
        reason: get(row, 8)?,
        goods: get::<Option<_>>(row, 9)?.unwrap_or_default(),
        created_at: get(row, 10)?,
        updated_at: get(row, 11)?,
    })
}

/// What looks orders up.
pub(super) fn loader(readers: &Readers) -> Loader<OrderId, Order> {
    readers.loader(BY_ID, read, |_, _| {})
}

impl Commands<OrderCommand, Executed<Order>> for Postgres {
    fn execute(&self, commands: Vec<Keyed<OrderCommand>>) -> BoxFuture<'static, Answers<Executed<Order>>> {
        self.queue.execute::<Aggregates<Order>>(commands)
    }
}

impl OrderQueries for Postgres {
    /// One order.
    fn order(&self, id: OrderId) -> BoxFuture<'static, Result<Option<Order>, StoreError>> {
        self.orders.find(id)
    }

    /// Orders, newest first.
    fn orders(&self, filter: OrderFilter, page: Page<OrderId>) -> BoxFuture<'static, Result<Vec<Order>, StoreError>> {
        let walks = filter.stretches().into_iter().map(|stretch| walk(&filter, stretch)).collect();
        self.readers.walks(walks, page, read)
    }

    /// How many orders there are in each group.
    fn summary(&self, query: SummaryQuery) -> BoxFuture<'static, Result<Vec<SummaryGroup>, StoreError>> {
        let SummaryQuery { from, until, by } = query;
        let Some((first, last)) = query.ids() else { return Box::pin(ready(Ok(Vec::new()))) };
        self.readers.read(async move |client| {
            let statement = client
                .prepare_cached(match by {
                    SummaryBy::Status => concat!("SELECT status", summed!(), " GROUP BY 1, 2"),
                    SummaryBy::Reason => concat!("SELECT reason", summed!(), " GROUP BY 1, 2"),
                    SummaryBy::Shop => SUMMED_BY_SHOP,
                })
                .await?;
            let mut tally = Tally::default();
            for row in client.query(&statement, &[&first, &last, &from, &until]).await? {
                unless_unreadable(count_in(by, &row, &mut tally));
            }
            Ok(tally.groups())
        })
    }
}

fn count_in(by: SummaryBy, row: &Row, tally: &mut Tally) -> Result<(), Unreadable> {
    let key = match by {
        SummaryBy::Status => SummaryKey::Status(get(row, 0)?),
        SummaryBy::Reason => SummaryKey::Reason(get(row, 0)?),
        SummaryBy::Shop => SummaryKey::Shop(get(row, 0)?),
    };
    let total: &str = get(row, 3)?;
    let orders: i64 = get(row, 2)?;
    let total = total.parse().map_err(|_| Unreadable::because(format!("the sum is {total:?}")))?;
    tally.add(key, get(row, 1)?, orders.unsigned_abs(), total);
    Ok(())
}

/// That an order changed late, at this time or later. Where the oldest order is younger than that, none is looked for.
const CHANGED_LATE: &str =
    "changed_late >= (SELECT CASE WHEN created_at < $n THEN $n END FROM order_order ORDER BY id LIMIT 1)";

/// How the orders of a stretch are found that pass a filter. The conditions are planned in tests/it/store/plans.rs.
fn walk(filter: &OrderFilter, stretch: OrderStretch) -> Walk {
    let OrderStretch { from, until, changed_late } = stretch;
    let lead = filter.lead();
    let mut walk = Walk { list: LISTED, conditions: Vec::new(), one_of: Vec::new() };
    let names_shop = lead == OrderLead::Shop && changed_late.is_none();
    if names_shop {
        walk.list = LISTED_OF_SHOP;
    }
    let mut on = |condition: Condition| walk.conditions.push(condition);
    if let Some(ids) = &filter.ids {
        on(("id = ANY($n)", Box::new(ids.clone())));
    }
    if let Some(customer_ref) = &filter.customer_ref {
        on(("customer_ref = $n", Box::new(customer_ref.clone())));
    }
    if let Some(shop_id) = filter.shop_id {
        let clause = if names_shop {
            "shop_id = $n"
        } else {
            "EXISTS (SELECT 1 FROM order_shop WHERE shop_id = $n AND order_id = id)"
        };
        on((clause, Box::new(shop_id)));
    }
    if let Some(from) = from {
        on((if names_shop { "order_id >= $n" } else { "id >= $n" }, Box::new(from)));
    }
    if let Some(until) = until {
        // Those that changed late are found by when, and not along their ids.
        on(match (changed_late, names_shop) {
            (Some(_), _) => ("(id < $n) IS TRUE", Box::new(until)),
            (None, true) => ("order_id < $n", Box::new(until)),
            (None, false) => ("id < $n", Box::new(until)),
        });
    }
    if let Some(created_after) = filter.created_after {
        on(("created_at >= $n", Box::new(created_after)));
    }
    if let Some(created_before) = filter.created_before {
        on(("created_at < $n", Box::new(created_before)));
    }
    match (changed_late, filter.updated_after) {
        (Some(changed), _) => {
            walk.list = LISTED_LATE;
            on((CHANGED_LATE, Box::new(changed)));
        }
        (None, Some(changed)) => on(("updated_at >= $n", Box::new(changed))),
        (None, None) => {}
    }
    let reasons = filter.reasons.iter();
    if lead == OrderLead::Reasons && changed_late.is_none() {
        walk.one_of = reasons.map(|reason| -> Condition { ("reason = $n", Box::new(*reason)) }).collect();
    } else if !filter.reasons.is_empty() {
        on(("reason = ANY($n)", Box::new(filter.reasons.clone())));
    }
    if lead == OrderLead::Closed && changed_late.is_none() {
        // Names the condition of the partial index that has their rows.
        on(("status = ANY($n) AND reason IS NOT NULL", Box::new(filter.statuses.clone())));
    } else if !filter.statuses.is_empty() {
        on(("status = ANY($n)", Box::new(filter.statuses.clone())));
    }
    walk
}

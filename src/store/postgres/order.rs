//! Orders in PostgreSQL.

use super::{
    Postgres,
    codec::{Unreadable, count, from_json, get},
    loader::Loader,
    readers::{Condition, List, Planned, Readers},
};
use crate::{
    domain::{
        ids::OrderId,
        order::{Basket, Order, OrderCommand, OrderStatus},
    },
    store::{Answers, Commands, Executed, Keyed, OrderFilter, OrderQueries, Page, StoreError, commands::Aggregates},
};
use futures::future::BoxFuture;
use std::sync::Arc;
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
        let mut conditions: Vec<Condition> = Vec::new();
        let mut list = LISTED;
        if let Some(shop_id) = filter.shop_id {
            list = LISTED_OF_SHOP;
            conditions.push(("shop_id = $n", Box::new(shop_id)));
        }
        if let Some(status) = filter.status {
            // Each names the condition of the partial index that has its rows.
            let found_by = match status {
                OrderStatus::Failed | OrderStatus::Cancelled => "status = $n AND reason IS NOT NULL",
                OrderStatus::Pending | OrderStatus::Paid | OrderStatus::Completed => "status = $n",
            };
            conditions.push((found_by, Box::new(status)));
        }
        if let Some(customer_ref) = filter.customer_ref {
            conditions.push(("customer_ref = $n", Box::new(customer_ref)));
        }
        if let Some(created_after) = filter.created_after {
            conditions.push(("created_at >= $n", Box::new(created_after)));
        }
        self.readers.list(list, conditions, page, read)
    }
}

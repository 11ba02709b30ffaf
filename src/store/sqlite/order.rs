//! Orders in SQLite.

use super::{
    Sqlite,
    codec::{from_json, to_json},
    readers::{Condition, List},
    recent::{Recent, Rows as RecentRows},
    table::Table,
    tx::Tx,
};
use crate::{
    domain::{
        field::CustomerRef,
        ids::OrderId,
        money::Amount,
        order::{Basket, Line, Order, OrderCommand, OrderStatus},
    },
    store::{
        Answers, Claim, Commands, Executed, Keyed, OrderFilter, OrderQueries, Page, StoreError,
        commands::{Aggregates, Claimed, Versioned},
    },
};
use futures::future::BoxFuture;
use rusqlite::Row;
use std::sync::Arc;

macro_rules! columns {
    () => {
        "id, saga_id, customer_ref, currency, total_amount, lines, revision, status, reason, goods, created_at, \
         updated_at, version"
    };
}

/// All rows, by id: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM order_order ORDER BY id");

impl Table for Order {
    const LOAD: &'static str = concat!("SELECT ", columns!(), " FROM order_order WHERE id = ?1");

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let lines = from_json(5, row.get_ref(5)?.as_str()?)?;
        let customer_ref: Option<String> = row.get(2)?;
        Ok(Self {
            id: row.get(0)?,
            saga_id: row.get(1)?,
            customer_ref: customer_ref.map(CustomerRef::stored),
            currency: row.get(3)?,
            basket: Arc::new(Basket::stored(lines, row.get(4)?)),
            revision: row.get(6)?,
            status: row.get(7)?,
            reason: row.get(8)?,
            goods: row.get::<_, Option<_>>(9)?.unwrap_or_default(),
            created_at: row.get(10)?,
            updated_at: row.get(11)?,
        })
    }

    fn recent(recent: &Recent) -> Option<&RecentRows<OrderId, Versioned<Self>>> {
        Some(&recent.orders)
    }

    fn find_claim(claim: &Claim, tx: &Tx<'_, '_>) -> rusqlite::Result<Option<Claimed>> {
        tx.row(
            "SELECT order_id, body_hash FROM order_idempotency WHERE scope = ?1 AND key = ?2",
            (&claim.scope, &claim.key),
            |row| Ok(Claimed { order: row.get(0)?, part: 0, body_hash: row.get(1)? }),
        )
    }

    fn keep_claim(claim: &Claim, order: OrderId, _part: usize, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        tx.run(
            "INSERT INTO order_idempotency (scope, key, body_hash, order_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            (&claim.scope, &claim.key, claim.body_hash, order, tx.now()),
        )
    }

    fn insert(&self, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        let inserted = tx.run(
            concat!(
                "INSERT INTO order_order (",
                columns!(),
                ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1) \
                 ON CONFLICT (id) DO NOTHING"
            ),
            (
                self.id,
                self.saga_id,
                self.customer_ref.as_ref().map(CustomerRef::as_str),
                self.currency,
                self.basket.total(),
                to_json(&self.basket.lines())?,
                self.revision,
                self.status,
                self.reason,
                self.goods.stored(),
                self.created_at,
                self.updated_at,
            ),
        )?;
        if inserted == 1 {
            name_shops(tx, self.id, &self.basket)?;
        }
        Ok(inserted)
    }

    /// Only how far it has come changes, unless the order was edited: then its lines are written again, too.
    fn update(&self, tx: &Tx<'_, '_>, loaded: i64) -> rusqlite::Result<usize> {
        if self.revision > 0 {
            return amend(tx, self, loaded);
        }
        tx.run(
            "UPDATE order_order SET status = ?3, reason = ?4, goods = ?5, updated_at = ?6, version = version + 1 \
             WHERE id = ?1 AND version = ?2",
            (self.id, loaded, self.status, self.reason, self.goods.stored(), self.updated_at),
        )
    }
}

/// Writes an edited order over version `loaded` of it.
fn amend(tx: &Tx<'_, '_>, order: &Order, loaded: i64) -> rusqlite::Result<usize> {
    let stored = tx.row("SELECT revision, lines FROM order_order WHERE id = ?1", [order.id], |row| {
        Ok((row.get::<_, u32>(0)?, from_json::<Vec<Line>>(1, row.get_ref(1)?.as_str()?)?))
    })?;
    let updated = tx.run(
        "UPDATE order_order SET total_amount = ?3, lines = ?4, revision = ?5, status = ?6, reason = ?7, \
         updated_at = ?8, version = version + 1 WHERE id = ?1 AND version = ?2",
        (
            order.id,
            loaded,
            order.basket.total(),
            to_json(&order.basket.lines())?,
            order.revision,
            order.status,
            order.reason,
            order.updated_at,
        ),
    )?;
    if let Some((revision, lines)) = stored
        && updated == 1
        && revision != order.revision
    {
        for part in Basket::stored(lines, Amount::ZERO).shop_orders() {
            tx.run("DELETE FROM order_shop WHERE shop_id = ?1 AND order_id = ?2", (part.shop_id, order.id))?;
        }
        name_shops(tx, order.id, &order.basket)?;
    }
    Ok(updated)
}

/// Writes which shops sell something of an order.
fn name_shops(tx: &Tx<'_, '_>, order: OrderId, basket: &Basket) -> rusqlite::Result<()> {
    for part in basket.shop_orders() {
        tx.run("INSERT INTO order_shop (shop_id, order_id) VALUES (?1, ?2)", (part.shop_id, order))?;
    }
    Ok(())
}

impl Commands<OrderCommand, Executed<Order>> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<OrderCommand>>) -> BoxFuture<'static, Answers<Executed<Order>>> {
        self.queue.execute::<Aggregates<Order>>(commands)
    }
}

impl OrderQueries for Sqlite {
    fn order(&self, id: OrderId) -> BoxFuture<'static, Result<Option<Order>, StoreError>> {
        self.readers.read_recent(self.recent.orders.committed(id), Order::LOAD, id)
    }

    fn orders(&self, filter: OrderFilter, page: Page<OrderId>) -> BoxFuture<'static, Result<Vec<Order>, StoreError>> {
        let mut conditions: Vec<Condition> = Vec::new();
        let mut list =
            List { select: concat!("SELECT ", columns!(), " FROM order_order"), key: "id", order: "id DESC" };
        if let Some(shop_id) = filter.shop_id {
            // A shop's orders are read in the order of its own index.
            list = List {
                select: concat!("SELECT ", columns!(), " FROM order_shop CROSS JOIN order_order ON id = order_id"),
                key: "order_id",
                order: "order_id DESC",
            };
            conditions.push(("shop_id = ?", Box::new(shop_id)));
        }
        if let Some(status) = filter.status {
            // Each names the condition of the partial index that has its rows.
            let found_by = match status {
                OrderStatus::Failed | OrderStatus::Cancelled => "status = ? AND reason IS NOT NULL",
                OrderStatus::Pending | OrderStatus::Paid | OrderStatus::Completed => "status = ?",
            };
            conditions.push((found_by, Box::new(status)));
        }
        if let Some(customer_ref) = filter.customer_ref {
            conditions.push(("customer_ref = ?", Box::new(customer_ref.as_str().to_owned())));
        }
        if let Some(created_after) = filter.created_after {
            conditions.push(("created_at >= ?", Box::new(created_after)));
        }
        self.readers.read_list(list, conditions, page, Order::read)
    }
}

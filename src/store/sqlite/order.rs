//! Orders in SQLite.

use super::{
    Sqlite,
    codec::{from_json, to_json},
    readers::{Condition, List},
    recent::{Recent, Rows},
    table::{Runner, Table, Versioned},
    tx::Tx,
};
use crate::{
    domain::{
        field::CustomerRef,
        ids::OrderId,
        order::{Basket, Order, OrderCommand, OrderStatus},
    },
    store::{Answers, Commands, Executed, Keyed, OrderFilter, OrderStore, Page, StoreError},
};
use futures::future::BoxFuture;
use rusqlite::Row;
use std::sync::Arc;

macro_rules! columns {
    () => {
        "id, saga_id, customer_ref, currency, total_amount, lines, status, reason, created_at, updated_at, version"
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
            status: row.get(6)?,
            reason: row.get(7)?,
            created_at: row.get(8)?,
            updated_at: row.get(9)?,
        })
    }

    fn recent(recent: &Recent) -> Option<&Rows<OrderId, Versioned<Self>>> {
        Some(&recent.orders)
    }

    fn is_small(&self) -> bool {
        self.basket.lines().len() <= 8
    }

    fn insert(&self, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        let inserted = tx.run(
            concat!(
                "INSERT INTO order_order (",
                columns!(),
                ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1) \
                 ON CONFLICT (id) DO NOTHING"
            ),
            (
                self.id,
                self.saga_id,
                self.customer_ref.as_ref().map(CustomerRef::as_str),
                self.currency,
                self.basket.total(),
                to_json(&self.basket.lines())?,
                self.status,
                self.reason,
                self.created_at,
                self.updated_at,
            ),
        )?;
        if inserted == 1 {
            for shop_order in self.basket.shop_orders() {
                tx.run("INSERT INTO order_shop (shop_id, order_id) VALUES (?1, ?2)", (shop_order.shop_id, self.id))?;
            }
        }
        Ok(inserted)
    }

    /// What was ordered never changes; how far it has come does.
    fn update(&self, tx: &Tx<'_, '_>, loaded: i64) -> rusqlite::Result<usize> {
        tx.run(
            "UPDATE order_order SET status = ?3, reason = ?4, updated_at = ?5, version = version + 1 \
             WHERE id = ?1 AND version = ?2",
            (self.id, loaded, self.status, self.reason, self.updated_at),
        )
    }
}

impl Commands<OrderCommand, Executed<Order>> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<OrderCommand>>) -> BoxFuture<'static, Answers<Executed<Order>>> {
        self.writer.execute::<Runner<Order>>(commands)
    }
}

impl OrderStore for Sqlite {
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

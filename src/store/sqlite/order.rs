//! Orders in SQLite.

use super::{
    Sqlite,
    codec::{from_json, is_unreadable, to_json},
    readers::{Condition, List, Walk, name_list},
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
        Answers, Claim, Commands, Executed, Keyed, OrderFilter, OrderQueries, Page, StoreError, SummaryBy,
        SummaryGroup, SummaryKey, SummaryQuery,
        commands::{Aggregates, Claimed, Versioned},
        query::{OrderLead, OrderStretch},
        summary::Tally,
    },
};
use futures::future::BoxFuture;
use rusqlite::Row;
use std::{future::ready, sync::Arc};

macro_rules! columns {
    () => {
        "id, saga_id, customer_ref, currency, total_amount, lines, revision, status, reason, goods, created_at, \
         updated_at, version"
    };
}

macro_rules! counted {
    () => {
        " FROM order_order WHERE id >= ?1 AND id < ?2 AND created_at >= ?3 AND created_at < ?4"
    };
}

/// All rows, by id: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM order_order ORDER BY id");
/// Which shops name which orders, by order: likewise.
pub(super) const SHOPS: &str = "SELECT order_id, shop_id FROM order_shop ORDER BY order_id";

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
        let walks = filter.stretches().into_iter().map(|stretch| walk(&filter, stretch)).collect();
        self.readers.read_walks(walks, page, Order::read)
    }

    /// The orders are counted as they come, in the order of their ids: SQLite would sort them by their groups first.
    fn summary(&self, query: SummaryQuery) -> BoxFuture<'static, Result<Vec<SummaryGroup>, StoreError>> {
        let SummaryQuery { from, until, by } = query;
        let Some((first, last)) = query.ids() else { return Box::pin(ready(Ok(Vec::new()))) };
        self.readers.read(move |conn| {
            let mut statement = conn.prepare_cached(match by {
                SummaryBy::Status => concat!("SELECT status, currency, total_amount", counted!()),
                SummaryBy::Reason => concat!("SELECT reason, currency, total_amount", counted!()),
                SummaryBy::Shop => concat!("SELECT ", columns!(), counted!()),
            })?;
            let mut rows = statement.query((first, last, from, until))?;
            let mut tally = Tally::default();
            while let Some(row) = rows.next()? {
                match count(by, row, &mut tally) {
                    Ok(()) => {}
                    Err(error) if is_unreadable(&error) => {
                        tracing::error!(%error, "a stored order cannot be read and is not counted");
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(tally.groups())
        })
    }
}

fn count(by: SummaryBy, row: &Row<'_>, tally: &mut Tally) -> rusqlite::Result<()> {
    let key = match by {
        SummaryBy::Status => SummaryKey::Status(row.get(0)?),
        SummaryBy::Reason => SummaryKey::Reason(row.get(0)?),
        SummaryBy::Shop => {
            tally.add_shops(&Order::read(row)?);
            return Ok(());
        }
    };
    tally.add(key, row.get(1)?, 1, row.get::<_, Amount>(2)?.get().into());
    Ok(())
}

const LISTED: List = List { select: concat!("SELECT ", columns!(), " FROM order_order"), key: "id", order: "id DESC" };
/// A shop's orders are read in the order of its own index.
const LISTED_OF_SHOP: List = List {
    select: concat!("SELECT ", columns!(), " FROM order_shop CROSS JOIN order_order ON id = order_id"),
    key: "order_id",
    order: "order_id DESC",
};
/// Those that changed late are few: SQLite would rather read every order in order than sort them.
const LISTED_LATE: List = List {
    select: concat!("SELECT ", columns!(), " FROM order_order INDEXED BY order_order_changed"),
    key: "id",
    order: "id DESC",
};

/// That an order changed late, at this time or later. Where the oldest order is younger than that, none is looked for.
const CHANGED_LATE: &str =
    "changed_late >= (SELECT CASE WHEN created_at < ? THEN ? END FROM order_order ORDER BY id LIMIT 1)";

/// How the orders of a stretch are found that pass a filter. A plus keeps SQLite from being led by what does not lead.
fn walk(filter: &OrderFilter, stretch: OrderStretch) -> Walk {
    let OrderStretch { from, until, changed_late } = stretch;
    let lead = filter.lead();
    let mut walk = Walk { list: LISTED, conditions: Vec::new(), one_of: Vec::new() };
    if changed_late.is_some() {
        walk.list = LISTED_LATE;
    } else if lead == OrderLead::Shop {
        walk.list = LISTED_OF_SHOP;
    }
    let mut on = |condition: Condition| walk.conditions.push(condition);
    if let Some(ids) = &filter.ids {
        on(("id IN (SELECT unhex(value) FROM json_each(?))", Box::new(hex_list(ids))));
    }
    if let Some(customer_ref) = &filter.customer_ref {
        let clause = if lead == OrderLead::Customer { "customer_ref = ?" } else { "+customer_ref = ?" };
        on((clause, Box::new(customer_ref.as_str().to_owned())));
    }
    let names_shop = matches!(lead, OrderLead::Shop) && changed_late.is_none();
    if let Some(shop_id) = filter.shop_id {
        let clause = if names_shop {
            "shop_id = ?"
        } else {
            "EXISTS (SELECT 1 FROM order_shop WHERE shop_id = ? AND order_id = id)"
        };
        on((clause, Box::new(shop_id)));
    }
    if let Some(from) = from {
        on((if names_shop { "order_id >= ?" } else { "id >= ?" }, Box::new(from)));
    }
    if let Some(until) = until {
        on((if names_shop { "order_id < ?" } else { "id < ?" }, Box::new(until)));
    }
    if let Some(created_after) = filter.created_after {
        on(("created_at >= ?", Box::new(created_after)));
    }
    if let Some(created_before) = filter.created_before {
        on(("created_at < ?", Box::new(created_before)));
    }
    match (changed_late, filter.updated_after) {
        (Some(changed), _) => on((CHANGED_LATE, Box::new(changed))),
        (None, Some(changed)) => on(("updated_at >= ?", Box::new(changed))),
        (None, None) => {}
    }
    let reasons = filter.reasons.iter();
    if lead == OrderLead::Reasons && changed_late.is_none() {
        walk.one_of = reasons.map(|reason| -> Condition { ("reason = ?", Box::new(*reason)) }).collect();
    } else if !filter.reasons.is_empty() {
        on(("+reason IN (SELECT value FROM json_each(?))", Box::new(name_list(reasons.map(|reason| reason.as_str())))));
    }
    let statuses = filter.statuses.iter();
    if lead == OrderLead::Closed && changed_late.is_none() {
        // Each names the condition of the partial index that has its rows.
        let found_by = |status: &OrderStatus| -> Condition { ("status = ? AND reason IS NOT NULL", Box::new(*status)) };
        walk.one_of = statuses.map(found_by).collect();
    } else if !filter.statuses.is_empty() {
        on((
            "+status IN (SELECT value FROM json_each(?))",
            Box::new(name_list(statuses.map(|status| status.as_str()))),
        ));
    }
    walk
}

/// Ids as one value.
fn hex_list(ids: &[OrderId]) -> String {
    let quoted: Vec<_> = ids.iter().map(|id| format!("\"{}\"", id.uuid().simple())).collect();
    format!("[{}]", quoted.join(","))
}

#[cfg(test)]
mod tests;

//! Orders, written.

use super::{
    Call, Tx,
    aggregates::Table,
    columns_of, exactly, unchanged,
    working::{Change, Slot, Working, changes, count},
};
use crate::{
    domain::{
        field::CustomerRef,
        ids::{OrderId, ShopId},
        order::{Basket, Order},
        time::Timestamp,
    },
    store::{
        Claim, StoreError,
        commands::{Claimed, CommandError},
        postgres::{
            codec::{Unreadable, get, hash, to_json},
            order,
            recent::{self, Memory},
        },
    },
};
use std::collections::HashMap;
use tokio_postgres::Row;

/// The shops of an order before it was edited.
pub(super) struct ShopsBefore {
    order: OrderId,
    shops: Vec<ShopId>,
}

fn shops(basket: &Basket) -> Vec<ShopId> {
    basket.shop_orders().into_iter().map(|part| part.shop_id).collect()
}

impl Table for Order {
    const LOAD: &'static str = order::LOCKED;

    const CHECK: &'static str = unchanged!("order_order AS t WHERE t.id = u.id");

    fn read(row: &Row) -> Result<Self, Unreadable> {
        order::read(row)
    }

    fn working<'w>(tx: &'w Tx<'_>) -> &'w Working<OrderId, Self> {
        &tx.orders
    }

    fn recent(kept: &mut Memory) -> &mut recent::Rows<Self> {
        &mut kept.orders
    }

    fn find_claim(claim: &Claim, tx: &Tx<'_>) -> Result<Option<Claimed>, CommandError> {
        let same = |(known, _): &&(Claim, OrderId)| known.scope == claim.scope && known.key == claim.key;
        if let Some((known, order)) = tx.order_claims.borrow().iter().find(same) {
            return Ok(Some(Claimed { order: *order, part: 0, body_hash: known.body_hash }));
        }
        let rows = tx.ask(
            "SELECT order_id, body_hash FROM order_idempotency WHERE scope = $1 AND key = $2",
            vec![Box::new(&claim.scope), Box::new(&claim.key)],
        )?;
        let Some(row) = rows.first() else { return Ok(None) };
        let read = || -> Result<Claimed, Unreadable> {
            Ok(Claimed { order: get(row, 0)?, part: 0, body_hash: hash(row, 1)? })
        };
        Ok(Some(read().map_err(StoreError::from)?))
    }

    fn keep_claim(claim: &Claim, order: OrderId, _part: usize, tx: &Tx<'_>) {
        tx.order_claims.borrow_mut().push((claim.clone(), order));
    }

    fn replaced(before: &Self, after: &Self, tx: &Tx<'_>) {
        if before.revision != after.revision {
            let before = ShopsBefore { order: before.id, shops: shops(&before.basket) };
            tx.shops_before.borrow_mut().push(before);
        }
    }
}

const INSERT: &str = concat!(
    "INSERT INTO order_order (",
    order::columns!(),
    ") SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], \
     $7::bigint[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[])"
);

const UPDATE: &str = exactly!(
    "UPDATE order_order o SET status = u.status, reason = u.reason, goods = u.goods, updated_at = u.updated_at, \
     version = u.version \
     FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[]) \
     AS u (id, loaded, version, status, reason, goods, updated_at) WHERE o.id = u.id AND o.version = u.loaded"
);

const AMEND: &str = exactly!(
    "UPDATE order_order o SET status = u.status, reason = u.reason, updated_at = u.updated_at, version = u.version, \
     total_amount = u.total_amount, lines = u.lines, revision = u.revision \
     FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], \
     $9::text[], $10::bigint[]) \
     AS u (id, loaded, version, status, reason, updated_at, total_amount, lines, revision) \
     WHERE o.id = u.id AND o.version = u.loaded"
);

const KEEP_CLAIMS: &str = "INSERT INTO order_idempotency (scope, key, body_hash, order_id, created_at) \
                           SELECT *, $5::bigint FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[])";

const FORGET_SHOPS: &str = "DELETE FROM order_shop s USING unnest($1::uuid[], $2::uuid[]) AS u (shop_id, order_id) \
                            WHERE s.shop_id = u.shop_id AND s.order_id = u.order_id";

const NAME_SHOPS: &str = "INSERT INTO order_shop (shop_id, order_id) SELECT * FROM unnest($1::uuid[], $2::uuid[])";

/// Adds the statements that write what has changed.
pub(super) fn write<'r, S>(
    slots: &'r HashMap<OrderId, Slot<Order>, S>,
    before: &'r [ShopsBefore],
    claims: &'r [(Claim, OrderId)],
    now: Timestamp,
    calls: &mut Vec<Call<'r>>,
) -> Result<(), StoreError> {
    let changed = changes(slots);
    let (new, old): (Vec<_>, Vec<_>) = changed.into_iter().partition(|change| change.stored.is_none());
    // Only how far it has come changes, unless the order was edited: then its lines are written again, too.
    let (edited, moved): (Vec<_>, Vec<_>) = old.into_iter().partition(|change| change.row.revision > 0);
    if !new.is_empty() {
        let lines = lines(&new)?;
        let pairs: Vec<_> = new.iter().zip(lines).collect();
        calls.push(Call::new(
            INSERT,
            columns_of!(
                pairs,
                |pair| pair.0.row.id,
                pair.0.row.saga_id,
                pair.0.row.customer_ref.as_ref().map(CustomerRef::as_str),
                pair.0.row.currency,
                pair.0.row.basket.total(),
                pair.1.clone(),
                i64::from(pair.0.row.revision),
                pair.0.row.status,
                pair.0.row.reason,
                pair.0.row.goods.stored(),
                pair.0.row.created_at,
                pair.0.row.updated_at,
                pair.0.version,
            ),
        ));
    }
    if !moved.is_empty() {
        let mut params = columns_of!(
            moved,
            |change| change.key,
            change.loaded(),
            change.version,
            change.row.status,
            change.row.reason,
            change.row.goods.stored(),
            change.row.updated_at,
        );
        params.insert(0, count(&moved));
        calls.push(Call::new(UPDATE, params));
    }
    if !edited.is_empty() {
        let lines = lines(&edited)?;
        let pairs: Vec<_> = edited.iter().zip(lines).collect();
        let mut params = columns_of!(
            pairs,
            |pair| pair.0.key,
            pair.0.loaded(),
            pair.0.version,
            pair.0.row.status,
            pair.0.row.reason,
            pair.0.row.updated_at,
            pair.0.row.basket.total(),
            pair.1.clone(),
            i64::from(pair.0.row.revision),
        );
        params.insert(0, count(&edited));
        calls.push(Call::new(AMEND, params));
    }
    name_shops(&new, &edited, before, calls);
    if !claims.is_empty() {
        let mut params = columns_of!(
            claims,
            |claimed| claimed.0.scope.as_str(),
            claimed.0.key.as_str(),
            claimed.0.body_hash.as_slice(),
            claimed.1,
        );
        params.push(Box::new(now));
        calls.push(Call::new(KEEP_CLAIMS, params));
    }
    Ok(())
}

/// Adds the statements that write which shops sell something of the orders.
fn name_shops<'r>(
    new: &[Change<'r, OrderId, Order>],
    edited: &[Change<'r, OrderId, Order>],
    before: &'r [ShopsBefore],
    calls: &mut Vec<Call<'r>>,
) {
    let gone: Vec<_> = before.iter().flat_map(|was| was.shops.iter().map(|shop| (*shop, was.order))).collect();
    if !gone.is_empty() {
        calls.push(Call::new(FORGET_SHOPS, columns_of!(gone, |pair| pair.0, pair.1)));
    }
    let renamed = edited.iter().filter(|change| before.iter().any(|was| was.order == change.key));
    let named: Vec<_> = new
        .iter()
        .chain(renamed)
        .flat_map(|change| shops(&change.row.basket).into_iter().map(|shop| (shop, change.key)))
        .collect();
    if !named.is_empty() {
        calls.push(Call::new(NAME_SHOPS, columns_of!(named, |pair| pair.0, pair.1)));
    }
}

fn lines(changes: &[Change<'_, OrderId, Order>]) -> Result<Vec<String>, StoreError> {
    changes.iter().map(|change| to_json(&change.row.basket.lines())).collect()
}

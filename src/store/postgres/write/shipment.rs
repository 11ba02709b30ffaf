//! Shipments, written.

use super::{
    Call, Tx,
    aggregates::Table,
    columns_of, exactly, unchanged,
    working::{Slot, Working, changes, count},
};
use crate::{
    domain::{
        ids::OrderId,
        shipment::{Shipment, Shipping},
    },
    store::{
        StoreError,
        postgres::{
            codec::{Unreadable, script_to_json, to_json, trouble_to_json},
            recent::{self, Memory},
            shipment,
        },
    },
};
use std::collections::HashMap;
use tokio_postgres::Row;

impl Table for Shipping {
    const LOAD: &'static str = shipment::LOCKED;

    const OUTSTANDING: Option<&'static str> = Some(shipment::OUTSTANDING);

    const CHECK: &'static str = unchanged!("shipment_shipment AS t WHERE t.order_id = u.id AND t.number = 0");

    fn read(row: &Row) -> Result<Self, Unreadable> {
        shipment::read(row).map(Self::of)
    }

    fn join(&mut self, further: Self) {
        self.extend(further);
    }

    fn count(&self) -> usize {
        self.shipments().len()
    }

    fn working<'w>(tx: &'w Tx<'_>) -> &'w Working<OrderId, Self> {
        &tx.shipping
    }

    fn recent(kept: &mut Memory) -> &mut recent::Rows<Self> {
        &mut kept.shipping
    }
}

const INSERT: &str = concat!(
    "INSERT INTO shipment_shipment (",
    shipment::columns!(),
    ") SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], \
     $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], \
     $16::bigint[], $17::bigint[], $18::text[], $19::bigint[], $20::bigint[])"
);

const UPDATE: &str = exactly!(
    "UPDATE shipment_shipment s SET status = u.status, reason = u.reason, tracking_number = u.tracking_number, \
     call = u.call, attempts = u.attempts, reference = u.reference, updated_at = u.updated_at, \
     trouble = u.trouble, retries = u.retries, version = CASE WHEN u.number = 0 THEN u.version ELSE s.version + 1 END \
     FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], \
     $10::bigint[], $11::text[], $12::bigint[], $13::bigint[], $14::text[]) \
     AS u (order_id, number, loaded, version, status, reason, tracking_number, call, attempts, reference, updated_at, retries, trouble) \
     WHERE s.order_id = u.order_id AND s.number = u.number AND (u.number > 0 OR s.version = u.loaded)"
);

/// A shipment to be written, and its number among its order's.
struct Written<'r> {
    number: i64,
    shipment: &'r Shipment,
    loaded: i64,
    version: i64,
}

fn troubles(rows: &[Written<'_>]) -> Result<Vec<Option<String>>, StoreError> {
    rows.iter().map(|row| trouble_to_json(row.shipment.trouble.as_deref())).collect()
}

/// Adds the statements that write what has changed. What is in a shipment never changes; where it stands does. The
/// first row's version is that of all.
pub(super) fn write<'r, S>(
    slots: &'r HashMap<OrderId, Slot<Shipping>, S>,
    calls: &mut Vec<Call<'r>>,
) -> Result<(), StoreError> {
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for change in changes(slots) {
        let rows = if change.stored.is_none() { &mut new } else { &mut old };
        for (number, shipment) in (0_i64..).zip(change.row.shipments()) {
            rows.push(Written { number, shipment, loaded: change.loaded(), version: change.version });
        }
    }
    if !new.is_empty() {
        let contents: Result<Vec<_>, _> = new
            .iter()
            .map(|row| (!row.shipment.contents.is_empty()).then(|| to_json(&row.shipment.contents)).transpose())
            .collect();
        let scripts: Result<Vec<_>, _> = new.iter().map(|row| script_to_json(row.shipment.script)).collect();
        let mut params = columns_of!(
            new,
            |row| row.shipment.order_id,
            row.number,
            row.shipment.id,
            row.shipment.saga_id,
            row.shipment.origin.map(|origin| origin.shop_id),
            row.shipment.origin.map(|origin| origin.warehouse_id),
            row.shipment.carrier.stored(),
            row.shipment.reference.clone(),
            row.shipment.status,
            row.shipment.reason,
            row.shipment.tracking_number.as_deref(),
            row.shipment.call,
            i64::from(row.shipment.attempts),
            row.shipment.created_at,
            row.shipment.updated_at,
            i64::from(row.shipment.retries),
            row.version,
        );
        params.insert(6, Box::new(contents?));
        params.insert(8, Box::new(scripts?));
        params.insert(17, Box::new(troubles(&new)?));
        calls.push(Call::new(INSERT, params));
    }
    if !old.is_empty() {
        let mut params = columns_of!(
            old,
            |row| row.shipment.order_id,
            row.number,
            row.loaded,
            row.version,
            row.shipment.status,
            row.shipment.reason,
            row.shipment.tracking_number.as_deref(),
            row.shipment.call,
            i64::from(row.shipment.attempts),
            row.shipment.reference.clone(),
            row.shipment.updated_at,
            i64::from(row.shipment.retries),
        );
        params.push(Box::new(troubles(&old)?));
        params.insert(0, count(&old));
        calls.push(Call::new(UPDATE, params));
    }
    Ok(())
}

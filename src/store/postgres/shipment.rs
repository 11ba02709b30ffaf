//! Shipments in PostgreSQL.

use super::{
    Postgres,
    codec::{Unreadable, count, from_json, get, script_from_json, trouble_from_json},
    loader::Loader,
    readers::{Condition, Readers},
};
use crate::{
    domain::{
        ids::{OrderId, ShipmentId},
        shipment::{Origin, Shipment, ShipmentStatus, Shipping, ShippingCommand},
    },
    store::{
        Answers, Commands, Executed, Keyed, Page, ShipmentFilter, ShipmentQueries, ShipmentStore, StoreError,
        commands::{Aggregates, Rows},
    },
};
use futures::future::BoxFuture;
use std::sync::Arc;
use tokio_postgres::Row;

macro_rules! columns {
    () => {
        "order_id, number, id, saga_id, shop_id, warehouse_id, contents, carrier, script, reference, status, reason, tracking_number, call, \
         attempts, created_at, updated_at, trouble, retries, version"
    };
}
pub(super) use columns;

const BY_ORDER: &str =
    concat!("SELECT ", columns!(), " FROM shipment_shipment WHERE order_id = ANY($1) ORDER BY order_id, number");
const BY_ID: &str = concat!("SELECT ", columns!(), " FROM shipment_shipment WHERE id = $1");
/// The shipments of the orders `$1`, locked in an order that is the same for every node.
pub(super) const LOCKED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM shipment_shipment WHERE order_id = ANY($1) ORDER BY order_id, number FOR UPDATE"
);
/// The shipments of the first `$2` orders after `$1` that have one with an outside call.
pub(super) const OUTSTANDING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM shipment_shipment WHERE order_id IN (SELECT DISTINCT order_id FROM shipment_shipment \
     WHERE call IS NOT NULL AND order_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid) \
     ORDER BY order_id LIMIT $2) ORDER BY order_id, number"
);
/// All rows, by order: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM shipment_shipment ORDER BY order_id, number");
const LISTED: &str = concat!("SELECT ", columns!(), " FROM shipment_shipment");
/// Which column of them is the shipment's id.
const ID: usize = 2;

/// Reads one shipment of an order, whose id is the first column; the version is the column after it.
pub(super) fn read(row: &Row) -> Result<Shipment, Unreadable> {
    let shop: Option<_> = get(row, 4)?;
    let warehouse: Option<_> = get(row, 5)?;
    let contents: Option<&str> = get(row, 6)?;
    Ok(Shipment {
        order_id: get(row, 0)?,
        id: get(row, ID)?,
        saga_id: get(row, 3)?,
        origin: shop.zip(warehouse).map(|(shop_id, warehouse_id)| Origin { shop_id, warehouse_id }),
        contents: if contents.is_some() { from_json(row, 6)? } else { Arc::default() },
        carrier: get::<Option<_>>(row, 7)?.unwrap_or_default(),
        script: script_from_json(row, 8)?,
        reference: get(row, 9)?,
        status: get(row, 10)?,
        reason: get(row, 11)?,
        tracking_number: get(row, 12)?,
        call: get(row, 13)?,
        attempts: count(row, 14)?,
        created_at: get(row, 15)?,
        updated_at: get(row, 16)?,
        trouble: trouble_from_json(row, 17)?,
        retries: count(row, 18)?,
    })
}

/// Reads the first shipment of an order, which its others are joined to.
pub(super) fn read_first(row: &Row) -> Result<Shipping, Unreadable> {
    read(row).map(Shipping::of)
}

/// What looks orders' shipments up.
pub(super) fn loader(readers: &Readers) -> Loader<OrderId, Shipping> {
    readers.loader(BY_ORDER, read_first, Shipping::extend)
}

impl Commands<ShippingCommand, Executed<Shipping>> for Postgres {
    fn execute(&self, commands: Vec<Keyed<ShippingCommand>>) -> BoxFuture<'static, Answers<Executed<Shipping>>> {
        self.queue.execute::<Aggregates<Shipping>>(commands)
    }
}

impl ShipmentQueries for Postgres {
    /// One shipment.
    fn shipment(&self, id: ShipmentId) -> BoxFuture<'static, Result<Option<Shipment>, StoreError>> {
        self.readers.find(BY_ID, vec![Box::new(id)], read)
    }

    /// An order's shipments.
    fn shipping_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Shipping>, StoreError>> {
        self.shipping.find(order)
    }

    /// Shipments that the carrier has answered for, newest first.
    fn shipments(
        &self,
        filter: ShipmentFilter,
        page: Page<ShipmentId>,
    ) -> BoxFuture<'static, Result<Vec<Shipment>, StoreError>> {
        let ShipmentFilter { order_id, tracking_number, statuses } = filter;
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(order_id) = order_id {
            conditions.push(("order_id = $n", Box::new(order_id)));
        }
        if let Some(tracking_number) = tracking_number {
            conditions.push(("tracking_number = $n", Box::new(tracking_number)));
        }
        conditions.push(match statuses.as_slice() {
            [] => ("(status <> $n OR carrier IS NOT NULL)", Box::new(ShipmentStatus::Requested)),
            // Names the condition of the partial index that has their rows.
            [ShipmentStatus::Cancelled] => ("status = ANY($n) AND status = 'cancelled'", Box::new(statuses)),
            [ShipmentStatus::Requested] => {
                ("status = ANY($n) AND status = 'requested' AND carrier IS NOT NULL", Box::new(statuses))
            }
            _ => ("status = ANY($n) AND (status <> 'requested' OR carrier IS NOT NULL)", Box::new(statuses)),
        });
        self.readers.page(LISTED, ID, conditions, page, read)
    }
}

impl ShipmentStore for Postgres {
    fn outstanding_shipping(
        &self,
        after: Option<OrderId>,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Shipping>, StoreError>> {
        self.queue.ask(move |tx| Rows::<Shipping>::outstanding(tx, after, limit))
    }
}

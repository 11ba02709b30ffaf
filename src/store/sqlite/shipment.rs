//! Shipments in SQLite.

use super::{
    Sqlite,
    codec::{from_json, script_from_json, script_to_json, to_json, trouble_from_json, trouble_to_json},
    readers::{Condition, List, name_list},
    recent::{Recent, Rows as RecentRows},
    table::Table,
    tx::Tx,
};
use crate::{
    domain::{
        ids::{OrderId, ShipmentId},
        shipment::{Origin, Shipment, ShipmentStatus, Shipping, ShippingCommand},
    },
    store::{
        Answers, Commands, Executed, Keyed, Page, ShipmentFilter, ShipmentQueries, ShipmentStore, StoreError,
        commands::{Aggregates, Rows, Versioned},
    },
};
use futures::future::BoxFuture;
use rusqlite::{Row, params};
use std::sync::Arc;

macro_rules! columns {
    () => {
        "order_id, number, id, saga_id, shop_id, warehouse_id, contents, carrier, script, reference, status, reason, tracking_number, call, \
         attempts, created_at, updated_at, trouble, retries, version"
    };
}

/// All rows, by order: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM shipment_shipment ORDER BY order_id, number");

fn read_shipment(row: &Row<'_>) -> rusqlite::Result<Shipment> {
    let shop: Option<_> = row.get(4)?;
    let warehouse: Option<_> = row.get(5)?;
    let contents: Option<String> = row.get(6)?;
    Ok(Shipment {
        order_id: row.get(0)?,
        id: row.get(2)?,
        saga_id: row.get(3)?,
        origin: shop.zip(warehouse).map(|(shop_id, warehouse_id)| Origin { shop_id, warehouse_id }),
        contents: contents.map_or_else(|| Ok(Arc::default()), |contents| from_json(6, &contents))?,
        carrier: row.get::<_, Option<_>>(7)?.unwrap_or_default(),
        script: script_from_json(8, row.get_ref(8)?.as_str_or_null()?)?,
        reference: row.get(9)?,
        status: row.get(10)?,
        reason: row.get(11)?,
        tracking_number: row.get(12)?,
        call: row.get(13)?,
        attempts: row.get(14)?,
        created_at: row.get(15)?,
        updated_at: row.get(16)?,
        trouble: trouble_from_json(17, row.get_ref(17)?.as_str_or_null()?)?,
        retries: row.get(18)?,
    })
}

impl Table for Shipping {
    const LOAD: &'static str =
        concat!("SELECT ", columns!(), " FROM shipment_shipment WHERE order_id = ?1 ORDER BY number");

    const OUTSTANDING: Option<&'static str> = Some(concat!(
        "SELECT ",
        columns!(),
        " FROM shipment_shipment WHERE order_id IN (SELECT DISTINCT order_id FROM shipment_shipment \
             WHERE call IS NOT NULL AND order_id > coalesce(?1, x'') ORDER BY order_id LIMIT ?2) \
             ORDER BY order_id, number"
    ));

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        read_shipment(row).map(Self::of)
    }

    fn join(&mut self, further: Self) {
        self.extend(further);
    }

    fn recent(recent: &Recent) -> Option<&RecentRows<OrderId, Versioned<Self>>> {
        Some(&recent.shipping)
    }

    fn insert(&self, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        for (number, shipment) in (0_i64..).zip(self.shipments()) {
            let contents = (!shipment.contents.is_empty()).then(|| to_json(&shipment.contents)).transpose()?;
            let inserted = tx.run(
                concat!(
                    "INSERT INTO shipment_shipment (",
                    columns!(),
                    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, 1) \
                     ON CONFLICT (order_id, number) DO NOTHING"
                ),
                params![
                    shipment.order_id,
                    number,
                    shipment.id,
                    shipment.saga_id,
                    shipment.origin.map(|origin| origin.shop_id),
                    shipment.origin.map(|origin| origin.warehouse_id),
                    contents,
                    shipment.carrier.stored(),
                    script_to_json(shipment.script)?,
                    &shipment.reference,
                    shipment.status,
                    shipment.reason,
                    &shipment.tracking_number,
                    shipment.call,
                    shipment.attempts,
                    shipment.created_at,
                    shipment.updated_at,
                    trouble_to_json(shipment.trouble.as_deref())?,
                    shipment.retries,
                ],
            )?;
            match (number, inserted) {
                (_, 1) => {}
                (0, inserted) => return Ok(inserted),
                // The first has been written: all or none.
                (_, inserted) => return Err(rusqlite::Error::StatementChangedRows(inserted)),
            }
        }
        Ok(1)
    }

    /// What is in a shipment never changes; where it stands does. The first row's version is that of all.
    fn update(&self, tx: &Tx<'_, '_>, loaded: i64) -> rusqlite::Result<usize> {
        for (number, shipment) in (0_i64..).zip(self.shipments()) {
            let updated = tx.run(
                "UPDATE shipment_shipment SET status = ?4, reason = ?5, tracking_number = ?6, call = ?7, attempts = ?8, \
                 reference = ?9, updated_at = ?10, trouble = ?11, retries = ?12, version = version + 1 \
                 WHERE order_id = ?1 AND number = ?2 AND (number > 0 OR version = ?3)",
                (
                    shipment.order_id,
                    number,
                    loaded,
                    shipment.status,
                    shipment.reason,
                    &shipment.tracking_number,
                    shipment.call,
                    shipment.attempts,
                    &shipment.reference,
                    shipment.updated_at,
                    trouble_to_json(shipment.trouble.as_deref())?,
                    shipment.retries,
                ),
            )?;
            match (number, updated) {
                (_, 1) => {}
                (0, updated) => return Ok(updated),
                (_, updated) => return Err(rusqlite::Error::StatementChangedRows(updated)),
            }
        }
        Ok(1)
    }
}

impl Commands<ShippingCommand, Executed<Shipping>> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<ShippingCommand>>) -> BoxFuture<'static, Answers<Executed<Shipping>>> {
        self.queue.execute::<Aggregates<Shipping>>(commands)
    }
}

impl ShipmentQueries for Sqlite {
    fn shipment(&self, id: ShipmentId) -> BoxFuture<'static, Result<Option<Shipment>, StoreError>> {
        let found = self
            .readers
            .read_one::<Shipping>(concat!("SELECT ", columns!(), " FROM shipment_shipment WHERE id = ?1"), id);
        Box::pin(async move { Ok(found.await?.and_then(|shipping| shipping.into_shipments().pop())) })
    }

    fn shipping_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Shipping>, StoreError>> {
        self.readers.read_recent(self.recent.shipping.committed(order), Shipping::LOAD, order)
    }

    fn shipments(
        &self,
        filter: ShipmentFilter,
        page: Page<ShipmentId>,
    ) -> BoxFuture<'static, Result<Vec<Shipment>, StoreError>> {
        let ShipmentFilter { order_id, tracking_number, statuses } = filter;
        let list =
            List { select: concat!("SELECT ", columns!(), " FROM shipment_shipment"), key: "id", order: "id DESC" };
        let mut conditions: Vec<Condition> = Vec::new();
        let is_few = order_id.is_some() || tracking_number.is_some();
        if let Some(order_id) = order_id {
            conditions.push(("order_id = ?", Box::new(order_id)));
        }
        if let Some(tracking_number) = tracking_number {
            conditions.push(("tracking_number = ?", Box::new(tracking_number)));
        }
        if statuses == [ShipmentStatus::Cancelled] && !is_few {
            // Names the condition of the partial index that has their rows.
            conditions.push(("status = ? AND status = 'cancelled'", Box::new(ShipmentStatus::Cancelled)));
        } else if statuses == [ShipmentStatus::Requested] && !is_few {
            let found_by = "status = ? AND status = 'requested' AND carrier IS NOT NULL";
            conditions.push((found_by, Box::new(ShipmentStatus::Requested)));
        } else if statuses.is_empty() {
            conditions.push(("(status <> ? OR carrier IS NOT NULL)", Box::new(ShipmentStatus::Requested)));
        } else {
            let names = name_list(statuses.iter().map(|status| status.as_str()));
            conditions.push((
                "+status IN (SELECT value FROM json_each(?)) AND (status <> 'requested' OR carrier IS NOT NULL)",
                Box::new(names),
            ));
        }
        self.readers.read_list(list, conditions, page, read_shipment)
    }
}

impl ShipmentStore for Sqlite {
    fn outstanding_shipping(
        &self,
        after: Option<OrderId>,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Shipping>, StoreError>> {
        self.queue.ask(move |tx| Rows::<Shipping>::outstanding(tx, after, limit))
    }
}

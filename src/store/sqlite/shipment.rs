//! Shipments in SQLite.

use super::{
    Sqlite,
    codec::{script_from_json, script_to_json},
    readers::Condition,
    recent::{Recent, Rows},
    table::{self, Runner, Table, Versioned},
    tx::Tx,
};
use crate::{
    domain::{
        ids::{OrderId, ShipmentId},
        shipment::{Shipment, ShipmentStatus, ShippingCommand},
    },
    store::{Answers, Commands, Executed, Keyed, Page, ShipmentStore, StoreError},
};
use futures::future::BoxFuture;
use rusqlite::Row;

macro_rules! columns {
    () => {
        "order_id, id, saga_id, script, status, reason, tracking_number, call, attempts, created_at, updated_at, version"
    };
}

/// All rows, by order: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM shipment_shipment ORDER BY order_id");

impl Table for Shipment {
    const LOAD: &'static str = concat!("SELECT ", columns!(), " FROM shipment_shipment WHERE order_id = ?1");

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            order_id: row.get(0)?,
            id: row.get(1)?,
            saga_id: row.get(2)?,
            script: script_from_json(3, row.get(3)?)?,
            status: row.get(4)?,
            reason: row.get(5)?,
            tracking_number: row.get(6)?,
            call: row.get(7)?,
            attempts: row.get(8)?,
            created_at: row.get(9)?,
            updated_at: row.get(10)?,
        })
    }

    fn recent(recent: &Recent) -> Option<&Rows<OrderId, Versioned<Self>>> {
        Some(&recent.shipments)
    }

    fn insert(&self, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        tx.run(
            concat!(
                "INSERT INTO shipment_shipment (",
                columns!(),
                ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1) \
                 ON CONFLICT (order_id) DO NOTHING"
            ),
            (
                self.order_id,
                self.id,
                self.saga_id,
                script_to_json(self.script)?,
                self.status,
                self.reason,
                &self.tracking_number,
                self.call,
                self.attempts,
                self.created_at,
                self.updated_at,
            ),
        )
    }

    fn update(&self, tx: &Tx<'_, '_>, loaded: i64) -> rusqlite::Result<usize> {
        tx.run(
            "UPDATE shipment_shipment SET status = ?3, reason = ?4, tracking_number = ?5, call = ?6, attempts = ?7, \
             updated_at = ?8, version = version + 1 WHERE order_id = ?1 AND version = ?2",
            (
                self.order_id,
                loaded,
                self.status,
                self.reason,
                &self.tracking_number,
                self.call,
                self.attempts,
                self.updated_at,
            ),
        )
    }
}

impl Commands<ShippingCommand, Executed<Shipment>> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<ShippingCommand>>) -> BoxFuture<'static, Answers<Executed<Shipment>>> {
        self.writer.execute::<Runner<Shipment>>(commands)
    }
}

impl ShipmentStore for Sqlite {
    fn shipment(&self, id: ShipmentId) -> BoxFuture<'static, Result<Option<Shipment>, StoreError>> {
        self.readers.read_one(concat!("SELECT ", columns!(), " FROM shipment_shipment WHERE id = ?1"), id)
    }

    fn shipment_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Shipment>, StoreError>> {
        self.readers.read_recent(self.recent.shipments.committed(order), Shipment::LOAD, order)
    }

    fn shipments(
        &self,
        order: Option<OrderId>,
        page: Page<ShipmentId>,
    ) -> BoxFuture<'static, Result<Vec<Shipment>, StoreError>> {
        let mut conditions: Vec<Condition> = vec![("status <> ?", Box::new(ShipmentStatus::Requested))];
        if let Some(order) = order {
            conditions.push(("order_id = ?", Box::new(order)));
        }
        self.readers.read_page(
            concat!("SELECT ", columns!(), " FROM shipment_shipment"),
            conditions,
            page,
            Shipment::read,
        )
    }

    fn outstanding_shipments(
        &self,
        after: Option<OrderId>,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Shipment>, StoreError>> {
        self.writer.query(move |tx| {
            table::readable(
                tx,
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM shipment_shipment WHERE call IS NOT NULL AND order_id > coalesce(?1, x'') \
                     ORDER BY order_id LIMIT ?2"
                ),
                after,
                limit,
            )
        })
    }
}

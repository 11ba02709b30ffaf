//! Stock in SQLite.

mod catalog;
mod facts;
mod ledger;
mod levels;
mod queries;
mod reservations;

pub(super) use catalog::{EXPORTED_LEVELS, exported_level};
pub(super) use facts::pass_shelves;
pub(super) use ledger::{BY_ORDER as MOVEMENTS_BY_ORDER, STRETCHES, read as read_movement};
pub(super) use reservations::{ALL as ALL_RESERVATIONS, read as read_reservation};

use super::{Sqlite, codec::is_unreadable, tx::Tx};
use crate::{
    domain::{
        ids::{OrderId, ShopId, TransferId, VariantId, WarehouseId},
        stock::{Article, Level, Movement, Place, Reservation, Shelf},
    },
    store::{
        Answers, Claim, Commands, Keyed, StockReply, StockRequest, StoreError,
        commands::{CommandError, StockClaimed, StockRows, StockRunner, Versioned},
    },
};
use futures::future::BoxFuture;
use uuid::Uuid;

impl Commands<StockRequest, StockReply> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<StockRequest>>) -> BoxFuture<'static, Answers<StockReply>> {
        self.queue.execute::<StockRunner>(commands)
    }
}

impl StockRows for Tx<'_, '_> {
    fn kept_reservation(&self, order: OrderId) -> Option<Versioned<Reservation>> {
        self.recent().and_then(|recent| recent.reservations.latest(order))
    }

    fn reservation(&self, order: OrderId) -> Result<Option<Versioned<Reservation>>, CommandError> {
        reservations::load(self, order)
    }

    fn insert_reservation(&self, row: Reservation) -> Result<bool, CommandError> {
        let written = reservations::insert(self, &row)? == 1;
        if written {
            keep(self, row, 1);
        }
        Ok(written)
    }

    fn update_reservation(&self, row: Reservation, loaded: i64) -> Result<bool, CommandError> {
        let written = reservations::update(self, &row, loaded)? == 1;
        if written {
            keep(self, row, loaded + 1);
        }
        Ok(written)
    }

    fn sources(&self, shop: ShopId, variant: VariantId) -> Result<Vec<(Versioned<Level>, i64)>, CommandError> {
        catalog::sources(self, shop, variant)
    }

    fn level(&self, of: Shelf) -> Result<Option<Versioned<Level>>, CommandError> {
        levels::load(self, of)
    }

    fn save_level(&self, level: &Level, loaded: Option<i64>) -> Result<(), CommandError> {
        levels::save(self, level, loaded)
    }

    fn append_movements(&self, movements: &[Movement]) -> Result<(), CommandError> {
        Ok(ledger::append(self, movements)?)
    }

    fn article(&self, variant: VariantId) -> Result<Option<Article>, CommandError> {
        catalog::article(self, variant)
    }

    fn place(&self, warehouse: WarehouseId) -> Result<Option<Place>, CommandError> {
        catalog::place(self, warehouse)
    }

    fn find_stock_claim(&self, claim: &Claim) -> Result<Option<StockClaimed>, CommandError> {
        let found = self.row(
            "SELECT body_hash, request_id, transfer_id FROM stock_idempotency WHERE scope = ?1 AND key = ?2",
            (&claim.scope, &claim.key),
            |row| {
                let request_id = Uuid::from_bytes(row.get(1)?);
                Ok(StockClaimed { body_hash: row.get(0)?, request_id, transfer_id: row.get(2)? })
            },
        );
        Ok(found?)
    }

    fn keep_stock_claim(&self, claim: &Claim, transfer: Option<TransferId>) -> Result<(), CommandError> {
        self.run(
            "INSERT INTO stock_idempotency (scope, key, body_hash, request_id, transfer_id, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (&claim.scope, &claim.key, claim.body_hash, claim.request_id.as_bytes(), transfer, self.now()),
        )?;
        Ok(())
    }
}

/// Keeps a row in memory, unless it is large: a reservation has as many items as it pleases its client.
fn keep(tx: &Tx<'_, '_>, row: Reservation, version: i64) {
    if let Some(recent) = tx.recent() {
        let (order, is_small) = (row.order_id, row.items.len() <= 8);
        recent.reservations.write(order, is_small.then_some(Versioned { row, version }));
    }
}

/// A row that cannot be read poisons what it is about, alone.
fn readable<T>(read: rusqlite::Result<T>, what: impl FnOnce() -> String) -> Result<T, CommandError> {
    match read {
        Ok(read) => Ok(read),
        Err(error) if is_unreadable(&error) => {
            Err(StoreError::Poisoned(format!("{} cannot be read: {error}", what())).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// `None` for a row that cannot be read, where one bad row must not hide all others; the audit names it.
fn unless_unreadable<T>(read: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if is_unreadable(&error) => {
            tracing::error!(%error, "a stored level cannot be read and is passed over");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

//! Levels, reservations and the ledger, written.

use super::{
    Call, Reads, Tx, columns_of, exactly,
    working::{Slot, Working, changes, count},
};
use crate::{
    domain::{
        ids::{OrderId, ShopId, TransferId, VariantId, WarehouseId},
        stock::{Allotment, Article, Cause, Level, Movement, Place, Reservation, Shelf},
        time::Timestamp,
    },
    store::{
        Claim, StoreError,
        commands::{CommandError, StockClaimed, StockRows, Versioned},
        postgres::{
            codec::{Unreadable, get, hash, to_json},
            session::Failure,
            stock,
        },
    },
};
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
};
use tokio_postgres::Row;
use uuid::Uuid;

/// How many rows of the ledger a long transaction has in memory at most.
const PORTION: usize = 1000;

/// What is written of the stock.
#[derive(Default)]
pub(super) struct StockBuffer {
    pub(super) reservations: Working<OrderId, Reservation>,
    pub(super) levels: Working<Shelf, Level>,
    /// The warehouses that a shop's orders of a variant may be served from, and their priorities.
    sources: RefCell<Sources>,
    pub(super) movements: RefCell<Vec<Appended>>,
}

impl StockBuffer {
    pub(super) fn written(&self) {
        self.reservations.written(|_| 1);
        self.levels.written(|_| 1);
        self.movements.borrow_mut().clear();
    }

    pub(super) fn clear(&self) {
        self.reservations.clear();
        self.levels.clear();
        self.sources.borrow_mut().clear();
        self.movements.borrow_mut().clear();
    }

    /// Warehouses or levels have come or gone.
    pub(super) fn forget_sources(&self) {
        self.sources.borrow_mut().clear();
    }
}

/// Warehouses and their priorities, for a variant of a shop.
type Sources = HashMap<(ShopId, VariantId), Vec<(WarehouseId, i64)>>;

/// A movement, and its number among what one command moved in the same way.
pub(super) struct Appended {
    movement: Movement,
    number: i64,
}

/// Which warehouses may serve, for each pair of shop and variant.
const SOURCES: &str = "SELECT k.shop_id, k.variant_id, w.id, w.priority \
                       FROM unnest($1::uuid[], $2::uuid[]) AS k (shop_id, variant_id) \
                       JOIN catalog_warehouse w ON w.shop_id = k.shop_id AND w.active \
                       JOIN stock_level l ON l.variant_id = k.variant_id AND l.warehouse_id = w.id";

/// Levels, locked in an order that is the same for every node.
const LEVELS: &str = "SELECT l.variant_id, l.warehouse_id, l.shop_id, l.on_hand, l.reserved, l.version \
                      FROM stock_level l WHERE (l.variant_id, l.warehouse_id) IN \
                      (SELECT * FROM unnest($1::uuid[], $2::uuid[])) ORDER BY l.variant_id, l.warehouse_id FOR UPDATE";

impl Tx<'_> {
    pub(super) fn read_reservations_ahead<'a>(&'a self, orders: &[OrderId], reads: &mut Reads<'a>) {
        let orders: Vec<OrderId> = orders.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        if !orders.is_empty() {
            let call = Call::new(stock::RESERVATIONS_LOCKED, vec![Box::new(orders.clone())]);
            reads.push(call, move |rows| self.take_in_reservations(&orders, &rows));
        }
    }

    fn take_in_reservations(&self, orders: &[OrderId], rows: &[Row]) -> Result<(), CommandError> {
        for row in rows {
            let order: OrderId = self.readable(get(row, 0))?;
            let read = stock::read_reservation(row)
                .and_then(|read| Ok(Versioned { row: read, version: get(row, row.len() - 1)? }));
            let unreadable =
                |error| StoreError::Poisoned(format!("the reservation of order {order} cannot be read: {error}"));
            self.stock.reservations.found(order, read.map_err(unreadable), 1);
        }
        let reservations = &self.stock.reservations;
        orders.iter().filter(|order| !reservations.knows(**order)).for_each(|order| reservations.missing(*order));
        Ok(())
    }

    pub(super) fn read_sources_ahead<'a>(&'a self, sources: &[(ShopId, VariantId)], reads: &mut Reads<'a>) {
        let sources: Vec<_> = sources.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        if !sources.is_empty() {
            let call = Call::new(SOURCES, columns_of!(sources, |pair| pair.0, pair.1));
            reads.push(call, move |rows| self.take_in_sources(&sources, &rows));
        }
    }

    fn take_in_sources(&self, sources: &[(ShopId, VariantId)], rows: &[Row]) -> Result<(), CommandError> {
        let mut known = self.stock.sources.borrow_mut();
        known.extend(sources.iter().map(|source| (*source, Vec::new())));
        for row in rows {
            let read = || Ok(((get(row, 0)?, get(row, 1)?), (get(row, 2)?, get(row, 3)?)));
            let (source, warehouse) = self.readable(read())?;
            known.entry(source).or_default().push(warehouse);
        }
        Ok(())
    }

    /// Reads every level that commands may ask for, once it is known what the reservations hold.
    pub(super) fn read_levels_ahead(&self, wanted: &[Shelf]) -> Result<(), CommandError> {
        let mut shelves: BTreeSet<Shelf> = wanted.iter().copied().collect();
        for ((_, variant_id), warehouses) in self.stock.sources.borrow().iter() {
            shelves.extend(
                warehouses.iter().map(|(warehouse, _)| Shelf { variant_id: *variant_id, warehouse_id: *warehouse }),
            );
        }
        self.stock.reservations.each(|reservation| shelves.extend(reservation.items.iter().map(Allotment::shelf)));
        self.read_levels(shelves.into_iter().collect())
    }

    fn read_levels(&self, shelves: Vec<Shelf>) -> Result<(), CommandError> {
        let levels = &self.stock.levels;
        let unknown: Vec<Shelf> = shelves.into_iter().filter(|shelf| !levels.knows(*shelf)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let rows = self.ask(LEVELS, columns_of!(unknown, |shelf| shelf.variant_id, shelf.warehouse_id))?;
        for row in rows {
            let place = || Ok(Shelf { variant_id: get(&row, 0)?, warehouse_id: get(&row, 1)? });
            let place = self.readable(place())?;
            let read = stock::read_level(&row).and_then(|read| Ok(Versioned { row: read, version: get(&row, 5)? }));
            let unreadable = |error| {
                let Shelf { variant_id, warehouse_id } = place;
                let what = format!("the level of variant {variant_id} in warehouse {warehouse_id}");
                StoreError::Poisoned(format!("{what} cannot be read: {error}"))
            };
            levels.found(place, read.map_err(unreadable), 1);
        }
        unknown.iter().filter(|shelf| !levels.knows(**shelf)).for_each(|shelf| levels.missing(*shelf));
        Ok(())
    }

    /// A value, or the failure of the command that asked for it.
    pub(super) fn readable<T>(&self, read: Result<T, Unreadable>) -> Result<T, CommandError> {
        read.map_err(|unreadable| self.broken(Failure::Unreadable(unreadable)))
    }
}

impl StockRows for Tx<'_> {
    fn kept_reservation(&self, order: OrderId) -> Option<Versioned<Reservation>> {
        self.stock.reservations.get(order).and_then(Result::ok).flatten()
    }

    fn reservation(&self, order: OrderId) -> Result<Option<Versioned<Reservation>>, CommandError> {
        if let Some(known) = self.stock.reservations.get(order) {
            return Ok(known?);
        }
        let rows = self.ask(stock::RESERVATIONS_LOCKED, vec![Box::new(vec![order])])?;
        self.take_in_reservations(&[order], &rows)?;
        Ok(self.stock.reservations.get(order).transpose()?.flatten())
    }

    fn insert_reservation(&self, row: Reservation) -> Result<bool, CommandError> {
        if self.careful {
            self.reservation(row.order_id)?;
        }
        Ok(self.stock.reservations.insert(row.order_id, row))
    }

    fn update_reservation(&self, row: Reservation, loaded: i64) -> Result<bool, CommandError> {
        Ok(self.stock.reservations.update(row.order_id, row, loaded))
    }

    fn sources(&self, shop: ShopId, variant: VariantId) -> Result<Vec<(Versioned<Level>, i64)>, CommandError> {
        let known = self.stock.sources.borrow().get(&(shop, variant)).cloned();
        let warehouses = match known {
            Some(known) => known,
            None => {
                self.flush()?;
                let rows = self.ask(SOURCES, vec![Box::new(vec![shop]), Box::new(vec![variant])])?;
                self.take_in_sources(&[(shop, variant)], &rows)?;
                self.stock.sources.borrow().get(&(shop, variant)).cloned().unwrap_or_default()
            }
        };
        let place = |warehouse_id| Shelf { variant_id: variant, warehouse_id };
        self.read_levels(warehouses.iter().map(|(warehouse, _)| place(*warehouse)).collect())?;
        let mut levels = Vec::with_capacity(warehouses.len());
        for (warehouse, priority) in warehouses {
            match self.stock.levels.get(place(warehouse)) {
                Some(Ok(Some(level))) => levels.push((level, priority)),
                Some(Err(error)) => tracing::error!(%error, "a stored level is passed over"),
                Some(Ok(None)) | None => {}
            }
        }
        Ok(levels)
    }

    fn level(&self, of: Shelf) -> Result<Option<Versioned<Level>>, CommandError> {
        self.read_levels(vec![of])?;
        Ok(self.stock.levels.get(of).transpose()?.flatten())
    }

    fn save_level(&self, level: &Level, loaded: Option<i64>) -> Result<(), CommandError> {
        let saved = match loaded {
            None => {
                self.stock.forget_sources();
                self.stock.levels.insert(level.shelf, *level)
            }
            Some(loaded) => self.stock.levels.update(level.shelf, *level, loaded),
        };
        crate::store::commands::expect_written(saved)
    }

    fn append_movements(&self, movements: &[Movement]) -> Result<(), CommandError> {
        let buffered = {
            let mut buffer = self.stock.movements.borrow_mut();
            for kind in movements.chunk_by(|one, other| one.delta.kind == other.delta.kind) {
                let numbered = (0..).zip(kind);
                buffer.extend(numbered.map(|(number, movement)| Appended { movement: movement.clone(), number }));
            }
            buffer.len()
        };
        if self.is_long.get() && buffered >= PORTION {
            self.flush()?;
            self.stock.clear();
        }
        Ok(())
    }

    fn article(&self, variant: VariantId) -> Result<Option<Article>, CommandError> {
        let rows = self.ask(
            "SELECT p.active, v.active FROM catalog_variant v JOIN catalog_product p ON p.id = v.product_id \
             WHERE v.id = $1",
            vec![Box::new(variant)],
        )?;
        let read = |row: &Row| Ok(Article { product_active: get(row, 0)?, active: get(row, 1)? });
        self.readable(rows.first().map(read).transpose())
    }

    fn place(&self, warehouse: WarehouseId) -> Result<Option<Place>, CommandError> {
        let rows = self.ask(
            "SELECT w.shop_id, s.active, w.active FROM catalog_warehouse w JOIN catalog_shop s ON s.id = w.shop_id \
             WHERE w.id = $1",
            vec![Box::new(warehouse)],
        )?;
        let read = |row: &Row| {
            Ok(Place { shop_id: get(row, 0)?, shop_active: get(row, 1)?, active: get(row, 2)?, level: None })
        };
        self.readable(rows.first().map(read).transpose())
    }

    fn find_stock_claim(&self, claim: &Claim) -> Result<Option<StockClaimed>, CommandError> {
        let rows = self.ask(
            "SELECT body_hash, request_id, transfer_id FROM stock_idempotency WHERE scope = $1 AND key = $2",
            vec![Box::new(&claim.scope), Box::new(&claim.key)],
        )?;
        let read = |row: &Row| {
            let request_id: Uuid = get(row, 1)?;
            Ok(StockClaimed { body_hash: hash(row, 0)?, request_id, transfer_id: get(row, 2)? })
        };
        self.readable(rows.first().map(read).transpose())
    }

    fn keep_stock_claim(&self, claim: &Claim, transfer: Option<TransferId>) -> Result<(), CommandError> {
        self.run(
            "INSERT INTO stock_idempotency (scope, key, body_hash, request_id, transfer_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            vec![
                Box::new(&claim.scope),
                Box::new(&claim.key),
                Box::new(claim.body_hash.as_slice()),
                Box::new(claim.request_id),
                Box::new(transfer),
                Box::new(self.now),
            ],
        )
        .map(drop)
    }
}

const INSERT_RESERVATIONS: &str = concat!(
    "INSERT INTO stock_reservation (",
    stock::reservation_columns!(),
    ") SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], \
     $7::bigint[], $8::bigint[], $9::bigint[])"
);

const UPDATE_RESERVATIONS: &str = exactly!(
    "UPDATE stock_reservation r SET revision = u.revision, refused_revision = u.refused_revision, status = u.status, \
     items = u.items, updated_at = u.updated_at, version = u.version \
     FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], \
     $9::bigint[]) AS u (order_id, loaded, version, revision, refused_revision, status, items, updated_at) \
     WHERE r.order_id = u.order_id AND r.version = u.loaded"
);

const INSERT_LEVELS: &str = "INSERT INTO stock_level (variant_id, warehouse_id, shop_id, on_hand, reserved, version, \
                             updated_at) SELECT *, $7::bigint FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], \
                             $4::bigint[], $5::bigint[], $6::bigint[])";

const UPDATE_LEVELS: &str = exactly!(
    "UPDATE stock_level l SET on_hand = u.on_hand, reserved = u.reserved, version = u.version, \
     updated_at = $8::bigint FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[], \
     $7::bigint[]) AS u (variant_id, warehouse_id, loaded, version, on_hand, reserved) \
     WHERE l.variant_id = u.variant_id AND l.warehouse_id = u.warehouse_id AND l.version = u.loaded"
);

const APPEND: &str = concat!(
    "INSERT INTO stock_movement (",
    stock::movement_columns!(),
    ", number) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::uuid[], \
     $7::bigint[], $8::uuid[], $9::text[], $10::bigint[], $11::bigint[])"
);

/// Adds the statements that write what has changed.
pub(super) fn write<'r, S>(
    reservations: &'r HashMap<OrderId, Slot<Reservation>, S>,
    levels: &'r HashMap<Shelf, Slot<Level>, S>,
    movements: &'r [Appended],
    now: Timestamp,
    calls: &mut Vec<Call<'r>>,
) -> Result<(), StoreError> {
    write_reservations(reservations, calls)?;
    let (new, old): (Vec<_>, Vec<_>) = changes(levels).into_iter().partition(|change| change.stored.is_none());
    if !new.is_empty() {
        let mut params = columns_of!(
            new,
            |level| level.key.variant_id,
            level.key.warehouse_id,
            level.row.shop_id,
            level.row.on_hand(),
            level.row.reserved(),
            level.version,
        );
        params.push(Box::new(now));
        calls.push(Call::new(INSERT_LEVELS, params));
    }
    if !old.is_empty() {
        let mut params = columns_of!(
            old,
            |level| level.key.variant_id,
            level.key.warehouse_id,
            level.loaded(),
            level.version,
            level.row.on_hand(),
            level.row.reserved(),
        );
        params.insert(0, count(&old));
        params.push(Box::new(now));
        calls.push(Call::new(UPDATE_LEVELS, params));
    }
    if !movements.is_empty() {
        calls.push(Call::new(APPEND, movement_params(movements)));
    }
    Ok(())
}

fn write_reservations<'r, S>(
    reservations: &'r HashMap<OrderId, Slot<Reservation>, S>,
    calls: &mut Vec<Call<'r>>,
) -> Result<(), StoreError> {
    let (new, old): (Vec<_>, Vec<_>) = changes(reservations).into_iter().partition(|change| change.stored.is_none());
    if !new.is_empty() {
        let items: Result<Vec<_>, _> = new.iter().map(|change| to_json(&change.row.items)).collect();
        let mut params = columns_of!(
            new,
            |change| change.row.order_id,
            change.row.saga_id,
            i64::from(change.row.revision),
            i64::from(change.row.refused_revision),
            change.row.status,
            change.row.created_at,
            change.row.updated_at,
            change.version,
        );
        params.insert(5, Box::new(items?));
        calls.push(Call::new(INSERT_RESERVATIONS, params));
    }
    if !old.is_empty() {
        let items: Result<Vec<_>, _> = old.iter().map(|change| to_json(&change.row.items)).collect();
        let mut params = columns_of!(
            old,
            |change| change.row.order_id,
            change.loaded(),
            change.version,
            i64::from(change.row.revision),
            i64::from(change.row.refused_revision),
            change.row.status,
            change.row.updated_at,
        );
        params.insert(0, count(&old));
        params.insert(7, Box::new(items?));
        calls.push(Call::new(UPDATE_RESERVATIONS, params));
    }
    Ok(())
}

fn movement_params(movements: &[Appended]) -> crate::store::postgres::session::Params<'_> {
    let order = |appended: &Appended| match appended.movement.cause {
        Cause::Order { order_id, revision } => Some((order_id, i64::from(revision))),
        _ => None,
    };
    let transfer = |appended: &Appended| match appended.movement.cause {
        Cause::Transfer(transfer) => Some(transfer),
        _ => None,
    };
    let reason = |appended: &'_ Appended| match &appended.movement.cause {
        Cause::Count(reason) => Some(reason.as_str().to_owned()),
        _ => None,
    };
    columns_of!(
        movements,
        |appended| appended.movement.shelf.variant_id,
        appended.movement.shelf.warehouse_id,
        appended.movement.delta.kind,
        appended.movement.delta.on_hand,
        appended.movement.delta.reserved,
        order(appended).map(|order| order.0),
        order(appended).map(|order| order.1),
        transfer(appended),
        reason(appended),
        appended.movement.at,
        order(appended).map(|_| appended.number),
    )
}

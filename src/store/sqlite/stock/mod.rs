//! Stock in SQLite: how its commands are run.
//!
//! ```text
//!   step:    the order's row ─▶ the levels it asks for ─▶ decide ─▶ row, levels, movements
//!   change:  its key ─▶ variant, warehouses, levels ─▶ decide ─▶ levels, movements, key
//! ```
//!
//! A level is written over the version that was loaded and nothing else; the constraints of the table are
//! the last line of defence.

mod catalog;
mod facts;
mod ledger;
mod levels;
mod queries;
mod reservations;

pub(super) use catalog::{EXPORTED_LEVELS, exported_level};
pub(super) use facts::pass_shelves;
pub(super) use ledger::{BY_ORDER as MOVEMENTS_BY_ORDER, read as read_movement};
pub(super) use levels::load as load_level;
pub(super) use reservations::{ALL as ALL_RESERVATIONS, read as read_reservation};

use super::{
    Sqlite,
    codec::is_unreadable,
    table::{Versioned, guarded},
    tx::{CommandError, Tx},
    writer::Run,
};
use crate::{
    domain::{
        ids::TransferId,
        stock::{
            Allotment, Changed, Level, Movement, Reservation, Shelf, Shelves, StockAnswer, StockChange, StockCommand,
            StockRefusal, Wanted,
        },
    },
    store::{Answers, ChangeAnswer, Claim, Commands, Keyed, StockReply, StockRequest, StoreError},
};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

struct StockRunner;

impl Run for StockRunner {
    type Command = Keyed<StockRequest>;
    type Answer = StockReply;

    fn run(tx: &Tx<'_, '_>, keyed: &Keyed<StockRequest>) -> Result<StockReply, CommandError> {
        match &keyed.command {
            StockRequest::Step(command) => step(tx, command).map(StockReply::Step),
            StockRequest::Change(made) => change(tx, made, keyed.claim.as_ref()),
        }
    }
}

impl Commands<StockRequest, StockReply> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<StockRequest>>) -> BoxFuture<'static, Answers<StockReply>> {
        self.writer.execute::<StockRunner>(commands)
    }
}

/// How often each level that was loaded has been written.
type Versions = BTreeMap<Shelf, i64>;

fn step(tx: &Tx<'_, '_>, command: &StockCommand) -> Result<StockAnswer, CommandError> {
    let order = command.order();
    tx.check_not_severed(order)?;
    let mut stored = tx.recent().and_then(|recent| recent.reservations.latest(order));
    // A reservation nearly always finds no row: the insert itself says whether it does. A refusal changes
    // nothing that could say so.
    let mut assumed = stored.is_none() && matches!(command, StockCommand::Reserve(_));
    if stored.is_none() && !assumed {
        stored = reservations::load(tx, order)?;
    }
    loop {
        let row = stored.as_ref().map(|stored| &stored.row);
        let (shelves, versions) = load(tx, command.wanted(row))?;
        let decision = guarded(|| command.decide(row, shelves, tx.now()))?;
        let decision = decision.map_err(|impossible| StoreError::Poisoned(impossible.to_string()))?;
        let written = match (&decision.row, &stored) {
            (None, _) => 0,
            (Some(row), None) => reservations::insert(tx, row)?,
            (Some(row), Some(stored)) => reservations::update(tx, row, stored.version)?,
        };
        if assumed && written == 0 {
            (stored, assumed) = (reservations::load(tx, order)?, false);
            continue;
        }
        if let Some(row) = decision.row {
            expect_one(written)?;
            keep(tx, row, stored.map_or(1, |stored| stored.version + 1));
        }
        save(tx, &decision.levels, &versions, &decision.movements)?;
        return Ok(decision.answer);
    }
}

/// Keeps a row in memory, unless it is large: a reservation has as many items as it pleases its client.
fn keep(tx: &Tx<'_, '_>, row: Reservation, version: i64) {
    if let Some(recent) = tx.recent() {
        let (order, is_small) = (row.order_id, row.items.len() <= 8);
        recent.reservations.write(order, is_small.then_some(Versioned { row, version }));
    }
}

/// The levels that a step asks to see.
fn load(tx: &Tx<'_, '_>, wanted: Wanted<'_>) -> Result<(Shelves, Versions), CommandError> {
    let (mut shelves, mut versions) = (Shelves::default(), Versions::new());
    let demands: BTreeSet<_> = wanted.demands.iter().map(|demand| (demand.shop_id, demand.variant_id)).collect();
    for (shop, variant) in demands {
        for (Versioned { row, version }, priority) in catalog::open_levels(tx, shop, variant)? {
            versions.insert(row.shelf, version);
            shelves.add_open(row, priority);
        }
    }
    for item in wanted.items.iter().map(Allotment::shelf) {
        if !shelves.has(item)
            && let Some(Versioned { row, version }) = levels::load(tx, item)?
        {
            versions.insert(row.shelf, version);
            shelves.add_held(row);
        }
    }
    Ok((shelves, versions))
}

fn save(tx: &Tx<'_, '_>, changed: &[Level], versions: &Versions, movements: &[Movement]) -> Result<(), CommandError> {
    for level in changed {
        levels::save(tx, level, versions.get(&level.shelf).copied())?;
    }
    Ok(ledger::append(tx, movements)?)
}

fn change(tx: &Tx<'_, '_>, made: &StockChange, claim: Option<&Claim>) -> Result<StockReply, CommandError> {
    if let Some(claim) = claim
        && let Some(Claimed { body_hash, request_id, transfer_id }) = find_claim(tx, claim)?
    {
        if body_hash != claim.body_hash {
            return Err(StoreError::KeyReused.into());
        }
        let mut present = Vec::new();
        for shelf in made.shelves() {
            present.extend(present_level(tx, shelf)?);
        }
        let replayed = request_id != claim.request_id;
        return Ok(StockReply::Change(Ok(ChangeAnswer { levels: present, transfer_id, replayed })));
    }
    let decided = match decide_change(tx, made)? {
        Ok(decided) => decided,
        Err(refusal) => return Ok(StockReply::Change(Err(refusal))),
    };
    let transfer_id = made.transfer_id();
    if let Some(claim) = claim {
        keep_claim(tx, claim, transfer_id)?;
    }
    Ok(StockReply::Change(Ok(ChangeAnswer { levels: decided.levels, transfer_id, replayed: false })))
}

/// Makes a change, if the rules allow it.
pub(super) fn decide_change(
    tx: &Tx<'_, '_>,
    made: &StockChange,
) -> Result<Result<Changed, StockRefusal>, CommandError> {
    let article = catalog::article(tx, made.variant_id())?;
    let (mut places, mut versions) = (BTreeMap::new(), Versions::new());
    for shelf in made.shelves() {
        if let Some(mut place) = catalog::place(tx, shelf.warehouse_id)? {
            if let Some(Versioned { row, version }) = levels::load(tx, shelf)? {
                versions.insert(shelf, version);
                place.level = Some(row);
            }
            places.insert(shelf.warehouse_id, place);
        }
    }
    let decided = guarded(|| made.decide(&places, article, tx.now()))?;
    if let Ok(Changed { levels, movements }) = &decided {
        save(tx, changed_of(levels, movements).as_slice(), &versions, movements)?;
    }
    Ok(decided)
}

/// A level as it is now: empty where a count has found nothing on a shelf that never had anything.
fn present_level(tx: &Tx<'_, '_>, shelf: Shelf) -> Result<Option<Level>, CommandError> {
    match levels::load(tx, shelf)? {
        Some(stored) => Ok(Some(stored.row)),
        None => Ok(catalog::place(tx, shelf.warehouse_id)?.map(|place| Level::empty(shelf, place.shop_id))),
    }
}

/// A count that finds what was known changes no level.
fn changed_of(levels: &[Level], movements: &[Movement]) -> Vec<Level> {
    let moved = |level: &&Level| movements.iter().any(|movement| movement.shelf == level.shelf);
    levels.iter().filter(moved).copied().collect()
}

/// What is known of a key that was used.
struct Claimed {
    body_hash: [u8; 32],
    request_id: Uuid,
    transfer_id: Option<TransferId>,
}

fn find_claim(tx: &Tx<'_, '_>, claim: &Claim) -> rusqlite::Result<Option<Claimed>> {
    tx.row(
        "SELECT body_hash, request_id, transfer_id FROM stock_idempotency WHERE scope = ?1 AND key = ?2",
        (&claim.scope, &claim.key),
        |row| {
            let request_id = Uuid::from_bytes(row.get(1)?);
            Ok(Claimed { body_hash: row.get(0)?, request_id, transfer_id: row.get(2)? })
        },
    )
}

fn keep_claim(tx: &Tx<'_, '_>, claim: &Claim, transfer_id: Option<TransferId>) -> rusqlite::Result<usize> {
    tx.run(
        "INSERT INTO stock_idempotency (scope, key, body_hash, request_id, transfer_id, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (&claim.scope, &claim.key, claim.body_hash, claim.request_id.as_bytes(), transfer_id, tx.now()),
    )
}

/// A row is written over the one that was loaded, or the batch is.
fn expect_one(written: usize) -> Result<(), CommandError> {
    if written == 1 { Ok(()) } else { Err(CommandError::Broken(rusqlite::Error::StatementChangedRows(written))) }
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

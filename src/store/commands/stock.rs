//! How the stock's commands are run.
//!
//! ```text
//!   step:    the order's row ─▶ the levels it asks for ─▶ decide ─▶ row, levels, movements
//!   change:  its key ─▶ variant, warehouses, levels ─▶ decide ─▶ levels, movements, key
//! ```
//!
//! A level is written over the version that was loaded and nothing else; the constraints of the table are
//! the last line of defence.

use super::{CommandError, Run, Tx, Versioned, Wants, expect_written, guarded};
use crate::{
    domain::{
        ids::{OrderId, ShopId, TransferId, VariantId, WarehouseId},
        stock::{
            Allotment, Article, Changed, Level, Movement, Place, Reservation, Shelf, Shelves, StockAnswer, StockChange,
            StockCommand, StockRefusal, Wanted,
        },
    },
    store::{ChangeAnswer, Claim, Keyed, StockReply, StockRequest, StoreError},
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Where a transaction has levels, reservations and the ledger.
pub(in crate::store) trait StockRows {
    /// An order's reservation, where it is known without looking.
    fn kept_reservation(&self, order: OrderId) -> Option<Versioned<Reservation>>;
    /// An order's reservation.
    fn reservation(&self, order: OrderId) -> Result<Option<Versioned<Reservation>>, CommandError>;
    /// Writes a new reservation; false where the order has one.
    fn insert_reservation(&self, row: Reservation) -> Result<bool, CommandError>;
    /// Writes a reservation over version `loaded` of it; false where there is none such.
    fn update_reservation(&self, row: Reservation, loaded: i64) -> Result<bool, CommandError>;
    /// The levels of a variant that a shop's order may be served from, and the priorities of their warehouses. One
    /// that cannot be read serves nobody, and keeps nobody from the others; the audit names it.
    fn sources(&self, shop: ShopId, variant: VariantId) -> Result<Vec<(Versioned<Level>, i64)>, CommandError>;
    /// One level.
    fn level(&self, of: Shelf) -> Result<Option<Versioned<Level>>, CommandError>;
    /// Writes a level over the version that was loaded, or a first one where there was none.
    fn save_level(&self, level: &Level, loaded: Option<i64>) -> Result<(), CommandError>;
    /// Appends what one command moved. The same is never moved twice for one revision of an order: the number of a
    /// movement among those of its kind says so to the table.
    fn append_movements(&self, movements: &[Movement]) -> Result<(), CommandError>;
    /// A variant, where there is one.
    fn article(&self, variant: VariantId) -> Result<Option<Article>, CommandError>;
    /// A warehouse, where there is one, with nothing in it yet.
    fn place(&self, warehouse: WarehouseId) -> Result<Option<Place>, CommandError>;
    /// Looks up an idempotency key.
    fn find_stock_claim(&self, claim: &Claim) -> Result<Option<StockClaimed>, CommandError>;
    /// Records an idempotency key, and the transfer that its request made.
    fn keep_stock_claim(&self, claim: &Claim, transfer: Option<TransferId>) -> Result<(), CommandError>;
}

/// What is known of a key that was used.
pub(in crate::store) struct StockClaimed {
    pub(in crate::store) body_hash: [u8; 32],
    pub(in crate::store) request_id: Uuid,
    pub(in crate::store) transfer_id: Option<TransferId>,
}

/// Runs the stock's commands.
pub(in crate::store) struct StockRunner;

impl Run for StockRunner {
    type Command = Keyed<StockRequest>;
    type Answer = StockReply;

    fn wants<'c>(keyed: &'c Keyed<StockRequest>, wants: &mut Wants<'c>) {
        match &keyed.command {
            StockRequest::Step(command) => {
                if !is_first(command) {
                    wants.reservations.push(command.order());
                }
                let demands = command.wanted(None).demands.iter();
                wants.sources.extend(demands.map(|demand| (demand.shop_id, demand.variant_id)));
            }
            StockRequest::Change(made) => wants.levels.extend(made.shelves()),
        }
    }

    fn run(tx: &dyn Tx, keyed: &Keyed<StockRequest>) -> Result<StockReply, CommandError> {
        match &keyed.command {
            StockRequest::Step(command) => step(tx, command).map(StockReply::Step),
            StockRequest::Change(made) => change(tx, made, keyed.claim.as_ref()),
        }
    }
}

/// A reservation nearly always finds no row: the insert itself says whether it does.
const fn is_first(command: &StockCommand) -> bool {
    matches!(command, StockCommand::Reserve(_))
}

/// How often each level that was loaded has been written.
type Versions = BTreeMap<Shelf, i64>;

fn step(tx: &dyn Tx, command: &StockCommand) -> Result<StockAnswer, CommandError> {
    let order = command.order();
    tx.severed().check_whole(order)?;
    let mut stored = tx.kept_reservation(order);
    let mut assumed = stored.is_none() && is_first(command);
    if stored.is_none() && !assumed {
        stored = tx.reservation(order)?;
    }
    loop {
        let row = stored.as_ref().map(|stored| &stored.row);
        let (shelves, versions) = load(tx, command.wanted(row))?;
        let decision = guarded(|| command.decide(row, shelves, tx.now()))?;
        let decision = decision.map_err(|impossible| StoreError::Poisoned(impossible.to_string()))?;
        // A refusal changes nothing that could say that there is a row.
        let written = match (decision.row, &stored) {
            (None, _) => !assumed,
            (Some(row), None) => tx.insert_reservation(row)?,
            (Some(row), Some(stored)) => tx.update_reservation(row, stored.version)?,
        };
        if assumed && !written {
            (stored, assumed) = (tx.reservation(order)?, false);
            continue;
        }
        expect_written(written)?;
        save(tx, &decision.levels, &versions, &decision.movements)?;
        return Ok(decision.answer);
    }
}

/// The levels that a step asks to see.
fn load(tx: &dyn Tx, wanted: Wanted<'_>) -> Result<(Shelves, Versions), CommandError> {
    let (mut shelves, mut versions) = (Shelves::default(), Versions::new());
    let demands: BTreeSet<_> = wanted.demands.iter().map(|demand| (demand.shop_id, demand.variant_id)).collect();
    for (shop, variant) in demands {
        for (Versioned { row, version }, priority) in tx.sources(shop, variant)? {
            versions.insert(row.shelf, version);
            shelves.add_open(row, priority);
        }
    }
    for item in wanted.items.iter().map(Allotment::shelf) {
        if !shelves.has(item)
            && let Some(Versioned { row, version }) = tx.level(item)?
        {
            versions.insert(row.shelf, version);
            shelves.add_held(row);
        }
    }
    Ok((shelves, versions))
}

fn save(tx: &dyn Tx, changed: &[Level], versions: &Versions, movements: &[Movement]) -> Result<(), CommandError> {
    for level in changed {
        tx.save_level(level, versions.get(&level.shelf).copied())?;
    }
    tx.append_movements(movements)
}

fn change(tx: &dyn Tx, made: &StockChange, claim: Option<&Claim>) -> Result<StockReply, CommandError> {
    if let Some(claim) = claim
        && let Some(StockClaimed { body_hash, request_id, transfer_id }) = tx.find_stock_claim(claim)?
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
        tx.keep_stock_claim(claim, transfer_id)?;
    }
    Ok(StockReply::Change(Ok(ChangeAnswer { levels: decided.levels, transfer_id, replayed: false })))
}

/// Makes a change, if the rules allow it.
pub(super) fn decide_change(tx: &dyn Tx, made: &StockChange) -> Result<Result<Changed, StockRefusal>, CommandError> {
    let article = tx.article(made.variant_id())?;
    let (mut places, mut versions) = (BTreeMap::new(), Versions::new());
    for shelf in made.shelves() {
        if let Some(mut place) = tx.place(shelf.warehouse_id)? {
            if let Some(Versioned { row, version }) = tx.level(shelf)? {
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
fn present_level(tx: &dyn Tx, shelf: Shelf) -> Result<Option<Level>, CommandError> {
    match tx.level(shelf)? {
        Some(stored) => Ok(Some(stored.row)),
        None => Ok(tx.place(shelf.warehouse_id)?.map(|place| Level::empty(shelf, place.shop_id))),
    }
}

/// A count that finds what was known changes no level.
fn changed_of(levels: &[Level], movements: &[Movement]) -> Vec<Level> {
    let moved = |level: &&Level| movements.iter().any(|movement| movement.shelf == level.shelf);
    levels.iter().filter(moved).copied().collect()
}

//! Reservations: what of the stock is an order's. The row is the stock participant's barrier.
//!
//! ```text
//!   (none) ──Reserve──▶ reserved ──Commit──▶ committed        Replace: reserved ──▶ reserved, next revision
//!      │                   │                    │
//!      └─────────────── Release ────────────────┴──▶ released, for good
//! ```
//!
//! An order has all of its lines or none. A reservation that is refused for want of stock leaves no row: it
//! has changed nothing, so there is nothing to be told apart from, and until its saga has logged the
//! refusal a later answer is as true as the first one. Once it has, the saga releases, and the row that
//! leaves behind refuses whatever is still on its way. A refused replacement is remembered by the row that it
//! leaves as it was: the saga goes on with that, and the same replacement, sent again, must not succeed after
//! all.

use super::{
    allocation::Shortage,
    level::{Impossible, Level, Shelf},
    movement::{Cause, Delta, Movement},
    shelves::Shelves,
    units::Units,
};
use crate::domain::{
    ids::{OrderId, SagaId, ShopId, VariantId, WarehouseId},
    money::Quantity,
    reason::Reason,
    saga::{Detail, Outcome, Receipt},
    simulation::Script,
    time::Timestamp,
};
use ReservationStatus::{Committed, Released, Reserved};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use strum::{EnumString, IntoStaticStr};

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ReservationStatus {
    /// The pieces are promised to the order.
    Reserved,
    /// They have left for good.
    Committed,
    /// The order holds nothing, and never will again.
    Released,
}

impl ReservationStatus {
    /// The status's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Pieces of one variant that one warehouse gives to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotment {
    /// Whose the warehouse is.
    pub shop_id: ShopId,
    /// Where they are.
    pub warehouse_id: WarehouseId,
    /// What they are.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: Units,
}

impl Allotment {
    /// The level they are counted in.
    pub const fn shelf(&self) -> Shelf {
        Shelf { variant_id: self.variant_id, warehouse_id: self.warehouse_id }
    }
}

/// A reservation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The order.
    pub order_id: OrderId,
    /// Its saga.
    pub saga_id: SagaId,
    /// The revision of the order's lines that it serves.
    pub revision: u32,
    /// The latest revision that there was too little for; 0 for none.
    pub refused_revision: u32,
    /// Where it stands.
    pub status: ReservationStatus,
    /// What the order was given, each shelf once; kept when it is released.
    pub items: Arc<[Allotment]>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Pieces that an order wants. Several for the same variant of a shop are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Whose.
    pub shop_id: ShopId,
    /// Of what.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: Quantity,
}

/// Promises all of an order's pieces to it, or none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReserveStock {
    /// The order.
    pub order_id: OrderId,
    /// Its saga.
    pub saga_id: SagaId,
    /// The revision of its lines.
    pub revision: u32,
    /// What it wants.
    pub demands: Arc<[Demand]>,
    /// What the participant's actor does on it: panic, or nothing special.
    pub script: Script,
}

/// Lets an order's pieces leave for good: they are paid.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CommitStock {
    /// The order.
    pub order_id: OrderId,
}

/// Gives back what the order holds, be it promised or gone, and closes stock for it for good. Compensates
/// [`ReserveStock`] and [`CommitStock`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ReleaseStock {
    /// The order.
    pub order_id: OrderId,
    /// Its saga.
    pub saga_id: SagaId,
}

/// Promises a new revision's pieces to an order and takes back the promise of the old one, or changes
/// nothing: what the old one holds is there for the new one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplaceReservation {
    /// The order.
    pub order_id: OrderId,
    /// Its saga.
    pub saga_id: SagaId,
    /// The new revision, higher than the one it replaces.
    pub revision: u32,
    /// What it wants.
    pub demands: Arc<[Demand]>,
}

/// What the stock participant can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum StockCommand {
    /// Promise.
    Reserve(ReserveStock),
    /// Take.
    Commit(CommitStock),
    /// Give back.
    Release(ReleaseStock),
    /// Promise something else.
    Replace(ReplaceReservation),
}

/// The levels that a command needs to see.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Every active warehouse's that has any of these.
    pub demands: &'a [Demand],
    /// These very ones.
    pub items: &'a [Allotment],
}

/// What the stock participant answers.
#[derive(Clone, Debug)]
pub struct StockAnswer {
    /// The step's outcome.
    pub outcome: Outcome,
    /// The reservation as it is now, if there is one.
    pub reservation: Option<Reservation>,
}

/// What a command changes and what it answers.
#[derive(Clone, Debug)]
pub struct StockDecision {
    /// The new row, or `None` when nothing changes.
    pub row: Option<Reservation>,
    /// The levels that changed, by variant and warehouse.
    pub levels: Vec<Level>,
    /// One for each change of a level.
    pub movements: Vec<Movement>,
    /// The answer, valid only once everything else is durable.
    pub answer: StockAnswer,
}

impl StockCommand {
    /// The order whose row the command is about.
    pub const fn order(&self) -> OrderId {
        match self {
            Self::Reserve(reserve) => reserve.order_id,
            Self::Commit(commit) => commit.order_id,
            Self::Release(release) => release.order_id,
            Self::Replace(replace) => replace.order_id,
        }
    }

    /// The levels that [`Self::decide`] needs to see.
    pub fn wanted<'a>(&'a self, row: Option<&'a Reservation>) -> Wanted<'a> {
        let nothing = Wanted::default();
        match (self, row.map(|row| (row.status, row))) {
            (Self::Reserve(ReserveStock { demands, .. }) | Self::Replace(ReplaceReservation { demands, .. }), None) => {
                Wanted { demands, ..nothing }
            }
            (Self::Replace(replace), Some((Reserved, row))) if row.is_before(replace.revision) => {
                Wanted { demands: &replace.demands, items: &row.items }
            }
            (Self::Commit(_), Some((Reserved, row))) | (Self::Release(_), Some((Reserved | Committed, row))) => {
                Wanted { items: &row.items, ..nothing }
            }
            _ => nothing,
        }
    }

    /// Decides the command against the row and the levels as they are. `shelves` holds those that
    /// [`Self::wanted`] asks for.
    ///
    /// # Errors
    /// When the row and the levels contradict each other.
    pub fn decide(
        &self,
        row: Option<&Reservation>,
        shelves: Shelves,
        now: Timestamp,
    ) -> Result<StockDecision, Impossible> {
        let mut books = Books { shelves, movements: Vec::new(), now };
        match (self, row.map(|row| (row.status, row))) {
            (Self::Reserve(ReserveStock { order_id, saga_id, revision, demands, .. }), None) => {
                let fresh = Reservation::begun(*order_id, *saga_id, *revision, now);
                Ok(books.reserve(fresh, demands)?.unwrap_or_else(|shortages| out_of_stock(None, shortages)))
            }
            (Self::Replace(replace), None) => {
                let nothing = Reservation::begun(replace.order_id, replace.saga_id, 0, now);
                books.replace(nothing, replace)
            }
            (Self::Replace(replace), Some((Reserved, old))) if old.is_before(replace.revision) => {
                books.give_back(old)?;
                books.replace(old.clone(), replace)
            }
            (Self::Replace(replace), Some((Reserved, row))) if row.refused_revision >= replace.revision => {
                Ok(out_of_stock(Some(row), Vec::new()))
            }
            (Self::Commit(_), Some((Reserved, row))) => {
                for item in row.items.iter() {
                    books.change(row, item, |level| level.commit(item.quantity))?;
                }
                Ok(books.end(Reservation { status: Committed, updated_at: now, ..row.clone() }, Reservation::done))
            }
            (Self::Release(_), Some((Reserved | Committed, row))) => {
                books.give_back(row)?;
                Ok(books.end(Reservation { status: Released, updated_at: now, ..row.clone() }, Reservation::done))
            }
            (Self::Release(ReleaseStock { order_id, saga_id }), None) => {
                let tombstone = Reservation::begun(*order_id, *saga_id, 0, now);
                Ok(books.end(Reservation { status: Released, ..tombstone }, Reservation::done))
            }
            // It has been done before. A later revision than the one asked for means that this comes late,
            // and nobody waits for its answer.
            (Self::Reserve(_), Some((Reserved | Committed, row))) | (Self::Replace(_), Some((Reserved, row))) => {
                Ok(unchanged(row.given(), Some(row)))
            }
            (Self::Commit(_), Some((Committed, row))) | (Self::Release(_), Some((Released, row))) => {
                Ok(unchanged(row.done(), Some(row)))
            }
            (Self::Reserve(_) | Self::Replace(_) | Self::Commit(_), row) => {
                let closed = Outcome::rejected(Reason::StockClosed);
                Ok(unchanged(closed, row.map(|(_, row)| row)))
            }
        }
    }
}

impl Reservation {
    fn begun(order_id: OrderId, saga_id: SagaId, revision: u32, now: Timestamp) -> Self {
        Self {
            order_id,
            saga_id,
            revision,
            refused_revision: 0,
            status: Reserved,
            items: Arc::default(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether nothing has been decided yet about this revision of the lines.
    fn is_before(&self, revision: u32) -> bool {
        self.revision.max(self.refused_revision) < revision
    }

    /// The outcome of a step that reserves: what was given, so that shipping knows where it leaves from.
    fn given(&self) -> Outcome {
        Outcome::Done { receipt: Some(Receipt::Allotments(Arc::clone(&self.items))) }
    }

    /// The outcome of a step that takes or gives back.
    const fn done(&self) -> Outcome {
        Outcome::done(self.order_id.uuid())
    }
}

fn unchanged(outcome: Outcome, row: Option<&Reservation>) -> StockDecision {
    let answer = StockAnswer { outcome, reservation: row.cloned() };
    StockDecision { row: None, levels: Vec::new(), movements: Vec::new(), answer }
}

/// A refusal for want of stock: the row stands.
fn out_of_stock(row: Option<&Reservation>, shortages: Vec<Shortage>) -> StockDecision {
    let detail = (!shortages.is_empty()).then(|| Detail::Shortages(shortages.into()));
    unchanged(Outcome::Rejected { reason: Reason::OutOfStock, detail }, row)
}

/// The levels while a decision changes them, and the ledger's rows for what it did.
struct Books {
    shelves: Shelves,
    movements: Vec<Movement>,
    now: Timestamp,
}

impl Books {
    fn change(
        &mut self,
        row: &Reservation,
        item: &Allotment,
        change: impl FnOnce(&mut Level) -> Result<Delta, Impossible>,
    ) -> Result<(), Impossible> {
        let delta = self.shelves.change(item.shelf(), change)?;
        let cause = Cause::Order { order_id: row.order_id, revision: row.revision };
        self.movements.push(Movement { shelf: item.shelf(), delta, cause, at: self.now });
        Ok(())
    }

    /// Gives back what the row holds.
    fn give_back(&mut self, row: &Reservation) -> Result<(), Impossible> {
        for item in row.items.iter() {
            self.change(row, item, |level| match row.status {
                Committed => level.put_back(item.quantity),
                Reserved | Released => level.release(item.quantity),
            })?;
        }
        Ok(())
    }

    /// Reserves for `next`, or nothing where there is too little.
    fn reserve(
        mut self,
        mut next: Reservation,
        demands: &[Demand],
    ) -> Result<Result<StockDecision, Vec<Shortage>>, Impossible> {
        let mut shops: BTreeMap<ShopId, BTreeMap<VariantId, Units>> = BTreeMap::new();
        for Demand { shop_id, variant_id, quantity } in demands {
            let wanted = shops.entry(*shop_id).or_default().entry(*variant_id);
            wanted.and_modify(|sum| *sum = sum.plus((*quantity).into())).or_insert((*quantity).into());
        }
        let mut items = Vec::with_capacity(demands.len());
        let mut missing = Vec::new();
        for (shop_id, demands) in &shops {
            match self.shelves.allocate(*shop_id, demands) {
                Ok(picks) => items.extend(picks.into_iter().map(|pick| Allotment {
                    shop_id: *shop_id,
                    warehouse_id: pick.warehouse_id,
                    variant_id: pick.variant_id,
                    quantity: pick.quantity,
                })),
                Err(shortages) => missing.extend(shortages),
            }
        }
        if !missing.is_empty() {
            return Ok(Err(missing));
        }
        (next.items, next.updated_at) = (items.into(), self.now);
        for item in next.items.iter() {
            self.change(&next, item, |level| level.reserve(item.quantity))?;
        }
        Ok(Ok(self.end(next, Reservation::given)))
    }

    /// Reserves for the revision that replaces what `old` held, which has been given back; where there is too
    /// little, `old` stands and remembers the refusal.
    fn replace(self, old: Reservation, replace: &ReplaceReservation) -> Result<StockDecision, Impossible> {
        let now = self.now;
        let next = Reservation { revision: replace.revision, ..old.clone() };
        Ok(self.reserve(next, &replace.demands)?.unwrap_or_else(|shortages| {
            let refused = Reservation { refused_revision: replace.revision, updated_at: now, ..old };
            let decision = out_of_stock(Some(&refused), shortages);
            StockDecision { row: Some(refused), ..decision }
        }))
    }

    fn end(self, row: Reservation, outcome: fn(&Reservation) -> Outcome) -> StockDecision {
        StockDecision {
            answer: StockAnswer { outcome: outcome(&row), reservation: Some(row.clone()) },
            row: Some(row),
            levels: self.shelves.into_changed(),
            movements: self.movements,
        }
    }
}

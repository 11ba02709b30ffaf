//! Stock in memory, kept as a backend keeps it: what a decision asks to see is shown to it, and what it
//! changes is saved.

use crate::domain::given::{at, order_id, saga_id};
use backstitch::domain::{
    field::Note,
    ids::{OrderId, SagaId, ShopId, TransferId, VariantId, WarehouseId},
    money::Quantity,
    reason::Reason,
    saga::{Outcome, Receipt},
    simulation::Script,
    stock::{
        Adjust, Allotment, Article, CommitStock, Demand, Level, Movement, OnHand, Place, Receive, ReleaseStock,
        ReplaceReservation, Reservation, ReserveStock, Shelf, Shelves, StockAnswer, StockChange, StockCommand,
        StockRefusal, Transfer,
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

pub(in crate::domain) fn shop(number: u128) -> ShopId {
    ShopId::from_uuid(Uuid::from_u128(0x100 + number))
}

pub(super) fn warehouse(number: u128) -> WarehouseId {
    WarehouseId::from_uuid(Uuid::from_u128(0x200 + number))
}

pub(in crate::domain) fn variant(number: u128) -> VariantId {
    VariantId::from_uuid(Uuid::from_u128(0x300 + number))
}

pub(super) fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(0x400 + number))
}

pub(super) fn quantity(pieces: i64) -> Quantity {
    Quantity::parse(pieces).expect("a quantity")
}

pub(super) const fn shelf(warehouse_id: WarehouseId, variant_id: VariantId) -> Shelf {
    Shelf { variant_id, warehouse_id }
}

pub(super) fn demand(shop_number: u128, variant_number: u128, pieces: i64) -> Demand {
    Demand { shop_id: shop(shop_number), variant_id: variant(variant_number), quantity: quantity(pieces) }
}

pub(super) fn reserve_for(order_id: OrderId, demands: &[Demand]) -> StockCommand {
    let (saga_id, demands) = (saga_id(), demands.into());
    StockCommand::Reserve(ReserveStock { order_id, saga_id, revision: 0, demands, script: Script::default() })
}

pub(super) fn reserve(demands: &[Demand]) -> StockCommand {
    reserve_for(order_id(), demands)
}

pub(super) fn replace(revision: u32, demands: &[Demand]) -> StockCommand {
    let (order_id, saga_id, demands): (_, SagaId, _) = (order_id(), saga_id(), demands.into());
    StockCommand::Replace(ReplaceReservation { order_id, saga_id, revision, demands })
}

pub(super) fn commit() -> StockCommand {
    StockCommand::Commit(CommitStock { order_id: order_id() })
}

pub(super) fn release() -> StockCommand {
    StockCommand::Release(ReleaseStock { order_id: order_id(), saga_id: saga_id() })
}

pub(super) fn receive(at: Shelf, pieces: i64) -> StockChange {
    StockChange::Receive(Receive { shelf: at, quantity: quantity(pieces) })
}

pub(super) fn adjust(at: Shelf, expected: i64, counted: i64) -> StockChange {
    StockChange::Adjust(Adjust {
        shelf: at,
        on_hand: OnHand::parse(counted).expect("a count"),
        expected_on_hand: OnHand::parse(expected).expect("a count"),
        reason: Note::parse("counted".into()).expect("a note"),
    })
}

pub(super) fn transfer(from: u128, to: u128, variant_number: u128, pieces: i64) -> StockChange {
    let id = TransferId::from_uuid(Uuid::from_u128(0x5));
    let ends = [warehouse(from), warehouse(to)];
    StockChange::Transfer(Transfer::parse(id, ends, variant(variant_number), quantity(pieces)).expect("two ends"))
}

/// A warehouse of the depot.
#[derive(Clone, Copy, Debug)]
pub(super) struct House {
    pub(super) shop: ShopId,
    pub(super) priority: i64,
    pub(super) active: bool,
}

#[derive(Clone, Debug, Default)]
pub(in crate::domain) struct Depot {
    pub(super) houses: BTreeMap<WarehouseId, House>,
    pub(super) levels: BTreeMap<Shelf, Level>,
    pub(super) rows: BTreeMap<OrderId, Reservation>,
    pub(super) movements: Vec<Movement>,
    /// Variants that take nothing in.
    pub(super) retired: Vec<VariantId>,
}

impl Depot {
    /// One shop's warehouses 0, 1, …, the first of the best priority, with so many pieces of variants 0, 1, ….
    pub(in crate::domain) fn with(stock: &[&[i64]]) -> Self {
        let mut depot = Self::default();
        for (number, pieces) in (0..).zip(stock) {
            depot.add_house(number, 0);
            for (variant_number, pieces) in (0..).zip(*pieces).filter(|(_, pieces)| **pieces > 0) {
                depot.change(&receive(shelf(warehouse(number), variant(variant_number)), *pieces)).expect("room");
            }
        }
        depot
    }

    pub(super) fn add_house(&mut self, number: u128, shop_number: u128) {
        let priority = i64::try_from(number).expect("a small number");
        self.houses.insert(warehouse(number), House { shop: shop(shop_number), priority, active: true });
    }

    pub(super) fn deactivate(&mut self, number: u128) {
        self.houses.get_mut(&warehouse(number)).expect("a warehouse").active = false;
    }

    pub(in crate::domain) fn ask(&mut self, command: &StockCommand) -> StockAnswer {
        let row = self.rows.get(&command.order());
        let wanted = command.wanted(row);
        let mut shelves = Shelves::default();
        for demand in wanted.demands {
            for (warehouse_id, house) in &self.houses {
                let level = self.levels.get(&shelf(*warehouse_id, demand.variant_id));
                if let Some(level) = level.filter(|_| house.active && house.shop == demand.shop_id) {
                    shelves.add_open(*level, house.priority);
                }
            }
        }
        for item in wanted.items {
            shelves.add_held(self.levels[&item.shelf()]);
        }
        let decision = command.decide(row, shelves, at(0)).expect("nothing contradicts itself");
        if decision.row.is_none() {
            assert!(decision.levels.is_empty() && decision.movements.is_empty(), "stock changes with a row alone");
        }
        self.rows.extend(decision.row.map(|row| (row.order_id, row)));
        self.save(&decision.levels, decision.movements);
        decision.answer
    }

    pub(super) fn outcome(&mut self, command: &StockCommand) -> Outcome {
        plain(self.ask(command).outcome, command.order())
    }

    pub(super) fn change(&mut self, change: &StockChange) -> Result<Vec<Level>, StockRefusal> {
        let places = change.shelves().into_iter().filter_map(|shelf| {
            let house = self.houses.get(&shelf.warehouse_id)?;
            let level = self.levels.get(&shelf).copied();
            Some((shelf.warehouse_id, Place { shop_id: house.shop, shop_active: true, active: house.active, level }))
        });
        let article = Article { product_active: true, active: !self.retired.contains(&change.variant_id()) };
        let changed = change.decide(&places.collect(), Some(article), at(0))?;
        self.save(&changed.levels, changed.movements);
        Ok(changed.levels)
    }

    fn save(&mut self, levels: &[Level], movements: Vec<Movement>) {
        self.levels.extend(levels.iter().map(|level| (level.shelf, *level)));
        self.movements.extend(movements);
    }

    /// On hand and reserved.
    pub(in crate::domain) fn level(&self, warehouse_number: u128, variant_number: u128) -> (i64, i64) {
        let level = self.levels.get(&shelf(warehouse(warehouse_number), variant(variant_number)));
        level.map_or((0, 0), |level| (level.on_hand(), level.reserved()))
    }

    /// What the test's order holds: warehouse, variant and pieces.
    pub(super) fn held(&self) -> Vec<(WarehouseId, VariantId, i64)> {
        let item = |item: &Allotment| (item.warehouse_id, item.variant_id, item.quantity.get());
        self.rows.get(&order_id()).map_or_else(Vec::new, |row| row.items.iter().map(item).collect())
    }

    /// Every level is the sum of its movements.
    pub(in crate::domain) fn assert_books(&self) {
        let mut sums: BTreeMap<Shelf, (i64, i64)> = self.levels.keys().map(|shelf| (*shelf, (0, 0))).collect();
        for Movement { shelf, delta, .. } in &self.movements {
            let sum = sums.entry(*shelf).or_default();
            *sum = (sum.0 + delta.on_hand, sum.1 + delta.reserved);
        }
        let levels = self.levels.iter().map(|(shelf, level)| (*shelf, (level.on_hand(), level.reserved())));
        assert_eq!(levels.collect::<BTreeMap<_, _>>(), sums);
    }
}

/// An outcome without what was given, which is the stored reservation's to say.
pub(crate) fn plain(outcome: Outcome, order: OrderId) -> Outcome {
    match outcome {
        Outcome::Done { receipt: Some(Receipt::Allotments(_)) } => Outcome::done(order.uuid()),
        Outcome::Rejected { reason, .. } => Outcome::rejected(reason),
        other => other,
    }
}

pub(super) fn done() -> Outcome {
    Outcome::done(order_id().uuid())
}

pub(super) fn refused(reason: Reason) -> Outcome {
    Outcome::rejected(reason)
}

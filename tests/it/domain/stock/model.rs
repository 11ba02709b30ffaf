//! Any sequence of commands and changes, against a model that knows of nothing but numbers: what is on hand
//! in all, and what each order holds. Stock is conserved and never negative.

use super::depot::{
    Depot, adjust, order, quantity, receive, refused, replace, reserve_for, shelf, shop, transfer, variant, warehouse,
};
use crate::domain::given::saga_id;
use backstitch::domain::{
    ids::OrderId,
    reason::Reason,
    saga::Outcome,
    stock::{
        Allotment, CommitStock, Demand, Level, ReleaseStock, ReplaceReservation, ReservationStatus, StockCommand,
        StockRefusal,
    },
};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

const WAREHOUSES: u128 = 5;
const VARIANTS: u128 = 2;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Move {
    Receive(u128, u128, i64),
    Adjust { at: (u128, u128), counted: i64, stale: bool },
    Transfer { from: u128, to: u128, variant: u128, pieces: i64 },
    Activate(u128, bool),
    Reserve(u128, Vec<(u128, u128, i64)>),
    Replace(u128, u32, Vec<(u128, u128, i64)>),
    Commit(u128),
    Release(u128),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let (house, kind, pieces, whose) = (0..WAREHOUSES, 0..VARIANTS, 1..8_i64, 0..5_u128);
    let lines = || prop::collection::vec((0..2_u128, 0..VARIANTS, 1..6_i64), 0..4);
    let one = prop_oneof![
        4 => (house.clone(), kind.clone(), pieces.clone()).prop_map(|(w, v, n)| Move::Receive(w, v, n)),
        2 => ((house.clone(), kind.clone()), 0..9_i64, prop::bool::weighted(0.2))
            .prop_map(|(at, counted, stale)| Move::Adjust { at, counted, stale }),
        3 => (house.clone(), house.clone(), kind, pieces).prop_filter("somewhere else", |(from, to, ..)| from != to)
            .prop_map(|(from, to, variant, pieces)| Move::Transfer { from, to, variant, pieces }),
        1 => (house, any::<bool>()).prop_map(|(w, active)| Move::Activate(w, active)),
        6 => (whose.clone(), lines()).prop_map(|(o, lines)| Move::Reserve(o, lines)),
        2 => (whose.clone(), 1..4_u32, lines()).prop_map(|(o, revision, lines)| Move::Replace(o, revision, lines)),
        3 => whose.clone().prop_map(Move::Commit),
        3 => whose.prop_map(Move::Release),
    ];
    prop::collection::vec(one, 0..60)
}

fn demands(lines: &[(u128, u128, i64)]) -> Vec<Demand> {
    let demand = |(shop_number, variant_number, pieces): &(u128, u128, i64)| Demand {
        shop_id: shop(*shop_number),
        variant_id: variant(*variant_number),
        quantity: quantity(*pieces),
    };
    lines.iter().map(demand).collect()
}

/// What the model knows of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    status: ReservationStatus,
    revision: u32,
    /// The latest revision that was refused.
    refused: u32,
    /// By shop and variant.
    pieces: BTreeMap<(u128, u128), i64>,
}

/// Pieces by warehouse and variant that anybody brought or counted, and what orders took.
#[derive(Default)]
struct Model {
    brought: i64,
    orders: HashMap<u128, Held>,
}

impl Model {
    fn gone(&self) -> i64 {
        let committed = self.orders.values().filter(|held| held.status == ReservationStatus::Committed);
        committed.flat_map(|held| held.pieces.values()).sum()
    }

    fn promised(&self) -> i64 {
        let reserved = self.orders.values().filter(|held| held.status == ReservationStatus::Reserved);
        reserved.flat_map(|held| held.pieces.values()).sum()
    }
}

fn sums(lines: &[(u128, u128, i64)]) -> BTreeMap<(u128, u128), i64> {
    let mut sums = BTreeMap::new();
    for (shop_number, variant_number, pieces) in lines {
        *sums.entry((*shop_number, *variant_number)).or_default() += pieces;
    }
    sums
}

struct World {
    depot: Depot,
    model: Model,
}

impl World {
    fn new() -> Self {
        let mut depot = Depot::default();
        for number in 0..WAREHOUSES {
            depot.add_house(number, number % 2);
        }
        Self { depot, model: Model::default() }
    }

    /// What active warehouses of a shop can promise.
    fn available(&self, shop_number: u128, variant_number: u128) -> i64 {
        let open = self.depot.houses.iter().filter(|(_, house)| house.active && house.shop == shop(shop_number));
        let levels = open.filter_map(|(id, _)| self.depot.levels.get(&shelf(*id, variant(variant_number))));
        levels.map(Level::available).sum()
    }

    fn play(&mut self, one: &Move) {
        match one {
            Move::Receive(house, kind, pieces) => {
                let active = self.depot.houses[&warehouse(*house)].active;
                let received = self.depot.change(&receive(shelf(warehouse(*house), variant(*kind)), *pieces));
                assert_eq!(received.is_ok(), active, "{received:?}");
                self.model.brought += if active { *pieces } else { 0 };
            }
            Move::Adjust { at: (house, kind), counted, stale } => {
                let (on_hand, reserved) = self.depot.level(*house, *kind);
                let expected = on_hand + i64::from(*stale);
                let adjusted = self.depot.change(&adjust(shelf(warehouse(*house), variant(*kind)), expected, *counted));
                match adjusted {
                    Ok(_) => {
                        assert!(!stale && *counted >= reserved);
                        self.model.brought += counted - on_hand;
                    }
                    Err(StockRefusal::Changed { on_hand: said, .. }) => assert!(*stale && said == on_hand),
                    Err(StockRefusal::BelowReserved { .. }) => assert!(*counted < reserved),
                    Err(other) => panic!("{other}"),
                }
            }
            Move::Transfer { from, to, variant: kind, pieces } => {
                let (on_hand, reserved) = self.depot.level(*from, *kind);
                let moved = self.depot.change(&transfer(*from, *to, *kind, *pieces));
                let active = self.depot.houses[&warehouse(*to)].active;
                let possible = on_hand - reserved >= *pieces && from % 2 == to % 2 && active;
                assert_eq!(moved.is_ok(), possible, "{moved:?}");
            }
            Move::Activate(house, active) => {
                self.depot.houses.get_mut(&warehouse(*house)).expect("a warehouse").active = *active;
            }
            Move::Reserve(whose, lines) => self.reserve(*whose, lines),
            Move::Replace(whose, revision, lines) => self.replace(*whose, *revision, lines),
            Move::Commit(whose) => {
                let command = StockCommand::Commit(CommitStock { order_id: order(*whose) });
                let outcome = self.depot.outcome(&command);
                match self.model.orders.get_mut(whose) {
                    Some(held) if held.status != ReservationStatus::Released => {
                        held.status = ReservationStatus::Committed;
                        assert_eq!(outcome, done_for(order(*whose)));
                    }
                    _ => assert_eq!(outcome, refused(Reason::StockClosed)),
                }
            }
            Move::Release(whose) => {
                let command = StockCommand::Release(ReleaseStock { order_id: order(*whose), saga_id: saga_id() });
                assert_eq!(self.depot.outcome(&command), done_for(order(*whose)));
                let nothing =
                    Held { status: ReservationStatus::Released, revision: 0, refused: 0, pieces: BTreeMap::new() };
                self.model.orders.entry(*whose).or_insert(nothing).status = ReservationStatus::Released;
            }
        }
    }

    fn reserve(&mut self, whose: u128, lines: &[(u128, u128, i64)]) {
        let enough = sums(lines).iter().all(|((shop, kind), pieces)| self.available(*shop, *kind) >= *pieces);
        let outcome = self.depot.outcome(&reserve_for(order(whose), &demands(lines)));
        match self.model.orders.get(&whose).map(|held| held.status) {
            Some(ReservationStatus::Released) => assert_eq!(outcome, refused(Reason::StockClosed)),
            Some(_) => assert_eq!(outcome, done_for(order(whose))),
            None if enough => {
                assert_eq!(outcome, done_for(order(whose)));
                let held = Held { status: ReservationStatus::Reserved, revision: 0, refused: 0, pieces: sums(lines) };
                self.model.orders.insert(whose, held);
            }
            None => assert_eq!(outcome, refused(Reason::OutOfStock)),
        }
    }

    fn replace(&mut self, whose: u128, revision: u32, lines: &[(u128, u128, i64)]) {
        // A deactivated warehouse takes back what it promised and promises nothing: what it held does not count.
        let held = self.depot.rows.get(&order(whose)).filter(|row| row.status == ReservationStatus::Reserved);
        let back = |shop_number: u128, kind: u128| -> i64 {
            let items = held.map_or(&[][..], |row| &row.items).iter();
            let counts = |item: &&Allotment| {
                item.shop_id == shop(shop_number)
                    && item.variant_id == variant(kind)
                    && self.depot.houses[&item.warehouse_id].active
            };
            items.filter(counts).map(|item| item.quantity.get()).sum()
        };
        let enough = sums(lines)
            .iter()
            .all(|((shop, kind), pieces)| self.available(*shop, *kind) + back(*shop, *kind) >= *pieces);
        let StockCommand::Replace(command) = replace(revision, &demands(lines)) else { unreachable!() };
        let command = StockCommand::Replace(ReplaceReservation { order_id: order(whose), ..command });
        let outcome = self.depot.outcome(&command);
        match self.model.orders.get(&whose) {
            Some(held) if held.status != ReservationStatus::Reserved => {
                assert_eq!(outcome, refused(Reason::StockClosed));
            }
            // Decided before: the same again, whatever there is by now.
            Some(held) if held.refused >= revision => assert_eq!(outcome, refused(Reason::OutOfStock)),
            Some(held) if held.revision >= revision => assert_eq!(outcome, done_for(order(whose))),
            held => {
                let old = held.cloned().unwrap_or_else(|| Held {
                    status: ReservationStatus::Reserved,
                    revision: 0,
                    refused: 0,
                    pieces: BTreeMap::new(),
                });
                let next = if enough {
                    assert_eq!(outcome, done_for(order(whose)));
                    Held { revision, pieces: sums(lines), ..old }
                } else {
                    assert_eq!(outcome, refused(Reason::OutOfStock));
                    Held { refused: revision, ..old }
                };
                self.model.orders.insert(whose, next);
            }
        }
    }

    fn assert_conserved(&self) {
        self.depot.assert_books();
        let on_hand: i64 = self.depot.levels.values().map(Level::on_hand).sum();
        let reserved: i64 = self.depot.levels.values().map(Level::reserved).sum();
        assert_eq!(on_hand, self.model.brought - self.model.gone());
        assert_eq!(reserved, self.model.promised());
        for level in self.depot.levels.values() {
            assert!(0 <= level.reserved() && level.reserved() <= level.on_hand(), "{level:?}");
        }
        for (whose, held) in &self.model.orders {
            let row = &self.depot.rows[&order(*whose)];
            assert_eq!((row.status, row.revision, row.refused_revision), (held.status, held.revision, held.refused));
            let wanted: i64 = held.pieces.values().sum();
            assert_eq!(row.items.iter().map(|item| item.quantity.get()).sum::<i64>(), wanted);
        }
    }
}

fn done_for(whose: OrderId) -> Outcome {
    Outcome::done(whose.uuid())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_commands_and_changes_conserves_stock_and_never_goes_negative(moves in moves()) {
        let mut world = World::new();
        for one in &moves {
            world.play(one);
            world.assert_conserved();
        }
    }
}

//! What the tests of the stock start from: one shop's warehouses with pieces of one variant, and orders with
//! ids of their own.

use crate::{
    domain::stock::plain,
    store::given::{TestStore, claim, one, store},
    support::CatalogRows,
};
use backstitch::{
    domain::{
        field::Note,
        ids::{OrderId, SagaId, ShopId, TransferId, VariantId, WarehouseId},
        money::Quantity,
        reason::Reason,
        saga::Outcome,
        simulation::Script,
        stock::{
            Adjust, CommitStock, Demand, OnHand, Receive, ReleaseStock, ReplaceReservation, ReserveStock, Shelf,
            StockAnswer, StockChange, StockCommand, StockRefusal, Transfer,
        },
    },
    store::{ChangeAnswer, Claim, Keyed, MovementFilter, Page, StockReply, StockRequest, Store, StoreError},
};
use uuid::Uuid;

/// One shop, its warehouses, one variant.
pub(crate) struct Depot {
    pub(crate) test: TestStore,
    pub(crate) catalog: CatalogRows,
    pub(crate) shop: ShopId,
    pub(crate) warehouses: Vec<WarehouseId>,
    pub(crate) variant: VariantId,
}

/// Warehouses with so many pieces, the first of the best priority.
pub(crate) async fn depot(pieces: &[i64]) -> Depot {
    depot_in(store(), pieces).await
}

/// The same in a database that is there.
pub(crate) async fn depot_in(test: TestStore, pieces: &[i64]) -> Depot {
    let catalog = CatalogRows::of(&test.database);
    let (shop, variant) = (CatalogRows::shop(), catalog.variant());
    let warehouses = (0..).zip(pieces).map(|(priority, _)| catalog.warehouse(shop, priority)).collect();
    let depot = Depot { test, catalog, shop, warehouses, variant };
    for (number, pieces) in pieces.iter().enumerate().filter(|(_, pieces)| **pieces > 0) {
        depot.change(depot.receive(number, *pieces)).await.unwrap().unwrap();
    }
    depot
}

pub(crate) fn quantity(pieces: i64) -> Quantity {
    Quantity::parse(pieces).unwrap()
}

/// An order and its saga.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buyer {
    pub(crate) order_id: OrderId,
    pub(crate) saga_id: SagaId,
}

impl Buyer {
    pub(crate) fn new() -> Self {
        Self { order_id: OrderId::from_uuid(Uuid::now_v7()), saga_id: SagaId::from_uuid(Uuid::now_v7()) }
    }

    pub(crate) fn done(&self) -> Outcome {
        Outcome::done(self.order_id.uuid())
    }

    pub(crate) fn reserve(&self, demands: &[Demand]) -> StockCommand {
        self.reserve_scripted(demands, Script::default())
    }

    pub(crate) fn reserve_scripted(&self, demands: &[Demand], script: Script) -> StockCommand {
        let Self { order_id, saga_id } = *self;
        StockCommand::Reserve(ReserveStock { order_id, saga_id, revision: 0, demands: demands.into(), script })
    }

    pub(crate) fn replace(&self, revision: u32, demands: &[Demand]) -> StockCommand {
        let Self { order_id, saga_id } = *self;
        StockCommand::Replace(ReplaceReservation { order_id, saga_id, revision, demands: demands.into() })
    }

    pub(crate) fn commit(&self) -> StockCommand {
        StockCommand::Commit(CommitStock { order_id: self.order_id })
    }

    pub(crate) fn release(&self) -> StockCommand {
        StockCommand::Release(ReleaseStock { order_id: self.order_id, saga_id: self.saga_id })
    }
}

pub(crate) fn refused(reason: Reason) -> Outcome {
    Outcome::rejected(reason)
}

impl Depot {
    pub(crate) fn store(&self) -> &Store {
        &self.test.store
    }

    pub(crate) fn shelf(&self, number: usize) -> Shelf {
        Shelf { variant_id: self.variant, warehouse_id: self.warehouses[number] }
    }

    pub(crate) fn demand(&self, pieces: i64) -> Demand {
        Demand { shop_id: self.shop, variant_id: self.variant, quantity: quantity(pieces) }
    }

    pub(crate) fn receive(&self, number: usize, pieces: i64) -> StockChange {
        StockChange::Receive(Receive { shelf: self.shelf(number), quantity: quantity(pieces) })
    }

    pub(crate) fn adjust(&self, number: usize, expected: i64, counted: i64) -> StockChange {
        StockChange::Adjust(Adjust {
            shelf: self.shelf(number),
            on_hand: OnHand::parse(counted).unwrap(),
            expected_on_hand: OnHand::parse(expected).unwrap(),
            reason: Note::parse("dihitung ulang".into()).unwrap(),
        })
    }

    pub(crate) fn transfer(&self, [from, to]: [usize; 2], pieces: i64) -> StockChange {
        let id = TransferId::from_uuid(Uuid::now_v7());
        let ends = [self.warehouses[from], self.warehouses[to]];
        StockChange::Transfer(Transfer::parse(id, ends, self.variant, quantity(pieces)).unwrap())
    }

    pub(crate) async fn send(&self, command: StockCommand) -> Result<StockAnswer, StoreError> {
        match one(self.store().stock.execute(vec![StockRequest::Step(command).into()]).await)? {
            StockReply::Step(answer) => Ok(answer),
            other @ StockReply::Change(_) => panic!("{other:?}"),
        }
    }

    pub(crate) async fn outcome(&self, command: StockCommand) -> Outcome {
        let order = command.order();
        plain(self.send(command).await.unwrap().outcome, order)
    }

    pub(crate) async fn change(&self, change: StockChange) -> Result<Result<ChangeAnswer, StockRefusal>, StoreError> {
        self.change_under(change, &Uuid::now_v7().to_string(), 0).await
    }

    /// A change under a client's key for a body.
    pub(crate) async fn change_under(
        &self,
        change: StockChange,
        key: &str,
        body: u8,
    ) -> Result<Result<ChangeAnswer, StockRefusal>, StoreError> {
        self.change_claimed(change, claim(key, body)).await
    }

    pub(crate) async fn change_claimed(
        &self,
        change: StockChange,
        claim: Claim,
    ) -> Result<Result<ChangeAnswer, StockRefusal>, StoreError> {
        let keyed = Keyed { command: StockRequest::Change(change), claim: Some(claim) };
        match one(self.store().stock.execute(vec![keyed]).await)? {
            StockReply::Change(answer) => Ok(answer),
            other @ StockReply::Step(_) => panic!("{other:?}"),
        }
    }

    /// On hand and reserved, warehouse by warehouse.
    pub(crate) async fn levels(&self) -> Vec<(i64, i64)> {
        let levels = self.store().stock.levels_of(self.variant).await.unwrap().unwrap();
        let level = |warehouse: &WarehouseId| {
            let stocked = levels.iter().find(|stocked| stocked.level.shelf.warehouse_id == *warehouse);
            stocked.map_or((0, 0), |stocked| (stocked.level.on_hand(), stocked.level.reserved()))
        };
        self.warehouses.iter().map(level).collect()
    }

    /// How many movements there are.
    pub(crate) async fn moved(&self) -> usize {
        let page = Page { before: None, limit: 10_000 };
        self.store().stock.movements(MovementFilter::default(), page).await.unwrap().len()
    }

    /// The checks about stock that are red. Orders here have no sagas, which other checks see.
    pub(crate) async fn red(&self) -> Vec<&'static str> {
        let report = backstitch::audit::run(self.store().facts.clone()).await.unwrap();
        let about_stock =
            |name: &str| name.contains("stock") || name.contains("taken_twice") || name.contains("readable");
        let red = report.checks.iter().filter(|check| check.violations > 0 && about_stock(check.name));
        red.map(|check| check.name).collect()
    }
}

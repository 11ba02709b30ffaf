//! What can be asked of the stock.

use super::given::{Buyer, depot, quantity};
use crate::support::{CatalogRows, on_postgres};
use backstitch::{
    domain::{
        ids::{VariantId, WarehouseId},
        stock::{
            MovementKind::{self, Adjust, Commit, Receive, Reserve, TransferIn, TransferOut},
            Shelf, StockChange,
        },
    },
    store::{MovementFilter, MovementSeq, Page},
};
use uuid::Uuid;

const ALL: u32 = 100;

#[actix_web::test]
async fn movements_are_listed_newest_first_by_variant_warehouse_and_order() {
    let depot = depot(&[5, 0]).await;
    let buyer = Buyer::new();
    depot.change(depot.transfer([0, 1], 2)).await.unwrap().unwrap();
    depot.change(depot.adjust(1, 2, 1)).await.unwrap().unwrap();
    depot.outcome(buyer.reserve(&[depot.demand(3)])).await;
    depot.outcome(buyer.commit()).await;
    let list = async |filter, before| {
        let page = Page { before, limit: ALL };
        depot.store().stock.movements(filter, page).await.unwrap()
    };
    let kinds = async |filter| -> Vec<MovementKind> {
        list(filter, None).await.into_iter().map(|row| row.movement.delta.kind).collect()
    };
    let all = [Commit, Reserve, Adjust, TransferIn, TransferOut, Receive];
    assert_eq!(kinds(MovementFilter::default()).await, all);
    assert_eq!(kinds(MovementFilter { variant_id: Some(depot.variant), ..MovementFilter::default() }).await, all);
    let there = MovementFilter { warehouse_id: Some(depot.warehouses[1]), ..MovementFilter::default() };
    assert_eq!(kinds(there).await, [Adjust, TransferIn]);
    let of_order = MovementFilter { order_id: Some(buyer.order_id), ..MovementFilter::default() };
    assert_eq!(kinds(of_order).await, [Commit, Reserve]);
    let second = list(MovementFilter::default(), None).await[1].seq;
    assert_eq!(list(MovementFilter::default(), Some(second)).await.len(), 4);
}

#[actix_web::test]
async fn movements_are_listed_part_by_part_across_the_stretches_of_the_ledger() {
    let depot = depot(&[5]).await;
    // Somebody else's, at the end of the first stretch but one place.
    let filler = "INSERT INTO stock_movement (seq, warehouse_id, variant_id, kind, on_hand, reserved, at) \
                  VALUES (1022, ?1, ?1, 'receive', 1, 0, 0)";
    depot.test.raw().execute(filler, &[&uuid::Uuid::now_v7()]).unwrap();
    if on_postgres() {
        let next = "SELECT setval(pg_get_serial_sequence('stock_movement', 'seq'), 1022)";
        depot.test.raw().execute_batch(next).unwrap();
    }
    for pieces in [1, 2, 3] {
        depot.change(depot.receive(0, pieces)).await.unwrap().unwrap();
    }
    for filter in [
        MovementFilter { variant_id: Some(depot.variant), ..MovementFilter::default() },
        MovementFilter { warehouse_id: Some(depot.warehouses[0]), ..MovementFilter::default() },
        MovementFilter {
            variant_id: Some(depot.variant),
            warehouse_id: Some(depot.warehouses[0]),
            ..MovementFilter::default()
        },
    ] {
        let part = async |before: Option<i64>| {
            let page = Page { before: before.map(MovementSeq), limit: 2 };
            let rows = depot.store().stock.movements(filter, page).await.unwrap();
            rows.into_iter().map(|row| row.seq.0).collect::<Vec<_>>()
        };
        assert_eq!(part(None).await, [1025, 1024], "{filter:?}");
        assert_eq!(part(Some(1024)).await, [1023, 1], "{filter:?}");
        assert!(part(Some(1)).await.is_empty(), "{filter:?}");
    }
}

#[actix_web::test]
async fn a_warehouse_lists_its_levels_part_by_part() {
    let depot = depot(&[5]).await;
    let mut variants = vec![depot.variant];
    for _ in 0..3 {
        let variant = depot.catalog.variant();
        let here = Shelf { variant_id: variant, warehouse_id: depot.warehouses[0] };
        let goods = backstitch::domain::stock::Receive { shelf: here, quantity: quantity(1) };
        depot.change(StockChange::Receive(goods)).await.unwrap().unwrap();
        variants.push(variant);
    }
    let part = async |before| {
        let page = Page { before, limit: 2 };
        let levels = depot.store().stock.levels_in(depot.warehouses[0], page).await.unwrap().unwrap();
        levels.into_iter().map(|stocked| stocked.level.shelf.variant_id).collect::<Vec<VariantId>>()
    };
    variants.reverse();
    assert_eq!(part(None).await, variants[..2]);
    assert_eq!(part(Some(variants[1])).await, variants[2..]);
}

#[actix_web::test]
async fn what_does_not_exist_has_no_stock_and_what_has_none_is_empty() {
    let depot = depot(&[0]).await;
    let page = Page { before: None, limit: ALL };
    let stock = &depot.store().stock;
    assert!(stock.levels_of(depot.variant).await.unwrap().unwrap().is_empty());
    assert!(stock.levels_in(depot.warehouses[0], page).await.unwrap().unwrap().is_empty());
    assert!(stock.levels_of(VariantId::from_uuid(Uuid::now_v7())).await.unwrap().is_none());
    assert!(stock.levels_in(WarehouseId::from_uuid(Uuid::now_v7()), page).await.unwrap().is_none());
}

#[actix_web::test]
async fn a_level_says_whether_its_warehouse_is_active() {
    let depot = depot(&[5]).await;
    depot.catalog.set_active("catalog_warehouse", depot.warehouses[0].uuid(), false);
    let levels = depot.store().stock.levels_of(depot.variant).await.unwrap().unwrap();
    assert!(!levels[0].active);
}

#[actix_web::test]
async fn orders_can_have_what_is_not_promised_in_active_warehouses_of_the_shop_itself() {
    let depot = depot(&[5, 2, 10]).await;
    depot.outcome(Buyer::new().reserve(&[depot.demand(3)])).await;
    depot.catalog.set_active("catalog_warehouse", depot.warehouses[2].uuid(), false);
    let other = depot.catalog.variant();
    let offers = vec![(depot.shop, other), (depot.shop, depot.variant), (CatalogRows::shop(), depot.variant)];
    assert_eq!(depot.store().stock.available(offers).await.unwrap(), [0, 4, 0]);
}

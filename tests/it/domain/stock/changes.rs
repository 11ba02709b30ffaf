//! What a shop does to its stock by hand.

use super::depot::{Depot, adjust, demand, quantity, receive, reserve, shelf, transfer, variant, warehouse};
use crate::domain::given::at;
use backstitch::domain::{
    ids::TransferId,
    stock::{Article, Cause, Level, MovementKind, OnHand, Place, Shelf, StockRefusal, Transfer},
};
use std::collections::BTreeMap;
use uuid::Uuid;

fn here() -> Shelf {
    shelf(warehouse(0), variant(0))
}

#[test]
fn goods_that_come_in_are_on_hand() {
    let mut depot = Depot::with(&[&[5]]);
    let levels = depot.change(&receive(here(), 3)).expect("room");
    assert_eq!((levels[0].on_hand(), levels[0].available()), (8, 8));
    depot.assert_books();
}

#[test]
fn a_warehouse_takes_in_no_more_than_can_be_counted() {
    let mut depot = Depot::with(&[&[]]);
    depot.change(&adjust(here(), 0, OnHand::MAX - 5)).expect("an empty shelf");
    assert_eq!(depot.change(&receive(here(), 6)), Err(StockRefusal::TooMany { room: 5 }));
    assert!(depot.change(&receive(here(), 5)).is_ok());
}

#[test]
fn a_count_corrects_what_is_on_hand_when_nothing_has_changed_meanwhile() {
    let mut depot = Depot::with(&[&[5]]);
    assert_eq!(depot.change(&adjust(here(), 4, 3)), Err(StockRefusal::Changed { on_hand: 5, expected: 4 }));
    depot.change(&adjust(here(), 5, 3)).expect("what was expected");
    assert_eq!(depot.level(0, 0), (3, 0));
    let last = depot.movements.last().expect("a movement");
    assert_eq!((last.delta.kind, last.delta.on_hand), (MovementKind::Adjust, -2));
    assert!(matches!(&last.cause, Cause::Count(reason) if reason.as_str() == "counted"));
}

#[test]
fn a_count_that_finds_what_was_known_moves_nothing() {
    let mut depot = Depot::with(&[&[5]]);
    depot.change(&adjust(here(), 5, 5)).expect("what was expected");
    assert_eq!(depot.movements.len(), 1);
}

#[test]
fn a_count_cannot_take_away_what_is_promised() {
    let mut depot = Depot::with(&[&[5]]);
    depot.ask(&reserve(&[demand(0, 0, 4)]));
    assert_eq!(depot.change(&adjust(here(), 5, 3)), Err(StockRefusal::BelowReserved { reserved: 4 }));
    assert!(depot.change(&adjust(here(), 5, 4)).is_ok());
}

#[test]
fn a_transfer_changes_both_sides_and_not_their_sum() {
    let mut depot = Depot::with(&[&[5], &[]]);
    let levels = depot.change(&transfer(0, 1, 0, 2)).expect("it is available");
    assert_eq!(levels.iter().map(Level::on_hand).collect::<Vec<_>>(), [3, 2]);
    let [out, into] = &depot.movements[1..] else { panic!("two movements") };
    assert_eq!((out.delta.kind, into.delta.kind), (MovementKind::TransferOut, MovementKind::TransferIn));
    assert_eq!(out.cause, into.cause);
    depot.assert_books();
}

#[test]
fn a_transfer_leaves_what_is_promised() {
    let mut depot = Depot::with(&[&[5], &[]]);
    depot.ask(&reserve(&[demand(0, 0, 4)]));
    assert_eq!(depot.change(&transfer(0, 1, 0, 2)), Err(StockRefusal::Insufficient { available: 1 }));
    assert_eq!(depot.change(&transfer(1, 0, 0, 1)), Err(StockRefusal::Insufficient { available: 0 }));
    assert_eq!(depot.level(0, 0), (5, 4));
}

#[test]
fn a_transfer_stays_within_the_shop_and_goes_somewhere_else() {
    let mut depot = Depot::with(&[&[5]]);
    depot.add_house(1, 1);
    assert_eq!(depot.change(&transfer(0, 1, 0, 2)), Err(StockRefusal::OtherShop));
    let id = TransferId::from_uuid(Uuid::from_u128(1));
    assert!(Transfer::parse(id, [warehouse(0), warehouse(0)], variant(0), quantity(1)).is_err());
}

#[test]
fn a_deactivated_warehouse_takes_nothing_in_and_can_be_emptied_and_counted() {
    let mut depot = Depot::with(&[&[5], &[5]]);
    depot.deactivate(0);
    let refused = StockRefusal::WarehouseInactive(warehouse(0));
    assert_eq!(depot.change(&receive(here(), 1)), Err(refused));
    assert_eq!(depot.change(&transfer(1, 0, 0, 1)), Err(refused));
    assert!(depot.change(&adjust(here(), 5, 4)).is_ok());
    assert!(depot.change(&transfer(0, 1, 0, 4)).is_ok());
}

#[test]
fn a_deactivated_variant_is_not_received_and_can_be_counted_and_moved() {
    let mut depot = Depot::with(&[&[5], &[]]);
    depot.retired.push(variant(0));
    assert_eq!(depot.change(&receive(here(), 1)), Err(StockRefusal::VariantInactive(variant(0))));
    assert!(depot.change(&adjust(here(), 5, 4)).is_ok());
    assert!(depot.change(&transfer(0, 1, 0, 4)).is_ok());
}

#[test]
fn goods_of_a_deactivated_shop_or_product_are_not_received() {
    let sold = Article { product_active: true, active: true };
    let place = Place { shop_id: super::depot::shop(0), shop_active: true, active: true, level: None };
    let receive = |place: Place, article: Article| {
        let changed = receive(here(), 1).decide(&[(warehouse(0), place)].into(), Some(article), at(0));
        changed.map(|changed| changed.levels.len())
    };
    assert_eq!(receive(place, sold), Ok(1));
    let closed = receive(Place { shop_active: false, ..place }, sold);
    assert_eq!(closed, Err(StockRefusal::ShopInactive(place.shop_id)));
    let unsold = receive(place, Article { product_active: false, ..sold });
    assert_eq!(unsold, Err(StockRefusal::ProductInactive(variant(0))));
}

#[test]
fn what_does_not_exist_is_named() {
    let mut depot = Depot::with(&[&[5]]);
    assert_eq!(depot.change(&transfer(0, 7, 0, 1)), Err(StockRefusal::NoWarehouse(warehouse(7))));
    assert_eq!(depot.change(&transfer(7, 0, 0, 1)), Err(StockRefusal::NoWarehouse(warehouse(7))));
    let unknown = receive(here(), 1).decide(&BTreeMap::new(), None, at(0));
    assert_eq!(unknown.map(|changed| changed.levels), Err(StockRefusal::NoVariant(variant(0))));
}

#[test]
fn a_stored_level_that_is_none_is_refused() {
    let shop_id = super::depot::shop(0);
    assert!(Level::stored(here(), shop_id, 3, 3).is_ok());
    assert!(Level::stored(here(), shop_id, 3, 4).is_err());
    assert!(Level::stored(here(), shop_id, -1, -1).is_err());
}

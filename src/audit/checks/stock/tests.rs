use crate::{
    audit::sample::{Sample, applies, delivered, given_back, red, report, reservation, shipment},
    domain::{payment::Provider, simulation::Simulation, stock::ReservationStatus, stock::Units},
    store::OrderFacts,
};

/// The reservation without its last item; nothing was moved for that either.
fn without_an_item(mut facts: OrderFacts) -> OrderFacts {
    let row = reservation(&mut facts);
    let lost = row.items.last().expect("an item").shelf();
    row.items = row.items[..row.items.len() - 1].into();
    facts.stock.as_mut().expect("stock facts").movements.retain(|movement| movement.shelf != lost);
    facts
}

#[test]
fn stocked_orders_turn_nothing_red_wherever_they_are() {
    for facts in [delivered(), given_back()] {
        assert!(applies("reservations_hold_what_was_ordered", &facts));
        assert!(report(&facts).is_clean(), "{}", report(&facts));
    }
    for count in 0..7 {
        let facts = Sample::stocked(Provider::Simulated, Simulation::default()).steps(count).facts();
        assert!(report(&facts).is_clean(), "after {count} steps: {}", report(&facts));
    }
}

#[test]
fn a_reservation_that_has_too_little_is_red() {
    let name = "reservations_hold_what_was_ordered";
    assert_eq!(red(&without_an_item(given_back())), [name]);
    let mut reserved = Sample::stocked(Provider::Manual, Simulation::default()).steps(3).facts();
    assert_eq!(reservation(&mut reserved).status, ReservationStatus::Reserved);
    assert_eq!(red(&without_an_item(reserved)), [name]);
}

#[test]
fn goods_that_were_shipped_but_not_taken_from_the_stock_are_red() {
    let names = ["reservations_hold_what_was_ordered", "completed_sagas_shipped_what_they_took"];
    assert_eq!(red(&without_an_item(delivered())), names);
}

#[test]
fn goods_that_were_taken_from_the_stock_but_not_shipped_are_red() {
    let mut facts = delivered();
    shipment(&mut facts).contents = [].into();
    assert_eq!(red(&facts), ["completed_sagas_shipped_what_they_took"]);
}

#[test]
fn a_completed_saga_of_a_stocked_order_without_its_pieces_is_red() {
    let name = "completed_sagas_took_their_stock";
    let mut open = delivered();
    reservation(&mut open).status = ReservationStatus::Reserved;
    assert!(red(&open).contains(&name));
    let mut lost = delivered();
    lost.stock = None;
    assert_eq!(red(&lost), ["finished_steps_left_their_rows", name]);
}

#[test]
fn a_reservation_that_a_compensated_saga_still_holds_is_red() {
    let mut facts = given_back();
    reservation(&mut facts).status = ReservationStatus::Reserved;
    assert!(red(&facts).contains(&"compensated_sagas_hold_no_stock"));
}

#[test]
fn a_lost_piece_that_the_ledger_knows_of_is_red() {
    let mut facts = delivered();
    let row = reservation(&mut facts);
    let mut items = row.items.to_vec();
    items[0].quantity = Units::parse(items[0].quantity.get() + 1).expect("pieces");
    row.items = items.into();
    assert!(red(&facts).contains(&"nothing_is_reserved_or_taken_twice"));
}

//! The reservation's row as the stock participant's barrier: each command twice, each out of order.

use super::depot::{
    Depot, commit, demand, done, order, receive, refused, release, replace, reserve, reserve_for, shelf, variant,
    warehouse,
};
use crate::domain::given::{at, order_id, saga_id};
use backstitch::domain::{
    reason::Reason,
    saga::{Detail, Outcome, Receipt},
    stock::{MovementKind, Reservation, ReservationStatus, Shelves, StockCommand},
};

const OUT_OF_STOCK: Reason = Reason::OutOfStock;
const CLOSED: Reason = Reason::StockClosed;

/// What the order holds, on hand and reserved of the one level, and how often anything moved.
fn state(depot: &Depot) -> (Option<Reservation>, (i64, i64), usize) {
    (depot.rows.get(&order_id()).cloned(), depot.level(0, 0), depot.movements.len())
}

/// Sends a command that must change nothing more.
fn repeat(depot: &mut Depot, command: &StockCommand) {
    let before = state(depot);
    let outcome = depot.outcome(command);
    assert_eq!(outcome, done(), "{command:?}");
    assert_eq!(state(depot), before, "{command:?}");
}

#[test]
fn pieces_are_promised_then_taken_and_each_step_happens_once() {
    let mut depot = Depot::with(&[&[10]]);
    let reserve = reserve(&[demand(0, 0, 3)]);
    assert_eq!(depot.outcome(&reserve), done());
    assert_eq!(depot.level(0, 0), (10, 3));
    repeat(&mut depot, &reserve);
    assert_eq!(depot.outcome(&commit()), done());
    assert_eq!(depot.level(0, 0), (7, 0));
    repeat(&mut depot, &commit());
    repeat(&mut depot, &reserve);
    depot.assert_books();
}

#[test]
fn what_was_promised_is_free_again_once_however_often_it_is_released() {
    let mut depot = Depot::with(&[&[10]]);
    depot.ask(&reserve(&[demand(0, 0, 3)]));
    assert_eq!(depot.outcome(&release()), done());
    assert_eq!(depot.level(0, 0), (10, 0));
    repeat(&mut depot, &release());
}

#[test]
fn what_had_left_is_back_on_hand_once_however_often_it_is_released() {
    let mut depot = Depot::with(&[&[10]]);
    depot.ask(&reserve(&[demand(0, 0, 3)]));
    depot.ask(&commit());
    assert_eq!(depot.outcome(&release()), done());
    assert_eq!(depot.level(0, 0), (10, 0));
    repeat(&mut depot, &release());
    depot.assert_books();
}

#[test]
fn a_release_closes_stock_for_the_order_for_good() {
    for before in [vec![], vec![reserve(&[demand(0, 0, 3)])], vec![reserve(&[demand(0, 0, 3)]), commit()]] {
        let mut depot = Depot::with(&[&[10]]);
        for command in &before {
            depot.ask(command);
        }
        assert_eq!(depot.outcome(&release()), done());
        let closed = state(&depot);
        for late in [reserve(&[demand(0, 0, 3)]), commit(), replace(1, &[demand(0, 0, 1)])] {
            assert_eq!(depot.outcome(&late), refused(CLOSED), "{late:?} after {before:?}");
        }
        assert_eq!(state(&depot), closed);
    }
}

#[test]
fn a_release_before_its_reservation_leaves_a_row_that_holds_nothing() {
    let mut depot = Depot::with(&[&[10]]);
    assert_eq!(depot.outcome(&release()), done());
    let row = &depot.rows[&order_id()];
    assert_eq!((row.status, row.items.len(), row.saga_id), (ReservationStatus::Released, 0, saga_id()));
    assert_eq!(depot.movements.len(), 1, "what was received");
}

#[test]
fn nothing_is_taken_that_was_not_promised() {
    let mut depot = Depot::with(&[&[10]]);
    assert_eq!(depot.outcome(&commit()), refused(CLOSED));
    assert!(depot.rows.is_empty());
}

#[test]
fn an_order_has_all_of_its_lines_or_none() {
    let mut depot = Depot::with(&[&[10, 1]]);
    let answer = depot.ask(&reserve(&[demand(0, 0, 3), demand(0, 1, 2)]));
    let Outcome::Rejected { reason: OUT_OF_STOCK, detail: Some(Detail::Shortages(short)) } = answer.outcome else {
        panic!("{answer:?}")
    };
    let short: Vec<_> = short.iter().map(|short| (short.variant_id, short.wanted.get(), short.available)).collect();
    assert_eq!(short, [(variant(1), 2, 1)]);
    assert_eq!((depot.level(0, 0), depot.level(0, 1)), ((10, 0), (1, 0)));
}

#[test]
fn all_shops_serve_an_order_or_none() {
    let mut depot = Depot::with(&[&[10]]);
    depot.add_house(1, 1);
    assert_eq!(depot.outcome(&reserve(&[demand(0, 0, 3), demand(1, 0, 1)])), refused(OUT_OF_STOCK));
    assert_eq!(depot.level(0, 0), (10, 0));
}

#[test]
fn a_shop_sells_its_own_stock_alone() {
    let mut depot = Depot::with(&[&[10]]);
    assert_eq!(depot.outcome(&reserve(&[demand(1, 0, 1)])), refused(OUT_OF_STOCK));
}

#[test]
fn a_refused_reservation_leaves_no_row_and_the_same_one_may_succeed_later() {
    let mut depot = Depot::with(&[&[2]]);
    let reserve = reserve(&[demand(0, 0, 3)]);
    assert_eq!(depot.outcome(&reserve), refused(OUT_OF_STOCK));
    assert!(depot.rows.is_empty());
    depot.change(&super::depot::receive(super::depot::shelf(warehouse(0), variant(0)), 1)).expect("room");
    assert_eq!(depot.outcome(&reserve), done());
}

#[test]
fn lines_for_the_same_variant_of_a_shop_are_added_up_first() {
    let mut depot = Depot::with(&[&[5], &[7]]);
    assert_eq!(depot.outcome(&reserve(&[demand(0, 0, 3), demand(0, 0, 4)])), done());
    assert_eq!(depot.held(), [(warehouse(1), variant(0), 7)]);
    let mut short = Depot::with(&[&[5]]);
    assert_eq!(short.outcome(&reserve(&[demand(0, 0, 3), demand(0, 0, 3)])), refused(OUT_OF_STOCK));
}

#[test]
fn an_order_that_wants_nothing_has_a_reservation_of_nothing() {
    let mut depot = Depot::with(&[&[5]]);
    for command in [reserve(&[]), commit(), release()] {
        assert_eq!(depot.outcome(&command), done(), "{command:?}");
    }
    assert_eq!(depot.movements.len(), 1, "what was received");
}

#[test]
fn a_deactivated_warehouse_promises_nothing_more_and_keeps_what_it_promised() {
    let mut depot = Depot::with(&[&[5]]);
    depot.ask(&reserve(&[demand(0, 0, 2)]));
    depot.deactivate(0);
    assert_eq!(depot.outcome(&reserve_for(order(1), &[demand(0, 0, 1)])), refused(OUT_OF_STOCK));
    assert_eq!(depot.outcome(&commit()), done());
    assert_eq!(depot.level(0, 0), (3, 0));
    assert_eq!(depot.outcome(&release()), done());
    assert_eq!(depot.level(0, 0), (5, 0));
}

#[test]
fn the_last_piece_is_promised_once() {
    let mut depot = Depot::with(&[&[1]]);
    assert_eq!(depot.outcome(&reserve(&[demand(0, 0, 1)])), done());
    assert_eq!(depot.outcome(&reserve_for(order(1), &[demand(0, 0, 1)])), refused(OUT_OF_STOCK));
}

#[test]
fn a_new_revision_may_use_what_the_old_one_held() {
    let mut depot = Depot::with(&[&[5, 5]]);
    depot.ask(&reserve(&[demand(0, 0, 4)]));
    let replace = replace(1, &[demand(0, 0, 5), demand(0, 1, 1)]);
    assert_eq!(depot.outcome(&replace), done());
    assert_eq!((depot.level(0, 0), depot.level(0, 1)), ((5, 5), (5, 1)));
    assert_eq!(depot.rows[&order_id()].revision, 1);
    repeat(&mut depot, &replace);
    depot.assert_books();
    assert_eq!(depot.outcome(&release()), done());
    assert_eq!((depot.level(0, 0), depot.level(0, 1)), ((5, 0), (5, 0)));
}

#[test]
fn an_old_revision_stands_unchanged_when_the_new_one_cannot_be_had() {
    let mut depot = Depot::with(&[&[5]]);
    depot.ask(&reserve(&[demand(0, 0, 4)]));
    let (before, books) = (depot.rows[&order_id()].clone(), depot.movements.len());
    assert_eq!(depot.outcome(&replace(1, &[demand(0, 0, 6)])), refused(OUT_OF_STOCK));
    assert_eq!(depot.rows[&order_id()], Reservation { refused_revision: 1, ..before });
    assert_eq!((depot.level(0, 0), depot.movements.len()), ((5, 4), books));
}

#[test]
fn a_refused_revision_stays_refused_when_there_is_enough_by_the_time_it_is_sent_again() {
    for held in [&[demand(0, 0, 4)][..], &[]] {
        let mut depot = Depot::with(&[&[5]]);
        if !held.is_empty() {
            depot.ask(&reserve(held));
        }
        let refusal = replace(1, &[demand(0, 0, 6)]);
        assert_eq!(depot.outcome(&refusal), refused(OUT_OF_STOCK));
        depot.change(&receive(shelf(warehouse(0), variant(0)), 5)).expect("it is open");
        assert_eq!(depot.outcome(&refusal), refused(OUT_OF_STOCK));
        assert_eq!(depot.outcome(&replace(2, &[demand(0, 0, 6)])), done(), "the next one is another");
    }
}

#[test]
fn what_is_refused_goods_for_the_first_time_has_a_reservation_of_nothing_that_ends_like_any_other() {
    let mut depot = Depot::with(&[&[1]]);
    depot.ask(&replace(1, &[demand(0, 0, 2)]));
    assert_eq!(depot.outcome(&commit()), done());
    assert_eq!(depot.outcome(&release()), done());
    assert_eq!(depot.level(0, 0), (1, 0));
}

#[test]
fn what_comes_late_for_an_old_revision_changes_nothing() {
    let mut depot = Depot::with(&[&[5]]);
    depot.ask(&reserve(&[demand(0, 0, 4)]));
    depot.ask(&replace(2, &[demand(0, 0, 2)]));
    repeat(&mut depot, &reserve(&[demand(0, 0, 4)]));
    repeat(&mut depot, &replace(1, &[demand(0, 0, 3)]));
}

#[test]
fn an_order_without_stocked_lines_can_be_given_some() {
    let mut depot = Depot::with(&[&[5]]);
    assert_eq!(depot.outcome(&replace(1, &[demand(0, 0, 2)])), done());
    assert_eq!(depot.level(0, 0), (5, 2));
}

#[test]
fn a_paid_order_is_not_given_another_reservation() {
    let mut depot = Depot::with(&[&[5]]);
    depot.ask(&reserve(&[demand(0, 0, 2)]));
    depot.ask(&commit());
    let before = state(&depot);
    assert_eq!(depot.outcome(&replace(1, &[demand(0, 0, 1)])), refused(CLOSED));
    assert_eq!(state(&depot), before);
}

#[test]
fn the_ledger_names_the_order_and_its_revision() {
    let mut depot = Depot::with(&[&[5]]);
    for command in [reserve(&[demand(0, 0, 2)]), replace(1, &[demand(0, 0, 3)]), commit(), release()] {
        depot.ask(&command);
    }
    let lines = depot.movements[1..].iter().map(|movement| {
        let backstitch::domain::stock::Cause::Order { order_id: whose, revision } = movement.cause else {
            panic!("an order's movement: {movement:?}")
        };
        assert_eq!(whose, order_id());
        (movement.delta.kind, revision, movement.delta.on_hand, movement.delta.reserved)
    });
    let expected = [
        (MovementKind::Reserve, 0, 0, 2),
        (MovementKind::Release, 0, 0, -2),
        (MovementKind::Reserve, 1, 0, 3),
        (MovementKind::Commit, 1, -3, -3),
        (MovementKind::Release, 1, 3, 0),
    ];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}

#[test]
fn a_row_that_its_levels_contradict_is_an_error_and_no_answer() {
    let mut depot = Depot::with(&[&[5]]);
    depot.ask(&reserve(&[demand(0, 0, 2)]));
    let row = depot.rows.get(&order_id());
    let nothing_reserved = {
        let mut shelves = Shelves::default();
        shelves.add_held(*Depot::with(&[&[5]]).levels.values().next().expect("a level"));
        shelves
    };
    for command in [commit(), release()] {
        assert!(command.decide(row, nothing_reserved.clone(), at(0)).is_err(), "{command:?}");
        assert!(command.decide(row, Shelves::default(), at(0)).is_err(), "{command:?}");
    }
}

#[test]
fn who_reserves_is_told_which_warehouses_give_what_however_often_it_asks() {
    let mut depot = Depot::with(&[&[5], &[5]]);
    let reserve = reserve(&[demand(0, 0, 7)]);
    let answers: Vec<_> = (0..2).map(|_| depot.ask(&reserve)).collect();
    for answer in answers {
        let items = answer.reservation.expect("a reservation").items;
        assert_eq!(items.iter().map(|item| item.quantity.get()).collect::<Vec<_>>(), [5, 2]);
        assert_eq!(answer.outcome, Outcome::Done { receipt: Some(Receipt::Allotments(items)) });
    }
}

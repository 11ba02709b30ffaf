//! Every prefix: cut a real saga's log anywhere, fold what is left, go on, and reach the same end.

use super::{
    given::{at, basket, checkout, script, stocked_basket},
    world::{Rows, World},
};
use backstitch::domain::{
    checkout::{Checkout, Verb},
    order::Basket,
    payment::{Provider, Settlement},
    saga::{CancelBy, Next, Status},
    simulation::{Fault, Script, Simulation},
};
use std::sync::Arc;

fn simulated(payment: Script, shipping: Script) -> World {
    let simulate = Simulation { payment, shipping, ..Simulation::default() };
    World::begin(Checkout { simulate, ..checkout(Provider::Simulated) }, at(0))
}

/// An order of so many pieces of a variant, and a free-text line.
fn stocked(pieces: i64, payment: Script, shipping: Script) -> World {
    let simulate = Simulation { payment, shipping, ..Simulation::default() };
    let basket = stocked_basket(pieces);
    World::begin(Checkout { simulate, basket, ..checkout(Provider::Simulated) }, at(0))
}

/// Goes on until `step` must be in flight.
fn until_running(world: &mut World, step: Verb) {
    while !matches!(world.saga.next(), Next::Run(tasks) if tasks[0].step == step) {
        let sent = world.outbox.pop().expect("something to send");
        world.deliver(sent);
        let (task, outcome) = world.replies.pop().expect("an answer");
        world.reply(task, outcome);
    }
}

/// Goes on until the payment waits for somebody outside.
fn until_waiting(world: &mut World) {
    until_running(world, Verb::ProcessPayment);
    let sent = world.outbox.pop().expect("the payment's action");
    world.deliver(sent);
    let (task, outcome) = world.replies.pop().expect("pending");
    world.reply(task, outcome);
}

fn by_hand(outside: Settlement) -> World {
    let mut world = World::plain(Provider::Manual);
    world.outside = Some(outside);
    world
}

fn cancelled_while_waiting() -> World {
    let mut world = World::plain(Provider::Manual);
    until_waiting(&mut world);
    assert!(world.cancel(CancelBy::Customer));
    world
}

/// Edited while it waits, to so many pieces, and then paid by hand.
fn edited(before: Arc<Basket>, after: Arc<Basket>) -> World {
    let mut world = World::begin(Checkout { basket: before, ..checkout(Provider::Manual) }, at(0));
    until_waiting(&mut world);
    world.outside = Some(Settlement::Success);
    assert!(world.edit(after));
    world
}

fn stuck_after_the_pivot() -> World {
    let mut world = simulated(Script::default(), Script::default());
    until_running(&mut world, Verb::CompleteOrder);
    world.storm = 20;
    world
}

fn stuck_on_the_way_back() -> World {
    let mut world = simulated(Script::default(), script(Some(Fault::Reject), 0));
    until_running(&mut world, Verb::RefundPayment);
    world.storm = 20;
    world
}

/// Real runs, each at rest, and how each ends.
fn runs() -> Vec<(&'static str, World, Status)> {
    use Status::{Compensated, Completed};
    let (plain, slow) = (Script::default(), script(None, 50));
    let fault = |fault, delay_ms| script(Some(fault), delay_ms);
    let mut runs = vec![
        ("at once", simulated(plain, plain), Completed),
        ("slow", simulated(slow, slow), Completed),
        ("timeouts", simulated(fault(Fault::Timeout, 0), fault(Fault::Timeout, 0)), Completed),
        ("slow timeouts", simulated(fault(Fault::Timeout, 50), fault(Fault::Timeout, 50)), Completed),
        ("errors once", simulated(fault(Fault::ErrorOnce, 0), fault(Fault::ErrorOnce, 0)), Completed),
        ("declined", simulated(fault(Fault::Reject, 0), plain), Compensated),
        ("slowly declined", simulated(fault(Fault::Reject, 50), plain), Compensated),
        ("shipping fails", simulated(plain, fault(Fault::Reject, 0)), Compensated),
        ("all slow, shipping fails", simulated(slow, fault(Fault::Reject, 50)), Compensated),
        ("paid by hand", by_hand(Settlement::Success), Completed),
        ("declined by hand", by_hand(Settlement::Failed), Compensated),
        ("expired", World::plain(Provider::Manual), Compensated),
        ("cancelled", cancelled_while_waiting(), Compensated),
        ("from two warehouses", stocked(4, plain, plain), Completed),
        ("from one warehouse, slow", stocked(2, slow, slow), Completed),
        ("out of stock", stocked(9, plain, plain), Compensated),
        ("from two warehouses, declined", stocked(4, fault(Fault::Reject, 0), plain), Compensated),
        ("from two warehouses, shipping fails", stocked(4, plain, fault(Fault::Reject, 0)), Compensated),
        ("from two warehouses, slow, shipping fails", stocked(4, slow, fault(Fault::Reject, 50)), Compensated),
        ("stuck after the pivot", stuck_after_the_pivot(), Completed),
        ("stuck on the way back", stuck_on_the_way_back(), Compensated),
    ];
    for (name, world, end) in &mut runs {
        world.come_to_rest();
        assert_eq!(world.status(), *end, "{name}");
    }
    runs
}

/// Real runs of orders that are edited, each at rest, and the revision that each ends in.
fn edits() -> Vec<(&'static str, World, u32)> {
    let mut runs = vec![
        ("to fewer", edited(stocked_basket(4), stocked_basket(1)), 1),
        ("to more", edited(stocked_basket(1), stocked_basket(5)), 1),
        ("to more than there are", edited(stocked_basket(4), stocked_basket(9)), 0),
        ("to free text", edited(stocked_basket(4), basket()), 1),
        ("from free text", edited(basket(), stocked_basket(4)), 1),
        ("from free text to more than there are", edited(basket(), stocked_basket(9)), 0),
    ];
    for (name, world, revision) in &mut runs {
        world.come_to_rest();
        assert_eq!((world.status(), world.saga.input().revision), (Status::Completed, *revision), "{name}");
        world.assert_conserved();
    }
    runs
}

#[test]
fn an_edit_cut_at_any_event_ends_in_the_old_lines_or_in_the_new_ones() {
    for (name, whole, revision) in edits() {
        let log = whole.appends.concat();
        let begun = log.iter().position(|(_, event)| event.name() == "amendment_started").expect("it was edited");
        let mut first = 1;
        for (append, events) in append_ends(&whole) {
            for cut in first..=events {
                // What was sent after an append may have been done, and nothing else.
                let ahead = whole.rows_at.get(append + 1).unwrap_or(&whole.rows);
                for rows in [&whole.rows_at[append], ahead] {
                    let mut world = World::recovered(vec![log[..cut].to_vec()], rows.clone(), log[cut - 1].0);
                    world.outside = whole.outside;
                    world.come_to_rest();
                    let (status, ends_in) = (world.status(), world.saga.input().revision);
                    let wanted = if cut > begun { revision } else { 0 };
                    // Within an append, the money can come before the hold is sent.
                    let either = cut < events && ends_in == 0;
                    assert!(
                        status == Status::Completed && (ends_in == wanted || either),
                        "{name}, cut after event {cut}, {:?}: {status:?}, revision {ends_in}",
                        log[cut - 1].1
                    );
                    world.assert_conserved();
                    world.assert_replays();
                }
            }
            first = events + 1;
        }
    }
}

/// Goes on from the first `events` events of a run, with the participants as `rows`.
fn assert_same_end(name: &str, whole: &World, events: usize, rows: &Rows) {
    let log = whole.appends.concat();
    let now = log[events - 1].0;
    let mut world = World::recovered(vec![log[..events].to_vec()], rows.clone(), now);
    world.outside = whole.outside;
    world.come_to_rest();
    let end = |world: &World| {
        let order = world.rows.order.get();
        // Without the lost wish to cancel, the payment that nobody makes expires instead.
        let reason = if name == "cancelled" { None } else { Some((order.status, order.reason)) };
        (world.status(), reason)
    };
    assert_eq!(end(&world), end(whole), "{name}, cut after event {events} of {}: {:?}", log.len(), log[events - 1].1);
    world.assert_conserved();
    world.assert_replays();
}

/// Each append's number with the number of events up to and including it.
fn append_ends(world: &World) -> Vec<(usize, usize)> {
    let lengths = world.appends.iter().map(Vec::len);
    lengths
        .scan(0, |sum, length| {
            *sum += length;
            Some(*sum)
        })
        .enumerate()
        .collect()
}

#[test]
fn a_log_cut_after_any_append_leads_to_the_same_end() {
    for (name, whole, _) in runs() {
        for (append, events) in append_ends(&whole) {
            assert_same_end(name, &whole, events, &whole.rows_at[append]);
        }
    }
}

#[test]
fn a_log_cut_after_any_append_leads_participants_that_were_ahead_of_it_to_the_same_end() {
    for (name, whole, _) in runs() {
        for (_, events) in append_ends(&whole) {
            assert_same_end(name, &whole, events, &whole.rows);
        }
    }
}

#[test]
fn a_log_cut_in_the_middle_of_an_append_leads_to_the_same_end() {
    for (name, whole, _) in runs() {
        let mut first = 1;
        for (append, events) in append_ends(&whole) {
            for cut in first..events {
                assert_same_end(name, &whole, cut, &whole.rows_at[append]);
                assert_same_end(name, &whole, cut, &whole.rows);
            }
            first = events + 1;
        }
    }
}

#[test]
fn a_coordinator_that_crashes_after_every_third_step_reaches_the_same_end() {
    for (name, whole, end) in runs() {
        let mut world = World::begin(Checkout::clone(whole.saga.input()), at(0));
        world.outside = whole.outside;
        // A task, its answer, and one more thing: the least in which anything can move.
        for count in 1..2_000 {
            if !world.step() {
                break;
            }
            if count % 3 == 0 {
                world.crash(0, true);
            }
        }
        assert_eq!(world.status(), if name == "cancelled" { Status::Compensated } else { end }, "{name}");
        world.assert_conserved();
    }
}

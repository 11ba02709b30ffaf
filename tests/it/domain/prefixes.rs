//! Every prefix: cut a real saga's log anywhere, fold what is left, go on, and reach the same end.

use super::{
    given::{at, checkout, script, stocked_basket},
    world::{Rows, World},
};
use backstitch::domain::{
    checkout::{Checkout, Verb},
    payment::{Provider, Settlement},
    saga::{CancelBy, Next, Status},
    simulation::{Fault, Script, Simulation},
};

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
        let task = world.outbox.pop().expect("something to send");
        world.deliver(task);
        let (step, outcome) = world.replies.pop().expect("an answer");
        world.reply(step, outcome);
    }
}

/// Goes on until the payment waits for somebody outside.
fn until_waiting(world: &mut World) {
    until_running(world, Verb::ProcessPayment);
    let task = world.outbox.pop().expect("the payment's action");
    world.deliver(task);
    let (step, outcome) = world.replies.pop().expect("pending");
    world.reply(step, outcome);
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

//! Any outcomes in any order: lost, repeated, reordered and late messages, crashes, operators, clients
//! and storms. The saga always comes to rest, and money and goods are conserved.

use super::{
    given::{at, basket, checkout, script, stocked_basket},
    world::World,
};
use backstitch::domain::{
    checkout::Checkout,
    payment::{Provider, Settlement},
    saga::{CancelBy, Outcome, Status},
    simulation::{Fault, Script, Simulation},
};
use proptest::prelude::*;

/// One thing that happens. A number picks one of what there is, modulo how many there are.
#[derive(Clone, Debug)]
enum Move {
    Deliver(usize),
    DeliverAndKeep(usize),
    LoseTask(usize),
    Reply(usize),
    ReplyAndKeep(usize),
    LoseReply(usize),
    Poll,
    Pass(u64),
    Storm(u32),
    Crash { lost_appends: usize, lost_messages: bool },
    Provider { lost: bool },
    Carrier { lost: bool },
    Open { simulated: bool, stale: bool },
    Settle(bool),
    Cancel(bool),
    Edit { pieces: i64 },
    Retry,
    SetAside,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let pick = 0..6_usize;
    let one = prop_oneof![
        12 => pick.clone().prop_map(Move::Deliver),
        2 => pick.clone().prop_map(Move::DeliverAndKeep),
        2 => pick.clone().prop_map(Move::LoseTask),
        12 => pick.clone().prop_map(Move::Reply),
        2 => pick.clone().prop_map(Move::ReplyAndKeep),
        2 => pick.prop_map(Move::LoseReply),
        2 => Just(Move::Poll),
        6 => (0..70_000_u64).prop_map(Move::Pass),
        1 => (1..40_u32).prop_map(Move::Storm),
        2 => (0..4_usize, any::<bool>())
            .prop_map(|(lost_appends, lost_messages)| Move::Crash { lost_appends, lost_messages }),
        2 => prop::bool::weighted(0.3).prop_map(|lost| Move::Provider { lost }),
        2 => prop::bool::weighted(0.3).prop_map(|lost| Move::Carrier { lost }),
        1 => any::<(bool, bool)>().prop_map(|(simulated, stale)| Move::Open { simulated, stale }),
        1 => prop::bool::weighted(0.8).prop_map(Move::Settle),
        1 => any::<bool>().prop_map(Move::Cancel),
        // None, from one warehouse, from both, and more than there is.
        4 => prop::sample::select(vec![0, 1, 2, 4, 9]).prop_map(|pieces| Move::Edit { pieces }),
        1 => Just(Move::Retry),
        1 => Just(Move::SetAside),
    ];
    prop::collection::vec(one, 0..60)
}

fn any_script() -> impl Strategy<Value = Script> {
    let fault = prop_oneof![
        4 => Just(None),
        1 => Just(Some(Fault::Reject)),
        1 => Just(Some(Fault::Timeout)),
        1 => Just(Some(Fault::ErrorOnce)),
        1 => Just(Some(Fault::Panic)),
    ];
    (fault, prop_oneof![Just(0), Just(50)]).prop_map(|(fault, delay_ms)| script(fault, delay_ms))
}

/// What differs from one checkout to the next.
#[derive(Clone, Debug)]
struct Setup {
    provider: Provider,
    payment: Script,
    shipping: Script,
    deadline_ms: u64,
    /// How many pieces it takes from the stock, where it takes some.
    pieces: Option<i64>,
}

impl Setup {
    fn checkout(&self) -> Checkout {
        Checkout {
            deadline_ms: self.deadline_ms,
            simulate: Simulation { payment: self.payment, shipping: self.shipping, ..Simulation::default() },
            basket: self.pieces.map_or_else(basket, stocked_basket),
            ..checkout(self.provider)
        }
    }
}

fn setups() -> impl Strategy<Value = Setup> {
    let provider = prop_oneof![3 => Just(Provider::Simulated), 2 => Just(Provider::Manual)];
    let deadline_ms = prop_oneof![Just(0_u64), 1..100_000_u64];
    // From one warehouse, from both, and more than there is.
    let pieces = prop_oneof![2 => Just(None), 1 => Just(Some(2)), 2 => Just(Some(4)), 1 => Just(Some(9))];
    (provider, any_script(), any_script(), deadline_ms, pieces).prop_map(
        |(provider, payment, shipping, deadline_ms, pieces)| Setup { provider, payment, shipping, deadline_ms, pieces },
    )
}

fn picked<T>(from: &[T], pick: usize) -> Option<usize> {
    (!from.is_empty()).then(|| pick % from.len())
}

fn act(world: &mut World, what: &Move) {
    match *what {
        Move::Deliver(pick) => {
            if let Some(index) = picked(&world.outbox, pick) {
                let sent = world.outbox.remove(index);
                world.deliver(sent);
            }
        }
        Move::DeliverAndKeep(pick) => {
            if let Some(index) = picked(&world.outbox, pick) {
                world.deliver(world.outbox[index].clone());
            }
        }
        Move::LoseTask(pick) => {
            if let Some(index) = picked(&world.outbox, pick) {
                let sent = world.outbox.remove(index);
                world.replies.push((sent.task, Outcome::unknown("the message was lost")));
            }
        }
        Move::Reply(pick) => {
            if let Some(index) = picked(&world.replies, pick) {
                let (task, outcome) = world.replies.remove(index);
                world.reply(task, outcome);
            }
        }
        Move::ReplyAndKeep(pick) => {
            if let Some(index) = picked(&world.replies, pick) {
                let (task, outcome) = world.replies[index].clone();
                world.reply(task, outcome);
            }
        }
        Move::LoseReply(pick) => {
            if let Some(index) = picked(&world.replies, pick) {
                let (task, _) = world.replies.remove(index);
                world.reply(task, Outcome::unknown("the answer was lost"));
            }
        }
        Move::Poll => world.poll(),
        Move::Pass(ms) => world.pass(ms),
        Move::Storm(answers) => world.storm = answers,
        Move::Crash { lost_appends, lost_messages } => world.crash(lost_appends, lost_messages),
        Move::Provider { lost } => world.provider_answers(lost),
        Move::Carrier { lost } => world.carrier_answers(lost),
        Move::Open { simulated, stale } => {
            world.open(if simulated { Provider::Simulated } else { Provider::Manual }, stale);
        }
        Move::Settle(success) => {
            world.settle(if success { Settlement::Success } else { Settlement::Failed });
        }
        Move::Cancel(operator) => {
            world.cancel(if operator { CancelBy::Operator } else { CancelBy::Customer });
        }
        Move::Edit { pieces } => {
            world.edit(if pieces == 0 { basket() } else { stocked_basket(pieces) });
        }
        Move::Retry => world.retry(),
        Move::SetAside => world.set_aside(),
    }
}

fn run(setup: &Setup, signals: bool, moves: &[Move]) -> World {
    let mut world = World::begin(setup.checkout(), at(0));
    world.signals = signals;
    for what in moves {
        act(&mut world, what);
        world.assert_safe();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_saga_comes_to_rest_and_money_and_goods_are_conserved(
        setup in setups(), signals: bool, moves in moves(),
    ) {
        let mut world = run(&setup, signals, &moves);
        world.come_to_rest();
        world.assert_conserved();
        world.assert_replays();
    }

    #[test]
    fn whatever_comes_after_the_end_changes_the_end_no_more(
        setup in setups(), before in moves(), after in moves(),
    ) {
        let mut world = run(&setup, true, &before);
        world.come_to_rest();
        let end = world.status();
        for what in &after {
            act(&mut world, what);
            world.assert_safe();
        }
        world.come_to_rest();
        prop_assert_eq!(world.status(), end);
        world.assert_conserved();
        world.assert_replays();
    }

    #[test]
    fn once_turned_in_the_log_a_saga_stays_turned_and_once_past_the_pivot_it_never_turns(
        setup in setups(), moves in moves(),
    ) {
        let mut world = run(&setup, true, &moves);
        world.come_to_rest();
        let names: Vec<_> = world.appends.concat().iter().map(|(_, event)| super::journal::line(event)).collect();
        let turn = names.iter().position(|name| name.starts_with("turned"));
        let shipped = names.iter().position(|name| name == "done start_shipping");
        prop_assert_eq!(turn.is_some(), world.status() == Status::Compensated);
        prop_assert!(turn.is_none() || shipped.is_none());
        if let Some(turn) = turn {
            let forward = |name: &String| {
                super::journal::FORWARD
                    .iter()
                    .any(|step| name.starts_with(&format!("started {}#", super::journal::name(*step))))
            };
            prop_assert!(!names[turn..].iter().any(forward), "{:?}", names);
        }
    }

    #[test]
    fn a_log_cut_at_any_event_leads_participants_that_were_ahead_of_it_to_the_same_end(
        setup in setups(), moves in moves(), cut: prop::sample::Index,
    ) {
        // An amendment's participants are never that far ahead of its log: a closed order is not amended.
        let moves: Vec<_> = moves.into_iter().filter(|one| !matches!(one, Move::Edit { .. })).collect();
        let mut whole = run(&setup, true, &moves);
        whole.come_to_rest();
        let events = whole.appends.concat();
        let prefix = events[..=cut.index(events.len())].to_vec();
        let mut world = World::recovered(vec![prefix], whole.rows.clone(), whole.now);
        world.come_to_rest();
        prop_assert_eq!(world.status(), whole.status());
        world.assert_conserved();
        world.assert_replays();
    }
}

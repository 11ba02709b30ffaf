//! A stage of several steps, which the checkout does not have yet: all run at once, all must be done.

use super::given::{at, saga_id};
use backstitch::domain::{
    reason::Reason,
    saga::{Action, Definition, Event, Kind, Next, Outcome, RetryPolicy, Saga, Stage, Status, Step},
    time::Timestamp,
};
use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verb(&'static str);

impl Action for Verb {
    fn name(self) -> &'static str {
        self.0
    }

    fn participant(self) -> &'static str {
        "everybody"
    }
}

const POLICY: RetryPolicy = RetryPolicy { attempts: 2, floor_ms: 10, base_ms: 100, cap_ms: 100 };
const FIRST: Verb = Verb("first");
const LEFT: Verb = Verb("left");
const RIGHT: Verb = Verb("right");
const LEAP: Verb = Verb("leap");
const NORTH: Verb = Verb("north");
const SOUTH: Verb = Verb("south");

static WIDE: LazyLock<Definition<Verb>> = LazyLock::new(|| {
    let step = |action, compensation: Option<&'static str>| Step {
        action,
        compensation: compensation.map(Verb),
        on_deadline: None,
        rejectable: compensation.is_some(),
        claimable: false,
        exhausted: Reason::OrderError,
        retry: POLICY,
    };
    let stage = |name, kind, steps| Stage { name, kind, steps, undone_with_next: false };
    let stages = vec![
        stage("one", Kind::Compensatable, vec![step(FIRST, Some("undo_first"))]),
        stage("two", Kind::Compensatable, vec![step(LEFT, Some("undo_left")), step(RIGHT, Some("undo_right"))]),
        stage("three", Kind::Pivot, vec![step(LEAP, Some("undo_leap"))]),
        stage("four", Kind::Retriable, vec![step(NORTH, None), step(SOUTH, None)]),
    ];
    Definition::build("wide", 1, stages, POLICY).expect("a good definition")
});

/// A saga with its log; every answer checks that the log replays to it.
struct Wide {
    saga: Saga<Verb, ()>,
    log: Vec<(Timestamp, Event<Verb, ()>)>,
    now: Timestamp,
}

impl Wide {
    fn answered(answers: &[Verb]) -> Self {
        let (saga, events) = Saga::begin(saga_id(), &WIDE, (), at(0));
        let mut wide = Self { saga, log: Vec::new(), now: at(0) };
        wide.append(events);
        for step in answers {
            wide.answer(*step, Outcome::DONE);
        }
        wide
    }

    fn append(&mut self, events: Vec<Event<Verb, ()>>) -> Vec<&'static str> {
        let names = events.iter().map(Event::name).collect();
        self.log.extend(events.into_iter().map(|event| (self.now, event)));
        let replayed = Saga::replay(saga_id(), self.log.clone(), |_, _, ()| Some(&*WIDE)).expect("the log replays");
        assert_eq!(format!("{replayed:?}"), format!("{:?}", self.saga));
        names
    }

    fn answer(&mut self, step: Verb, outcome: Outcome) -> Vec<&'static str> {
        let events = self.saga.outcome(step, outcome, self.now, 0.0).expect("possible");
        self.append(events)
    }

    fn wake_at(&mut self, now: Timestamp) -> Vec<&'static str> {
        self.now = now;
        let events = self.saga.wake(now).expect("possible");
        self.append(events)
    }

    fn running(&self) -> Vec<&'static str> {
        match self.saga.next() {
            Next::Run(tasks) => tasks.iter().map(|task| task.step.name()).collect(),
            _ => Vec::new(),
        }
    }
}

#[test]
fn the_steps_of_a_stage_run_at_once_and_the_next_stage_begins_when_all_are_done() {
    for (one, other) in [(LEFT, RIGHT), (RIGHT, LEFT)] {
        let mut wide = Wide::answered(&[FIRST]);
        assert_eq!(wide.running(), ["left", "right"]);
        assert_eq!(wide.answer(one, Outcome::DONE), ["step_done"]);
        assert_eq!(wide.running(), [other.name()]);
        assert_eq!(wide.answer(other, Outcome::DONE), ["step_done", "step_started"]);
        assert_eq!(wide.running(), ["leap"]);
    }
}

#[test]
fn a_refusal_turns_the_saga_while_the_other_step_is_under_way_and_both_are_undone() {
    let mut wide = Wide::answered(&[FIRST]);
    let lines = wide.answer(LEFT, Outcome::rejected(Reason::OrderClosed));
    assert_eq!(lines, ["step_rejected", "saga_turned", "step_started", "step_started"]);
    assert_eq!(wide.answer(RIGHT, Outcome::DONE), ["late_reply"]);
    assert_eq!(wide.running(), ["undo_right", "undo_left"]);
    assert_eq!(wide.answer(UNDO_LEFT, Outcome::DONE), ["step_done"]);
    assert_eq!(wide.running(), ["undo_right"]);
    assert_eq!(wide.answer(UNDO_RIGHT, Outcome::DONE), ["step_done", "step_started"]);
    assert_eq!(wide.running(), ["undo_first"]);
    assert_eq!(wide.answer(Verb("undo_first"), Outcome::DONE), ["step_done", "saga_compensated"]);
    assert_eq!(wide.saga.summary().status, Status::Compensated);
}

/// A saga that undoes the steps of its second stage, both at once.
fn undoing() -> Wide {
    let mut wide = Wide::answered(&[FIRST]);
    wide.answer(LEFT, Outcome::rejected(Reason::OrderClosed));
    wide
}

const UNDO_LEFT: Verb = Verb("undo_left");
const UNDO_RIGHT: Verb = Verb("undo_right");

#[test]
fn what_has_to_be_given_back_is_given_back_before_a_person_is_called_about_the_other_compensation() {
    let refused = || Outcome::rejected(Reason::RefundRefused);
    let mut wide = undoing();
    assert_eq!(wide.answer(UNDO_RIGHT, refused()), ["step_rejected"]);
    assert_eq!((wide.running(), wide.saga.summary().status), (vec!["undo_left"], Status::Compensating));
    assert_eq!(wide.answer(UNDO_LEFT, Outcome::DONE), ["step_done", "attention_needed"]);
    assert_eq!(wide.saga.next(), Next::Rest);

    let mut lost = undoing();
    lost.answer(UNDO_RIGHT, refused());
    assert_eq!(lost.answer(UNDO_LEFT, Outcome::unknown("lost")), ["step_unknown"], "it is tried again first");
    assert_eq!(lost.wake_at(at(10)), ["step_started"]);
    assert_eq!(lost.answer(UNDO_LEFT, Outcome::unknown("lost")), ["step_unknown", "attention_needed"]);
    assert_eq!(lost.saga.stuck_tasks().len(), 2);

    let mut waiting = undoing();
    waiting.answer(UNDO_RIGHT, refused());
    let pending = waiting.answer(UNDO_LEFT, Outcome::Pending { until: None });
    assert_eq!(pending, ["step_waiting", "attention_needed"], "what may take for ever keeps nobody from knowing");
}

#[test]
fn a_stuck_saga_whose_obstacle_is_gone_goes_on_by_itself() {
    let refused = || Outcome::rejected(Reason::RefundRefused);
    let mut wide = undoing();
    wide.answer(UNDO_LEFT, Outcome::DONE);
    assert_eq!(wide.answer(UNDO_RIGHT, refused()), ["step_rejected", "attention_needed"]);
    let stuck: Vec<_> = wide.saga.stuck_tasks().iter().map(|task| (task.step.name(), task.attempt)).collect();
    assert_eq!(stuck, [("undo_right", 1)]);
    for no_news in [refused(), Outcome::unknown("lost"), Outcome::Pending { until: None }] {
        assert!(wide.answer(UNDO_RIGHT, no_news).is_empty());
    }
    assert!(wide.answer(UNDO_LEFT, Outcome::DONE).is_empty(), "it is not stuck at that");
    let lines = wide.answer(UNDO_RIGHT, Outcome::DONE);
    assert_eq!(lines, ["attention_cleared", "step_done", "step_started"]);
    assert_eq!((wide.running(), wide.saga.summary().status), (vec!["undo_first"], Status::Compensating));

    let mut both = undoing();
    both.answer(UNDO_LEFT, refused());
    both.answer(UNDO_RIGHT, refused());
    let lines = both.answer(UNDO_LEFT, Outcome::DONE);
    assert_eq!(lines, ["attention_cleared", "step_done", "attention_needed"], "the other one is refused still");
    assert_eq!(both.answer(UNDO_RIGHT, Outcome::DONE), ["attention_cleared", "step_done", "step_started"]);
}

#[test]
fn a_step_that_waits_beside_one_that_is_done_is_not_asked_in_a_tight_loop() {
    let mut wide = Wide::answered(&[FIRST, LEFT]);
    wide.answer(RIGHT, Outcome::Pending { until: None });
    assert_eq!(wide.saga.next(), Next::Wait(None));
    assert!(wide.wake_at(at(1_000_000)).is_empty());
    assert_eq!(wide.saga.summary().waiting_for, Some("right"));
}

#[test]
fn a_retry_that_falls_due_starts_beside_a_step_that_is_under_way() {
    let mut wide = Wide::answered(&[FIRST]);
    wide.answer(LEFT, Outcome::unknown("lost"));
    assert_eq!(wide.running(), ["right"]);
    assert_eq!(wide.wake_at(at(10)), ["step_started"]);
    assert_eq!(wide.running(), ["left", "right"]);
}

#[test]
fn after_the_pivot_one_stuck_step_needs_a_person_and_the_other_is_asked_again_after_the_retry() {
    let mut wide = Wide::answered(&[FIRST, LEFT, RIGHT, LEAP]);
    assert_eq!(wide.running(), ["north", "south"]);
    wide.answer(NORTH, Outcome::unknown("lost"));
    wide.wake_at(at(10));
    assert_eq!(wide.answer(NORTH, Outcome::unknown("lost")), ["step_unknown"], "the other one is under way");
    assert_eq!(wide.answer(SOUTH, Outcome::Pending { until: None }), ["step_waiting", "attention_needed"]);
    assert!(wide.answer(SOUTH, Outcome::DONE).is_empty(), "it is not what the saga is stuck at");
    let events = wide.saga.retry(None, wide.now).expect("it needs attention");
    assert_eq!(wide.append(events), ["retry_requested", "step_started"]);
    assert_eq!(wide.running(), ["north"]);
    assert_eq!(wide.saga.waiting_tasks().len(), 1, "the other one is asked again");
    wide.answer(SOUTH, Outcome::DONE);
    assert_eq!(wide.answer(NORTH, Outcome::DONE), ["step_done", "saga_completed"]);
}

#[test]
fn a_log_cut_between_the_starts_of_two_steps_starts_the_other_too() {
    let whole = Wide::answered(&[FIRST]);
    let cut = whole.log[..whole.log.len() - 1].to_vec();
    let saga = Saga::replay(saga_id(), cut.clone(), |_, _, ()| Some(&*WIDE)).expect("a prefix replays");
    let mut wide = Wide { saga, log: cut, now: at(5) };
    assert_eq!(wide.running(), ["left"]);
    assert_eq!(wide.answer(LEFT, Outcome::DONE), ["step_done", "step_started"]);
    assert_eq!(wide.running(), ["right"]);
}

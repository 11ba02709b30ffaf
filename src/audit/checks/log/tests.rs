use crate::{
    audit::sample::{Sample, applies, compensated, completed, red, report, rewrite, stored, waiting},
    domain::{
        checkout::Verb,
        payment::Provider,
        reason::Reason,
        saga::{Event, Outcome, Status},
        simulation::Simulation,
        time::Timestamp,
    },
};

#[test]
fn an_entry_that_cannot_be_parsed_is_red_and_says_where() {
    let mut facts = completed();
    stored(&mut facts).entries[1].1 = "{\"at\":1,\"node\":\"n\",\"events\":[{\"event\":\"nonsense\"}]}".into();
    assert_eq!(red(&facts), ["saga_logs_are_readable"]);
    let report = report(&facts);
    let found = report.checks.iter().find(|check| check.violations > 0).map(|check| check.offending[0].clone());
    assert!(found.as_ref().is_some_and(|text| text.starts_with("saga ") && text.contains("nonsense")), "{found:?}");
}

#[test]
fn a_log_with_an_entry_missing_in_its_middle_has_a_gap() {
    let mut facts = completed();
    stored(&mut facts).entries.remove(1);
    assert_eq!(red(&facts), ["saga_logs_have_no_gaps"]);
}

#[test]
fn a_log_without_its_end_disagrees_with_its_row() {
    let mut facts = completed();
    stored(&mut facts).entries.pop();
    assert_eq!(red(&facts), ["saga_rows_agree_with_their_logs"]);
}

#[test]
fn a_log_of_impossible_events_or_of_none_does_not_replay() {
    let mut facts = completed();
    rewrite(&mut facts, |events| events.push(Event::SagaCompleted));
    assert_eq!(red(&facts), ["saga_logs_replay"]);
    stored(&mut facts).entries.clear();
    assert_eq!(red(&facts), ["saga_logs_replay"]);
}

#[test]
fn a_row_whose_reason_is_not_the_logs_is_red() {
    let mut facts = waiting();
    stored(&mut facts).row.reason = Some(Reason::OrderError);
    assert_eq!(red(&facts), ["saga_rows_agree_with_their_logs"]);
}

#[test]
fn a_saga_set_aside_by_its_row_alone_needs_attention_and_is_no_violation() {
    let mut facts = waiting();
    let row = &mut stored(&mut facts).row;
    (row.status, row.wake_at, row.finished_at) = (Status::NeedsAttention, None, Some(row.updated_at));
    assert!(report(&facts).is_clean(), "{}", report(&facts));
    assert!(applies("sagas_that_need_attention", &facts));
    assert!(!applies("sagas_that_need_attention", &completed()));
}

#[test]
fn compensations_out_of_turn_are_red_whatever_the_state_machine_thinks() {
    let name = "sagas_go_back_in_reverse_order";
    assert!(applies(name, &compensated()) && !applies(name, &completed()));
    let is = |event: &_, verb| matches!(event, Event::StepStarted { step, .. } | Event::StepDone { step, .. } if *step == verb);

    let mut swapped = compensated();
    rewrite(&mut swapped, |events| {
        for event in events {
            if is(event, Verb::RefundPayment) {
                *event = done(Verb::CancelOrder);
            } else if is(event, Verb::CancelOrder) {
                *event = done(Verb::RefundPayment);
            }
        }
    });
    assert!(red(&swapped).contains(&name));

    let mut skipped = compensated();
    rewrite(&mut skipped, |events| events.retain(|event| !is(event, Verb::RefundPayment)));
    assert!(red(&skipped).contains(&name));

    let mut early = compensated();
    rewrite(&mut early, |events| events.insert(2, done(Verb::RefundPayment)));
    assert!(red(&early).contains(&name));

    let mut unfinished = compensated();
    rewrite(&mut unfinished, |events| events.retain(|event| !is(event, Verb::CancelOrder)));
    assert!(red(&unfinished).contains(&name));
}

#[test]
fn nothing_goes_forward_after_the_turn_but_a_late_reply_is_only_noted() {
    let name = "sagas_go_back_in_reverse_order";
    let turn = |event: &_| matches!(event, Event::SagaTurned { .. });
    let with = |late| {
        let mut facts = compensated();
        rewrite(&mut facts, |events| {
            let turned = events.iter().position(turn).expect("it turned");
            events.insert(turned + 1, late);
        });
        red(&facts)
    };
    assert!(with(done(Verb::StartShipping)).contains(&name));
    assert!(with(Event::LateReply { step: Verb::StartShipping, outcome: Outcome::DONE }).is_empty());
}

fn done(step: Verb) -> crate::domain::checkout::CheckoutEvent {
    Event::StepDone { step, receipt: None, duration_ms: 0 }
}

#[test]
fn only_a_saga_at_rest_has_an_end_and_it_has_no_wake_up() {
    let name = "sagas_finish_when_they_come_to_rest";
    let mut facts = completed();
    stored(&mut facts).row.finished_at = None;
    assert_eq!(red(&facts), [name]);
    let mut facts = compensated();
    stored(&mut facts).row.wake_at = Some(Timestamp::from_millis(1));
    assert_eq!(red(&facts), [name]);
    let mut facts = waiting();
    stored(&mut facts).row.finished_at = Some(Timestamp::from_millis(1));
    assert_eq!(red(&facts), [name]);
}

#[test]
fn a_waiting_saga_that_would_oversleep_or_that_nothing_wakes_is_red() {
    let name = "waiting_sagas_have_a_wake_up";
    let mut facts = waiting();
    let row = &mut stored(&mut facts).row;
    row.wake_at = row.wake_at.map(|at| at.plus_millis(1));
    assert_eq!(red(&facts), [name]);
    stored(&mut facts).row.wake_at = None;
    assert!(red(&facts).is_empty(), "it may be in hand, being asked");
    let old = super::Case::new(&facts, Timestamp::from_millis(i64::MAX));
    assert!(matches!(super::waiting_sagas_have_a_wake_up(&old), Some(Err(_))));
}

#[test]
fn a_running_saga_needs_no_wake_up() {
    let facts = Sample::begin(Provider::Simulated, Simulation::default()).steps(1).facts();
    assert!(!applies("waiting_sagas_have_a_wake_up", &facts));
}

//! A definition is checked when it is built; the checkout is one that passes.

use super::given;
use backstitch::domain::{
    checkout::{self, Verb},
    payment::Provider,
    reason::Reason,
    saga::{Action, AmendmentPlan, AmendmentStep, Definition, DefinitionError, Kind, RetryPolicy, Stage, Step},
};
use std::{collections::HashSet, sync::Arc};

/// A verb of a made-up saga: its name and its participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Made(&'static str, &'static str);

impl Action for Made {
    fn name(self) -> &'static str {
        self.0
    }

    fn participant(self) -> &'static str {
        self.1
    }
}

const POLICY: RetryPolicy = RetryPolicy { attempts: 3, floor_ms: 1, base_ms: 10, cap_ms: 100 };

const fn step(action: &'static str, compensation: Option<&'static str>) -> Step<Made> {
    Step {
        action: Made(action, "a"),
        compensation: match compensation {
            Some(undo) => Some(Made(undo, "a")),
            None => None,
        },
        on_deadline: None,
        rejectable: compensation.is_some(),
        claimable: false,
        exhausted: Reason::OrderError,
        retry: POLICY,
    }
}

fn stage(name: &'static str, kind: Kind, steps: Vec<Step<Made>>) -> Stage<Made> {
    Stage { name, kind, steps, undone_with_next: false }
}

fn build(stages: Vec<Stage<Made>>) -> Result<Definition<Made>, DefinitionError> {
    Definition::build("made_up", 1, stages, POLICY)
}

fn refused(stages: Vec<Stage<Made>>) -> DefinitionError {
    build(stages).expect_err("the stages break a rule")
}

#[test]
fn a_saga_without_stages_and_a_stage_without_steps_are_empty() {
    assert_eq!(refused(vec![]), DefinitionError::Empty("made_up"));
    assert_eq!(refused(vec![stage("nothing", Kind::Compensatable, vec![])]), DefinitionError::Empty("nothing"));
    assert_eq!(refused(vec![stage("nothing", Kind::Pivot, vec![])]), DefinitionError::Empty("nothing"));
}

#[test]
fn stages_come_in_the_order_compensatable_pivot_retriable() {
    let compensatable = || stage("back", Kind::Compensatable, vec![step("do", Some("undo"))]);
    let pivot = || stage("pivot", Kind::Pivot, vec![step("leap", Some("unleap"))]);
    let second_pivot = || stage("second", Kind::Pivot, vec![step("leap_again", Some("unleap_again"))]);
    let retriable = || stage("on", Kind::Retriable, vec![step("finish", None)]);

    assert_eq!(refused(vec![retriable()]), DefinitionError::OutOfOrder("on"));
    assert_eq!(refused(vec![compensatable(), retriable(), pivot()]), DefinitionError::OutOfOrder("on"));
    assert_eq!(refused(vec![pivot(), compensatable()]), DefinitionError::OutOfOrder("back"));
    assert_eq!(refused(vec![pivot(), second_pivot()]), DefinitionError::OutOfOrder("second"));
    for good in [
        vec![compensatable()],
        vec![pivot()],
        vec![compensatable(), pivot()],
        vec![compensatable(), pivot(), retriable()],
        vec![pivot(), retriable()],
    ] {
        build(good).expect("these stages are in order");
    }
}

#[test]
fn a_pivot_has_one_step() {
    let wide = vec![step("leap", Some("unleap")), step("jump", Some("unjump"))];
    assert_eq!(refused(vec![stage("pivot", Kind::Pivot, wide)]), DefinitionError::WidePivot("pivot"));
}

#[test]
fn every_step_up_to_and_including_the_pivot_has_a_compensation() {
    for kind in [Kind::Compensatable, Kind::Pivot] {
        assert_eq!(refused(vec![stage("s", kind, vec![step("do", None)])]), DefinitionError::NoCompensation("do"));
    }
}

#[test]
fn a_compensation_belongs_to_the_steps_own_participant() {
    let foreign = Step { compensation: Some(Made("undo", "b")), ..step("do", None) };
    assert_eq!(
        refused(vec![stage("s", Kind::Compensatable, vec![foreign])]),
        DefinitionError::ForeignCompensation("do")
    );
}

#[test]
fn nothing_after_the_pivot_can_be_rejected_expire_or_be_compensated() {
    let plain = step("finish", None);
    for bad in [
        Step { rejectable: true, ..plain },
        Step { on_deadline: Some(Made("late", "a")), ..plain },
        Step { compensation: Some(Made("unfinish", "a")), ..plain },
    ] {
        let stages = vec![
            stage("pivot", Kind::Pivot, vec![step("leap", Some("unleap"))]),
            stage("on", Kind::Retriable, vec![bad]),
        ];
        assert_eq!(refused(stages), DefinitionError::RejectableAfterPivot("finish"));
    }
}

#[test]
fn a_verb_is_an_action_a_deadline_action_or_a_compensation_but_only_one_of_them_and_once() {
    let twice = vec![step("do", Some("undo")), step("do", Some("undo"))];
    assert_eq!(refused(vec![stage("s", Kind::Compensatable, twice)]), DefinitionError::Duplicate("do"));

    let deadline = Step { on_deadline: Some(Made("do", "a")), ..step("do", Some("undo")) };
    assert_eq!(refused(vec![stage("s", Kind::Compensatable, vec![deadline])]), DefinitionError::Duplicate("do"));

    let own_undo = step("do", Some("do"));
    assert_eq!(refused(vec![stage("s", Kind::Compensatable, vec![own_undo])]), DefinitionError::Duplicate("do"));
}

#[test]
fn steps_may_share_a_compensation_which_is_sent_once_where_the_first_of_them_stands() {
    let stages = vec![
        stage("one", Kind::Compensatable, vec![step("a", Some("undo_a_c"))]),
        stage("two", Kind::Compensatable, vec![step("b", Some("undo_b")), step("d", Some("undo_d"))]),
        stage("three", Kind::Compensatable, vec![step("c", Some("undo_a_c"))]),
    ];
    let definition = build(stages).expect("a shared compensation is allowed");
    assert_eq!(waves(&definition, 0), "undo_a_c");
    assert_eq!(waves(&definition, 1), "undo_d+undo_b undo_a_c");
    assert_eq!(waves(&definition, 2), "undo_d+undo_b undo_a_c");
}

/// The waves of compensations of stages up to `last`, those of one wave joined by a plus.
fn waves(definition: &Definition<Made>, last: usize) -> String {
    let wave = |wave: Vec<Made>| wave.into_iter().map(|Made(name, _)| name).collect::<Vec<_>>().join("+");
    definition.compensations(last).into_iter().map(wave).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_stage_can_be_undone_together_with_the_next_one_where_both_have_something_to_undo() {
    let together = |stage| Stage { undone_with_next: true, ..stage };
    let compensatable = |name, step| stage(name, Kind::Compensatable, vec![step]);
    let early = Step { claimable: true, ..step("c", Some("undo_c")) };
    let stages = vec![
        compensatable("one", step("a", Some("undo_a"))),
        together(compensatable("two", step("b", Some("undo_b")))),
        compensatable("three", early),
        compensatable("four", step("d", Some("undo_d"))),
    ];
    let definition = build(stages).expect("a good definition");
    assert_eq!(waves(&definition, 3), "undo_d undo_c+undo_b undo_a");
    assert_eq!(waves(&definition, 1), "undo_c+undo_b undo_a");
    assert_eq!(
        waves(&definition, 0),
        "undo_c undo_a",
        "nothing of the second stage: the first one is undone after all"
    );
}

#[test]
fn a_step_that_somebody_outside_may_begin_is_compensated_wherever_the_saga_turns() {
    let early = Step { claimable: true, ..step("b", Some("undo_b")) };
    let stages = vec![
        stage("one", Kind::Compensatable, vec![step("a", Some("undo_a"))]),
        stage("two", Kind::Compensatable, vec![early]),
        stage("three", Kind::Compensatable, vec![step("c", Some("undo_c"))]),
    ];
    assert_eq!(waves(&build(stages).expect("a good definition"), 0), "undo_b undo_a");
}

#[test]
fn the_checkout_is_built_and_known_by_its_name_and_version() {
    let checkout = checkout::definition();
    assert_eq!((checkout.name(), checkout.version()), ("checkout", 1));
    let names: Vec<_> = checkout.stages().iter().map(|stage| (stage.name, stage.kind.as_str())).collect();
    assert_eq!(
        names,
        [
            ("order", "compensatable"),
            ("stock", "compensatable"),
            ("payment", "compensatable"),
            ("confirm", "compensatable"),
            ("shipping", "pivot"),
            ("complete", "retriable"),
        ]
    );
    let input = Arc::new(given::checkout(Provider::Manual));
    assert!(checkout::definition_of("checkout", 1, &input).is_some());
    assert!(checkout::definition_of("checkout", 2, &input).is_none());
    assert!(checkout::definition_of("refund", 1, &input).is_none());
}

#[test]
fn an_order_of_free_text_has_no_step_of_the_stock() {
    let input = Arc::new(given::checkout(Provider::Manual));
    let definition = checkout::definition_of("checkout", 1, &input).expect("it is known");
    let stages: Vec<_> = definition.stages().iter().map(|stage| (stage.name, stage.steps.len())).collect();
    assert_eq!(stages, [("order", 1), ("payment", 1), ("confirm", 1), ("shipping", 1), ("complete", 1)]);
}

#[test]
fn the_checkout_is_undone_by_cancel_shipping_then_refund_payment_and_release_stock_then_cancel_order() {
    let all = checkout::definition().compensations(checkout::definition().stages().len());
    let together = vec![Verb::RefundPayment, Verb::ReleaseStock];
    assert_eq!(all, [vec![Verb::CancelShipping], together, vec![Verb::CancelOrder]]);
}

#[test]
fn every_verb_of_the_checkout_has_a_name_of_its_own() {
    let steps = checkout::definition().steps();
    let verbs: Vec<Verb> = steps
        .flat_map(|(_, step)| [Some(step.action), step.on_deadline, step.compensation].into_iter().flatten())
        .collect();
    let names: HashSet<_> = verbs.iter().map(|verb| verb.name()).collect();
    let distinct: HashSet<_> = verbs.iter().collect();
    assert_eq!(names.len(), distinct.len());
    assert_eq!(distinct.len(), 12);
}

fn amended(awaited: &'static str, steps: Vec<AmendmentStep<Made>>) -> Result<Definition<Made>, DefinitionError> {
    let several = vec![step("both", Some("undo_both")), step("together", Some("undo_together"))];
    let stages = vec![
        stage("first", Kind::Compensatable, vec![step("make", Some("unmake"))]),
        stage("wait", Kind::Compensatable, vec![step("ask", Some("unask"))]),
        stage("several", Kind::Compensatable, several),
        stage("pivot", Kind::Pivot, vec![step("send", Some("unsend"))]),
    ];
    let plan =
        AmendmentPlan { awaited: Made(awaited, "a"), onto: || unreachable!("nothing runs"), steps, retry: POLICY };
    build(stages).expect("the stages keep the rules").amended_by(plan)
}

const fn amendment(action: &'static str, rejectable: bool, renews: Option<&'static str>) -> AmendmentStep<Made> {
    let renews = match renews {
        Some(renewed) => Some(Made(renewed, "a")),
        None => None,
    };
    AmendmentStep { action: Made(action, "a"), rejectable, renews }
}

#[test]
fn an_amendment_waits_for_a_step_that_is_alone_before_the_pivot() {
    amended("ask", vec![amendment("hold", true, None)]).expect("a good plan");
    for awaited in ["both", "send", "unheard_of"] {
        let refused = amended(awaited, vec![]).expect_err("it cannot be awaited");
        assert_eq!(refused, DefinitionError::NotAwaitable(awaited));
    }
}

#[test]
fn nothing_of_an_amendment_can_be_rejected_after_what_cannot() {
    let steps = vec![amendment("hold", true, None), amendment("tell", false, None), amendment("swap", true, None)];
    assert_eq!(amended("ask", steps).expect_err("too late"), DefinitionError::LateRefusal("swap"));
}

#[test]
fn a_step_of_an_amendment_renews_one_that_is_done_by_then() {
    amended("ask", vec![amendment("remake", true, Some("make"))]).expect("a good plan");
    for renewed in ["ask", "send", "unheard_of"] {
        let refused = amended("ask", vec![amendment("remake", true, Some(renewed))]).expect_err("it is not done");
        assert_eq!(refused, DefinitionError::RenewsNothing("remake"));
    }
}

#[test]
fn a_verb_of_an_amendment_is_nobody_elses() {
    for verb in ["make", "unmake", "ask"] {
        let refused = amended("ask", vec![amendment(verb, true, None)]).expect_err("it is used twice");
        assert_eq!(refused, DefinitionError::Duplicate(verb));
    }
}

use crate::{
    audit::sample::{
        applies, compensated, completed, edited, held, order, paid_late, payment, payments, red, report, reservation,
        stored, waiting,
    },
    domain::{
        ids::{OrderId, SagaId},
        saga::CancelBy,
    },
};
use uuid::Uuid;

#[test]
fn genuine_facts_turn_nothing_red() {
    for (name, facts) in [
        ("completed", completed()),
        ("compensated", compensated()),
        ("waiting", waiting()),
        ("paid late", paid_late()),
        ("being edited", held()),
        ("edited", edited()),
    ] {
        assert!(report(&facts).is_clean(), "{name}: {}", report(&facts));
    }
}

#[test]
fn a_saga_cut_at_any_step_turns_nothing_red() {
    use crate::{audit::sample::Sample, domain::payment::Provider, domain::simulation::Simulation};
    for count in 0..5 {
        let facts = Sample::begin(Provider::Simulated, Simulation::default()).steps(count).facts();
        assert!(report(&facts).is_clean(), "after {count} steps: {}", report(&facts));
    }
}

#[test]
fn an_order_cancelled_before_it_was_created_leaves_a_tombstone_and_turns_nothing_red() {
    use crate::{audit::sample::Sample, domain::payment::Provider, domain::simulation::Simulation};
    let mut sample = Sample::begin(Provider::Manual, Simulation::default());
    let now = sample.saga.updated_at();
    let events = sample.saga.cancel(CancelBy::Customer, None, now).expect("it may be cancelled");
    sample.log(events);
    let facts = sample.finished().facts();
    assert!(applies("compensated_sagas_closed_their_order", &facts));
    assert!(report(&facts).is_clean(), "{}", report(&facts));
}

#[test]
fn a_row_that_cannot_be_read_is_red_with_its_owner_and_nothing_else_is() {
    let mut facts = completed();
    facts.shipping = Some(Err("column 4: unknown status".into()));
    assert_eq!(red(&facts), ["rows_are_readable"]);
    let found = &report(&facts).checks[0].offending;
    assert_eq!(*found, [format!("order {}: its shipment: column 4: unknown status", facts.order_id)]);
}

#[test]
fn an_order_that_is_gone_is_missed_once_its_saga_has_recorded_it() {
    for mut facts in [completed(), compensated(), waiting()] {
        facts.order = None;
        assert_eq!(red(&facts), ["accepted_orders_exist"]);
    }
}

#[test]
fn an_edited_order_whose_parts_are_of_different_revisions_is_red() {
    let name = "orders_are_of_one_revision";
    assert!(applies(name, &edited()) && applies(name, &waiting()) && !applies(name, &held()));
    let mut old_lines = edited();
    order(&mut old_lines).revision = 0;
    let mut old_pieces = edited();
    reservation(&mut old_pieces).revision = 0;
    let mut other_lines = edited();
    order(&mut other_lines).basket = order(&mut waiting()).basket.clone();
    for (facts, why) in [
        (old_lines, "its saga is at revision 1 of its lines, its order at 0"),
        (old_pieces, "its saga is at revision 1 of its lines, its reservation at 0"),
        (other_lines, "revision 1 of its lines is not what its saga says"),
    ] {
        assert!(red(&facts).contains(&name), "{:?}", red(&facts));
        assert!(report(&facts).to_string().contains(why), "{}", report(&facts));
    }
}

#[test]
fn an_order_without_a_saga_is_red() {
    let mut facts = waiting();
    facts.saga = None;
    assert_eq!(red(&facts), ["orders_have_their_saga"]);
    facts.order = None;
    assert_eq!(red(&facts), ["orders_have_their_saga"], "money or goods alone have none either");
}

#[test]
fn an_order_and_a_saga_that_name_others_are_red() {
    let name = "orders_and_sagas_name_each_other";
    let mut facts = completed();
    order(&mut facts).saga_id = Some(SagaId::from_uuid(Uuid::from_u128(9)));
    assert_eq!(red(&facts), [name]);
    let mut facts = completed();
    payment(&mut facts).saga_id = Some(SagaId::from_uuid(Uuid::from_u128(9)));
    assert_eq!(red(&facts), [name]);
    let mut facts = edited();
    payments(&mut facts).superseded_mut()[0].saga_id = Some(SagaId::from_uuid(Uuid::from_u128(9)));
    assert_eq!(red(&facts), [name]);
    let mut facts = completed();
    facts.order_id = OrderId::from_uuid(Uuid::from_u128(9));
    assert_eq!(red(&facts), [name], "the saga's log means another order");
}

#[test]
fn a_participant_that_has_answered_but_has_no_row_is_red() {
    let mut facts = completed();
    facts.payment = None;
    assert_eq!(red(&facts), ["finished_steps_left_their_rows"]);
    let mut facts = compensated();
    facts.shipping = None;
    assert_eq!(red(&facts), ["finished_steps_left_their_rows"]);
    assert!(!applies("saga_logs_replay", &{
        let mut facts = completed();
        stored(&mut facts).entries[0].1 = "{".into();
        facts
    }));
}

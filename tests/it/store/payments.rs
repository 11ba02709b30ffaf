//! An order's payments, one for each revision of its lines: stored and read as one, each found by itself, and
//! none but the first where the order was never edited.

use super::given::{Case, TestStore, decided, eventually, one, script, store};
use crate::support::sqlite_only;
use backstitch::{
    clock,
    domain::{
        aggregate::Outgoing,
        checkout::Verb,
        ids::PaymentId,
        payment::{
            HoldPayment, PaymentAnswer, PaymentCall, PaymentCommand, PaymentStatus, Payments, ProcessPayment, Provider,
            RefundPayment, SettlePayment, Settlement, Terms,
        },
        saga::Outcome,
        simulation::Simulation,
    },
    store::{Page, PaymentFilter, Stats, StoreError},
};
use uuid::Uuid;

async fn ask(test: &TestStore, command: PaymentCommand) -> PaymentAnswer {
    decided(one(test.store.payments.execute(vec![command.into()]).await))
}

fn terms(case: &Case, revision: u32) -> Terms {
    let PaymentCommand::Process(ProcessPayment(terms)) = case.payment(Verb::ProcessPayment) else { panic!("terms") };
    let payment_id = if revision == 0 { terms.payment_id } else { PaymentId::from_uuid(Uuid::now_v7()) };
    Terms { revision, amendment: revision, payment_id, ..terms }
}

fn process(terms: Terms) -> PaymentCommand {
    PaymentCommand::Process(ProcessPayment(terms))
}

fn hold(case: &Case, amendment: u32) -> PaymentCommand {
    PaymentCommand::Hold(HoldPayment { order_id: case.order_id(), amendment })
}

fn paid(case: &Case, payment_id: PaymentId) -> PaymentCommand {
    let settlement = Settlement::Success;
    PaymentCommand::Settle(SettlePayment::trusted(case.order_id(), payment_id, settlement))
}

fn refunded(case: &Case, payment_id: PaymentId) -> PaymentCommand {
    PaymentCommand::Settle(SettlePayment::trusted(case.order_id(), payment_id, Settlement::Refunded))
}

/// Waiting for its last revision's money, after `edits` edits; the ids of its payments.
async fn edited(test: &TestStore, case: &Case, edits: u32) -> Vec<PaymentId> {
    let mut made = Vec::new();
    for revision in 0..=edits {
        if revision > 0 {
            assert_eq!(ask(test, hold(case, revision)).await.outcome, Outcome::DONE);
        }
        let terms = terms(case, revision);
        assert!(matches!(ask(test, process(terms)).await.outcome, Outcome::Pending { .. }));
        made.push(terms.payment_id);
    }
    made
}

async fn facts_of(test: &TestStore) -> (Payments, usize) {
    let facts = test.facts().await.remove(0).payment.unwrap();
    (facts.payments.unwrap().unwrap(), facts.movements.len())
}

fn count(test: &TestStore) -> i64 {
    test.raw().one("SELECT count(*) FROM payment_payment", &[])
}

#[actix_web::test]
async fn the_payments_of_an_edited_order_are_stored_and_read_as_one_and_each_by_its_id() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let ids = edited(&test, &case, 2).await;
    let answer = ask(&test, paid(&case, ids[1])).await;
    let payments = answer.payments.unwrap();
    assert_eq!(payments.all().map(|payment| payment.id).collect::<Vec<_>>(), ids);

    // Nothing of it is in memory any more.
    let test = test.reopen().await;
    assert_eq!(facts_of(&test).await, (payments.clone(), 1));
    let current = test.store.payments.payment_of(case.order_id()).await.unwrap();
    assert_eq!(current.as_ref(), Some(payments.current()));
    for payment in payments.all() {
        assert_eq!(test.store.payments.payment(payment.id).await.unwrap().as_ref(), Some(payment));
    }
    assert_eq!(payments.part(1).status, PaymentStatus::Refunding);
    assert!(test.store.payments.outstanding_payments(None, 10).await.unwrap().is_empty(), "it goes back by hand");
}

#[actix_web::test]
async fn a_list_has_every_revisions_payment_the_newest_first() {
    let test = store();
    let (case, other) = (Case::new(Provider::Manual), Case::new(Provider::Manual));
    let mut ids = edited(&test, &case, 2).await;
    edited(&test, &other, 0).await;
    ids.reverse();
    let list = async |status: Option<PaymentStatus>, before, limit| {
        let statuses = status.into_iter().collect();
        let filter = PaymentFilter { order_id: Some(case.order_id()), statuses, ..PaymentFilter::default() };
        let page = test.store.payments.payments(filter, Page { before, limit }).await.unwrap();
        page.into_iter().map(|payment| payment.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, 10).await, ids);
    assert_eq!(list(None, Some(ids[0]), 1).await, ids[1..2]);
    assert_eq!(list(Some(PaymentStatus::Failed), None, 10).await, ids[1..]);
}

#[actix_web::test]
async fn an_order_that_was_never_edited_costs_a_row_and_a_movement_and_no_look_up() {
    let test = store();
    for (provider, statements) in [(Provider::Simulated, 2), (Provider::Manual, 1)] {
        let case = Case::new(provider);
        let before = Stats::get(&test.store.stats.statements);
        ask(&test, process(terms(&case, 0))).await;
        assert_eq!(Stats::get(&test.store.stats.statements) - before, statements);
    }
    assert_eq!(count(&test), 2);
}

#[actix_web::test]
async fn of_many_payments_those_alone_are_written_that_have_changed() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let ids = edited(&test, &case, 3).await;
    let version = |number: i64| -> i64 {
        let sql = "SELECT version FROM payment_payment WHERE number = ?1";
        test.raw().one(sql, &[&number])
    };
    let before = [0, 1, 2, 3].map(version);
    // A transaction in the same millisecond would write what this one has written, too.
    let last = facts_of(&test).await.0.current().updated_at;
    eventually("another millisecond has begun", async || clock::now() > last).await;
    ask(&test, paid(&case, ids[2])).await;
    let after = [0, 1, 2, 3].map(version);
    assert_eq!(after, [before[0] + 1, before[1], before[2] + 1, before[3]]);
}

#[actix_web::test]
async fn the_first_payments_version_is_that_of_all() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let ids = edited(&test, &case, 1).await;
    test.raw().execute("UPDATE payment_payment SET version = 9 WHERE number > 0", &[]).unwrap();
    assert_eq!(ask(&test, paid(&case, ids[1])).await.signal, Some(case.saga_id));
    if sqlite_only("on PostgreSQL a row is locked between its read and its update") {
        return;
    }
    let race = "CREATE TRIGGER race BEFORE UPDATE ON payment_payment WHEN OLD.number = 0 \
                BEGIN UPDATE payment_payment SET version = version + 7 WHERE number = 0; SELECT RAISE(IGNORE); END";
    test.raw().execute_batch(race).unwrap();
    let refund = PaymentCommand::Refund(RefundPayment(terms(&case, 1)));
    let refused = one(test.store.payments.execute(vec![refund.into()]).await);
    assert!(matches!(refused, Err(StoreError::Unavailable(_) | StoreError::Conflict)), "{refused:?}");
    let current = test.store.payments.payment_of(case.order_id()).await.unwrap().unwrap();
    assert_eq!(current.status, PaymentStatus::Paid);
}

#[actix_web::test]
async fn a_later_revision_and_its_repeat_in_one_batch_open_one_payment() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let (first, second) = (terms(&case, 0), terms(&case, 1));
    let batch = [process(first), hold(&case, 1), process(second), process(second), hold(&case, 1), process(first)];
    let answers = test.store.payments.execute(batch.map(Into::into).into()).await;
    let outcomes: Vec<_> = answers.into_iter().map(|answer| decided(answer).outcome).collect();
    assert_eq!(outcomes[2], outcomes[3]);
    assert!(matches!(outcomes[5], Outcome::Unknown { .. }), "{outcomes:?}");
    assert_eq!((count(&test), facts_of(&test).await.0.current().id), (2, second.payment_id));
}

#[actix_web::test]
async fn a_hold_outlives_the_process_and_is_lifted_by_the_next() {
    let test = store();
    let case = Case::new(Provider::Manual);
    ask(&test, process(terms(&case, 0))).await;
    ask(&test, hold(&case, 1)).await;
    let test = test.reopen().await;
    assert!(test.store.payments.payment_of(case.order_id()).await.unwrap().unwrap().held);
    assert!(matches!(ask(&test, process(terms(&case, 1))).await.outcome, Outcome::Pending { .. }));
    let test = test.reopen().await;
    let (payments, _) = facts_of(&test).await;
    assert_eq!((payments.parts(), payments.all().any(|payment| payment.held)), (2, false));
}

#[actix_web::test]
async fn a_command_that_begins_a_row_finds_the_payments_of_later_revisions_that_are_not_in_memory() {
    let test = store();
    let (case, undone) = (Case::new(Provider::Manual), Case::new(Provider::Manual));
    edited(&test, &case, 1).await;
    // Its tombstone is of a revision that it never paid for.
    ask(&test, PaymentCommand::Refund(RefundPayment(terms(&undone, 3)))).await;
    let test = test.reopen().await;
    for case in [&case, &undone] {
        let late = ask(&test, process(terms(case, 0))).await.outcome;
        assert!(matches!(late, Outcome::Unknown { .. }), "{late:?}");
    }
    assert_eq!(count(&test), 3);
}

#[actix_web::test]
async fn an_order_with_more_payments_than_are_kept_in_memory_is_read_from_the_file() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let ids = edited(&test, &case, 9).await;
    assert_eq!(test.store.payments.payment_of(case.order_id()).await.unwrap().unwrap().id, ids[9]);
    assert_eq!(ask(&test, paid(&case, ids[9])).await.signal, Some(case.saga_id));
    assert_eq!(facts_of(&test).await.0.current().status, PaymentStatus::Paid);
}

#[actix_web::test]
async fn the_money_of_each_revision_moves_once() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let ids = edited(&test, &case, 2).await;
    for _ in 0..2 {
        for id in &ids {
            ask(&test, paid(&case, *id)).await;
            ask(&test, refunded(&case, *id)).await;
        }
    }
    let (payments, movements) = facts_of(&test).await;
    let statuses: Vec<_> = payments.all().map(|payment| payment.status).collect();
    assert_eq!(statuses, [PaymentStatus::Refunded, PaymentStatus::Refunded, PaymentStatus::Paid]);
    assert_eq!(movements, 5);
    let twice = "INSERT INTO payment_movement SELECT * FROM payment_movement LIMIT 1";
    assert!(test.raw().execute(twice, &[]).is_err(), "the ledger has one capture of a payment");
}

#[actix_web::test]
async fn outstanding_calls_are_found_by_order() {
    let test = store();
    let slow = || Case::simulated(Simulation { payment: script(None, 5), ..Simulation::default() });
    let cases = [slow(), slow(), Case::new(Provider::Manual), slow()];
    let [old, charged, .., both] = &cases;
    for case in &cases {
        ask(&test, process(terms(case, 0))).await;
    }
    let first = test.store.payments.outstanding_payments(None, 2).await.unwrap();
    assert_eq!(first.iter().map(Outgoing::order_id).collect::<Vec<_>>(), [old.order_id(), charged.order_id()]);
    assert_eq!(first[0].outstanding(0), Some((PaymentCall::Charge, 0)));
    let rest = test.store.payments.outstanding_payments(first.last().map(Outgoing::order_id), 2).await.unwrap();
    assert_eq!(rest.iter().map(Outgoing::order_id).collect::<Vec<_>>(), [both.order_id()]);
}

#[actix_web::test]
async fn the_database_holds_no_payment_that_is_paid_or_being_called() {
    let test = store();
    let case = Case::new(Provider::Simulated);
    ask(&test, process(terms(&case, 0))).await;
    let plant = |sql: &str| test.raw().execute(&format!("UPDATE payment_payment SET {sql}"), &[]);
    assert!(plant("held = TRUE, amendment = 1").is_err(), "paid");
    assert!(plant("status = 'pending', captured_at = NULL, held = TRUE, amendment = 1, call = 'charge'").is_err());
    assert!(plant("status = 'pending', captured_at = NULL, held = TRUE").is_err(), "held by no amendment");
    assert!(plant("status = 'pending', captured_at = NULL, held = TRUE, amendment = 1").is_ok());
}

//! A coordinator over participants that answer badly: unknown, pending, late, never, by crashing.

use super::stubs::{Act, desk, desk_of, desk_with_stock, obedient, obedient_payment, unknown};
use crate::{
    store::given::{Case, eventually},
    support::{CatalogRows, Hold, TestDatabase},
};
use backstitch::{
    actors::coordinator::{CancelSaga, PlaceOrder, SagaRequestError, Signal},
    domain::{
        aggregate::Aggregate,
        checkout::Verb,
        ids::VariantId,
        order::Order,
        payment::{PaymentCommand, Payments, Provider},
        saga::{CancelBy, Outcome, Refused, Status, StepReply},
        simulation::Simulation,
    },
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};
use tokio::sync::oneshot;
use uuid::Uuid;

#[actix_web::test]
async fn an_unknown_is_asked_again_until_it_is_known() {
    let mut obey = obedient_payment();
    let mut asked = 0;
    let desk = desk(move |commands| {
        asked += 1;
        if asked <= 2 { Act::Reply(commands.iter().map(|_| unknown()).collect()) } else { obey(commands) }
    });
    let case = Case::new(Provider::Simulated);
    desk.begin(&case);
    assert_eq!(desk.rest(&case).await, Status::Completed);
    assert_eq!(desk.attempts(&case, Verb::ProcessPayment).await, (3, 2));
}

#[actix_web::test]
async fn an_order_is_placed_while_the_stock_has_no_usable_answer() {
    let asked = Arc::new(AtomicUsize::new(0));
    let asks = Arc::clone(&asked);
    let desk = desk_with_stock(move |commands| {
        asks.fetch_add(commands.len(), SeqCst);
        Act::Reply(commands.iter().map(|_| unknown()).collect())
    });
    let case = Case::stocked(CatalogRows::shop(), VariantId::from_uuid(Uuid::now_v7()), 1, Simulation::default());
    let place = PlaceOrder {
        saga_id: case.saga_id,
        checkout: case.checkout.clone(),
        claim: None,
        permit: desk.admission.enter(),
        rested: oneshot::channel().0,
    };
    let placed = desk.coordinator.send(place).await.unwrap().unwrap();
    assert_eq!(placed.order_id, case.order_id());
    assert!(asked.load(SeqCst) < 6, "not only when it has given up");
}

#[actix_web::test]
async fn a_crashed_participant_is_sent_the_same_again_and_it_counts_as_no_attempt() {
    let mut obey = obedient_payment();
    let mut asked = 0;
    let desk = desk(move |commands| {
        asked += 1;
        if asked <= 8 { Act::Panic } else { obey(commands) }
    });
    let case = Case::new(Provider::Simulated);
    desk.begin(&case);
    assert_eq!(desk.rest(&case).await, Status::Completed);
    assert_eq!(desk.attempts(&case, Verb::ProcessPayment).await, (1, 0));
}

#[actix_web::test]
async fn a_participant_that_never_answers_and_then_crashes_is_sent_the_same_again() {
    let kept: Arc<Mutex<Option<oneshot::Sender<Vec<StepReply>>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let mut obey = obedient_payment();
    let mut asked = 0;
    let desk = desk(move |commands| {
        asked += 1;
        if asked > 1 {
            return obey(commands);
        }
        let (reply, later) = oneshot::channel();
        *keep.lock().unwrap() = Some(reply);
        Act::Later(later)
    });
    let (case, other) = (Case::new(Provider::Simulated), Case::new(Provider::Simulated));
    desk.begin(&case);
    eventually("the payment is asked", async || kept.lock().unwrap().is_some()).await;
    desk.begin(&other);
    assert_eq!(desk.rest(&other).await, Status::Completed);
    let row = desk.test.store.sagas.saga(case.saga_id).await.unwrap().unwrap();
    assert_eq!(row.status, Status::Running);
    drop(kept.lock().unwrap().take());
    assert_eq!(desk.rest(&case).await, Status::Completed);
    assert_eq!(desk.attempts(&case, Verb::ProcessPayment).await, (1, 0));
}

#[actix_web::test]
async fn a_poisoned_command_sets_its_own_saga_aside_and_two_hundred_others_complete() {
    let bad = Case::new(Provider::Simulated);
    let id = bad.order_id();
    let mut obey = obedient_payment();
    let desk = desk(move |commands| {
        let Act::Reply(mut replies) = obey(commands) else { return Act::Panic };
        for (command, reply) in commands.iter().zip(&mut replies) {
            if Payments::order(command) == id {
                *reply = StepReply::Poisoned("cannot be processed".into());
            }
        }
        Act::Reply(replies)
    });
    let others: Vec<_> = (0..200).map(|_| Case::new(Provider::Simulated)).collect();
    others[..100].iter().for_each(|case| desk.begin(case));
    desk.begin(&bad);
    others[100..].iter().for_each(|case| desk.begin(case));
    for case in &others {
        assert_eq!(desk.rest(case).await, Status::Completed);
    }
    assert_eq!(desk.rest(&bad).await, Status::NeedsAttention);
    let row = desk.test.store.sagas.saga(bad.saga_id).await.unwrap().unwrap();
    assert!(row.attention.unwrap().contains("cannot be processed"));
    assert_eq!(desk.coordinator_status.restarts(), 0);
}

#[actix_web::test]
async fn a_pending_step_is_found_done_by_a_signal_and_without_one_too() {
    for signalled in [true, false] {
        let paid = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&paid);
        let mut obey = obedient_payment();
        let desk = desk(move |commands| {
            let process = matches!(commands, [PaymentCommand::Process(_)]);
            if process && !seen.load(SeqCst) {
                return Act::Reply(vec![StepReply::Outcome(Outcome::Pending { until: None })]);
            }
            obey(commands)
        });
        let case = Case::new(Provider::Simulated);
        desk.begin(&case);
        let store = &desk.test.store;
        eventually("the saga waits", async || {
            store.sagas.saga(case.saga_id).await.unwrap().is_some_and(|row| row.wake_at.is_some())
        })
        .await;
        paid.store(true, SeqCst);
        if signalled {
            desk.coordinator.send(Signal(vec![case.saga_id])).await.unwrap();
        }
        assert_eq!(desk.rest(&case).await, Status::Completed);
    }
}

#[actix_web::test]
async fn a_reply_that_comes_after_the_saga_has_turned_is_noted_and_not_applied() {
    let (reply, later) = oneshot::channel();
    let mut later = Some(later);
    let mut obey = obedient::<Order>();
    let mut pay = obedient_payment();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let desk = desk_of(
        move |commands| {
            let paid = matches!(commands, [backstitch::domain::order::OrderCommand::MarkPaid(_)]);
            match later.take_if(|_| paid) {
                Some(later) => {
                    count.fetch_add(1, SeqCst);
                    Act::Later(later)
                }
                None => obey(commands),
            }
        },
        move |commands| pay(commands),
    );
    let case = Case::new(Provider::Simulated);
    desk.begin(&case);
    eventually("the order is asked", async || asked.load(SeqCst) == 1).await;
    let cancel = || CancelSaga { saga_id: case.saga_id, by: CancelBy::Operator, note: None, claim: None };
    desk.coordinator.send(cancel()).await.unwrap().unwrap();
    assert_eq!(desk.rest(&case).await, Status::Compensated);
    let _ = reply.send(vec![StepReply::Outcome(Outcome::DONE)]);
    let again = desk.coordinator.send(cancel()).await.unwrap();
    assert_eq!(again, Err(SagaRequestError::Refused(Refused::Ended("compensated"))));
}

#[actix_web::test]
async fn a_request_about_a_saga_in_hand_is_answered_whatever_the_answer_is() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let mut obey = obedient_payment();
    let desk = desk(move |commands| {
        if matches!(commands, [PaymentCommand::Refund(_)]) {
            let (reply, later) = oneshot::channel();
            keep.lock().unwrap().push(reply);
            return Act::Later(later);
        }
        obey(commands)
    });
    // In hand and turned: its refund is never answered.
    let case = Case::with(Provider::Manual, 60_000, backstitch::domain::simulation::Simulation::default());
    desk.begin(&case);
    let store = &desk.test.store;
    eventually("the saga waits", async || {
        store.sagas.saga(case.saga_id).await.unwrap().is_some_and(|row| row.wake_at.is_some())
    })
    .await;
    let cancel = || CancelSaga { saga_id: case.saga_id, by: CancelBy::Operator, note: None, claim: None };
    desk.coordinator.send(cancel()).await.unwrap().unwrap();
    eventually("the refund is asked for", async || !kept.lock().unwrap().is_empty()).await;
    // It turns once; the second wish is granted already.
    desk.coordinator.send(cancel()).await.expect("an answer").unwrap();
    kept.lock().unwrap().drain(..).for_each(|reply| {
        let _ = reply.send(vec![StepReply::Outcome(Outcome::DONE)]);
    });
    assert_eq!(desk.rest(&case).await, Status::Compensated);
}

#[actix_web::test]
async fn when_the_attempts_are_used_up_the_saga_turns_back() {
    let mut obey = obedient_payment();
    let desk = desk(move |commands| match commands {
        [PaymentCommand::Process(_)] => Act::Reply(vec![unknown()]),
        _ => obey(commands),
    });
    let case = Case::new(Provider::Simulated);
    desk.begin(&case);
    assert_eq!(desk.rest(&case).await, Status::Compensated);
    assert_eq!(desk.attempts(&case, Verb::ProcessPayment).await, (6, 6));
}

#[actix_web::test]
async fn a_saga_whose_append_failed_is_loaded_only_when_what_it_has_sent_is_answered() {
    type Asked = (PaymentCommand, oneshot::Sender<Vec<StepReply>>);
    // Every payment command is answered when the test says so.
    let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let desk = desk(move |commands| {
        let [command] = commands else { return Act::Panic };
        let (reply, later) = oneshot::channel();
        seen.lock().unwrap().push((command.clone(), reply));
        Act::Later(later)
    });
    let (slow, quick) = (Case::new(Provider::Simulated), Case::new(Provider::Simulated));
    let claim = |body| crate::store::given::claim("used", body);
    desk.test
        .raw()
        .execute(
            "INSERT INTO saga_idempotency (scope, key, body_hash, order_id, saga_id, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?4, 0)",
            &[&claim(1).scope.as_str(), &&*claim(1).key, &claim(1).body_hash, &Uuid::now_v7()],
        )
        .unwrap();
    let of = |case: &Case| {
        let order = case.order_id();
        asked.lock().unwrap().iter().filter(|(command, _)| Payments::order(command) == order).count()
    };
    for case in [&slow, &quick] {
        desk.begin(case);
        eventually("the payment is asked", async || of(case) == 1).await;
        // Turned in memory, and its refund sent, but the log does not take it: the key is used.
        let cancel = CancelSaga { saga_id: case.saga_id, by: CancelBy::Operator, note: None, claim: Some(claim(2)) };
        let refused = desk.coordinator.send(cancel).await.unwrap();
        assert!(matches!(refused, Err(SagaRequestError::Store(_))), "{refused:?}");
        eventually("the refund is asked", async || of(case) == 2).await;
    }
    let answer = |case: &Case| {
        let order = case.order_id();
        let mut asked = asked.lock().unwrap();
        while let Some(index) = asked.iter().position(|(command, _)| Payments::order(command) == order) {
            let _ = asked.remove(index).1.send(vec![unknown()]);
        }
    };
    answer(&quick);
    eventually("the other saga is loaded and goes on", async || of(&quick) == 1).await;
    // Its log failed later, yet it is ahead: this one's refund is still on its way.
    assert_eq!(of(&slow), 2);
    answer(&slow);
    eventually("this one goes on as well", async || of(&slow) == 1).await;
}

#[actix_web::test]
async fn a_retry_that_is_due_before_its_row_is_written_is_not_forgotten() {
    let held: Arc<Mutex<Option<Hold>>> = Arc::default();
    let hold = Arc::clone(&held);
    let database: Arc<std::sync::OnceLock<TestDatabase>> = Arc::default();
    let known = Arc::clone(&database);
    let mut obey = obedient_payment();
    let mut asked = 0;
    let desk = desk(move |commands| {
        asked += 1;
        if asked > 1 {
            return obey(commands);
        }
        // The disk is slow from here on, until long after the retry is due.
        *hold.lock().unwrap() = Some(known.get().unwrap().hold());
        Act::Reply(vec![unknown()])
    });
    database.set(desk.test.database.clone()).ok().unwrap();
    let case = Case::new(Provider::Simulated);
    desk.begin(&case);
    eventually("the disk is slow", async || held.lock().unwrap().is_some()).await;
    let due = backstitch::clock::now().plus_millis(400);
    eventually("the retry is due", async || backstitch::clock::now() > due).await;
    held.lock().unwrap().take().unwrap().release();
    // Not left to the sweep that looks for forgotten sagas twice a minute.
    let rest = actix_rt::time::timeout(std::time::Duration::from_secs(20), desk.rest(&case)).await;
    assert_eq!(rest, Ok(Status::Completed));
}

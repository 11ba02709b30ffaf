//! A start's answer and its first action's come from different tasks: the coordinator may see them in either
//! order.

use super::stubs::{Act, desk_over, obedient, obedient_payment};
use crate::store::given::{Case, claim, eventually, tell};
use backstitch::{
    actors::coordinator::{Ping, PlaceOrder},
    domain::{
        aggregate::Aggregate,
        checkout::Verb,
        ids::SagaId,
        order::{Order, OrderCommand},
        payment::{Payments, Provider},
        saga::Status,
        time::Timestamp,
    },
    store::{Answers, Due, SagaAnswer, SagaCommand, SagaStore, StoreError},
};
use futures::future::BoxFuture;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tokio::sync::{oneshot, watch};

/// A store whose starts are answered only once the test says so.
struct LateStarts {
    store: Arc<dyn SagaStore>,
    open: watch::Receiver<bool>,
}

queries_of_its_store!(LateStarts);

impl SagaStore for LateStarts {
    fn execute(&self, commands: Vec<SagaCommand>) -> BoxFuture<'static, Answers<SagaAnswer>> {
        let starts = commands.iter().any(|command| matches!(command, SagaCommand::Start(_)));
        let (answers, mut open) = (self.store.execute(commands), self.open.clone());
        Box::pin(async move {
            let answers = answers.await;
            if starts {
                let _ = open.wait_for(|open| *open).await;
            }
            answers
        })
    }

    fn due(&self, now: Timestamp, limit: u32) -> BoxFuture<'static, Result<Due, StoreError>> {
        self.store.due(now, limit)
    }

    fn interrupted(&self, after: Option<SagaId>, limit: u32) -> BoxFuture<'static, Result<Vec<SagaId>, StoreError>> {
        self.store.interrupted(after, limit)
    }
}

#[actix_web::test]
async fn what_the_first_action_answers_before_its_start_does_counts_only_if_the_start_is_durable() {
    for used in [false, true] {
        let (first, case) = (Case::new(Provider::Simulated), Case::new(Provider::Simulated));
        let own = case.order_id();
        let (open, opened) = watch::channel(false);
        let (asked, paid) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (orders, payments) = (Arc::clone(&asked), Arc::clone(&paid));
        let (mut obey, mut pay) = (obedient::<Order>(), obedient_payment());
        let desk = desk_over(
            move |store| Arc::new(LateStarts { store, open: opened }),
            move |commands: &[OrderCommand]| {
                orders.fetch_add(commands.iter().filter(|command| Order::order(command) == own).count(), SeqCst);
                obey(commands)
            },
            move |commands| -> Act {
                payments.fetch_add(commands.iter().filter(|command| Payments::order(command) == own).count(), SeqCst);
                pay(commands)
            },
        );
        if used {
            tell(&desk.test.store, first.start(Some(claim("k", 1)))).await.unwrap();
        }
        let place = PlaceOrder {
            saga_id: case.saga_id,
            checkout: case.checkout.clone(),
            claim: Some(claim("k", 1)),
            permit: desk.admission.enter(),
            rested: oneshot::channel().0,
        };
        let placed = actix_rt::spawn(desk.coordinator.send(place));
        eventually("the first action is asked for", async || asked.load(SeqCst) == 1).await;
        // Its answer is on its way by now, or taken in.
        desk.coordinator.send(Ping).await.unwrap();
        desk.coordinator.send(Ping).await.unwrap();
        assert_eq!(paid.load(SeqCst), 0, "nothing follows from a start that is not known to be durable");
        open.send_replace(true);
        let placed = placed.await.unwrap().unwrap().unwrap();
        assert_eq!(placed.replayed, used);
        let saga = if used { &first } else { &case };
        assert_eq!(placed.order_id, saga.order_id());
        assert_eq!(desk.rest(saga).await, Status::Completed);
        if used {
            assert!(desk.test.store.sagas.saga(case.saga_id).await.unwrap().is_none());
            // Nothing stays cut off: the order of the start that came second can be used by another saga.
            let create = || desk.test.store.orders.execute(vec![case.order(Verb::CreateOrder).into()]);
            eventually("the order is abandoned", async || create().await.pop().is_some_and(|answer| answer.is_ok()))
                .await;
        }
    }
}

//! What is wished of a saga is confirmed when it is durable, and not before.

use super::stubs::{desk_over, obedient, obedient_payment};
use crate::store::given::{Case, eventually};
use backstitch::{
    actors::coordinator::{CancelSaga, SagaRequestError},
    domain::{
        ids::SagaId,
        order::Order,
        payment::Provider,
        saga::{CancelBy, Event, Status},
        time::Timestamp,
    },
    store::{Answers, Due, SagaAnswer, SagaCommand, SagaStore, StoreError},
};
use futures::future::BoxFuture;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A store that does not write the first turn that it is given, nor what is queued behind it: as a real one, it
/// has severed that order until the saga is loaded again.
struct RefusesTheFirstTurn {
    store: Arc<dyn SagaStore>,
    has_refused: AtomicBool,
    is_severed: AtomicBool,
}

impl RefusesTheFirstTurn {
    fn refuses(&self, command: &SagaCommand) -> bool {
        match command {
            SagaCommand::Append(append) => {
                let turns = append.entry.events.iter().any(|event| matches!(event, Event::SagaTurned { .. }));
                if turns && !self.has_refused.swap(true, Ordering::Relaxed) {
                    self.is_severed.store(true, Ordering::Relaxed);
                }
                self.is_severed.load(Ordering::Relaxed)
            }
            SagaCommand::Confirm(_) => self.is_severed.load(Ordering::Relaxed),
            SagaCommand::Load { .. } => {
                self.is_severed.store(false, Ordering::Relaxed);
                false
            }
            _ => false,
        }
    }
}

impl SagaStore for RefusesTheFirstTurn {
    fn execute(&self, commands: Vec<SagaCommand>) -> BoxFuture<'static, Answers<SagaAnswer>> {
        let refused: Vec<bool> = commands.iter().map(|command| self.refuses(command)).collect();
        let written = commands.into_iter().zip(&refused).filter(|(_, refused)| !**refused).map(|(command, _)| command);
        let answers = self.store.execute(written.collect());
        Box::pin(async move {
            let mut answers = answers.await.into_iter();
            let away = || Err(StoreError::Unavailable("storage takes no writes".into()));
            refused.iter().map(|refused| if *refused { away() } else { answers.next().unwrap() }).collect()
        })
    }

    fn due(&self, now: Timestamp, limit: u32) -> BoxFuture<'static, Result<Due, StoreError>> {
        self.store.due(now, limit)
    }

    fn interrupted(&self, after: Option<SagaId>, limit: u32) -> BoxFuture<'static, Result<Vec<SagaId>, StoreError>> {
        self.store.interrupted(after, limit)
    }
}

queries_of_its_store!(RefusesTheFirstTurn);

#[actix_web::test]
async fn a_second_cancel_is_not_confirmed_before_the_firsts_turn_is_durable() {
    let over = |store| -> Arc<dyn SagaStore> {
        Arc::new(RefusesTheFirstTurn { store, has_refused: false.into(), is_severed: false.into() })
    };
    let desk = desk_over(over, obedient::<Order>(), obedient_payment());
    let case = Case::new(Provider::Manual);
    desk.begin(&case);
    eventually("it waits for its payment", async || {
        super::given::status(&desk.test.store, case.saga_id).await == Some(Status::Waiting)
    })
    .await;
    let cancel = || CancelSaga { saga_id: case.saga_id, by: CancelBy::Customer, note: None, claim: None };
    let (first, second) = futures::future::join(desk.coordinator.send(cancel()), desk.coordinator.send(cancel())).await;
    assert!(matches!(first.unwrap(), Err(SagaRequestError::Store(_))), "its turn could not be written");
    let second = second.unwrap();
    let status = super::given::status(&desk.test.store, case.saga_id).await;
    assert!(second.is_err() || status != Some(Status::Waiting), "{second:?}, but the saga is {status:?}");
    desk.coordinator.send(cancel()).await.unwrap().unwrap();
    assert_eq!(desk.rest(&case).await, Status::Compensated);
}

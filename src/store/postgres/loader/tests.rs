use super::*;
use std::cell::{Cell, RefCell};
use tokio::{join, sync::Semaphore, task::yield_now};

/// A database whose queries wait until they are let through, and what they have asked for.
#[derive(Default)]
struct Database {
    asked: RefCell<Vec<Vec<u32>>>,
    /// What everything is found as.
    value: Cell<u32>,
    let_through: Option<Semaphore>,
}

impl Database {
    fn slow() -> Self {
        Self { let_through: Some(Semaphore::new(0)), ..Self::default() }
    }

    async fn fetch(&self, mut keys: Vec<u32>) -> Result<Found<u32, u32>, StoreError> {
        keys.sort_unstable();
        self.asked.borrow_mut().push(keys.clone());
        let value = self.value.get();
        if let Some(let_through) = &self.let_through {
            let_through.acquire().await.unwrap().forget();
        }
        Ok(keys.into_iter().map(|key| (key, Ok(value))).collect())
    }

    fn finish_one(&self) {
        self.let_through.iter().for_each(|let_through| let_through.add_permits(1));
    }

    /// Waits until so many queries have been sent.
    async fn has_been_asked(&self, times: usize) {
        while self.asked.borrow().len() < times {
            yield_now().await;
        }
    }
}

/// Runs `test` with a loader whose questions are answered meanwhile.
async fn answered(
    fetch: impl AsyncFn(Vec<u32>) -> Result<Found<u32, u32>, StoreError>,
    test: impl AsyncFnOnce(Loader<u32, u32>),
) {
    let (loader, questions) = Loader::new();
    join!(questions.answer(fetch), test(loader));
}

#[tokio::test]
async fn look_ups_that_come_while_a_query_is_under_way_share_the_next_one() {
    let database = Database::slow();
    answered(
        async |keys| database.fetch(keys).await,
        async |loader| {
            let first = loader.find(1);
            database.has_been_asked(1).await;
            let others = [loader.find(2), loader.find(3), loader.find(2)];
            database.finish_one();
            first.await.unwrap();
            database.finish_one();
            for other in others {
                assert_eq!(other.await, Ok(Some(0)));
            }
        },
    )
    .await;
    assert_eq!(*database.asked.borrow(), [vec![1], vec![2, 3]]);
}

#[tokio::test]
async fn an_answer_is_never_older_than_its_question() {
    let database = Database::slow();
    answered(
        async |keys| database.fetch(keys).await,
        async |loader| {
            let before = loader.find(1);
            database.has_been_asked(1).await;
            database.value.set(7);
            let after = loader.find(1);
            database.finish_one();
            database.finish_one();
            assert_eq!((before.await, after.await), (Ok(Some(0)), Ok(Some(7))));
        },
    )
    .await;
}

#[tokio::test]
async fn a_query_that_fails_fails_for_everybody_who_shares_it() {
    let away = StoreError::Unavailable("away".into());
    answered(
        async |_| Err(away.clone()),
        async |loader| {
            let (one, other) = join!(loader.find(1), loader.find(2));
            assert_eq!((one, other), (Err(away.clone()), Err(away.clone())));
        },
    )
    .await;
}

#[tokio::test]
async fn what_is_not_there_and_what_cannot_be_read_are_answered_beside_what_is_found() {
    let broken = StoreError::Poisoned("broken".into());
    answered(
        async |_| Ok(Found::from_iter([(1, Ok(5)), (2, Err(broken.clone()))])),
        async |loader| {
            let answers = join!(loader.find(1), loader.find(2), loader.find(3));
            assert_eq!(answers, (Ok(Some(5)), Err(broken.clone()), Ok(None)));
        },
    )
    .await;
}

#[tokio::test]
async fn a_read_that_panics_harms_nobody_else_and_does_not_stop_the_loader() {
    let database = Database::default();
    let fetch = async |keys: Vec<u32>| {
        assert!(!keys.contains(&13), "unlucky");
        database.fetch(keys).await
    };
    answered(fetch, async |loader| {
        let (one, unlucky) = join!(loader.find(1), loader.find(13));
        assert_eq!(one, Ok(Some(0)));
        assert!(matches!(unlucky, Err(StoreError::Poisoned(why)) if why.contains("unlucky")));
        assert_eq!(loader.find(2).await, Ok(Some(0)));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_asked_for_those_who_have_gone() {
    let database = Database::slow();
    answered(
        async |keys| database.fetch(keys).await,
        async |loader| {
            let first = loader.find(1);
            database.has_been_asked(1).await;
            drop(loader.find(2));
            let third = loader.find(3);
            database.finish_one();
            database.finish_one();
            join!(first, third).1.unwrap();
        },
    )
    .await;
    assert_eq!(*database.asked.borrow(), [vec![1], vec![3]]);
}

#[tokio::test]
async fn a_loader_that_nobody_answers_says_so() {
    let (loader, questions) = Loader::<u32, u32>::new();
    drop(questions);
    assert!(matches!(loader.find(1).await, Err(StoreError::Unavailable(_))));
}

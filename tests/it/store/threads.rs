//! Several threads at one store: each gets the answers to its own commands, in its own order.

use super::given::{Case, decided, random, store};
use backstitch::domain::{checkout::Verb, payment::Provider, reason::Reason, saga::Outcome};

#[actix_web::test]
async fn every_thread_gets_its_own_answers_in_order() {
    let test = store();
    let mut random = random();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (store, mut random) = (test.store.clone(), random.fork());
            std::thread::spawn(move || {
                actix_rt::Runtime::new().unwrap().block_on(async move {
                    for _ in 0..15 {
                        let cases: Vec<_> = (0..random.usize(1..8)).map(|_| Case::new(Provider::Manual)).collect();
                        let close_first = random.bool();
                        let verbs = if close_first {
                            [Verb::CancelOrder, Verb::CreateOrder]
                        } else {
                            [Verb::CreateOrder, Verb::CancelOrder]
                        };
                        // Handed over one after the other, awaited in the wrong order.
                        let [first, second] = verbs.map(|verb| {
                            store.orders.execute(cases.iter().map(|case| case.order(verb).into()).collect())
                        });
                        let (second, first) = (second.await, first.await);
                        for ((case, first), second) in cases.iter().zip(first).zip(second) {
                            let done = Outcome::done(case.order_id().uuid());
                            assert_eq!(decided(first), done);
                            let expected = if close_first { Outcome::rejected(Reason::OrderClosed) } else { done };
                            assert_eq!(decided(second), expected);
                        }
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

//! Participants with databases of their own: nothing is sent to them that the saga's log does not announce durably, and one
//! that cannot be reached costs a step no attempt.

use super::stubs::{Act, desk_apart, obedient};
use crate::store::given::Case;
use backstitch::{
    domain::{
        aggregate::Aggregate,
        checkout::Verb,
        ids::{OrderId, SagaId},
        order::{Order, OrderCommand},
        payment::{PaymentCommand, Payments, Provider},
        saga::{Event, Status, StepReply},
        shipment::{Shipping, ShippingCommand},
        time::Timestamp,
    },
    store::{Answers, Due, SagaAnswer, SagaCommand, SagaStore, StoreError},
};
use futures::future::BoxFuture;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

/// The steps that the stored log announces, and where chance comes from.
struct Seen {
    announced: HashSet<(OrderId, Verb)>,
    random: fastrand::Rng,
}

/// A store that writes one append in eight not at all, and notes what the others announce before it answers.
struct Unsteady {
    store: Arc<dyn SagaStore>,
    seen: Arc<Mutex<Seen>>,
}

fn starts(command: &SagaCommand) -> Vec<(OrderId, Verb)> {
    let (order, events) = match command {
        SagaCommand::Start(start) => (start.row.order_id, &start.entry.events),
        SagaCommand::Append(append) => (append.order_id, &append.entry.events),
        _ => return Vec::new(),
    };
    let step = |event: &_| match event {
        Event::StepStarted { step, .. } => Some((order, *step)),
        _ => None,
    };
    events.iter().filter_map(step).collect()
}

impl SagaStore for Unsteady {
    fn execute(&self, commands: Vec<SagaCommand>) -> BoxFuture<'static, Answers<SagaAnswer>> {
        let seen = Arc::clone(&self.seen);
        let fails: Vec<bool> = {
            let random = &mut seen.lock().unwrap().random;
            let append = |command: &_| matches!(command, SagaCommand::Append(_));
            commands.iter().map(|command| append(command) && random.u8(0..8) == 0).collect()
        };
        let announced: Vec<_> = commands.iter().map(starts).collect();
        let written = commands.into_iter().zip(&fails).filter(|(_, fails)| !**fails).map(|(command, _)| command);
        let answers = self.store.execute(written.collect());
        Box::pin(async move {
            let mut answers = answers.await.into_iter();
            let away = || Err(StoreError::Unavailable("storage takes no writes".into()));
            let all: Answers<_> =
                fails.iter().map(|fails| if *fails { away() } else { answers.next().unwrap() }).collect();
            for (answer, announced) in all.iter().zip(announced) {
                if matches!(answer, Ok(SagaAnswer::Stored)) {
                    seen.lock().unwrap().announced.extend(announced);
                }
            }
            all
        })
    }

    fn due(&self, now: Timestamp, limit: u32) -> BoxFuture<'static, Result<Due, StoreError>> {
        self.store.due(now, limit)
    }

    fn interrupted(&self, after: Option<SagaId>, limit: u32) -> BoxFuture<'static, Result<Vec<SagaId>, StoreError>> {
        self.store.interrupted(after, limit)
    }
}

queries_of_its_store!(Unsteady);

fn order_verb(command: &OrderCommand) -> Verb {
    match command {
        OrderCommand::Create(_) => Verb::CreateOrder,
        OrderCommand::MarkPaid(_) => Verb::MarkOrderPaid,
        OrderCommand::Complete(_) => Verb::CompleteOrder,
        OrderCommand::Cancel(_) => Verb::CancelOrder,
        other => panic!("nobody asks for {other:?}"),
    }
}

fn payment_verb(command: &PaymentCommand) -> Verb {
    match command {
        PaymentCommand::Process(_) => Verb::ProcessPayment,
        PaymentCommand::Refund(_) => Verb::RefundPayment,
        other => panic!("nobody asks for {other:?}"),
    }
}

fn shipping_verb(command: &ShippingCommand) -> Verb {
    match command {
        ShippingCommand::Start(_) => Verb::StartShipping,
        ShippingCommand::Cancel(_) => Verb::CancelShipping,
        other @ (ShippingCommand::Record(_) | ShippingCommand::Report(_)) => panic!("nobody asks for {other:?}"),
    }
}

/// A participant that is away one time in eight, before or after it has done what it is asked for, and minds what it is
/// asked before that is announced.
fn participant<A: Aggregate>(
    seen: &Arc<Mutex<Seen>>,
    early: &Arc<Mutex<Vec<(OrderId, Verb)>>>,
    verb: fn(&A::Command) -> Verb,
) -> impl FnMut(&[A::Command]) -> Act + Send + use<A> {
    let (seen, early) = (Arc::clone(seen), Arc::clone(early));
    let mut obey = obedient::<A>();
    move |commands| {
        let mut seen = seen.lock().unwrap();
        for command in commands {
            let asked = (A::order(command), verb(command));
            if !seen.announced.contains(&asked) {
                early.lock().unwrap().push(asked);
            }
        }
        let away = || Act::Reply(vec![StepReply::Away("nobody answers".into()); commands.len()]);
        match seen.random.u8(0..16) {
            0 => away(),
            1 => {
                obey(commands);
                away()
            }
            _ => obey(commands),
        }
    }
}

#[actix_web::test]
async fn nothing_is_sent_to_another_database_before_it_is_announced_and_being_away_is_no_attempt() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let seen = Arc::new(Mutex::new(Seen { announced: HashSet::new(), random: fastrand::Rng::with_seed(seed) }));
    let early = Arc::default();
    let unsteady = Arc::clone(&seen);
    let desk = desk_apart(
        move |store| Arc::new(Unsteady { store, seen: unsteady }),
        participant::<Order>(&seen, &early, order_verb),
        participant::<Payments>(&seen, &early, payment_verb),
        participant::<Shipping>(&seen, &early, shipping_verb),
    );
    let cases: Vec<_> = (0..60).map(|_| Case::new(Provider::Simulated)).collect();
    cases.iter().for_each(|case| desk.begin(case));
    for case in &cases {
        assert_eq!(desk.rest(case).await, Status::Completed);
        for step in
            [Verb::CreateOrder, Verb::ProcessPayment, Verb::MarkOrderPaid, Verb::StartShipping, Verb::CompleteOrder]
        {
            assert_eq!(desk.attempts(case, step).await, (1, 0), "{step:?} of {}", case.order_id());
        }
    }
    assert_eq!(*early.lock().unwrap(), []);
}

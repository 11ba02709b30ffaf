//! The payment notifier: sends what others are to be told of payments, until they have it, and takes in what other
//! services say of users.
//!
//! ```text
//!   a payment's commit ──Wake──┐
//!   every second ──────────────┴▶ Claim ─▶ rows that are nobody else's for a while ─▶ task: send ─▶ Told ─▶ Record
//! ```
//!
//! What is due is in the rows: a crash anywhere leaves a claim that ends, and then it is sent again under the same id.

mod messages;

pub use messages::{MarkUserPaid, NotifierRequestError, RetryNotification, TakeExternalPayment, Wake};

use super::{
    Crash,
    batch::{Batch, Participant},
    crash::crash,
    deferred::{Deferred, Reply, deferred},
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        ids::NotificationId,
        notifier::{
            Audience, Delivery, Notification, NotificationStatus, NotifierCommand, PaidUser, PayExternal,
            RecordDelivery, TargetName,
        },
        time::Timestamp,
    },
    providers::{Receivers, Room},
    store::{Answers, Claimed, Commands, Keyed, NotifierAnswer, NotifierStore, PaidExternal, Retried, StoreError},
};
use actix::{Actor, AsyncContext, Context, Handler, Message, Supervised};
use std::{sync::Arc, time::Duration};

/// How often it is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long what has become of a notification waits before it is brought again to an actor that has failed.
const REDELIVERY_PAUSE: Duration = Duration::from_millis(20);

/// How sending a notification has gone, on its way into the store.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Told {
    id: NotificationId,
    claimed_until: Timestamp,
    delivery: Delivery,
}

/// Sends notifications.
pub struct NotificationActor {
    store: Arc<dyn NotifierStore>,
    receivers: Receivers,
    audience: Arc<Audience>,
    status: Arc<ActorStatus>,
    batch: Batch<NotifierCommand, NotifierAnswer>,
    /// It is being looked for what is due.
    looking: bool,
    /// And is to be once more after that.
    again: bool,
    /// More was due than there was room for.
    more: bool,
}

impl NotificationActor {
    /// An actor over a store, which tells these.
    pub fn new(store: Arc<dyn NotifierStore>, receivers: Receivers, status: Arc<ActorStatus>) -> Self {
        let audience = Arc::new(receivers.audience());
        Self { store, receivers, audience, status, batch: Batch::default(), looking: false, again: false, more: false }
    }

    /// Claims what is due, as far as there is room, and has it sent.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.looking {
            self.again = true;
            return;
        }
        let room = |target| Some((target, self.receivers.room(target)?));
        let rooms: Vec<(TargetName, Room)> = self.receivers.names().filter_map(room).collect();
        self.more = rooms.len() < self.receivers.names().count();
        if rooms.is_empty() {
            return;
        }
        self.looking = true;
        let claims: Vec<_> = rooms
            .iter()
            .map(|(target, room)| {
                let (target, limit, lease_ms) = (*target, room.size(), self.receivers.lease_ms(*target));
                Keyed::from(NotifierCommand::Claim { target, limit, lease_ms })
            })
            .collect();
        // Polled inside the flush, where the actor is at hand only by its address.
        let actor = ctx.address();
        let receive = move |answers: Answers<NotifierAnswer>| actor.do_send(Looked { answers, rooms });
        self.submit(claims, receive, ctx);
    }

    /// Has a notification sent by a task, whose room it takes.
    fn send(&self, notification: Notification, room: Room, ctx: &Context<Self>) {
        let (id, claimed_until) = (notification.id, notification.claimed_until.unwrap_or(notification.created_at));
        let sent = self.receivers.send(notification, room);
        let actor = ctx.address();
        actix_rt::spawn(async move {
            let delivery = sent.await;
            // An actor that fails meanwhile loses the message, not the mailbox: bring it again.
            while actor.send(Told { id, claimed_until, delivery: delivery.clone() }).await.is_err() {
                actix_rt::time::sleep(REDELIVERY_PAUSE).await;
            }
        });
    }
}

/// What was due, and the room that was kept for it.
#[derive(Message)]
#[rtype(result = "()")]
struct Looked {
    answers: Answers<NotifierAnswer>,
    rooms: Vec<(TargetName, Room)>,
}

impl Actor for NotificationActor {
    type Context = Context<Self>;

    /// Also called after every restart.
    fn started(&mut self, ctx: &mut Context<Self>) {
        if self.receivers.names().next().is_some() {
            self.look(ctx);
            ctx.run_interval(LOOK_EVERY, Self::look);
        }
    }
}

impl Supervised for NotificationActor {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        self.batch = Batch::default();
        (self.looking, self.again, self.more) = (false, false, false);
    }
}

impl Participant for NotificationActor {
    type Command = NotifierCommand;
    type Answer = NotifierAnswer;

    fn batch(&mut self) -> &mut Batch<NotifierCommand, NotifierAnswer> {
        &mut self.batch
    }

    fn commands(&self) -> &dyn Commands<NotifierCommand, NotifierAnswer> {
        self.store.as_ref()
    }

    fn status(&self) -> &ActorStatus {
        &self.status
    }

    /// What has become due is looked for now that it is durable: on PostgreSQL new rows are written at the end of a
    /// transaction, and a look in the same one does not see them.
    fn committed(&mut self, answers: &Answers<NotifierAnswer>, ctx: &mut Context<Self>) {
        let is_due =
            |answer: &Result<_, _>| matches!(answer, Ok(NotifierAnswer::Retried(Ok(_)) | NotifierAnswer::Paid(_)));
        if answers.iter().any(is_due) {
            self.look(ctx);
        }
    }
}

impl Handler<Wake> for NotificationActor {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Context<Self>) {
        self.look(ctx);
    }
}

impl Handler<Looked> for NotificationActor {
    type Result = ();

    fn handle(&mut self, Looked { answers, rooms }: Looked, ctx: &mut Context<Self>) {
        self.looking = false;
        for (answer, (target, mut room)) in answers.into_iter().zip(rooms) {
            match answer {
                Ok(NotifierAnswer::Claimed(Claimed { notifications, unreadable })) => {
                    self.more |= u32::try_from(notifications.len() + unreadable.len()) == Ok(room.size());
                    for id in unreadable {
                        given_up(target);
                        tracing::error!(notification_id = %id, told = %target, "a notification cannot be read and is given up");
                    }
                    for notification in notifications {
                        if let Some(place) = room.take_one() {
                            self.send(notification, place, ctx);
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(told = %target, %error, "due notifications cannot be looked up yet"),
            }
        }
        if std::mem::take(&mut self.again) {
            self.look(ctx);
        }
    }
}

impl Handler<Told> for NotificationActor {
    type Result = Deferred<()>;

    /// One that cannot be stored is left unanswered, and so brought again.
    fn handle(&mut self, Told { id, claimed_until, delivery }: Told, ctx: &mut Context<Self>) -> Self::Result {
        let (later, reply) = deferred();
        let receive = move |answers: Answers<NotifierAnswer>| {
            let retried = |error: &StoreError| matches!(error, StoreError::Unavailable(_) | StoreError::Conflict);
            match answers.into_iter().next() {
                Some(Err(error)) if retried(&error) => return,
                Some(Ok(NotifierAnswer::Recorded(Some(row)))) => report(&row),
                Some(Err(error)) => tracing::error!(notification_id = %id, %error, "a delivery cannot be recorded"),
                _ => {}
            }
            reply.send(());
        };
        self.submit(
            [Keyed::from(NotifierCommand::Record(RecordDelivery { id, claimed_until, delivery }))],
            receive,
            ctx,
        );
        if self.more {
            self.look(ctx);
        }
        later
    }
}

/// Says how sending one has gone, where somebody should know.
fn report(row: &Notification) {
    let (id, target, attempts) = (row.id, row.target, row.attempts);
    let why = row.last_error.as_deref().unwrap_or_default();
    match row.status {
        NotificationStatus::Delivered => {
            #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
            let lag = row.delivered_at.map_or(0, |at| at.millis_since(row.created_at)) as f64 / 1000.0;
            metrics::histogram!("notification_lag_seconds", "target" => target.as_str()).record(lag);
        }
        NotificationStatus::Pending => {
            tracing::info!(notification_id = %id, told = %target, attempts, why, "a notification is not delivered yet");
        }
        NotificationStatus::Failed => {
            given_up(target);
            tracing::warn!(notification_id = %id, told = %target, attempts, why, "a notification is given up until somebody asks for it");
        }
    }
}

fn given_up(target: TargetName) {
    metrics::counter!("notifications_given_up_total", "target" => target.as_str()).increment(1);
}

impl NotificationActor {
    fn request<T: 'static, E: From<StoreError> + 'static>(
        &mut self,
        command: Keyed<NotifierCommand>,
        reply: Reply<Result<T, E>>,
        read: fn(NotifierAnswer) -> Option<Result<T, E>>,
        ctx: &mut Context<Self>,
    ) {
        let receive = move |answers: Answers<NotifierAnswer>| {
            let answer = match answers.into_iter().next() {
                Some(Ok(answer)) => read(answer),
                Some(Err(error)) => Some(Err(error.into())),
                None => None,
            };
            if let Some(answer) = answer {
                reply.send(answer);
            }
        };
        self.submit([command], receive, ctx);
    }
}

impl Handler<RetryNotification> for NotificationActor {
    type Result = Deferred<Result<Retried, NotifierRequestError>>;

    fn handle(&mut self, retry: RetryNotification, ctx: &mut Context<Self>) -> Self::Result {
        let (later, reply) = deferred();
        let RetryNotification { id, claim } = retry;
        let read = |answer| match answer {
            NotifierAnswer::Retried(retried) => Some(retried.map_err(NotifierRequestError::from)),
            NotifierAnswer::NotFound => Some(Err(NotifierRequestError::NotFound)),
            _ => None,
        };
        self.request(Keyed { command: NotifierCommand::Retry(id), claim }, reply, read, ctx);
        later
    }
}

impl Handler<MarkUserPaid> for NotificationActor {
    type Result = Deferred<Result<PaidUser, StoreError>>;

    fn handle(&mut self, MarkUserPaid(paid): MarkUserPaid, ctx: &mut Context<Self>) -> Self::Result {
        let (later, reply) = deferred();
        let read = |answer| match answer {
            NotifierAnswer::Marked(user) => Some(Ok(*user)),
            _ => None,
        };
        self.request(Keyed::from(NotifierCommand::MarkUser(paid)), reply, read, ctx);
        later
    }
}

impl Handler<TakeExternalPayment> for NotificationActor {
    type Result = Deferred<Result<PaidExternal, StoreError>>;

    fn handle(&mut self, taken: TakeExternalPayment, ctx: &mut Context<Self>) -> Self::Result {
        let (later, reply) = deferred();
        let TakeExternalPayment { order_id, user_id, amount, claim } = taken;
        let read = |answer| match answer {
            NotifierAnswer::Paid(paid) => Some(Ok(paid)),
            _ => None,
        };
        let pay = PayExternal { order_id, user_id, amount, audience: Arc::clone(&self.audience) };
        self.request(Keyed { command: NotifierCommand::Pay(pay), claim }, reply, read, ctx);
        later
    }
}

impl Handler<Crash> for NotificationActor {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}

//! Moving the sagas in hand: every way in ends in events to append and tasks to send.

use super::{
    SagaCoordinator,
    messages::SagaRequestError,
    outbox::{After, Origin},
    stored::edit_end,
    told::told_of,
    waiters::Editing,
    who,
};
use crate::{
    actors::{
        admission::{Admission, Permit},
        deferred::Reply,
    },
    clock,
    domain::{
        checkout::{self, Checkout, CheckoutEvent, CheckoutSaga, Edit, Verb},
        ids::{IdMap, OrderId, SagaId},
        saga::{CancelBy, Impossible, Next, Outcome, Refused, StepReply, Summary, Task},
        time::Timestamp,
    },
    lifecycle::panic_message,
    store::{Append, Claim, LogEntry, RowUpdate, SagaCommand, SagaRow, StartSaga},
};
use std::{
    collections::hash_map::Entry,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// A waiting step is asked again after half the time it has waited, within these bounds: a lost
/// signal costs little, and a step that waits for days costs next to nothing.
const ASK_AGAIN_MS: std::ops::RangeInclusive<u64> = 2_000..=600_000;

/// Why a saga is wanted in hand.
pub(super) enum Purpose {
    /// To go on: it was interrupted, or its time has come.
    Drive,
    /// A waiting step may have a result.
    Ask,
    /// Somebody wants its order.
    Place,
    /// Somebody wants it undone.
    Cancel { by: CancelBy, note: Option<String>, claim: Option<Claim>, reply: Reply<Result<(), SagaRequestError>> },
    /// Somebody wants its order to have other lines.
    Edit { edit: Edit, reply: Reply<Result<(), SagaRequestError>> },
    /// Somebody wants it tried again.
    Retry { note: Option<String>, claim: Option<Claim>, reply: Reply<Result<(), SagaRequestError>> },
}

impl Purpose {
    pub(super) fn refuse(self, error: SagaRequestError) {
        match self {
            Self::Cancel { reply, .. } | Self::Retry { reply, .. } | Self::Edit { reply, .. } => reply.send(Err(error)),
            Self::Drive | Self::Ask | Self::Place => {}
        }
    }

    /// Whether the saga is taken from another node that drives it.
    pub(super) const fn takes(&self) -> bool {
        self.is_wish() || matches!(self, Self::Ask)
    }

    /// Whether somebody wants something of the saga that its log must be asked about, even when it rests.
    pub(super) const fn is_wish(&self) -> bool {
        matches!(self, Self::Cancel { .. } | Self::Retry { .. } | Self::Edit { .. })
    }
}

/// A saga in hand.
pub(super) struct InHand {
    pub(super) saga: CheckoutSaga,
    /// Steps whose answers are outstanding, and the attempts that they were sent for.
    pub(super) in_flight: Vec<(Verb, u32)>,
    /// Answers that came before the start's own, which is not known to be durable until that is here.
    /// `None` once it is.
    pub(super) early: Option<Vec<(Origin, StepReply)>>,
    /// A signal came while the step was being asked, whose answer may be older than the signal.
    pub(super) ask_again: bool,
    /// It rests, and is in hand only until what it is stuck at has been asked again.
    pub(super) is_stuck: bool,
    /// What its row says.
    pub(super) row: (Summary, Option<Timestamp>),
    /// Whether it was taken in hand again, rather than started here.
    pub(super) resumed: bool,
    /// Its place, until it waits or rests.
    pub(super) _permit: Permit,
}

/// The sagas in hand and those being loaded.
pub(super) struct Hands {
    pub(super) admission: Admission,
    pub(super) active: IdMap<SagaId, InHand>,
    pub(super) loading: IdMap<SagaId, Vec<Purpose>>,
    /// Sagas whose log is not what was believed, and the steps that were sent all the same. Such a step
    /// is refused by the store only until the saga is loaded or its order abandoned, so that its answer
    /// is awaited first.
    unsettled: IdMap<SagaId, Unsettled>,
    /// How many of the active ones were taken in hand again.
    resumed: usize,
}

#[derive(Default)]
struct Unsettled {
    sent: Vec<Verb>,
    /// The order of a saga that was not started, once for each start.
    abandoned: Vec<OrderId>,
}

/// What an answer means for the steps that were sent in error.
enum Settled {
    /// It is none of theirs.
    Unconcerned,
    /// It is one of theirs, and nothing more is to be done about it.
    Noted,
    /// It was the last of theirs, and the saga can be loaded, for which somebody waits.
    Load,
    /// It was the last of theirs, and the order can be abandoned.
    Abandon(Vec<OrderId>),
}

impl Hands {
    pub(super) fn new(admission: Admission) -> Self {
        Self { admission, active: IdMap::default(), loading: IdMap::default(), unsettled: IdMap::default(), resumed: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.active.clear();
        self.loading.clear();
        self.unsettled.clear();
        self.resumed = 0;
    }

    /// Sagas taken in hand again or about to be: what recovery and timers are paced by.
    pub(super) fn resumed(&self) -> usize {
        self.resumed + self.loading.len()
    }

    pub(super) fn insert(&mut self, saga: SagaId, in_hand: InHand) {
        self.resumed += usize::from(in_hand.resumed);
        if let Some(replaced) = self.active.insert(saga, in_hand) {
            self.resumed -= usize::from(replaced.resumed);
        }
    }

    pub(super) fn forget(&mut self, saga: SagaId) {
        if let Some(forgotten) = self.active.remove(&saga) {
            self.resumed -= usize::from(forgotten.resumed);
        }
    }

    /// Forgets a saga whose log is not what was believed.
    pub(super) fn forget_unsettled(&mut self, saga: SagaId) {
        let sent = self.active.get_mut(&saga).map(|in_hand| std::mem::take(&mut in_hand.in_flight));
        if let Some(sent) = sent.filter(|sent| !sent.is_empty()) {
            self.unsettled.entry(saga).or_default().sent.extend(sent.into_iter().map(|(step, _)| step));
        }
        self.forget(saga);
    }

    /// Forgets a saga that was not started. Its order, where every step that was sent is answered already.
    fn abandon(&mut self, saga: SagaId) -> Option<OrderId> {
        let order = self.active.get(&saga)?.saga.input().order_id;
        self.forget_unsettled(saga);
        match self.unsettled.get_mut(&saga) {
            Some(unsettled) => {
                unsettled.abandoned.push(order);
                None
            }
            None => Some(order),
        }
    }

    /// A step has been answered. No answer is taken for another saga's of the same name: one that is unsettled is not
    /// loaded before all are in.
    fn settle(&mut self, saga: SagaId, step: Verb) -> Settled {
        let Entry::Occupied(mut unsettled) = self.unsettled.entry(saga) else { return Settled::Unconcerned };
        let sent = &mut unsettled.get_mut().sent;
        let Some(position) = sent.iter().position(|verb| *verb == step) else { return Settled::Unconcerned };
        sent.remove(position);
        if !sent.is_empty() {
            return Settled::Noted;
        }
        let Unsettled { abandoned, .. } = unsettled.remove();
        if !abandoned.is_empty() {
            Settled::Abandon(abandoned)
        } else if self.loading.contains_key(&saga) {
            Settled::Load
        } else {
            Settled::Noted
        }
    }

    /// Sagas in hand or about to be.
    pub(super) fn len(&self) -> usize {
        self.active.len() + self.loading.len()
    }

    pub(super) fn holds(&self, saga: SagaId) -> bool {
        self.active.contains_key(&saga)
    }
}

/// What went wrong inside a move; the saga must be set aside.
pub(super) struct Broken(pub(super) String);

impl From<Impossible> for Broken {
    fn from(impossible: Impossible) -> Self {
        Self(impossible.to_string())
    }
}

/// Runs a saga's own logic so that its panic is its own.
pub(super) fn guarded<T>(step: impl FnOnce() -> Result<T, Broken>) -> Result<T, Broken> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| Err(Broken(panic_message(panic.as_ref()))))
}

/// Ways in.
impl SagaCoordinator {
    /// Starts a saga. Its first step goes out behind its start, so that both are in one transaction; what
    /// comes back may be that another request with the same key was first, and then the store has refused
    /// that step.
    pub(super) fn begin(&mut self, saga_id: SagaId, checkout: Arc<Checkout>, claim: Option<Claim>, permit: Permit) {
        if self.hands.holds(saga_id) || self.hands.loading.contains_key(&saga_id) {
            // Sent again after this coordinator's predecessor failed, and taken in hand since.
            return self.take_up(saga_id, Purpose::Place);
        }
        let now = clock::now();
        let (saga, events) = checkout::begin(saga_id, checkout, now);
        let row = SagaRow::started(&saga, now);
        let entry = LogEntry { at: now, node: Arc::clone(&self.node), events };
        let row_says = (saga.summary(), None);
        let in_hand = InHand {
            saga,
            in_flight: Vec::new(),
            early: Some(Vec::new()),
            ask_again: false,
            is_stuck: false,
            row: row_says,
            resumed: false,
            _permit: permit,
        };
        self.hands.insert(saga_id, in_hand);
        metrics::counter!("orders_total", "status" => "placed").increment(1);
        self.outbox.store(saga_id, SagaCommand::Start(Box::new(StartSaga { row, entry, claim })), After::Started);
        if let Some(Next::Run(tasks)) = self.hands.active.get(&saga_id).map(|in_hand| in_hand.saga.next()) {
            self.send(saga_id, &tasks, false);
        }
    }

    /// A start is durable: takes in what was answered before that was known.
    pub(super) fn started(&mut self, saga_id: SagaId) {
        let early = self.hands.active.get_mut(&saga_id).and_then(|in_hand| in_hand.early.take());
        for (origin, reply) in early.into_iter().flatten() {
            self.outcome(origin, reply);
        }
    }

    /// Forgets a saga that was not started.
    pub(super) fn abandon(&mut self, saga_id: SagaId) {
        if let Some(order_id) = self.hands.abandon(saga_id) {
            self.outbox.store(saga_id, SagaCommand::Abandon(order_id), After::Abandoned);
        }
    }

    /// Takes in a participant's answer.
    pub(super) fn outcome(&mut self, origin: Origin, reply: StepReply) {
        let Origin { saga_id, step, attempt } = origin;
        match self.hands.settle(saga_id, step) {
            Settled::Unconcerned => {}
            Settled::Noted => return,
            Settled::Load => return self.load(saga_id),
            Settled::Abandon(orders) => {
                for order in orders {
                    self.outbox.store(saga_id, SagaCommand::Abandon(order), After::Abandoned);
                }
                if self.hands.loading.contains_key(&saga_id) {
                    self.load(saga_id);
                }
                return;
            }
        }
        let Some(in_hand) = self.hands.active.get_mut(&saga_id) else { return };
        in_hand.in_flight.retain(|sent| *sent != (step, attempt));
        if let Some(early) = &mut in_hand.early {
            // The two come from different tasks, in either order.
            early.push((origin, reply));
            return;
        }
        let answered = match reply {
            StepReply::Outcome(outcome) => Ok(outcome),
            StepReply::Poisoned(why) => Err(format!("{step:?}: {why}")),
            StepReply::Away(why) if self.participants.is_apart(step) => return self.strand(saga_id, step, &why),
            // It is our own storage that is away.
            StepReply::Away(why) => Ok(Outcome::unknown(why)),
        };
        let saga = &mut in_hand.saga;
        let now = clock::now();
        if saga.is_overtaken(step, attempt) {
            return self.moved(saga_id, Vec::new(), now, None, None);
        }
        let events = guarded(|| match answered {
            Ok(outcome) => Ok(saga.outcome(step, outcome, now, fastrand::f64())?),
            Err(why) => {
                tracing::error!(%saga_id, why, "a saga is set aside");
                Ok(saga.set_aside(why, now)?)
            }
        });
        match events {
            Ok(events) => self.moved(saga_id, events, now, None, None),
            Err(Broken(why)) => self.set_aside(saga_id, &why),
        }
    }

    /// Does something with a saga, which is loaded first if it is not in hand.
    pub(super) fn take_up(&mut self, saga_id: SagaId, purpose: Purpose) {
        if self.hands.holds(saga_id) {
            self.apply(saga_id, purpose);
        } else if let Some(purposes) = self.hands.loading.get_mut(&saga_id) {
            purposes.push(purpose);
        } else {
            self.hands.loading.insert(saga_id, vec![purpose]);
            if !self.hands.unsettled.contains_key(&saga_id) {
                self.load(saga_id);
            }
        }
    }

    /// Asks the store for a saga that is wanted in hand.
    pub(super) fn load(&mut self, saga_id: SagaId) {
        let take = self.hands.loading.get(&saga_id).is_some_and(|purposes| purposes.iter().any(Purpose::takes));
        self.outbox.store(saga_id, SagaCommand::Load { saga_id, take }, After::Loaded);
    }

    pub(super) fn apply(&mut self, saga_id: SagaId, purpose: Purpose) {
        let Some(in_hand) = self.hands.active.get_mut(&saga_id) else { return };
        let saga = &mut in_hand.saga;
        let now = clock::now();
        match purpose {
            Purpose::Drive => {}
            Purpose::Place if in_hand.is_stuck => {
                let (order_id, turned) = (saga.input().order_id, saga.turned());
                self.waiters.placed(saga_id, order_id, turned);
                self.waiters.rested(saga_id);
            }
            Purpose::Place => self.answer_placing(saga_id),
            Purpose::Ask => {
                in_hand.ask_again = true;
                self.moved(saga_id, Vec::new(), now, None, None);
            }
            Purpose::Cancel { by, note, claim, reply } => {
                let events = checkout::cancel(saga, by, note, now);
                tracing::info!(%saga_id, by = who(by), accepted = events.is_ok(), "cancel requested");
                self.requested(saga_id, events, now, claim, reply);
            }
            Purpose::Edit { edit, reply } => {
                let events = checkout::edit(saga, &edit, now);
                tracing::info!(%saga_id, accepted = events.is_ok(), "edit requested");
                match events {
                    Ok(events) => {
                        self.waiters.edit(saga_id, Editing { reply, edit });
                        self.moved(saga_id, events, now, None, None);
                    }
                    Err(refused) => reply.send(Err(refused.into())),
                }
            }
            Purpose::Retry { note, claim, reply } => {
                let events = saga.retry(note, now);
                tracing::info!(%saga_id, accepted = events.is_ok(), "retry requested");
                in_hand.ask_again = events.is_ok();
                self.requested(saga_id, events, now, claim, reply);
            }
        }
    }

    fn requested(
        &mut self,
        saga_id: SagaId,
        events: Result<Vec<CheckoutEvent>, Refused>,
        now: Timestamp,
        claim: Option<Claim>,
        reply: Reply<Result<(), SagaRequestError>>,
    ) {
        match events {
            // It has turned already, but that may not be durable yet, and may never be: the queue tells, after what is in it.
            Ok(events) if events.is_empty() => {
                let Some(in_hand) = self.hands.active.get(&saga_id) else { return };
                let confirm = SagaCommand::Confirm(in_hand.saga.input().order_id);
                self.outbox.store(saga_id, confirm, After::Confirmed(reply));
            }
            Ok(events) => self.moved(saga_id, events, now, claim, Some(reply)),
            Err(refused) => reply.send(Err(refused.into())),
        }
    }
}

/// The way on.
impl SagaCoordinator {
    /// A saga has moved by these events: appends them, and sends, parks or forgets the saga.
    pub(super) fn moved(
        &mut self,
        saga_id: SagaId,
        events: Vec<CheckoutEvent>,
        now: Timestamp,
        claim: Option<Claim>,
        reply: Option<Reply<Result<(), SagaRequestError>>>,
    ) {
        let Some(in_hand) = self.hands.active.get_mut(&saga_id) else { return };
        let (next, asked) = match in_hand.saga.next() {
            Next::Run(tasks) => (Some(tasks), false),
            Next::Wait(_) if !in_hand.in_flight.is_empty() => (Some(Vec::new()), false),
            Next::Wait(_) if std::mem::take(&mut in_hand.ask_again) => {
                let tasks = in_hand.saga.waiting_tasks();
                (Some(tasks).filter(|tasks| !tasks.is_empty()), true)
            }
            Next::Rest if in_hand.is_stuck && !in_hand.in_flight.is_empty() => (Some(Vec::new()), false),
            Next::Rest if in_hand.is_stuck && std::mem::take(&mut in_hand.ask_again) => {
                let tasks = in_hand.saga.stuck_tasks();
                (Some(tasks).filter(|tasks| !tasks.is_empty()), true)
            }
            Next::Wait(_) | Next::Rest => (None, false),
        };
        in_hand.is_stuck &= in_hand.saga.summary().status.is_at_rest();
        let parked = next.is_none();
        self.append(saga_id, events, now, parked, claim, reply);
        if self.waiters.is_placing(saga_id) {
            self.answer_placing(saga_id);
        }
        if self.waiters.is_editing(saga_id) {
            self.answer_editing(saga_id);
        }
        if let Some(tasks) = next {
            self.send(saga_id, &tasks, asked);
        } else {
            self.hands.forget(saga_id);
        }
    }

    /// Appends events, and the row where it changes.
    pub(super) fn append(
        &mut self,
        saga_id: SagaId,
        events: Vec<CheckoutEvent>,
        now: Timestamp,
        parked: bool,
        claim: Option<Claim>,
        reply: Option<Reply<Result<(), SagaRequestError>>>,
    ) {
        let Some(in_hand) = self.hands.active.get_mut(&saga_id) else { return };
        let summary = in_hand.saga.summary();
        let rest = summary.status.is_at_rest();
        let wake_at = (parked && !rest).then(|| wake_at(&in_hand.saga, now));
        if events.is_empty() {
            if let Some(wake_at) = wake_at {
                let after = After::Appended { rest: false, wake_at: Some(wake_at), reply: None };
                self.outbox.store(saga_id, SagaCommand::Park { saga_id, wake_at }, after);
            }
            return;
        }
        let row = (summary, wake_at);
        let update = (row != in_hand.row).then(|| RowUpdate { summary: row.0.clone(), wake_at });
        if row.0.status != in_hand.row.0.status {
            told_of(&in_hand.saga, &row.0);
        }
        in_hand.row = row;
        let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
        let append = Append {
            saga_id,
            order_id: in_hand.saga.input().order_id,
            seq: in_hand.saga.events().saturating_sub(count),
            entry: LogEntry { at: now, node: Arc::clone(&self.node), events },
            row: update,
            claim,
        };
        self.outbox.store(saga_id, SagaCommand::Append(Box::new(append)), After::Appended { rest, wake_at, reply });
    }

    fn send(&mut self, saga_id: SagaId, tasks: &[Task<Verb>], asked: bool) {
        let Some(in_hand) = self.hands.active.get_mut(&saga_id) else { return };
        for task in tasks {
            let Task { step, action, attempt } = *task;
            if asked || !in_hand.in_flight.contains(&(step, attempt)) {
                match checkout::command(&in_hand.saga, action) {
                    Ok(command) => {
                        in_hand.in_flight.push((step, attempt));
                        self.outbox.send(Origin { saga_id, step, attempt }, command);
                    }
                    Err(missing) => return self.set_aside(saga_id, &missing.to_string()),
                }
            }
        }
    }

    /// Answers those who wait for the order, if it is placed by now.
    pub(super) fn answer_placing(&mut self, saga_id: SagaId) {
        if let Some(in_hand) = self.hands.active.get(&saga_id)
            && checkout::is_placed(&in_hand.saga)
        {
            self.waiters.placed(saga_id, in_hand.saga.input().order_id, in_hand.saga.turned());
        }
    }

    /// Answers those who wait for an edit of the order, if it has come to an end.
    fn answer_editing(&mut self, saga_id: SagaId) {
        let Some(in_hand) = self.hands.active.get(&saga_id) else { return };
        let rests = in_hand.saga.summary().status.is_at_rest();
        // That it was overtaken is true once the turn is durable.
        self.waiters.edited(saga_id, |edit| edit_end(&in_hand.saga, edit, rests, false));
    }

    /// Sets a saga aside whose log or logic cannot be used, and forgets it.
    pub(super) fn set_aside(&mut self, saga_id: SagaId, why: &str) {
        tracing::error!(%saga_id, why, "a saga is set aside");
        self.waiters.edited(saga_id, |_| Some(Err(SagaRequestError::Unusable(why.to_owned()))));
        self.hands.forget_unsettled(saga_id);
        let command = SagaCommand::SetAside { saga_id, why: why.to_owned() };
        self.outbox.store(saga_id, command, After::SetAside);
    }
}

/// When to look at a waiting saga again: when its next retry or deadline is due, or to ask it anew.
fn wake_at(saga: &CheckoutSaga, now: Timestamp) -> Timestamp {
    let until = match saga.next() {
        Next::Wait(until) => until,
        Next::Run(_) | Next::Rest => None,
    };
    let waited = now.millis_since(saga.updated_at());
    let ask_again = now.plus_millis((waited / 2).clamp(*ASK_AGAIN_MS.start(), *ASK_AGAIN_MS.end()));
    if saga.waiting_tasks().is_empty() {
        until.unwrap_or(ask_again)
    } else {
        until.map_or(ask_again, |until| until.min(ask_again))
    }
}

//! A whole checkout in memory: one saga, its log, the participants' rows, the messages between
//! them and the provider's and carrier's answers. Nothing happens but what a test makes happen.

use super::{
    given::{checkout, saga_id},
    journal::{JITTER, replay},
    row::Row,
    stock::Depot,
};
use backstitch::domain::{
    checkout::{self, Checkout, CheckoutEvent, CheckoutSaga, Command, Edit, Verb},
    ids::{PaymentId, SagaId},
    order::{Basket, Order},
    payment::{Payable, PaymentCommand, PaymentStatus, Payments, Provider, Settlement},
    saga::{CancelBy, Next, Outcome, Status, Task},
    shipment::{Shipping, ShippingCommand},
    time::Timestamp,
};
use std::sync::Arc;

/// What there is of the variant that stocked orders want, by warehouse.
pub(super) const PIECES: [i64; 2] = [3, 2];

/// The rows of one order's participants, and the stock that it takes from.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) order: Row<Order>,
    pub(super) depot: Depot,
    pub(super) payment: Row<Payments>,
    pub(super) shipping: Row<Shipping>,
}

impl Default for Rows {
    fn default() -> Self {
        let depot = Depot::with(&[&PIECES[..1], &PIECES[1..]]);
        Self { order: Row::default(), depot, payment: Row::default(), shipping: Row::default() }
    }
}

/// A task on its way, with what its participant will read, however old that is when it does.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) task: Task<Verb>,
    command: Command,
}

pub(super) struct World {
    pub(super) saga: CheckoutSaga,
    /// One entry per append; an append is atomic.
    pub(super) appends: Vec<Vec<(Timestamp, CheckoutEvent)>>,
    /// The rows as they were at each append.
    pub(super) rows_at: Vec<Rows>,
    /// Appends that are surely on disk: something that followed from them has been seen.
    durable: usize,
    pub(super) rows: Rows,
    pub(super) now: Timestamp,
    /// Tasks on their way to a participant.
    pub(super) outbox: Vec<Sent>,
    /// Answers on their way to the saga.
    pub(super) replies: Vec<(Task<Verb>, Outcome)>,
    /// How often somebody wanted other lines.
    edits: u128,
    /// Answers still to be lost, one after the other.
    pub(super) storm: u32,
    /// Whether signals arrive; without them the saga only learns by asking.
    pub(super) signals: bool,
    /// What becomes of a payment that waits for somebody outside; `None` lets it expire.
    pub(super) outside: Option<Settlement>,
    /// The order as a client saw it first, however old that is by now.
    pub(super) seen: Option<Payable>,
}

impl World {
    pub(super) fn begin(input: Checkout, now: Timestamp) -> Self {
        let (saga, events) = checkout::begin(saga_id(), Arc::new(input), now);
        let mut world = Self::resume(saga, Vec::new(), Rows::default(), now);
        world.append(events);
        world
    }

    /// A world in which only rows and log are left, as after a crash.
    pub(super) fn recovered(appends: Vec<Vec<(Timestamp, CheckoutEvent)>>, rows: Rows, now: Timestamp) -> Self {
        let mut world = Self::resume(replay(&appends.concat()), appends, rows, now);
        world.dispatch();
        world
    }

    fn resume(saga: CheckoutSaga, appends: Vec<Vec<(Timestamp, CheckoutEvent)>>, rows: Rows, now: Timestamp) -> Self {
        Self {
            saga,
            durable: appends.len(),
            rows_at: vec![rows.clone(); appends.len()],
            appends,
            rows,
            now,
            outbox: Vec::new(),
            replies: Vec::new(),
            edits: 0,
            storm: 0,
            signals: true,
            outside: None,
            seen: None,
        }
    }

    pub(super) fn plain(provider: Provider) -> Self {
        Self::begin(checkout(provider), super::given::at(0))
    }

    pub(super) fn status(&self) -> Status {
        self.saga.summary().status
    }

    fn append(&mut self, events: Vec<CheckoutEvent>) {
        if !events.is_empty() {
            self.appends.push(events.into_iter().map(|event| (self.now, event)).collect());
            self.rows_at.push(self.rows.clone());
            self.dispatch();
        }
    }

    /// Sends what must be in flight and is not.
    pub(super) fn dispatch(&mut self) {
        if let Next::Run(tasks) = self.saga.next() {
            self.send(tasks);
        }
    }

    fn send(&mut self, tasks: Vec<Task<Verb>>) {
        for task in tasks {
            if !self.outbox.iter().any(|sent| sent.task == task) {
                self.outbox.push(Sent {
                    task,
                    command: checkout::command(&self.saga, task.action).expect("a log that says all"),
                });
            }
        }
    }

    /// Sends the question of every waiting step again.
    pub(super) fn poll(&mut self) {
        self.send(self.saga.waiting_tasks());
    }

    fn signal(&mut self, signal: Option<SagaId>) {
        if self.signals && signal.is_some() {
            self.poll();
        }
    }

    /// The participant takes a task and answers; the answer, or the news of its loss, is on its way.
    pub(super) fn deliver(&mut self, Sent { task, command }: Sent) {
        self.durable = self.appends.len();
        let outcome = match command {
            Command::Order(command) => {
                self.rows.order.now = self.now;
                self.rows.order.send(&command)
            }
            Command::Stock(command) => self.rows.depot.ask(&command).outcome,
            Command::Payment(command) => self.payment(&command),
            Command::Shipping(command) => self.shipping(&command),
        };
        let outcome = if self.storm > 0 { Outcome::unknown("lost in the storm") } else { outcome };
        self.storm = self.storm.saturating_sub(1);
        self.replies.push((task, outcome));
    }

    pub(super) fn payment(&mut self, command: &PaymentCommand) -> Outcome {
        self.rows.payment.now = self.now;
        let answer = self.rows.payment.send(command);
        self.signal(answer.signal);
        answer.outcome
    }

    pub(super) fn shipping(&mut self, command: &ShippingCommand) -> Outcome {
        self.rows.shipping.now = self.now;
        let answer = self.rows.shipping.send(command);
        self.signal(answer.signal);
        answer.outcome
    }

    pub(super) fn reply(&mut self, task: Task<Verb>, outcome: Outcome) {
        if !self.saga.is_overtaken(task.step, task.attempt) {
            let events = self.saga.outcome(task.step, outcome, self.now, JITTER).expect("no answer is impossible");
            self.append(events);
        }
        self.dispatch();
    }

    /// Somebody wants other lines.
    pub(super) fn edit(&mut self, basket: Arc<Basket>) -> bool {
        self.edits += 1;
        let edit = Edit { payment_id: PaymentId::from_uuid(uuid::Uuid::from_u128(0x300 + self.edits)), basket };
        let edited = checkout::edit(&mut self.saga, &edit, self.now);
        let accepted = edited.is_ok();
        self.append(edited.unwrap_or_default());
        accepted
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now = self.now.plus_millis(ms);
        let events = self.saga.wake(self.now).expect("waking is never impossible");
        self.append(events);
    }

    /// The coordinator dies: what was not surely durable may be lost, and the log is all it knows. An
    /// append is lost with all that was sent after it: a task never outlives the events that start it.
    pub(super) fn crash(&mut self, lost_appends: usize, lost_messages: bool) {
        let written = self.appends.len();
        let kept = self.appends.len().saturating_sub(lost_appends).max(self.durable).max(1);
        self.appends.truncate(kept);
        self.rows_at.truncate(kept);
        self.saga = replay(&self.appends.concat());
        if lost_messages || kept < written {
            self.outbox.clear();
            self.replies.clear();
        }
        self.dispatch();
        self.poll();
    }

    pub(super) fn cancel(&mut self, by: CancelBy) -> bool {
        let cancelled = checkout::cancel(&mut self.saga, by, None, self.now);
        let accepted = cancelled.is_ok();
        self.append(cancelled.unwrap_or_default());
        self.durable = self.appends.len();
        accepted
    }

    pub(super) fn retry(&mut self) {
        let events = self.saga.retry(None, self.now).unwrap_or_default();
        self.append(events);
    }

    pub(super) fn set_aside(&mut self) {
        let events = self.saga.set_aside("poisoned".into(), self.now).expect("setting aside is never impossible");
        self.append(events);
    }

    pub(super) fn has_calls(&self) -> bool {
        self.rows.payment.stored.as_ref().is_some_and(|payments| {
            payments.all().any(|row| row.call.is_some() || row.status == PaymentStatus::Refunding)
        }) || self
            .rows
            .shipping
            .stored
            .as_ref()
            .is_some_and(|shipping| shipping.shipments().iter().any(|shipment| shipment.call.is_some()))
    }

    /// Lets everything take its course, with a person who retries whatever needs attention, until the
    /// saga rests and nothing is on its way. The bound on the steps is the promise that it does.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..3_000 {
            if !self.step() {
                return;
            }
        }
        panic!("no rest: {:?} {:?}", self.saga.next(), self.saga.summary());
    }

    /// Does one of the things that are to be done; false when there are none.
    pub(super) fn step(&mut self) -> bool {
        if let Some(sent) = self.outbox.pop() {
            self.deliver(sent);
        } else if let Some((task, outcome)) = self.replies.pop() {
            self.reply(task, outcome);
        } else if self.has_calls() {
            self.provider_answers(false);
            self.carrier_answers(false);
            self.poll();
        } else {
            match (self.saga.next(), self.outside.filter(|_| self.waits_for_money())) {
                (Next::Rest, _) if self.status() == Status::NeedsAttention => self.retry(),
                (Next::Rest, _) => return false,
                (Next::Run(_), _) => self.dispatch(),
                (Next::Wait(_), Some(settlement)) => self.settle(settlement),
                (Next::Wait(Some(until)), None) => self.pass(until.millis_since(self.now)),
                (Next::Wait(None), None) => self.poll(),
            }
        }
        true
    }

    fn waits_for_money(&self) -> bool {
        let current = self.rows.payment.stored.as_ref().map(Payments::current);
        current.is_some_and(|payment| payment.status == PaymentStatus::Pending && payment.captured_at.is_none())
    }
}

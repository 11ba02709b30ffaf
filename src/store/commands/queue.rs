//! What waits for a backend's writer: batches of commands, questions that must see what was handed over before,
//! and changes that have a transaction to themselves.

use super::{BulkJob, CommandError, Run, Severed, Tx, Wants};
use crate::store::{Answers, BulkWork, Stats, StoreError, Verdict};
use crossbeam_channel::{Receiver, Sender};
use futures::future::BoxFuture;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Hands work to a writer. Jobs run in the order in which they are queued, which is when a method here is called,
/// not when its future is first polled.
pub(in crate::store) struct Queue {
    jobs: Sender<Message>,
    stats: Arc<Stats>,
}

/// What a writer takes from the queue.
pub(in crate::store) enum Message {
    /// To be run together with others.
    Run(Box<dyn Job>),
    /// To be run in a transaction of its own.
    Alone(Box<dyn Alone>),
    /// The last: to be answered when everything before it has been.
    Close(oneshot::Sender<()>),
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

impl Queue {
    /// A queue, and where its writer takes from.
    pub(in crate::store) fn new(stats: Arc<Stats>) -> (Self, Receiver<Message>) {
        let (jobs, taken) = crossbeam_channel::unbounded();
        (Self { jobs, stats }, taken)
    }

    /// Queues commands as one job.
    pub(in crate::store) fn execute<R: Run>(
        &self,
        commands: Vec<R::Command>,
    ) -> BoxFuture<'static, Answers<R::Answer>> {
        let count = commands.len();
        Stats::add(&self.stats.commands, count as u64);
        let (reply, answers) = oneshot::channel();
        let job = Batch::<R> { commands, answers: Vec::with_capacity(count), reply };
        // A closed queue drops the job and with it `reply`, which the wait below sees.
        let _ = self.jobs.send(Message::Run(Box::new(job)));
        Box::pin(async move { answers.await.unwrap_or_else(|_| all(count, &closed())) })
    }

    /// Queues one command.
    pub(in crate::store) fn execute_one<R: Run>(
        &self,
        command: R::Command,
    ) -> BoxFuture<'static, Result<R::Answer, StoreError>> {
        let answers = self.execute::<R>(vec![command]);
        Box::pin(async move { answers.await.pop().unwrap_or_else(|| Err(closed())) })
    }

    /// Queues a question, which is answered from within a transaction after everything queued before.
    pub(in crate::store) fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&dyn Tx) -> Result<T, CommandError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.jobs.send(Message::Run(Box::new(Question { ask: question, answer: None, reply })));
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(closed())) })
    }

    /// Queues a bulk change.
    pub(in crate::store) fn change_in_bulk(&self, work: BulkWork) -> BoxFuture<'static, Result<Verdict, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.jobs.send(Message::Alone(Box::new(BulkJob::new(work, reply))));
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(closed())) })
    }

    /// Has what is queued run, and nothing after it.
    pub(in crate::store) fn close(&self) -> BoxFuture<'static, ()> {
        let (reply, closed) = oneshot::channel();
        let _ = self.jobs.send(Message::Close(reply));
        Box::pin(async move {
            let _ = closed.await;
        })
    }
}

/// The same error for every command of a batch.
fn all<T>(count: usize, error: &StoreError) -> Answers<T> {
    (0..count).map(|_| Err(error.clone())).collect()
}

/// How the commands of a transaction share its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Mode {
    /// All of them together.
    Together,
    /// Each can be undone by itself: the offender alone fails.
    OneByOne,
}

/// Something that is run in a transaction with others, perhaps more than once until that is committed.
pub(in crate::store) trait Job: Send {
    /// How many commands it is.
    fn len(&self) -> usize;
    /// Says which rows it will most probably ask for.
    fn wants<'c>(&'c self, wants: &mut Wants<'c>);
    /// Runs it and keeps its answers; an error ends the whole transaction.
    fn run(&mut self, tx: &dyn Tx, mode: Mode) -> Result<(), StoreError>;
    /// Lets the answers out: the transaction is durable.
    fn committed(self: Box<Self>);
    /// Answers that nothing happened.
    fn failed(self: Box<Self>, severed: &Severed, error: &StoreError);
}

/// A job that has a transaction to itself and is run once: nobody else's command can fail it, and its input can
/// be read once only.
pub(in crate::store) trait Alone: Send {
    /// Runs the job; what it has done is kept when it says so, and rolled back otherwise.
    fn run(&mut self, tx: &dyn Tx) -> Result<Verdict, StoreError>;
    /// Says how it ended.
    fn ended(self: Box<Self>, end: Result<Verdict, StoreError>);
}

struct Batch<R: Run> {
    commands: Vec<R::Command>,
    answers: Answers<R::Answer>,
    reply: oneshot::Sender<Answers<R::Answer>>,
}

impl<R: Run> Batch<R> {
    fn run_one(tx: &dyn Tx, command: &R::Command) -> Result<Result<R::Answer, StoreError>, CommandError> {
        tx.begin_one()?;
        let answer = match R::run(tx, command) {
            Ok(answer) => tx.end_one().map(|()| Ok(answer)),
            Err(CommandError::Failed(error)) => tx.end_one().map(|()| Err(error)),
            Err(broken) => Err(broken),
        };
        answer.or_else(|broken| {
            tx.undo_one()?;
            R::not_stored(tx.severed(), command);
            Ok(Err(broken.into_store_error()))
        })
    }
}

impl<R: Run> Job for Batch<R> {
    fn len(&self) -> usize {
        self.commands.len()
    }

    fn wants<'c>(&'c self, wants: &mut Wants<'c>) {
        self.commands.iter().for_each(|command| R::wants(command, wants));
    }

    fn run(&mut self, tx: &dyn Tx, mode: Mode) -> Result<(), StoreError> {
        self.answers.clear();
        for command in &self.commands {
            let answer = match mode {
                Mode::Together => match R::run(tx, command) {
                    Ok(answer) => Ok(answer),
                    Err(CommandError::Failed(error)) => Err(error),
                    Err(CommandError::Broken(error)) => return Err(error),
                },
                Mode::OneByOne => Self::run_one(tx, command).map_err(CommandError::into_store_error)?,
            };
            self.answers.push(answer);
        }
        Ok(())
    }

    fn committed(self: Box<Self>) {
        // Nobody listens any more when the actor was restarted meanwhile.
        let _ = self.reply.send(self.answers);
    }

    fn failed(self: Box<Self>, severed: &Severed, error: &StoreError) {
        self.commands.iter().for_each(|command| R::not_stored(severed, command));
        let _ = self.reply.send(all(self.commands.len(), error));
    }
}

struct Question<T, F> {
    ask: F,
    answer: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: Fn(&dyn Tx) -> Result<T, CommandError> + Send> Job for Question<T, F> {
    fn len(&self) -> usize {
        1
    }

    fn wants<'c>(&'c self, _wants: &mut Wants<'c>) {}

    fn run(&mut self, tx: &dyn Tx, mode: Mode) -> Result<(), StoreError> {
        self.answer = Some(match mode {
            Mode::Together => match (self.ask)(tx) {
                Err(CommandError::Broken(error)) => return Err(error),
                answer => answer.map_err(CommandError::into_store_error),
            },
            Mode::OneByOne => {
                tx.begin_one().map_err(CommandError::into_store_error)?;
                let answer = (self.ask)(tx).and_then(|answer| tx.end_one().map(|()| answer));
                if answer.is_err() {
                    tx.undo_one().map_err(CommandError::into_store_error)?;
                }
                answer.map_err(CommandError::into_store_error)
            }
        });
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let answer = self.answer.unwrap_or_else(|| Err(StoreError::Unavailable("the question was not asked".into())));
        let _ = self.reply.send(answer);
    }

    fn failed(self: Box<Self>, _severed: &Severed, error: &StoreError) {
        let _ = self.reply.send(Err(error.clone()));
    }
}

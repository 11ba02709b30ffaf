//! The state machine: a saga is the fold of its log, and every move is a function of that fold.

mod amendment;
mod fold;
mod moves;
mod questions;

pub use amendment::{Amendment, Fate};

use super::{
    definition::{Action, Definition},
    record::StepRecord,
};
use crate::domain::{ids::SagaId, reason::Reason, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A saga as its log says it is. `A` is the definition's verb, `I` its input.
///
/// The methods that move it return the events that they made, already applied. The caller appends
/// them to the log; when that fails it must drop this value and replay.
#[derive(Clone, Debug)]
pub struct Saga<A: Action + 'static, I> {
    id: SagaId,
    definition: &'static Definition<A>,
    input: I,
    /// Events in the log, which is also the next event's sequence number counted from 0.
    events: u32,
    /// Index of the forward stage being worked on; `stages().len()` when all are done.
    stage: usize,
    forward: Vec<StepRecord>,
    /// `Some` once the saga has turned, never to go forward again.
    turned: Option<Reason>,
    /// Compensations by the wave that they are sent in; empty until the saga turns.
    undo: Vec<Undo<A>>,
    /// The amendments of its input, the latest one last.
    amendments: Vec<Amendment<A, I>>,
    /// How often an operator has asked for it to be tried again.
    retries: u32,
    ended: Option<End>,
    updated_at: Timestamp,
}

/// A compensation of a saga that has turned.
#[derive(Clone, Debug)]
struct Undo<A> {
    step: A,
    /// The compensations of one wave are sent together, and all of them are done before the next one begins.
    wave: usize,
    record: StepRecord,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Completed,
    Compensated,
    Attention(String),
}

/// An event that cannot follow the log before it. The saga is set aside; nothing panics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event} cannot follow the {position} events before it: {why}")]
pub struct Impossible {
    /// The event's name.
    pub event: &'static str,
    /// How many events came before.
    pub position: u32,
    /// The rule it breaks.
    pub why: &'static str,
}

/// Why an operator's or a customer's wish is refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The point of no return is behind it.
    #[error("the saga is past its pivot and can only go forward")]
    PastPivot,
    /// It is over.
    #[error("the saga has already ended as {0}")]
    Ended(&'static str),
    /// The money is in.
    #[error("the order is already paid")]
    AlreadyPaid,
    /// It is on its way back, or has been undone.
    #[error("the saga is being undone, or has been")]
    Turned,
    /// Its input can be amended only while it waits for a result, one amendment at a time.
    #[error("the saga is busy, or waits for a person; try again later")]
    Busy,
    /// It has been amended so often that its log is long enough.
    #[error("it has been edited {0} times and cannot be edited again")]
    TooManyAmendments(u32),
    /// A participant has refused the amendment.
    #[error("it stays as it was: {}", why_amendment_refused(*.0))]
    Amendment(Reason),
    /// It is on its way back, and stuck there.
    #[error("the saga is being undone already, and is stuck; retry it instead")]
    Stuck,
}

const fn why_amendment_refused(reason: Reason) -> &'static str {
    match reason {
        Reason::OutOfStock => "there is too little in stock for the new lines",
        Reason::PaymentUnderWay => "its payment is being taken just now; try again",
        _ => "it is closed",
    }
}

/// Who cancels, which decides the reason the order ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelBy {
    /// The order's customer.
    Customer,
    /// An operator.
    Operator,
}

impl CancelBy {
    /// The reason the order is unwound with.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Customer => Reason::CancelledByCustomer,
            Self::Operator => Reason::CancelledByOperator,
        }
    }
}

/// A verb to send to its participant on behalf of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task<A> {
    /// The step or compensation whose outcome the answer is.
    pub step: A,
    /// What to send: the step's own verb, or its deadline action.
    pub action: A,
    /// The attempt it belongs to, from 1.
    pub attempt: u32,
}

/// What a saga wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<A> {
    /// These must be in flight.
    Run(Vec<Task<A>>),
    /// Nothing to do before then; `None` waits for a signal alone.
    Wait(Option<Timestamp>),
    /// It has ended.
    Rest,
}

/// A saga's status as everybody sees it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Going forward.
    Running,
    /// Going forward, but nothing is in flight: a result or a retry is due later.
    Waiting,
    /// Going back.
    Compensating,
    /// Every step is done.
    Completed,
    /// Everything that may have happened is undone.
    Compensated,
    /// A person must act.
    NeedsAttention,
}

impl Status {
    /// The status's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it rests: nothing more happens by itself.
    pub const fn is_at_rest(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::NeedsAttention)
    }
}

/// The part of a saga that is kept in its row, so that lists and timers need no replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its status.
    pub status: Status,
    /// The step it waits for or is stuck at.
    pub waiting_for: Option<&'static str>,
    /// Why it is unwound.
    pub reason: Option<Reason>,
    /// What a person needs to know, where one must act.
    pub attention: Option<String>,
}

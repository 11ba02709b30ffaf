//! What every participant's aggregate has in common: commands in, a decision out.

use super::{
    ids::{OrderId, SagaId},
    order::OrderCommand,
    saga::Outcome,
    time::Timestamp,
};

/// The state that one participant keeps for one order, and the rules that change it.
///
/// The stored row *is* the participant's barrier: [`decide`](Self::decide) must answer a repeated
/// command as it answered the first, change nothing a second time, and refuse every action that
/// comes after the compensation. A backend loads the row, calls `decide` inside its transaction,
/// saves what changed and only then lets the answer out.
pub trait Aggregate: Clone + Send + 'static {
    /// What can be asked of it.
    type Command: Send + 'static;
    /// What it answers.
    type Answer: Send + 'static;
    /// A row for the aggregate's append-only ledger; `()` where it keeps none.
    type Movement: Send + 'static;

    /// The order whose row the command is about.
    fn order(command: &Self::Command) -> OrderId;

    /// Whether the command is one that begins a row, which nearly always finds none yet. A backend may
    /// then decide it as if there were none and let the insert find out.
    fn begins(command: &Self::Command) -> bool;

    /// The saga's side of an answer: the step's outcome.
    fn outcome(answer: Self::Answer) -> Outcome;

    /// Whether the answer accepts the command: only then is its idempotency key remembered.
    fn is_accepted(_answer: &Self::Answer) -> bool {
        true
    }

    /// Which part of the aggregate an accepted answer is about: what a repeat under the same key is shown.
    fn part_of(_answer: &Self::Answer) -> usize {
        0
    }

    /// Decides one command against the row as it is. Pure: the same inputs, the same decision.
    fn decide(row: Option<&Self>, command: &Self::Command, now: Timestamp) -> Decision<Self>;
}

/// What a command changes and what it answers.
#[derive(Clone, Debug)]
pub struct Decision<A: Aggregate> {
    /// The new row, or `None` when nothing changes.
    pub row: Option<A>,
    /// Ledger rows to append with it.
    pub movements: Vec<A::Movement>,
    /// The answer, valid only once `row` and `movements` are durable.
    pub answer: A::Answer,
}

impl<A: Aggregate> Decision<A> {
    /// An answer that changes nothing.
    pub const fn unchanged(answer: A::Answer) -> Self {
        Self { row: None, movements: Vec::new(), answer }
    }

    /// An answer with a new row.
    pub const fn changed(row: A, answer: A::Answer) -> Self {
        Self { row: Some(row), movements: Vec::new(), answer }
    }
}

/// An aggregate whose effects may need calls to the outside world.
///
/// A call is a column of a row: committed first, made afterwards, its answer committed by a
/// command. A crash anywhere in between leaves a row that says which call is outstanding.
pub trait Outgoing: Aggregate {
    /// Which call.
    type Call: Copy + PartialEq + Send + 'static;

    /// The order the row is about.
    fn order_id(&self) -> OrderId;

    /// How many parts it has, each with calls of its own.
    fn parts(&self) -> usize {
        1
    }

    /// A part's call whose answer is not yet known, and how many unusable answers it has had.
    fn outstanding(&self, part: usize) -> Option<(Self::Call, u32)>;

    /// When a part's outstanding call is made again, where that has been in vain so far.
    fn next_attempt_at(&self, part: usize) -> Option<Timestamp>;

    /// The service outside that a part's outstanding call goes to; `None` where it goes to the order, or nowhere.
    fn service(&self, part: usize) -> Option<&'static str>;

    /// What an answer leaves to be done.
    fn aftermath(answer: &Self::Answer) -> Aftermath<'_, Self>;

    /// The parts whose call `after` asks for and `before` did not, or not again: those that are to be made because of
    /// what was just decided. Any other call that is outstanding is under way somewhere.
    fn requested(before: Option<&Self>, after: &Self) -> Vec<usize> {
        let asked_before = |part| before.filter(|row| part < row.parts()).and_then(|row| row.outstanding(part));
        let asked = |part: &usize| after.outstanding(*part).is_some_and(|call| asked_before(*part) != Some(call));
        (0..after.parts()).filter(asked).collect()
    }
}

/// Where a call goes that a row asks for: to a service outside, or to the owner of the order, who must hear of it and
/// may refuse. Either way it is made again until it is answered, so that no crash leaves two owners apart.
#[derive(Clone, Debug)]
pub enum Errand<C> {
    /// To a service outside.
    Outside(C),
    /// To the order participant.
    Order(OrderCommand),
}

/// What is left to be done after a command.
pub struct Aftermath<'a, A> {
    /// The row as it is now.
    pub row: Option<&'a A>,
    /// The parts whose call is to be made now.
    pub requested: &'a [usize],
    /// A saga that waits for it and should ask again.
    pub signal: Option<SagaId>,
}

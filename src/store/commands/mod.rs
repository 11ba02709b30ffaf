//! How commands are run, whatever the database: look up, ask the domain, write.
//!
//! ```text
//!   actors ─▶ Queue ─▶ a backend's writer thread: BEGIN · every queued job · COMMIT ─▶ answers
//!                                                          │
//!                     Run::run(tx, command): rows ◀─ Tx ─▶ rows       (here)
//!                                            Tx ─▶ statements         (the backend)
//! ```
//!
//! Owns the order in which things are looked up, decided and written, what an idempotency key means, and which
//! commands are refused because their saga's log could not be written. Must not know any SQL: a backend answers
//! the questions of [`Tx`] as it likes, one by one or from what it has read ahead ([`Wants`]), and may write what
//! it is given at once or together, as long as nothing is answered before it is durable.

mod aggregate;
mod bulk;
mod catalog;
mod notifier;
mod queue;
mod retention;
mod saga;
mod severed;
mod stock;

pub(super) use aggregate::{Aggregates, Claimed, Kept, Rows, Stored};
pub(super) use bulk::BulkJob;
pub(super) use catalog::{CatalogClaimed, CatalogRows, CatalogRunner};
pub(super) use notifier::{Announced, AnnouncedPayments, NotifierClaimed, NotifierRows, NotifierRunner};
pub(super) use queue::{Alone, Job, Message, Mode, Queue};
pub(super) use retention::{Found, Portion, Removal, RetentionRows};
pub(super) use saga::{Encoded, Loaded, SagaClaimed, SagaRows, SagaRunner};
pub(super) use severed::{Cuts, Severed};
pub(super) use stock::{StockClaimed, StockRows, StockRunner};

use super::{Claim, StoreError};
use crate::domain::{
    ids::{OrderId, SagaId, ShopId, VariantId},
    order::Order,
    payment::Payments,
    shipment::Shipping,
    stock::Shelf,
    time::Timestamp,
};
use crate::role::Roles;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One write transaction, as the commands see it. A later command sees what an earlier one has written.
pub(super) trait Tx:
    Rows<Order> + Rows<Payments> + Rows<Shipping> + StockRows + CatalogRows + SagaRows + RetentionRows + NotifierRows
{
    /// The transaction's time, the same for all of it.
    fn now(&self) -> Timestamp;
    /// The orders that nothing more is done for.
    fn severed(&self) -> &Severed;
    /// Begins what can be undone by itself.
    fn begin_one(&self) -> Result<(), CommandError>;
    /// Ends it: what was written since is as good as any other, or an error says that it is not.
    fn end_one(&self) -> Result<(), CommandError>;
    /// Undoes everything written since its beginning, and ends it.
    fn undo_one(&self) -> Result<(), CommandError>;
    /// Forgets idempotency keys of these owners claimed before `before`, a bounded number of them; how many.
    fn forget_keys(&self, owners: Roles, before: Timestamp) -> Result<usize, CommandError>;
}

/// One owner's way to run one command.
pub(super) trait Run: Send + 'static {
    /// What can be asked.
    type Command: Send + 'static;
    /// What it is answered.
    type Answer: Send + 'static;

    /// Says which rows the command will most probably ask for.
    fn wants<'c>(_command: &'c Self::Command, _wants: &mut Wants<'c>) {}

    /// Runs the command. Must write nothing before it returns [`CommandError::Failed`].
    fn run(tx: &dyn Tx, command: &Self::Command) -> Result<Self::Answer, CommandError>;

    /// The command's statements were undone: storage failed it, or the database refuses it.
    fn not_stored(_severed: &Severed, _command: &Self::Command) {}
}

/// What a batch is going to look up, so that a backend can read it all at once. A hint: whatever is not here is
/// found all the same, one by one.
#[derive(Default)]
pub(super) struct Wants<'c> {
    /// Order rows.
    pub(super) orders: Vec<Wanted>,
    /// Orders' payments.
    pub(super) payments: Vec<Wanted>,
    /// Orders' shipments.
    pub(super) shipping: Vec<Wanted>,
    /// Orders' reservations. What those hold is wanted, too.
    pub(super) reservations: Vec<OrderId>,
    /// The levels of a variant that a shop's orders may be served from.
    pub(super) sources: Vec<(ShopId, VariantId)>,
    /// These very levels.
    pub(super) levels: Vec<Shelf>,
    /// Idempotency keys of sagas.
    pub(super) saga_keys: Vec<&'c Claim>,
    /// Sagas that are to be started.
    pub(super) saga_starts: Vec<SagaId>,
    /// Sagas that are to be driven, and their logs; whether each is to be taken from another node.
    pub(super) saga_loads: Vec<(SagaId, bool)>,
}

/// An order whose rows are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) order: OrderId,
    /// Most probably there are none yet.
    pub(super) begins: bool,
}

/// A row and how often it has been written.
#[derive(Clone, Debug)]
pub(super) struct Versioned<A> {
    pub(super) row: A,
    pub(super) version: i64,
}

/// Why one command of a batch did not succeed.
#[derive(Clone, Debug)]
pub(super) enum CommandError {
    /// It failed alone and wrote nothing: the batch goes on.
    Failed(StoreError),
    /// A statement failed, perhaps after others had written: the batch must be rolled back. What that means to the
    /// command that ran it, alone.
    Broken(StoreError),
}

impl CommandError {
    /// What the command is answered.
    pub(super) fn into_store_error(self) -> StoreError {
        match self {
            Self::Failed(error) | Self::Broken(error) => error,
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// A row is written over the one that was loaded, or the batch is rolled back.
pub(super) fn expect_written(written: bool) -> Result<(), CommandError> {
    if written { Ok(()) } else { Err(CommandError::Broken(StoreError::Conflict)) }
}

/// Runs a decision so that its panic is its own: nothing of it has been written yet.
pub(super) fn guarded<T>(decide: impl FnOnce() -> T) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(decide)).map_err(|panic| {
        let what = crate::lifecycle::panic_message(panic.as_ref());
        StoreError::Poisoned(format!("its decision panicked: {what}"))
    })
}

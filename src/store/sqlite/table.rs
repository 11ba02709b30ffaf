//! How any aggregate's command is run: load, decide, save.

use super::{
    codec::is_unreadable,
    recent::{Recent, Rows as RecentRows},
    tx::{CommandError, Tx},
    writer::Run,
};
use crate::{
    domain::{
        aggregate::{Aggregate, Decision},
        ids::OrderId,
    },
    store::{Claim, Executed, Keyed, StoreError},
};
use rusqlite::{Row, Rows};
use std::{
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Where an aggregate's rows are.
pub(super) trait Table: Aggregate {
    /// The row of an order, or its rows in their order; `version` as the last column.
    const LOAD: &'static str;

    /// Reads a row of [`Self::LOAD`].
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
    /// Takes in what a further row of the same order says; most aggregates have one row.
    fn join(&mut self, _further: Self) {}
    /// Writes new rows; 0 where there are some.
    fn insert(&self, tx: &Tx<'_, '_>) -> rusqlite::Result<usize>;
    /// Writes the rows over version `loaded` of the first; 0 where there is none such.
    fn update(&self, tx: &Tx<'_, '_>, loaded: i64) -> rusqlite::Result<usize>;

    /// Where rows of this kind are kept in memory, if they are.
    fn recent(_recent: &Recent) -> Option<&RecentRows<OrderId, Versioned<Self>>> {
        None
    }

    /// Whether the row is small enough to be kept.
    fn is_small(&self) -> bool {
        true
    }

    /// Appends a ledger row.
    fn append(_movement: &Self::Movement, _tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        Ok(0)
    }

    /// Looks up an idempotency key.
    fn find_claim(_claim: &Claim, _tx: &Tx<'_, '_>) -> rusqlite::Result<Option<Claimed>> {
        Ok(None)
    }

    /// Records an idempotency key, and which part of which order's aggregate it was used for.
    fn keep_claim(_claim: &Claim, _order: OrderId, _part: usize, _tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        Ok(0)
    }
}

/// Runs the commands of `A`.
pub(super) struct Runner<A>(PhantomData<fn() -> A>);

impl<A: Table> Run for Runner<A> {
    type Command = Keyed<A::Command>;
    type Answer = Executed<A>;

    fn run(tx: &Tx<'_, '_>, keyed: &Keyed<A::Command>) -> Result<Executed<A>, CommandError> {
        let order = A::order(&keyed.command);
        tx.check_not_severed(order)?;
        if let Some(claim) = &keyed.claim
            && let Some(Claimed { order, part, body_hash }) = A::find_claim(claim, tx)?
        {
            if body_hash != claim.body_hash {
                return Err(StoreError::KeyReused.into());
            }
            return Ok(Executed::Replayed { rows: load::<A>(tx, order)?.map(|stored| stored.row), part });
        }
        let answer = change::<A>(tx, order, &keyed.command)?;
        if let Some(claim) = &keyed.claim
            && A::is_accepted(&answer)
        {
            A::keep_claim(claim, order, A::part_of(&answer), tx)?;
        }
        Ok(Executed::Decided(answer))
    }
}

/// The aggregate that the rows of one order make, and its version.
pub(super) fn gather<A: Table>(rows: &mut Rows<'_>) -> rusqlite::Result<Option<Versioned<A>>> {
    let Some(first) = rows.next()? else { return Ok(None) };
    let version = first.as_ref().column_count() - 1;
    let mut gathered = Versioned { row: A::read(first)?, version: first.get(version)? };
    while let Some(further) = rows.next()? {
        gathered.row.join(A::read(further)?);
    }
    Ok(Some(gathered))
}

/// What an idempotency key was used for, and under which body.
pub(super) struct Claimed {
    pub(super) order: OrderId,
    pub(super) part: usize,
    pub(super) body_hash: [u8; 32],
}

/// A row and how often it has been written.
#[derive(Clone, Debug)]
pub(super) struct Versioned<A> {
    pub(super) row: A,
    pub(super) version: i64,
}

/// Decides a command and saves what it changes.
fn change<A: Table>(tx: &Tx<'_, '_>, order: OrderId, command: &A::Command) -> Result<A::Answer, CommandError> {
    let mut stored = recent::<A>(tx).and_then(|rows| rows.latest(order));
    // A command that begins a row nearly always finds none: the insert itself says whether it does.
    let mut assumed = stored.is_none() && A::begins(command);
    if stored.is_none() && !assumed {
        stored = load::<A>(tx, order)?;
    }
    loop {
        let before = stored.as_ref().map(|stored| &stored.row);
        let Decision { row, movements, answer } = guarded(|| A::decide(before, command, tx.now()))?;
        let (written, version) = match (&row, &stored) {
            (None, _) => (0, 0),
            (Some(row), None) => (row.insert(tx)?, 1),
            (Some(row), Some(stored)) => (row.update(tx, stored.version)?, stored.version + 1),
        };
        if written == 0 && assumed {
            (stored, assumed) = (load::<A>(tx, order)?, false);
            continue;
        }
        if let Some(row) = row {
            if written != 1 {
                return Err(CommandError::Broken(rusqlite::Error::StatementChangedRows(written)));
            }
            if let Some(rows) = recent::<A>(tx) {
                rows.write(order, row.is_small().then_some(Versioned { row, version }));
            }
        }
        for movement in &movements {
            A::append(movement, tx)?;
        }
        return Ok(answer);
    }
}

fn recent<'t, A: Table>(tx: &Tx<'t, '_>) -> Option<&'t RecentRows<OrderId, Versioned<A>>> {
    tx.recent().and_then(A::recent)
}

fn load<A: Table>(tx: &Tx<'_, '_>, order: OrderId) -> Result<Option<Versioned<A>>, CommandError> {
    match tx.query(A::LOAD, [order], gather) {
        Ok(row) => Ok(row),
        Err(error) if is_unreadable(&error) => {
            Err(StoreError::Poisoned(format!("the stored row of order {order} cannot be read: {error}")).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The first `limit` aggregates that `page` finds after `after`, passing over those that cannot be read: one
/// row must not hide all others. `page` takes both, counts orders, and selects the order's id first.
pub(super) fn readable<A: Table>(
    tx: &Tx<'_, '_>,
    page: &'static str,
    mut after: Option<OrderId>,
    limit: u32,
) -> rusqlite::Result<Vec<A>> {
    let mut found = Vec::new();
    loop {
        let wanted = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let mut orders: Vec<(OrderId, rusqlite::Result<A>)> = Vec::new();
        for (order, row) in tx.rows(page, (after, wanted), |row| Ok((row.get(0)?, A::read(row))))? {
            match (orders.last_mut(), row) {
                (Some((last, Ok(known))), Ok(further)) if *last == order => known.join(further),
                (Some((last, known)), Err(error)) if *last == order => *known = Err(error),
                (Some((last, Err(_))), Ok(_)) if *last == order => {}
                (_, row) => orders.push((order, row)),
            }
        }
        let more = wanted > 0 && orders.len() == wanted as usize;
        for (order, row) in orders {
            after = Some(order);
            match row {
                Ok(row) => found.push(row),
                Err(error) if is_unreadable(&error) => {
                    tracing::error!(%order, %error, "a stored row cannot be read; its outside call waits for a person");
                }
                Err(error) => return Err(error),
            }
        }
        if !more || found.len() >= limit as usize {
            return Ok(found);
        }
    }
}

/// Runs a decision so that its panic is its own: nothing of it has been written yet.
pub(super) fn guarded<T>(decide: impl FnOnce() -> T) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(decide)).map_err(|panic| {
        let what = crate::lifecycle::panic_message(panic.as_ref());
        StoreError::Poisoned(format!("its decision panicked: {what}"))
    })
}

#[cfg(test)]
mod tests;

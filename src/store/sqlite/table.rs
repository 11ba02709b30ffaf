//! How any aggregate's command is run: load, decide, save.

use super::{
    codec::is_unreadable,
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
use rusqlite::Row;
use std::{
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Where an aggregate's rows are.
pub(super) trait Table: Aggregate {
    /// The row of an order, `version` as its last column.
    const LOAD: &'static str;

    /// Reads a row of [`Self::LOAD`].
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
    /// Writes a new row; fails where there is one.
    fn insert(&self, tx: &Tx<'_>) -> rusqlite::Result<usize>;
    /// Writes the row over version `loaded` of it; 0 where there is none such.
    fn update(&self, tx: &Tx<'_>, loaded: i64) -> rusqlite::Result<usize>;

    /// Appends a ledger row.
    fn append(_movement: &Self::Movement, _tx: &Tx<'_>) -> rusqlite::Result<usize> {
        Ok(0)
    }

    /// Looks up an idempotency key: the order it was used for and the body's hash.
    fn find_claim(_claim: &Claim, _tx: &Tx<'_>) -> rusqlite::Result<Option<(OrderId, [u8; 32])>> {
        Ok(None)
    }

    /// Records an idempotency key.
    fn keep_claim(_claim: &Claim, _order: OrderId, _tx: &Tx<'_>) -> rusqlite::Result<usize> {
        Ok(0)
    }
}

/// Runs the commands of `A`.
pub(super) struct Runner<A>(PhantomData<fn() -> A>);

impl<A: Table> Run for Runner<A> {
    type Command = Keyed<A::Command>;
    type Answer = Executed<A>;

    fn run(tx: &Tx<'_>, keyed: &Keyed<A::Command>) -> Result<Executed<A>, CommandError> {
        let order = A::order(&keyed.command);
        tx.check_not_severed(order)?;
        if let Some(claim) = &keyed.claim
            && let Some((claimed_for, body_hash)) = A::find_claim(claim, tx)?
        {
            if body_hash != claim.body_hash {
                return Err(StoreError::KeyReused.into());
            }
            return Ok(Executed::Replayed(load::<A>(tx, claimed_for)?.map(|(row, _)| row)));
        }
        let loaded = load::<A>(tx, order)?;
        let Decision { row, movements, answer } =
            guarded(|| A::decide(loaded.as_ref().map(|(row, _)| row), &keyed.command, tx.now()))?;
        if let Some(row) = row {
            let written = match loaded {
                None => row.insert(tx)?,
                Some((_, version)) => row.update(tx, version)?,
            };
            if written != 1 {
                return Err(CommandError::Broken(rusqlite::Error::StatementChangedRows(written)));
            }
        }
        for movement in &movements {
            A::append(movement, tx)?;
        }
        if let Some(claim) = &keyed.claim
            && A::is_accepted(&answer)
        {
            A::keep_claim(claim, order, tx)?;
        }
        Ok(Executed::Decided(answer))
    }
}

fn load<A: Table>(tx: &Tx<'_>, order: OrderId) -> Result<Option<(A, i64)>, CommandError> {
    let read = |row: &Row<'_>| Ok((A::read(row)?, row.get("version")?));
    match tx.row(A::LOAD, [order], read) {
        Ok(row) => Ok(row),
        Err(error) if is_unreadable(&error) => {
            Err(StoreError::Poisoned(format!("the stored row of order {order} cannot be read: {error}")).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The first `limit` rows that `page` finds after `after`, passing over those that cannot be read: one
/// row must not hide all others. `page` takes both and selects the order's id first.
pub(super) fn readable<A: Table>(
    tx: &Tx<'_>,
    page: &str,
    mut after: Option<OrderId>,
    limit: u32,
) -> rusqlite::Result<Vec<A>> {
    let mut found = Vec::new();
    loop {
        let wanted = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let rows = tx.rows(page, (after, wanted), |row| Ok((row.get::<_, OrderId>(0)?, A::read(row))))?;
        let more = wanted > 0 && rows.len() == wanted as usize;
        for (order, row) in rows {
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

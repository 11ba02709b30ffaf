//! How any aggregate is laid out in rows: one or several of an order.

use super::{
    codec::is_unreadable,
    recent::{Recent, Rows as RecentRows},
    tx::Tx,
};
use crate::{
    domain::ids::OrderId,
    store::{
        Claim, StoreError,
        commands::{Claimed, CommandError, Kept, Rows, Stored, Versioned},
    },
};
use rusqlite::{Row, Rows as FoundRows};

/// Where an aggregate's rows are.
pub(super) trait Table: Stored {
    /// The row of an order, or its rows in their order; `version` as the last column.
    const LOAD: &'static str;

    /// The rows of the first `?2` orders after `?1` of which one has an outside call whose answer is not known,
    /// by order, with that as the first column; `None` where there are no such calls.
    const OUTSTANDING: Option<&'static str> = None;

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

/// The aggregate that the rows of one order make, and its version.
pub(super) fn gather<A: Table>(rows: &mut FoundRows<'_>) -> rusqlite::Result<Option<Versioned<A>>> {
    let Some(first) = rows.next()? else { return Ok(None) };
    let version = first.as_ref().column_count() - 1;
    let mut gathered = Versioned { row: A::read(first)?, version: first.get(version)? };
    while let Some(further) = rows.next()? {
        gathered.row.join(A::read(further)?);
    }
    Ok(Some(gathered))
}

impl<A: Table> Rows<A> for Tx<'_, '_> {
    /// What is kept is the row: nobody else writes the file.
    fn kept(&self, order: OrderId) -> Option<Kept<A>> {
        let stored = recent::<A>(self).and_then(|rows| rows.latest(order))?;
        Some(Kept { stored, is_certain: true })
    }

    fn rely(&self, _order: OrderId) -> bool {
        false
    }

    fn load(&self, order: OrderId) -> Result<Option<Versioned<A>>, CommandError> {
        match self.query(A::LOAD, [order], gather) {
            Err(error) if is_unreadable(&error) => {
                Err(StoreError::Poisoned(format!("the stored row of order {order} cannot be read: {error}")).into())
            }
            row => Ok(row?),
        }
    }

    fn insert(&self, order: OrderId, row: A) -> Result<bool, CommandError> {
        let written = row.insert(self)? == 1;
        if written {
            keep(self, order, row, 1);
        }
        Ok(written)
    }

    fn update(&self, order: OrderId, row: A, loaded: i64) -> Result<bool, CommandError> {
        let written = row.update(self, loaded)? == 1;
        if written {
            keep(self, order, row, loaded + 1);
        }
        Ok(written)
    }

    fn append(&self, movement: &A::Movement) -> Result<(), CommandError> {
        A::append(movement, self)?;
        Ok(())
    }

    fn find_claim(&self, claim: &Claim) -> Result<Option<Claimed>, CommandError> {
        Ok(A::find_claim(claim, self)?)
    }

    fn keep_claim(&self, claim: &Claim, order: OrderId, part: usize) -> Result<(), CommandError> {
        A::keep_claim(claim, order, part, self)?;
        Ok(())
    }

    fn outstanding(&self, after: Option<OrderId>, limit: u32) -> Result<Vec<A>, CommandError> {
        let Some(page) = A::OUTSTANDING else { return Ok(Vec::new()) };
        Ok(readable(self, page, after, limit)?)
    }
}

fn recent<'t, A: Table>(tx: &Tx<'t, '_>) -> Option<&'t RecentRows<OrderId, Versioned<A>>> {
    tx.recent().and_then(A::recent)
}

/// Keeps a row in memory, if rows of its kind are and it is small.
fn keep<A: Table>(tx: &Tx<'_, '_>, order: OrderId, row: A, version: i64) {
    if let Some(rows) = recent::<A>(tx) {
        rows.write(order, row.is_small().then_some(Versioned { row, version }));
    }
}

/// The first `limit` aggregates that `page` finds after `after`, passing over those that cannot be read: one
/// row must not hide all others. `page` takes both, counts orders, and selects the order's id first.
fn readable<A: Table>(
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

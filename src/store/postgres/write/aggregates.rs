//! The participants' rows: how any aggregate is read ahead and kept until it is written.

use super::{
    Reads, Tx, columns_of,
    working::{Working, count},
};
use crate::{
    domain::ids::OrderId,
    store::{
        Claim, StoreError,
        commands::{Claimed, CommandError, Kept, Rows, Stored, Versioned, Wanted},
        postgres::{
            codec::{Unreadable, get},
            recent::{self, Written},
            session::{Call, Failure},
        },
    },
};
use std::{collections::BTreeSet, time::Instant};
use tokio_postgres::Row;

/// Where an aggregate's rows are.
pub(super) trait Table: Stored {
    /// The rows of the orders `$1`, by order, which is the first column; locked, with the version as the last column.
    const LOAD: &'static str;
    /// The rows of the first `$2` orders after `$1` of which one has an outside call whose answer is not known,
    /// by order, with that as the first column; `None` where there are no such calls.
    const OUTSTANDING: Option<&'static str> = None;

    /// Fails unless so many as `$1` of the orders `$2` have their rows in the version `$3`; 0 where there are none.
    const CHECK: &'static str;

    /// Reads a row of [`Self::LOAD`].
    fn read(row: &Row) -> Result<Self, Unreadable>;
    /// Takes in what a further row of the same order says; most aggregates have one row.
    fn join(&mut self, _further: Self) {}
    /// How many rows it is.
    fn count(&self) -> usize {
        1
    }
    /// Where a transaction has them.
    fn working<'w>(tx: &'w Tx<'_>) -> &'w Working<OrderId, Self>;
    /// Where they are kept for a while once they are written.
    fn recent(kept: &mut recent::Memory) -> &mut recent::Rows<Self>;
    /// A row is about to be written over.
    fn replaced(_before: &Self, _after: &Self, _tx: &Tx<'_>) {}
    /// Appends a ledger row.
    fn append(_movement: &Self::Movement, _tx: &Tx<'_>) {}
    /// Looks up an idempotency key.
    fn find_claim(_claim: &Claim, _tx: &Tx<'_>) -> Result<Option<Claimed>, CommandError> {
        Ok(None)
    }
    /// Records an idempotency key, and which part of which order's aggregate it was used for.
    fn keep_claim(_claim: &Claim, _order: OrderId, _part: usize, _tx: &Tx<'_>) {}
}

/// An order, what its rows make, and how many rows that is.
type Gathered<A> = (OrderId, Result<Versioned<A>, Unreadable>, usize);

/// The aggregates that rows make, by order, and how many rows each is.
fn gather<A: Table>(rows: &[Row]) -> Result<Vec<Gathered<A>>, Unreadable> {
    let mut gathered: Vec<Gathered<A>> = Vec::new();
    for row in rows {
        let order: OrderId = get(row, 0)?;
        let read = A::read(row).and_then(|read| Ok(Versioned { row: read, version: get(row, row.len() - 1)? }));
        match (gathered.last_mut(), read) {
            (Some((last, Ok(known), rows)), Ok(further)) if *last == order => {
                known.row.join(further.row);
                *rows += 1;
            }
            (Some((last, known, _)), Err(unreadable)) if *last == order => *known = Err(unreadable),
            (Some((last, Err(_), _)), Ok(_)) if *last == order => {}
            (_, read) => gathered.push((order, read, 1)),
        }
    }
    Ok(gathered)
}

impl Tx<'_> {
    /// Reads the orders' rows with the first statements of the transaction, as far as it has to know them.
    pub(super) fn read_ahead<'a, A: Table>(&'a self, wanted: &[Wanted], reads: &mut Reads<'a>) {
        // Sorted, so that the statement's plan need not be trusted with the order of the locks.
        let orders: BTreeSet<OrderId> = if self.careful {
            wanted.iter().map(|wanted| wanted.order).collect()
        } else {
            let mut kept = self.recent.lock();
            let rows = A::recent(&mut kept);
            let unknown = wanted.iter().filter(|wanted| !self.assume(wanted.order, rows) && !wanted.begins);
            unknown.map(|wanted| wanted.order).collect()
        };
        let orders = Vec::from_iter(orders);
        if !orders.is_empty() {
            let call = Call::new(A::LOAD, vec![Box::new(orders.clone())]);
            reads.push(call, move |rows| self.take_in::<A>(&orders, &rows));
        }
    }

    /// Takes an order's rows to be what this node has written last, if it is still known.
    fn assume<A: Table>(&self, order: OrderId, kept: &recent::Rows<A>) -> bool {
        let Some(Written { row, .. }) = kept.get(&order) else { return false };
        A::working(self).assume(order, row.clone(), row.row.count());
        true
    }

    fn take_in<A: Table>(&self, orders: &[OrderId], rows: &[Row]) -> Result<(), CommandError> {
        let working = A::working(self);
        {
            // What is read is newer.
            let mut kept = self.recent.lock();
            let rows = A::recent(&mut kept);
            orders.iter().for_each(|order| rows.remove(order));
        }
        for (order, read, rows) in gather::<A>(rows).map_err(Failure::from).map_err(|failure| self.broken(failure))? {
            let unreadable =
                |error| StoreError::Poisoned(format!("the stored row of order {order} cannot be read: {error}"));
            working.found(order, read.map_err(unreadable), rows);
        }
        orders.iter().filter(|order| !working.knows(**order)).for_each(|order| working.missing(*order));
        Ok(())
    }
}

/// Adds the statement that makes sure of what was relied upon.
pub(super) fn check<A: Table>(working: &Working<OrderId, A>, calls: &mut Vec<Call<'_>>) {
    let relied = working.relied();
    if !relied.is_empty() {
        let mut params = columns_of!(relied, |row| row.0, row.1);
        params.insert(0, count(&relied));
        calls.push(Call::new(A::CHECK, params));
    }
}

/// Keeps what a transaction has written of one kind, now that it is committed.
pub(super) fn keep<A: Table>(working: Working<OrderId, A>, kept: &mut recent::Memory, at: Instant) {
    let rows = A::recent(kept);
    for (order, row) in working.into_changed() {
        if row.row.is_small() {
            rows.insert(order, Written { row, at });
        } else {
            rows.remove(&order);
        }
    }
}

impl<A: Table> Rows<A> for Tx<'_> {
    fn kept(&self, order: OrderId) -> Option<Kept<A>> {
        A::working(self).guess(order).map(|(stored, is_certain)| Kept { stored, is_certain })
    }

    fn rely(&self, order: OrderId) -> bool {
        if !self.careful {
            A::working(self).rely(order);
        }
        !self.careful
    }

    fn load(&self, order: OrderId) -> Result<Option<Versioned<A>>, CommandError> {
        if let Some(known) = A::working(self).get(order) {
            return Ok(known?);
        }
        let rows = self.ask(A::LOAD, vec![Box::new(vec![order])])?;
        self.take_in::<A>(&[order], &rows)?;
        Ok(A::working(self).get(order).transpose()?.flatten())
    }

    fn insert(&self, order: OrderId, row: A) -> Result<bool, CommandError> {
        if self.careful {
            Rows::<A>::load(self, order)?;
        }
        Ok(A::working(self).insert(order, row))
    }

    fn update(&self, order: OrderId, row: A, loaded: i64) -> Result<bool, CommandError> {
        if let Some((before, _)) = A::working(self).guess(order) {
            A::replaced(&before.row, &row, self);
        }
        Ok(A::working(self).update(order, row, loaded))
    }

    fn append(&self, movement: &A::Movement) -> Result<(), CommandError> {
        A::append(movement, self);
        Ok(())
    }

    fn find_claim(&self, claim: &Claim) -> Result<Option<Claimed>, CommandError> {
        A::find_claim(claim, self)
    }

    fn keep_claim(&self, claim: &Claim, order: OrderId, part: usize) -> Result<(), CommandError> {
        A::keep_claim(claim, order, part, self);
        Ok(())
    }

    fn outstanding(&self, mut after: Option<OrderId>, limit: u32) -> Result<Vec<A>, CommandError> {
        let Some(page) = A::OUTSTANDING else { return Ok(Vec::new()) };
        self.flush()?;
        let mut found = Vec::new();
        loop {
            let wanted = i64::from(limit) - i64::try_from(found.len()).unwrap_or(i64::MAX);
            let rows = self.ask(page, vec![Box::new(after), Box::new(wanted)])?;
            let orders = gather::<A>(&rows).map_err(Failure::from).map_err(|failure| self.broken(failure))?;
            let more = wanted > 0 && i64::try_from(orders.len()).is_ok_and(|orders| orders == wanted);
            for (order, row, _) in orders {
                after = Some(order);
                match row {
                    Ok(row) => found.push(row.row),
                    Err(error) => {
                        tracing::error!(%order, %error, "a stored row cannot be read; its outside call waits for a person");
                    }
                }
            }
            if !more || found.len() >= limit as usize {
                return Ok(found);
            }
        }
    }
}

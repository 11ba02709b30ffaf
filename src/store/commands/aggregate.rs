//! How any aggregate's command is run: load, decide, save.

use super::{CommandError, Run, Severed, Tx, Versioned, Wanted, Wants, expect_written, guarded};
use crate::{
    domain::{
        aggregate::{Aggregate, Decision},
        ids::OrderId,
        order::Order,
        payment::Payments,
        shipment::Shipping,
        time::Timestamp,
    },
    store::{Claim, Executed, Keyed, StoreError},
};
use std::marker::PhantomData;

/// Where a transaction has the rows of an aggregate.
pub(in crate::store) trait Rows<A: Aggregate> {
    /// An order's rows, where they are known without looking.
    fn kept(&self, order: OrderId) -> Option<Kept<A>>;
    /// Has the transaction fail unless an order's rows, or that there are none, are what they were taken to be; false
    /// where that cannot be had, and must be looked up.
    fn rely(&self, order: OrderId) -> bool;
    /// An order's rows, for certain.
    fn load(&self, order: OrderId) -> Result<Option<Versioned<A>>, CommandError>;
    /// Writes new rows; false where there are some.
    fn insert(&self, order: OrderId, row: A) -> Result<bool, CommandError>;
    /// Writes the rows over version `loaded` of them; false where there is none such.
    fn update(&self, order: OrderId, row: A, loaded: i64) -> Result<bool, CommandError>;
    /// Appends to the ledger.
    fn append(&self, movement: &A::Movement) -> Result<(), CommandError>;
    /// Looks up an idempotency key.
    fn find_claim(&self, claim: &Claim) -> Result<Option<Claimed>, CommandError>;
    /// Records an idempotency key, and which part of which order's aggregate it was used for.
    fn keep_claim(&self, claim: &Claim, order: OrderId, part: usize) -> Result<(), CommandError>;
    /// Those with an outside call whose answer is not known: at most `limit` orders', by order id, after `after`.
    /// One that cannot be read is passed over: it must not hide all others.
    fn outstanding(&self, after: Option<OrderId>, limit: u32) -> Result<Vec<A>, CommandError>;
}

/// Rows that are known without looking.
pub(in crate::store) struct Kept<A> {
    pub(in crate::store) stored: Versioned<A>,
    /// Whether these are the rows for certain. Otherwise somebody else may have written them since, which comes out
    /// when they are written over, or relied upon ([`Rows::rely`]).
    pub(in crate::store) is_certain: bool,
}

/// What an idempotency key was used for, and under which body.
pub(in crate::store) struct Claimed {
    pub(in crate::store) order: OrderId,
    pub(in crate::store) part: usize,
    pub(in crate::store) body_hash: [u8; 32],
}

/// An aggregate that every transaction has rows of.
pub(in crate::store) trait Stored: Aggregate {
    /// Its rows.
    fn rows(tx: &dyn Tx) -> &dyn Rows<Self>;
    /// The orders whose rows a batch is going to look up.
    fn wanted<'w>(wants: &'w mut Wants<'_>) -> &'w mut Vec<Wanted>;
    /// Whether the rows are few enough to be kept in memory for a while.
    fn is_small(&self) -> bool;
}

macro_rules! stored {
    ($($aggregate:ty: $wanted:ident, $is_small:expr);+) => {$(
        impl Stored for $aggregate {
            fn rows(tx: &dyn Tx) -> &dyn Rows<Self> {
                tx
            }

            fn wanted<'w>(wants: &'w mut Wants<'_>) -> &'w mut Vec<Wanted> {
                &mut wants.$wanted
            }

            fn is_small(&self) -> bool {
                let is_small: fn(&Self) -> bool = $is_small;
                is_small(self)
            }
        }
    )+};
}

stored! {
    Order: orders, |order| order.basket.lines().len() <= 8;
    Payments: payments, |payments| payments.superseded().len() <= 3;
    Shipping: shipping, |shipping| shipping.shipments().len() <= 4
}

/// Runs the commands of `A`.
pub(in crate::store) struct Aggregates<A>(PhantomData<fn() -> A>);

impl<A: Stored> Run for Aggregates<A> {
    type Command = Keyed<A::Command>;
    type Answer = Executed<A>;

    fn wants<'c>(keyed: &'c Keyed<A::Command>, wants: &mut Wants<'c>) {
        A::wanted(wants).push(Wanted { order: A::order(&keyed.command), begins: A::begins(&keyed.command) });
    }

    fn run(tx: &dyn Tx, keyed: &Keyed<A::Command>) -> Result<Executed<A>, CommandError> {
        run_one(A::rows(tx), tx.severed(), tx.now(), keyed)
    }
}

fn run_one<A: Aggregate>(
    rows: &dyn Rows<A>,
    severed: &Severed,
    now: Timestamp,
    keyed: &Keyed<A::Command>,
) -> Result<Executed<A>, CommandError> {
    let order = A::order(&keyed.command);
    severed.check_whole(order)?;
    if let Some(claim) = &keyed.claim
        && let Some(Claimed { order, part, body_hash }) = rows.find_claim(claim)?
    {
        if body_hash != claim.body_hash {
            return Err(StoreError::KeyReused.into());
        }
        return Ok(Executed::Replayed { rows: rows.load(order)?.map(|stored| stored.row), part });
    }
    let answer = change(rows, order, &keyed.command, now)?;
    if let Some(claim) = &keyed.claim
        && A::is_accepted(&answer)
    {
        rows.keep_claim(claim, order, A::part_of(&answer))?;
    }
    Ok(Executed::Decided(answer))
}

/// Decides a command and saves what it changes.
fn change<A: Aggregate>(
    rows: &dyn Rows<A>,
    order: OrderId,
    command: &A::Command,
    now: Timestamp,
) -> Result<A::Answer, CommandError> {
    let (mut stored, mut is_certain) =
        rows.kept(order).map_or((None, false), |kept| (Some(kept.stored), kept.is_certain));
    // A command that begins a row nearly always finds none: the insert itself says whether it does.
    if stored.is_none() && !A::begins(command) {
        (stored, is_certain) = (rows.load(order)?, true);
    }
    loop {
        let before = stored.as_ref().map(|stored| &stored.row);
        let Decision { row, movements, answer } = guarded(|| A::decide(before, command, now))?;
        if let Some(row) = row {
            let written = match &stored {
                None => rows.insert(order, row)?,
                Some(stored) => rows.update(order, row, stored.version)?,
            };
            if !written && !is_certain {
                (stored, is_certain) = (rows.load(order)?, true);
                continue;
            }
            expect_written(written)?;
        } else if !is_certain && !rows.rely(order) {
            // A decision that writes nothing asks nobody whether that was the row.
            (stored, is_certain) = (rows.load(order)?, true);
            continue;
        }
        for movement in &movements {
            rows.append(movement)?;
        }
        return Ok(answer);
    }
}

#[cfg(test)]
mod tests;

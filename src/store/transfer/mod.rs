//! Moving everything from a SQLite file to an empty PostgreSQL database, while no server runs. The file has all owners'
//! tables: what processes of few roles have apart is not moved.
//!
//! ```text
//!   file, locked ── rows by key, a portion at a time ──▶ one statement: the rows, and how far it has got
//!        all there ──▶ rows counted on both sides ──▶ the database is open to servers
//! ```
//!
//! How far it has got is kept in the target, so that a move that was killed goes on where it stopped; until its end
//! no server starts there. Nothing is held in memory but a portion.
//!
//! Owns what is moved, and that it is all there at the end. Must not judge what it moves (that is the audit's), nor
//! change anything in the file.

mod error;
mod rows;
mod tables;

pub use error::TransferError;
pub(in crate::store) use rows::{Key, Part, Portion, Values};
pub(in crate::store) use tables::{Column, Kind, Made, NUMBERED, TABLES, Table};

use super::{postgres, sqlite};
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// How often it is said how far a large table has got.
const NEWS: Duration = Duration::from_secs(5);

/// How far a table has got.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The table.
    pub table: &'static str,
    /// How many rows of it are there.
    pub rows: u64,
    /// How many there are to be.
    pub of: u64,
    /// How many of them this process has moved.
    pub moved: u64,
    /// In what time.
    pub took: Duration,
}

impl Progress {
    /// Rows in a second.
    #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
    pub fn rate(&self) -> f64 {
        self.moved as f64 / self.took.as_secs_f64().max(0.001)
    }
}

/// Moves everything, or what is left of it. Blocks meanwhile, and says now and then how far it has got.
///
/// # Errors
/// When the file is in use, not there or not everybody's, the target cannot be reached or has data of its own, or a row does not fit.
pub fn transfer(from: &Path, to: &postgres::Options, tell: &mut dyn FnMut(&Progress)) -> Result<(), TransferError> {
    let source = sqlite::Source::open(from)?;
    let mut target = postgres::Target::open(to, source.state())?;
    let mut expected = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        let count = source.count(table)?;
        expected.push((table, count));
        move_table(table, count, &source, &mut target, tell)?;
    }
    for (table, from) in expected {
        let to = target.count(table)?;
        if to != from {
            return Err(TransferError::Counts { table: table.name, from, to });
        }
    }
    target.finish()
}

fn move_table(
    table: &'static Table,
    of: u64,
    source: &sqlite::Source,
    target: &mut postgres::Target,
    tell: &mut dyn FnMut(&Progress),
) -> Result<(), TransferError> {
    let begun = Instant::now();
    let (after, rows) = target.reached(table)?;
    let mut progress = Progress { table: table.name, rows, of, moved: 0, took: Duration::ZERO };
    let mut told = begun;
    source.portions(table, after.as_ref(), &mut |portion| {
        target.write(table, &portion)?;
        progress.moved += portion.rows() as u64;
        progress.rows = rows + progress.moved;
        progress.took = begun.elapsed();
        if told.elapsed() >= NEWS && progress.rows < of {
            told = Instant::now();
            tell(&progress);
        }
        Ok(())
    })?;
    tell(&progress);
    Ok(())
}

//! The catalogue and the stock as CSV: written down for a spreadsheet, and read back from one.
//!
//! ```text
//!   import:  file ─▶ sniff ─▶ Tail ─▶ Rows (header, columns, UTF-8) ─▶ products │ offers │ stock ─▶ BulkTx ─▶ all or none
//!   export:  ExportSource (a snapshot) ─▶ products │ offers │ stock ─▶ a file that appears whole, or stdout
//! ```
//!
//! Owns the columns and what is said about a file that cannot be taken. One row is in memory at a time, and of
//! those before it no more than what tells a repeated key. Must not hold a rule: what a row asks for is a
//! command of the domain, like any client's.

mod attributes;
mod cells;
mod error;
mod faults;
mod offers;
mod output;
mod places;
mod products;
mod rows;
mod sniff;
mod stock;
mod tail;

pub use error::ExchangeError;
pub use faults::{Fault, Faults};

use crate::store::{BulkStore, BulkTx, ExportSource, StoreError};
use clap::ValueEnum;
use faults::Faults as Found;
use indicatif::{ProgressBar, ProgressStyle};
use offers::OfferSheet;
use output::Output;
use products::ProductSheet;
use rows::{Column, Row, Rows};
use sniff::{Lines, Written};
use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
};
use stock::StockSheet;
use tail::Tail;

/// What a file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sheet {
    /// Products and their variants, a variant in each row.
    Products,
    /// What shops sell for how much, an offer in each row.
    Offers,
    /// How many pieces lie where, a variant in a warehouse in each row.
    Stock,
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Products => "products",
            Self::Offers => "offers",
            Self::Stock => "stock",
        })
    }
}

/// Rows to take in.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// What the file is about.
    pub sheet: Sheet,
    /// The file: CSV in UTF-8 with commas, semicolons or tabulators, the names of its columns in the first line.
    pub file: PathBuf,
}

/// Rows to write down.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// What to write down.
    pub sheet: Sheet,
    /// The file; it appears once it is whole. Standard output when left out or `-`.
    pub file: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub force: bool,
    /// Put a ' before what a spreadsheet would run as a formula. An import takes it off again.
    #[arg(long)]
    pub protect: bool,
}

/// What a file has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Rows read.
    pub rows: u64,
    /// Rows about something that is new.
    pub added: u64,
    /// Rows about something that was otherwise before.
    pub changed: u64,
}

/// What a row has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Nothing,
    Added,
    Changed,
}

/// How the rows of a sheet are taken in.
trait Take: Default {
    const COLUMNS: &'static [Column];

    /// What is wrong with the columns that a file has, of which each is known.
    fn lack(_has: &dyn Fn(&str) -> bool) -> Option<&'static str> {
        None
    }

    /// Takes a row in; what is wrong with it is noted at the row. An error is storage's and ends everything.
    fn take(&mut self, row: &mut Row<'_>, tx: &dyn BulkTx) -> Result<Effect, StoreError>;
}

/// Takes a whole file in, or nothing of it.
///
/// # Errors
/// Everything that is wrong with the file, or that it cannot be read, or storage away.
pub async fn import(store: &dyn BulkStore, import: &Import) -> Result<Imported, ExchangeError> {
    let Import { sheet, file: path } = import;
    let unreadable = |source| ExchangeError::Read { path: path.clone(), source };
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let bar = bar(ProgressBar::new(length), "{bar:30} {binary_bytes}/{binary_total_bytes}");
    let (lines, written) = sniff::look(file).map_err(unreadable)?;
    let tail = Tail::new(lines, bar.clone());
    let (sheet, path) = (*sheet, path.clone());
    let work = move |tx: &dyn BulkTx| match sheet {
        Sheet::Products => take_all::<ProductSheet>(tail, written, &path, tx),
        Sheet::Offers => take_all::<OfferSheet>(tail, written, &path, tx),
        Sheet::Stock => take_all::<StockSheet>(tail, written, &path, tx),
    };
    let imported = store.all_or_none(work).await;
    bar.finish_and_clear();
    imported?
}

type Taken = Result<Result<Imported, ExchangeError>, StoreError>;

fn take_all<T: Take>(tail: Tail<Lines<File>>, written: Written, path: &Path, tx: &dyn BulkTx) -> Taken {
    let refused = |faults: Found| Ok(Err(ExchangeError::Refused { path: path.to_owned(), faults }));
    let unreadable = |source| Ok(Err(ExchangeError::Read { path: path.to_owned(), source }));
    let mut faults = Found::default();
    let mut rows = match Rows::open(tail, written, T::COLUMNS, &mut faults) {
        Ok(Some(rows)) => rows,
        Ok(None) => return refused(faults),
        Err(source) => return unreadable(source),
    };
    if let Some(lack) = T::lack(&|column| rows.has(column)) {
        faults.add(1, None, lack);
        return refused(faults);
    }
    let (mut sheet, mut imported) = (T::default(), Imported::default());
    loop {
        match rows.next(&mut faults) {
            Err(source) => return unreadable(source),
            Ok(None) => break,
            Ok(Some(mut row)) => {
                imported.rows += 1;
                match sheet.take(&mut row, tx)? {
                    Effect::Nothing => {}
                    Effect::Added => imported.added += 1,
                    Effect::Changed => imported.changed += 1,
                }
            }
        }
    }
    if faults.is_empty() { Ok(Ok(imported)) } else { refused(faults) }
}

/// Writes everything of a kind down, so that [`import`] reads it; how many rows.
///
/// # Errors
/// When the file cannot be written or the database cannot be read.
pub async fn export(source: &dyn ExportSource, export: &Export) -> Result<u64, ExchangeError> {
    let file = export.file.as_deref().filter(|file| *file != Path::new("-"));
    match export.sheet {
        Sheet::Products => {
            let output = Output::open(file, export, ProductSheet::COLUMNS)?;
            let written = source.visit_variants(output.visitor(products::cells)).await;
            output.finish(written)
        }
        Sheet::Offers => {
            let output = Output::open(file, export, OfferSheet::COLUMNS)?;
            let written = source.visit_offers(output.visitor(offers::cells)).await;
            output.finish(written)
        }
        Sheet::Stock => {
            let output = Output::open(file, export, StockSheet::COLUMNS)?;
            let written = source.visit_levels(output.visitor(stock::cells)).await;
            output.finish(written)
        }
    }
}

/// A bar like this; invisible where there is no terminal.
fn bar(bar: ProgressBar, template: &str) -> ProgressBar {
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

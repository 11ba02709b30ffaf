//! The demo: a believable catalogue in an empty database, and orders in its shops.
//!
//! ```text
//!   goods · places ─▶ Plan (the same every time) ─▶ one transaction of the store ─▶ actors: orders ─▶ Report
//! ```
//!
//! Owns what the demo is made of. Everything goes through the same rules as a client's requests: the
//! catalogue as one bulk change, because that is all or nothing, the orders through actors of its own. Must
//! not touch a database that has anything in it.

mod catalog;
mod error;
mod goods;
mod orders;
mod places;
mod report;
mod seed;

pub use error::DemoError;
pub use report::Report;

use crate::{
    domain::{catalog::CatalogCommand, stock::StockChange},
    lifecycle::Fatal,
    settings::Settings,
    store::{BulkTx, Store},
};
use catalog::Plan;
use clap::value_parser;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Instant;

/// Fills an empty database with shops, products, offers and stock: the same every time.
///
/// Refuses a database that has products or shops already, and changes nothing then.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Options {
    /// Place so many orders as well, each in two shops at least.
    #[arg(long, value_name = "N", default_value = "0", value_parser = value_parser!(u64).range(0..=100_000))]
    pub orders: u64,
}

/// Fills a database, and says what is in it then.
///
/// # Errors
/// When it is not empty, or storage fails: nothing is changed then, unless it was only an order that failed.
pub async fn run(store: &Store, settings: &Settings, fatal: &Fatal, options: Options) -> Result<Report, DemoError> {
    let begun = Instant::now();
    let plan = Plan::new()?;
    let bar = bar(plan.catalog.len() + plan.stock.len(), "rows");
    let steps = (plan.catalog.clone(), plan.stock.clone());
    let work = {
        let bar = bar.clone();
        move |tx: &dyn BulkTx| {
            if !tx.is_empty()? {
                return Ok(Err(DemoError::NotEmpty));
            }
            fill(tx, &steps, &bar)
        }
    };
    let filled = store.bulk.all_or_none(work).await;
    bar.finish_and_clear();
    filled??;
    let mut report = Report::of(&plan, settings.http.bind, begun.elapsed());
    if options.orders > 0 {
        let bar = self::bar(usize::try_from(options.orders).unwrap_or(usize::MAX), "orders");
        let ends = orders::place(store, settings, fatal, &plan.offers, options.orders, &bar).await;
        bar.finish_and_clear();
        report.ends = ends?;
    }
    Ok(report)
}

type Steps = (Vec<CatalogCommand>, Vec<StockChange>);

fn fill(
    tx: &dyn BulkTx,
    (catalog, stock): &Steps,
    bar: &ProgressBar,
) -> Result<Result<(), DemoError>, crate::store::StoreError> {
    for command in catalog {
        if let Err(refusal) = tx.change_catalog(command)? {
            return Ok(Err(DemoError::Plan(refusal.to_string())));
        }
        bar.inc(1);
    }
    for change in stock {
        if let Err(refusal) = tx.change_stock(change)? {
            return Ok(Err(DemoError::Plan(refusal.to_string())));
        }
        bar.inc(1);
    }
    Ok(Ok(()))
}

/// A bar; invisible where there is no terminal.
fn bar(length: usize, of: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} {prefix}");
    ProgressBar::new(length as u64).with_prefix(of).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

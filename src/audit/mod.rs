//! The promises, checked over a database.
//!
//! ```text
//!   FactSource ── one order's facts at a time ──▶ Case ──▶ every rule of checks::RULES ──▶ Report
//!   (a snapshot)                                  (log read and replayed once)        ▲
//!        └────────── one shelf's facts at a time ──▶ every rule of checks::SHELF_RULES ─┘
//! ```
//!
//! Owns what is compared with what. Judges what is stored and nothing else: it neither knows how the
//! product came there nor repairs anything. The rules are pure functions over the facts of one order,
//! so that an audit needs the memory of one order, however many millions there are.
//!
//! Sagas at rest must have kept every promise. A saga under way is held only to what must be true at
//! any moment, so that an audit may run beside a busy server.
//!
//! Sagas that have been removed because they ended long ago are judged by what they left: their orders, payments,
//! goods and pieces, held to the end that the order is at. How many were removed is known, so that an order
//! whose saga is missing does not hide among them.
//!
//! What must hold between the rows of one owner, whatever order they are about, the database itself judges: there are no
//! facts of one order to look at.
//!
//! Each fault has one judge: a rule takes for granted what another rule checks, and the reasons name
//! the order or saga, so that a person knows where to look first.

mod case;
mod checks;
mod report;

#[cfg(test)]
mod sample;

pub use report::{Check, Report};

use crate::{
    clock,
    domain::{stock::Shelf, time::Timestamp},
    role::Roles,
    store::{FactSource, OrderFacts, Passed, ShelfFacts, StoreError, TableFacts},
};
use case::Case;
use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

/// Checks the promises over everything that is stored, in one consistent snapshot.
///
/// # Errors
/// When the database cannot be read to its end; a row that cannot be read is a violation instead.
pub async fn run(facts: Arc<dyn FactSource>) -> Result<Report, StoreError> {
    run_at(facts, clock::now()).await
}

/// As [`run`], of a database as it is at another time: a backup is not late for what was to be done after it was made.
///
/// # Errors
/// As [`run`].
pub async fn run_at(facts: Arc<dyn FactSource>, now: Timestamp) -> Result<Report, StoreError> {
    pass(facts, now, Pace { rest: Duration::ZERO, since: Instant::now() }).await
}

/// As [`run`], and beside a server's other work: a pass rests for a fifth of its time.
///
/// # Errors
/// As [`run`].
pub async fn run_beside(facts: Arc<dyn FactSource>) -> Result<Report, StoreError> {
    pass(facts, clock::now(), Pace { rest: Duration::from_millis(5), since: Instant::now() }).await
}

/// How long the thread that reads works before it rests.
const WORK: Duration = Duration::from_millis(20);

/// How a pass shares the machine with others.
#[derive(Clone, Copy)]
struct Pace {
    /// How long it rests after [`WORK`].
    rest: Duration,
    since: Instant,
}

impl Pace {
    fn keep(&mut self) {
        if !self.rest.is_zero() && self.since.elapsed() >= WORK {
            thread::sleep(self.rest);
            self.since = Instant::now();
        }
    }
}

/// Whether somebody waits for the pass: whoever began it and goes away ends it.
fn goes_on(awaited: &Weak<()>) -> ControlFlow<()> {
    if awaited.strong_count() == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

async fn pass(facts: Arc<dyn FactSource>, now: Timestamp, pace: Pace) -> Result<Report, StoreError> {
    let waits = Arc::new(());
    let (awaited, mut kept) = (Arc::downgrade(&waits), pace);
    let tally = Arc::new(Mutex::new(Report::of(checks::names())));
    // The orders whose sagas may be among those that have been removed.
    let without = Arc::new(Mutex::new(0));
    let (shared, counted) = (Arc::clone(&tally), Arc::clone(&without));
    let visit = move |order: OrderFacts| {
        let mut report = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let case = Case::new(&order, now);
        judge(&mut report, &case);
        *counted.lock().unwrap_or_else(PoisonError::into_inner) += u64::from(case.may_be_removed());
        drop(report);
        kept.keep();
        goes_on(&awaited)
    };
    let Passed { removed, left_out } = facts.visit(Box::new(visit)).await?;
    let shared = Arc::clone(&tally);
    let (awaited, mut kept) = (Arc::downgrade(&waits), pace);
    let visit = move |shelf: ShelfFacts| {
        let mut report = shared.lock().unwrap_or_else(PoisonError::into_inner);
        judge_shelf(&mut report, &shelf);
        drop(report);
        kept.keep();
        goes_on(&awaited)
    };
    facts.visit_shelves(Box::new(visit)).await?;
    let tables = facts.judge_tables(Roles::ALL).await?;
    let mut report = tally.lock().unwrap_or_else(PoisonError::into_inner);
    tables.iter().for_each(|facts| judge_table(&mut report, facts));
    let orders = *without.lock().unwrap_or_else(PoisonError::into_inner);
    report.left_out = left_out;
    // One that was left out may be without its saga, too.
    if left_out == 0 {
        judge_removed(&mut report, removed.map_or(0, |watermark| watermark.sagas), orders);
    }
    Ok(std::mem::take(&mut report))
}

/// Promises 1 and 2: each of so many sagas that were removed has left its order, and no order but so many is without
/// its saga.
fn judge_removed(report: &mut Report, sagas: u64, orders: u64) {
    let Some(check) = report.checks.iter_mut().find(|check| check.name == checks::REMOVED) else { return };
    check.checked = sagas.max(orders);
    check.violations = sagas.abs_diff(orders);
    if check.violations > 0 {
        check.offending = vec![format!("{sagas} sagas were removed, and {orders} orders that ended are without one")];
    }
}

/// Takes in what a rule about whole tables has found in one of them: the database has judged.
fn judge_table(report: &mut Report, facts: &TableFacts) {
    let Some(check) = report.checks.iter_mut().find(|check| check.name == facts.rule) else { return };
    check.found(facts.rows, facts.broken, &facts.named);
}

/// Applies every rule to one order. `report` has the rules' checks in the rules' order.
fn judge(report: &mut Report, case: &Case<'_>) {
    for (rule, check) in checks::RULES.iter().zip(&mut report.checks) {
        match (rule.judge)(case) {
            None => {}
            Some(Ok(())) => check.holds(),
            Some(Err(why)) => check.violated(|| format!("{}: {why}", case.name(rule.subject))),
        }
    }
}

/// Applies every rule about shelves to one. `report` has their checks after the others.
fn judge_shelf(report: &mut Report, facts: &ShelfFacts) {
    for (rule, check) in checks::SHELF_RULES.iter().zip(report.checks.iter_mut().skip(checks::RULES.len())) {
        match (rule.judge)(facts) {
            None => {}
            Some(Ok(())) => check.holds(),
            Some(Err(why)) => check.violated(|| {
                let Shelf { variant_id, warehouse_id } = facts.shelf;
                format!("variant {variant_id} in warehouse {warehouse_id}: {why}")
            }),
        }
    }
}

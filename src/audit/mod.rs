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
    domain::stock::Shelf,
    store::{FactSource, OrderFacts, ShelfFacts, StoreError},
};
use case::Case;
use std::sync::{Arc, Mutex, PoisonError};

/// Checks the promises over everything that is stored, in one consistent snapshot.
///
/// # Errors
/// When the database cannot be read to its end; a row that cannot be read is a violation instead.
pub async fn run(facts: Arc<dyn FactSource>) -> Result<Report, StoreError> {
    let now = clock::now();
    let tally = Arc::new(Mutex::new(Report::of(checks::names())));
    let removed = Arc::new(Mutex::new(Removed::default()));
    let (shared, counted) = (Arc::clone(&tally), Arc::clone(&removed));
    let visit = move |order: OrderFacts| {
        let mut report = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let case = Case::new(&order, now);
        judge(&mut report, &case);
        counted.lock().unwrap_or_else(PoisonError::into_inner).count(&case);
    };
    facts.visit(Box::new(visit)).await?;
    let shared = Arc::clone(&tally);
    let visit = move |shelf: ShelfFacts| {
        let mut report = shared.lock().unwrap_or_else(PoisonError::into_inner);
        judge_shelf(&mut report, &shelf);
    };
    facts.visit_shelves(Box::new(visit)).await?;
    let mut report = tally.lock().unwrap_or_else(PoisonError::into_inner);
    removed.lock().unwrap_or_else(PoisonError::into_inner).judge(&mut report);
    Ok(std::mem::take(&mut report))
}

/// The orders whose sagas have been removed, counted.
#[derive(Default)]
struct Removed {
    /// How many sagas were removed, as is recorded.
    sagas: u64,
    /// How many orders there are whose saga may be one of them.
    orders: u64,
}

impl Removed {
    fn count(&mut self, case: &Case<'_>) {
        self.sagas = case.facts.removed.map_or(0, |watermark| watermark.sagas);
        self.orders += u64::from(case.may_be_removed());
    }

    /// Promises 1 and 2: each saga that was removed has left its order, and no other order has lost its saga.
    fn judge(&self, report: &mut Report) {
        let Some(check) = report.checks.iter_mut().find(|check| check.name == checks::REMOVED) else { return };
        check.checked = self.sagas.max(self.orders);
        check.violations = self.sagas.abs_diff(self.orders);
        if check.violations > 0 {
            let Self { sagas, orders } = self;
            check.offending =
                vec![format!("{sagas} sagas were removed, and {orders} orders that ended are without one")];
        }
    }
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

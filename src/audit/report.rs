//! What an audit found, for a program and for a person.

use serde::{Serialize, Serializer};
use std::{borrow::Cow, fmt};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

/// Offenders that a check names; the others are only counted.
const MOST_OFFENDERS: usize = 20;

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Every check, in a fixed order.
    pub checks: Vec<Check>,
    /// Orders that were not judged, because they were being worked on in several databases while these were read.
    pub left_out: u64,
}

/// One promise, or a part of one, over the whole database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    /// The check's stable name.
    pub name: &'static str,
    /// Orders that it applies to; for a promise about stock, variants in warehouses; for one about tables, rows.
    pub checked: u64,
    /// Those among them that break it.
    pub violations: u64,
    /// The first of those, each with the reason.
    pub offending: Vec<String>,
}

impl Check {
    /// One more order, as it should be.
    pub(super) fn holds(&mut self) {
        self.checked += 1;
    }

    /// One more order, not as it should be.
    pub(super) fn violated(&mut self, offender: impl FnOnce() -> String) {
        self.checked += 1;
        self.violations += 1;
        if self.offending.len() < MOST_OFFENDERS {
            self.offending.push(offender());
        }
    }
}

impl Check {
    /// So many more rows, of which so many are not as they should be, and the first of those.
    pub(super) fn found(&mut self, rows: u64, broken: u64, named: &[String]) {
        self.checked += rows;
        self.violations += broken;
        let room = MOST_OFFENDERS.saturating_sub(self.offending.len());
        self.offending.extend(named.iter().take(room).cloned());
    }
}

impl Report {
    /// Checks with these names, of nothing yet.
    pub(super) fn of(names: impl Iterator<Item = &'static str>) -> Self {
        let check = |name| Check { name, checked: 0, violations: 0, offending: Vec::new() };
        Self { checks: names.map(check).collect(), left_out: 0 }
    }

    /// Whether every promise holds.
    pub fn is_clean(&self) -> bool {
        self.checks.iter().all(|check| check.violations == 0)
    }

    /// The report as the command line prints it: a line for each check, then the offenders.
    pub fn table(&self) -> String {
        self.to_string()
    }
}

/// A report as it is written: with its verdict, which the report itself has no need to keep.
#[derive(Serialize, ToSchema)]
struct Written<'a> {
    /// Whether every promise holds.
    clean: bool,
    /// Every check, in a fixed order.
    checks: &'a [Check],
    /// Orders that were not judged, because they were being worked on in several databases while these were read: none
    /// at a quiet moment, and none of one database; absent then.
    #[serde(skip_serializing_if = "is_none")]
    left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { clean: self.is_clean(), checks: &self.checks, left_out: self.left_out }.serialize(serializer)
    }
}

impl PartialSchema for Report {
    fn schema() -> RefOr<Schema> {
        Written::schema()
    }
}

impl ToSchema for Report {
    fn name() -> Cow<'static, str> {
        "AuditReport".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Written::schemas(schemas);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0).max("check".len());
        writeln!(f, "{:<name$}  {:>12}  {:>12}", "check", "checked", "violations")?;
        for check in &self.checks {
            writeln!(f, "{:<name$}  {:>12}  {:>12}", check.name, check.checked, check.violations)?;
        }
        let broken: Vec<_> = self.checks.iter().filter(|check| check.violations > 0).collect();
        for check in &broken {
            writeln!(f, "\n{}", check.name)?;
            for offender in &check.offending {
                writeln!(f, "  {offender}")?;
            }
            let unnamed = check.violations - check.offending.len() as u64;
            if unnamed > 0 {
                writeln!(f, "  and {unnamed} more")?;
            }
        }
        if self.left_out > 0 {
            writeln!(f, "\n{} orders were being worked on meanwhile and are not judged.", self.left_out)?;
        }
        if broken.is_empty() {
            writeln!(f, "\nEvery promise holds.")
        } else {
            let all = self.checks.len();
            writeln!(f, "\n{} of {all} checks found what must not be.", broken.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::of(["a_long_name_of_a_check", "short"].into_iter());
        report.checks[0].holds();
        report
    }

    #[test]
    fn a_report_is_clean_until_something_is_violated() {
        let mut report = report();
        assert!(report.is_clean());
        report.checks[1].violated(|| "order 7: why".into());
        assert!(!report.is_clean());
        assert_eq!(report.checks[1].checked, 1);
    }

    #[test]
    fn a_report_in_json_is_what_the_api_promises() {
        let mut report = report();
        report.checks[1].violated(|| "order 7: why".into());
        let expected = serde_json::json!({"clean": false, "checks": [
            {"name": "a_long_name_of_a_check", "checked": 1, "violations": 0, "offending": []},
            {"name": "short", "checked": 1, "violations": 1, "offending": ["order 7: why"]},
        ]});
        assert_eq!(serde_json::to_value(report).expect("it serialises"), expected);
    }

    #[test]
    fn a_table_is_aligned_and_ends_with_the_verdict() {
        let expected = "\
check                        checked    violations
a_long_name_of_a_check             1             0
short                              0             0

Every promise holds.
";
        assert_eq!(report().table(), expected);
    }

    #[test]
    fn a_check_names_twenty_offenders_and_counts_the_rest() {
        let mut report = report();
        for order in 0..23 {
            report.checks[1].violated(|| format!("order {order}: why"));
        }
        assert_eq!((report.checks[1].offending.len(), report.checks[1].violations), (20, 23));
        let table = report.table();
        assert!(table.contains("\nshort\n  order 0: why\n"), "{table}");
        assert!(table.ends_with("  and 3 more\n\n1 of 2 checks found what must not be.\n"), "{table}");
    }
}

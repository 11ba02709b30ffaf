//! The report for a person.

use super::{report::Report, verdict::Verdict};
use crate::release::PLANTED_FAULT;
use std::fmt;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(fault) = PLANTED_FAULT {
            writeln!(f, "BROKEN ON PURPOSE: {fault}\n")?;
        }
        for (name, value) in self.rows() {
            writeln!(f, "{name:<22} {value}")?;
        }
        for example in &self.error_examples {
            writeln!(f, "  an error: {example}")?;
        }
        writeln!(f)?;
        write!(f, "{}", self.verdict)
    }
}

impl Report {
    /// Every line of the table: what it is called, and its value with its unit.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let latency = &self.latency_ms;
        let known =
            |value: Option<f64>, unit: &str| value.map_or("not known".into(), |value| format!("{value:.1} {unit}"));
        let mut rows = vec![
            ("run", self.title()),
            ("placed", count(self.placed)),
            ("acknowledged", count(self.acknowledged)),
            ("completed", count(self.completed)),
            ("compensated", with_parts(self.compensated, &self.compensated_by_cause)),
            ("needs attention", count(self.needs_attention)),
            ("refused (503)", count(self.refused)),
            ("connections lost", count(self.connections_lost)),
            ("errors", count(self.errors)),
            ("sagas/s", format!("{:.0}", self.sagas_per_s)),
            (
                "latency",
                format!(
                    "p50 {:.2}  p90 {:.2}  p99 {:.2}  p99.9 {:.2}  max {:.2} ms",
                    latency.p50, latency.p90, latency.p99, latency.p99_9, latency.max
                ),
            ),
            ("crashes, kills", format!("{}, {}", count(self.crashes), self.kills.len())),
            ("actor restarts", with_parts(self.actor_restarts, &self.actor_restarts_by_actor)),
            (
                "server CPU",
                match self.server.cpu_us_per_saga {
                    Some(per_saga) => format!("{}, {per_saga:.0} µs a saga", known(self.server.cpu_s, "s")),
                    None => known(None, ""),
                },
            ),
            ("server peak memory", known(self.server.peak_rss_mib, "MiB")),
            ("load generator CPU", known(self.generator_cpu_s, "s")),
            ("commits/s", format!("{:.0}", self.store.commits_per_s)),
            ("mean batch", format!("{:.1} commands", self.store.mean_batch)),
            ("statements a saga", format!("{:.1}", self.store.statements_per_saga)),
        ];
        if self.longest_recovery_s > 0.0 {
            let words = format!("{:.2} s at most until its saga's end", self.longest_recovery_s);
            rows.push(("after a lost request", words));
        }
        if let Some(nodes) = self.run.nodes {
            let (freezes, given_up) = (self.freezes.len(), self.nodes_given_up);
            rows.push(("nodes", format!("{nodes}, {freezes} freezes, {given_up} ended as given up")));
            rows.push(("database restarts", self.restarts()));
        }
        rows
    }

    fn restarts(&self) -> String {
        let restarts = &self.database_restarts;
        if restarts.is_empty() {
            return count(0);
        }
        let longest = |seconds: &mut dyn Iterator<Item = f64>| seconds.fold(0.0, f64::max);
        let away = longest(&mut restarts.iter().map(|restart| restart.away_s));
        let served = longest(&mut restarts.iter().filter_map(|restart| restart.served_after_s));
        let never = restarts.iter().filter(|restart| restart.served_after_s.is_none()).count();
        let never = if never > 0 { format!("; no saga has ended after {never}") } else { String::new() };
        format!("{}, {away:.2} s away at most, and {served:.2} s more until a saga ended{never}", restarts.len())
    }

    /// What was run, in a line.
    pub(super) fn title(&self) -> String {
        let run = &self.run;
        let mut title = vec![format!("{:.1} s, {} clients", self.elapsed_s, run.concurrency)];
        title.push(match run.rate {
            Some(rate) => format!("{rate} orders/s"),
            None => "each waiting for its saga's end".to_owned(),
        });
        title.extend(run.seed.map(|seed| format!("mix {} (seed {seed})", run.mix)));
        if run.fail > 0.0 {
            title.push(format!("{} % failing", run.fail * 100.0));
        }
        title.extend(run.crash.as_ref().map(|crash| format!("crashing {crash}")));
        title.extend(run.kill_server_s.map(|_| format!("killed {}", times(self.kills.len()))));
        title.extend(run.nodes.map(|nodes| format!("{nodes} nodes on PostgreSQL")));
        title.extend(run.kill_node_s.map(|_| format!("a node killed {}", times(self.kills.len()))));
        title.extend(run.freeze_node_s.map(|_| format!("a node frozen {}", times(self.freezes.len()))));
        let restarts = self.database_restarts.len();
        title.extend(run.restart_db_s.map(|_| format!("PostgreSQL restarted {}", times(restarts))));
        title.join(", ")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checked: u64 = self.audit.checks.iter().map(|check| check.checked).sum();
        let word = if self.audit.clean { "clean" } else { "BROKEN" };
        writeln!(f, "audit: {word}, {} checks, {} judgements", self.audit.checks.len(), count(checked))?;
        for check in self.audit.checks.iter().filter(|check| check.violations > 0) {
            writeln!(f, "  {}: {} of {}", check.name, count(check.violations), count(check.checked))?;
            for offender in &check.offending {
                writeln!(f, "    {offender}")?;
            }
        }
        let kept = &self.acknowledged;
        writeln!(
            f,
            "acknowledged orders: {} looked up, {} missing, {} not at rest",
            count(kept.checked),
            count(kept.missing),
            count(kept.not_at_rest)
        )?;
        kept.offending.iter().try_for_each(|offender| writeln!(f, "  {offender}"))?;
        self.unfinished.map_or(Ok(()), |unfinished| writeln!(f, "sagas that did not end: {}", count(unfinished)))
    }
}

/// A sum and what it is made of.
fn with_parts(sum: u64, parts: &std::collections::BTreeMap<String, u64>) -> String {
    if sum == 0 {
        return count(0);
    }
    let parts: Vec<String> = parts.iter().map(|(name, part)| format!("{name} {}", count(*part))).collect();
    format!("{} ({})", count(sum), parts.join(", "))
}

/// How often something was done.
fn times(count: usize) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// A number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut apart = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_how_often_something_was_done() {
        assert_eq!([0, 1, 2, 17].map(times), ["never", "once", "twice", "17 times"]);
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), expected);
        }
    }
}

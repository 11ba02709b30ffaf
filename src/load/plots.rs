//! The plots of a report: which figures are put on which axes.

use super::{
    chart::{Axis, Chart, short},
    report::Report,
    schedule::as_f64,
    timeline::Point,
};

/// A plot, what it is called, and what it tells.
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) tells: String,
    pub(super) svg: String,
}

const TIME: &str = "time since the start, s";

/// Every plot.
pub(super) fn all(report: &Report) -> Vec<Plot> {
    vec![throughput(report), over_time(report), distribution(report), batches(report)]
}

fn throughput(report: &Report) -> Plot {
    let middles = middles(report);
    let most = report.timeline.iter().map(|point| point.sagas_per_s).fold(0.0, f64::max);
    let x = Axis::until(TIME, report.elapsed_s);
    let mut chart = Chart::new("Throughput over time", x, Axis::up_to("sagas/s", most));
    let points: Vec<(f64, f64)> = middles.iter().map(|(at, point)| (*at, point.sagas_per_s)).collect();
    chart.area(&points);
    let curve: Vec<_> = points.iter().map(|(at, rate)| (*at, Some(*rate))).collect();
    chart.curve("one", &curve);
    disturbances(&mut chart, report);
    chart.legend(&names(report, &[("t-one", "— sagas ended")]));
    Plot {
        title: "Throughput",
        tells: format!(
            "{:.0} sagas/s on average; each point is {} s.",
            report.sagas_per_s,
            short(report.timeline_width_s)
        ),
        svg: chart.finish(),
    }
}

fn over_time(report: &Report) -> Plot {
    let middles = middles(report);
    let seen = || report.timeline.iter().flat_map(|point| [point.p50_ms, point.p99_ms]).flatten();
    let (least, most) = (seen().fold(f64::INFINITY, f64::min), seen().fold(0.0, f64::max));
    let least = if least.is_finite() { least } else { 1.0 };
    let x = Axis::until(TIME, report.elapsed_s);
    let mut chart = Chart::new("Latency over time", x, Axis::decades("latency, ms", least, most));
    for (class, of) in [("two", (|point: &Point| point.p99_ms) as fn(&Point) -> _), ("one", |point| point.p50_ms)] {
        let points: Vec<_> = middles.iter().map(|(at, point)| (*at, of(point))).collect();
        chart.curve(class, &points);
    }
    disturbances(&mut chart, report);
    chart.legend(&names(report, &[("t-one", "— p50"), ("t-two", "— p99")]));
    let from = if report.run.rate.is_some() { "when an order was due" } else { "when an order was sent" };
    Plot {
        title: "Latency over time",
        tells: format!("From {from} to its saga's end, retries included; the scale is logarithmic."),
        svg: chart.finish(),
    }
}

fn distribution(report: &Report) -> Plot {
    let bars = &report.latency_distribution;
    let total: u64 = bars.iter().map(|bar| bar.count).sum();
    let share = |count: u64| 100.0 * as_f64(count) / as_f64(total.max(1));
    let most = bars.iter().map(|bar| share(bar.count)).fold(0.0, f64::max);
    let (least, longest) =
        bars.first().zip(bars.last()).map_or((1.0, 10.0), |(first, last)| (first.from_ms, last.to_ms));
    let x = Axis::decades("latency, ms", least, longest);
    let mut chart = Chart::new("Latency distribution", x, Axis::up_to("share of sagas, %", most));
    for bar in bars {
        let words = format!("{:.2} to {:.2} ms: {:.2} %", bar.from_ms, bar.to_ms, share(bar.count));
        chart.bar("bar", bar.from_ms, bar.to_ms, share(bar.count), &words);
    }
    let latency = &report.latency_ms;
    for (name, at) in [("p50", latency.p50), ("p99", latency.p99), ("p99.9", latency.p99_9)] {
        if total > 0 {
            chart.upright("quantile", "t-two", at, name);
        }
    }
    Plot {
        title: "Latency distribution",
        tells: format!(
            "Half within {:.2} ms, 99 % within {:.2} ms, 99.9 % within {:.2} ms, the slowest {:.2} ms.",
            latency.p50, latency.p99, latency.p99_9, latency.max
        ),
        svg: chart.finish(),
    }
}

fn batches(report: &Report) -> Plot {
    let sizes = &report.store.batch_sizes;
    let total: f64 = sizes.iter().map(|size| size.commits).sum();
    let share = |commits: f64| 100.0 * commits / total.max(1.0);
    let most = sizes.iter().map(|size| share(size.commits)).fold(0.0, f64::max);
    let x = Axis::until("commands in one transaction", as_f64(sizes.len() as u64));
    let mut chart = Chart::with_ticks("Batch sizes", x, Axis::up_to("share of commits, %", most), false);
    let mut above = 0.0;
    for (index, size) in sizes.iter().enumerate() {
        let left = as_f64(index as u64);
        let name = match size.up_to {
            None => format!("> {above:.0}"),
            Some(up_to) if up_to <= above + 1.0 => format!("{up_to:.0}"),
            Some(up_to) => format!("{:.0}–{up_to:.0}", above + 1.0),
        };
        chart.bar("bar", left + 0.1, left + 0.9, share(size.commits), &format!("{name}: {:.1} %", share(size.commits)));
        chart.name(left + 0.5, &name);
        above = size.up_to.unwrap_or(above);
    }
    Plot {
        title: "Batch sizes",
        tells: format!(
            "{:.0} commits/s with {:.1} commands each on average, {:.1} statements a saga.",
            report.store.commits_per_s, report.store.mean_batch, report.store.statements_per_saga
        ),
        svg: chart.finish(),
    }
}

/// Each window with the middle of its time.
fn middles(report: &Report) -> Vec<(f64, &Point)> {
    let middle = |point: &Point| {
        let end = (point.at_s + report.timeline_width_s).min(report.elapsed_s.max(point.at_s));
        f64::midpoint(point.at_s, end)
    };
    report.timeline.iter().map(|point| (middle(point), point)).collect()
}

/// Kills, with the time until the server was ready again, and crashes.
fn disturbances(chart: &mut Chart, report: &Report) {
    let kills = report.kills.iter().map(|kill| (kill, "killed"));
    for (kill, how) in kills.chain(report.freezes.iter().map(|freeze| (freeze, "frozen"))) {
        let words =
            format!("{} {how} at {:.2} s, ready again after {:.0} ms", kill.server, kill.at_s, kill.away_s * 1_000.0);
        chart.stretch("away", kill.at_s, kill.at_s + kill.away_s, &words);
        chart.upright("kill", "t-kill", kill.at_s, "");
    }
    for restart in &report.database_restarts {
        let words = format!("PostgreSQL restarted at {:.2} s, for {:.0} ms", restart.at_s, restart.away_s * 1_000.0);
        chart.stretch("away", restart.at_s, restart.at_s + restart.away_s, &words);
        chart.upright("restart", "t-crash", restart.at_s, "");
    }
    for (at, point) in middles(report).into_iter().filter(|(_, point)| point.crashes > 0) {
        chart.mark("crash", at, &format!("{} actors crashed from {:.1} s on", point.crashes, point.at_s));
    }
}

/// A legend: these, and what disturbed the run.
fn names(report: &Report, drawn: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut names = drawn.to_vec();
    if report.crashes > 0 {
        names.push(("t-crash", "▲ actors crashed"));
    }
    if !report.kills.is_empty() || !report.freezes.is_empty() {
        names.push(("t-kill", "| server killed or frozen, until ready again"));
    }
    if !report.database_restarts.is_empty() {
        names.push(("t-crash", "| PostgreSQL restarted"));
    }
    names
}

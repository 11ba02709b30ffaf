//! The report as one page: no scripts, nothing loaded from anywhere, light or dark as the reader likes it.

use super::{chart::escape, plots, report::Report, table::count};
use std::fmt::Write;

const STYLE: &str = "
:root { color-scheme: light dark; --back: #fcfcfa; --ink: #1d2329; --soft: #5b6670; --line: #d9dee2;
  --one: #1f6fb2; --two: #c2571a; --bad: #b3261e; --good: #2a7a3b; --mark: #8a5cc2; }
@media (prefers-color-scheme: dark) { :root { --back: #14181c; --ink: #e8ecef; --soft: #9aa6b0; --line: #323a41;
  --one: #6fb3ec; --two: #f0995b; --bad: #ff8a80; --good: #7fd08f; --mark: #bd9af0; } }
body { background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .2rem; }
p { margin: .2rem 0 .8rem; } .soft { color: var(--soft); }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .15rem 1.2rem .15rem 0;
  border-bottom: 1px solid var(--line); font-weight: normal; vertical-align: top; }
th { color: var(--soft); white-space: nowrap; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.axis, .grid { stroke: var(--line); stroke-width: 1; } .axis { stroke: var(--soft); }
.one { stroke: var(--one); } .two { stroke: var(--two); } .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round;
  stroke-linecap: round; }
.area { fill: var(--one); opacity: .14; } .bar { fill: var(--one); } .away { fill: var(--bad); opacity: .22; }
.kill { stroke: var(--bad); stroke-width: 1.5; } .restart { stroke: var(--mark); stroke-width: 1.5; } .crash { fill: var(--mark); }
svg text.t-one { fill: var(--one); } svg text.t-two { fill: var(--two); } svg text.t-kill { fill: var(--bad); }
svg text.t-crash { fill: var(--mark); } .quantile { stroke: var(--two); stroke-width: 1.2; stroke-dasharray: 4 3; }
ul { margin: .2rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; } .wide { overflow-x: auto; }
@media (max-width: 40rem) { body { margin: 1rem auto; padding: 0 .8rem; } .wide svg { width: 40rem; }
  th, td { padding-right: .6rem; overflow-wrap: anywhere; } th { white-space: normal; } }
";

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let mut page = String::with_capacity(64 << 10);
    let verdict = &report.verdict;
    let (class, word) =
        if report.passed { ("good", "Every promise was kept") } else { ("bad", "A promise was broken") };
    let parts = [
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Backstitch under load</title>",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>",
        STYLE,
        "</style></head><body>\n<h1>Backstitch under load</h1>\n<p class=\"soft\">",
        &escape(&report.title()),
        "</p>\n<p><span class=\"",
        class,
        "\">",
        word,
        "</span>: ",
        &format!(
            "{} audit checks with {} violations; {} acknowledged orders looked up, {} missing, {} not at rest.",
            verdict.audit.checks.len(),
            count(verdict.audit.checks.iter().map(|check| check.violations).sum()),
            count(verdict.acknowledged.checked),
            count(verdict.acknowledged.missing),
            count(verdict.acknowledged.not_at_rest),
        ),
        "</p>\n",
    ];
    page.extend(parts);
    for plot in plots::all(report) {
        section(&mut page, plot.title, &plot.tells, &plot.svg);
    }
    section(&mut page, "Figures", "", &figures(report));
    section(&mut page, "Audit", "", &audit(report));
    page.push_str("</body></html>\n");
    page
}

fn section(page: &mut String, title: &str, tells: &str, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        page,
        "<h2>{title}</h2>\n<p class=\"soft\">{}</p>\n<div class=\"wide\">{content}</div>",
        escape(tells)
    );
}

fn figures(report: &Report) -> String {
    let row = |(name, value): (&str, String)| format!("<tr><th>{name}</th><td>{}</td></tr>\n", escape(&value));
    let rows: String = report.rows().into_iter().map(row).collect();
    format!("<table>{rows}</table>")
}

fn audit(report: &Report) -> String {
    let mut rows = String::from("<table><tr><th>check</th><th>checked</th><th>violations</th></tr>\n");
    for check in &report.verdict.audit.checks {
        let class = if check.violations > 0 { " bad" } else { "" };
        let (checked, violations) = (count(check.checked), count(check.violations));
        let name = escape(&check.name.replace('_', " "));
        let _ = writeln!(
            rows,
            "<tr><td>{name}</td><td class=\"n\">{checked}</td><td class=\"n{class}\">{violations}</td></tr>"
        );
    }
    rows.push_str("</table>");
    let audited = report.verdict.audit.checks.iter().flat_map(|check| &check.offending);
    let offenders: Vec<&String> = audited.chain(&report.verdict.acknowledged.offending).collect();
    if !offenders.is_empty() {
        rows.push_str("<ul>");
        for offender in offenders {
            let _ = writeln!(rows, "<li>{}</li>", escape(offender));
        }
        rows.push_str("</ul>");
    }
    rows
}

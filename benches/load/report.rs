//! What the run prints: tables in Markdown. A section stands between two marks, so that `scripts/bench` can put it
//! between the same marks of a document.

use std::time::Duration;

use super::measure::Figures;

/// Prints what `print` prints as the section `name`.
pub fn section(name: &str, print: impl FnOnce()) {
    println!("\n<!-- bench:{name} -->");
    print();
    println!("<!-- /bench -->");
}

pub fn heading(text: &str) {
    println!("### {text}\n");
}

pub fn columns(names: &[&str]) {
    println!("| {} |", names.join(" | "));
    println!("|{}", "---|".repeat(names.len()));
}

pub fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

pub const FIGURES: [&str; 9] = [
    "what",
    "where",
    "connections",
    "per second",
    "of floor",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "CPU ms (x floor)",
];

/// One line of the table of scenarios.
pub fn figures(
    what: &str,
    place: &str,
    connections: usize,
    figures: Figures,
    floor: Option<Figures>,
) {
    let of_floor = floor.map(|floor| format!("{:.2}", figures.rate_beside(floor)));
    let times = floor.map(|floor| format!(" ({:.2})", figures.cpu_beside(floor)));
    row(&[
        what.to_owned(),
        place.to_owned(),
        connections.to_string(),
        format!("{:.0}", figures.per_sec),
        of_floor.unwrap_or_default(),
        ms(figures.p50),
        ms(figures.p95),
        ms(figures.p99),
        format!("{}{}", cpu(figures), times.unwrap_or_default()),
    ]);
}

/// The CPU time of one operation, in milliseconds.
pub fn cpu(figures: Figures) -> String {
    format!("{:.4}", figures.cpu_per_op.as_secs_f64() * 1000.0)
}

pub fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

pub fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0 / 1024.0)
}

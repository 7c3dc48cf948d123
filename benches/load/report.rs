//! The tables, in Markdown: to be read in a terminal and kept in `docs/performance.md`.

use std::time::Duration;

use super::measure::Figures;

pub fn heading(text: &str) {
    println!("\n## {text}\n");
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
    let of_floor = floor.map(|floor| format!("{:.2}", figures.per_sec / floor.per_sec));
    let times = floor.map(|floor| {
        let times = figures.cpu_per_op.as_secs_f64() / floor.cpu_per_op.as_secs_f64();
        format!(" ({times:.2})")
    });
    row(&[
        what.to_owned(),
        place.to_owned(),
        connections.to_string(),
        format!("{:.0}", figures.per_sec),
        of_floor.unwrap_or_default(),
        ms(figures.p50),
        ms(figures.p95),
        ms(figures.p99),
        format!(
            "{:.4}{}",
            figures.cpu_per_op.as_secs_f64() * 1000.0,
            times.unwrap_or_default()
        ),
    ]);
}

pub fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

pub fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0 / 1024.0)
}

//! What the run says about the targets.

use std::time::Duration;

use super::measure::Figures;
use super::report;

/// A line of the scenarios, of this build, with its floor.
pub struct Measured {
    pub what: &'static str,
    pub place: &'static str,
    pub connections: usize,
    pub figures: Figures,
    pub floor: Figures,
}

/// How a process starts.
pub struct Start {
    pub build: &'static str,
    pub provider: &'static str,
    pub took: Duration,
    /// Bytes.
    pub memory: u64,
}

/// What the parts found; empty where one did not run.
#[derive(Default)]
pub struct Results {
    pub start: Vec<Start>,
    pub scenarios: Vec<Measured>,
    /// Operations a second and CPU time with many people, beside those with few.
    pub growth: Vec<(f64, f64)>,
    /// The gateway's checks.
    pub gateway: Vec<Measured>,
    /// Live sessions, and memory.
    pub gateway_memory: Vec<(usize, u64)>,
    /// Sign-ins, memory and its peak.
    pub memory: Vec<(f64, u64, u64)>,
}

/// The least and the greatest.
#[derive(Clone, Copy)]
struct Range(f64, f64);

impl Range {
    fn of(values: impl Iterator<Item = f64>) -> Range {
        let none = Range(f64::INFINITY, f64::NEG_INFINITY);
        values.fold(none, |Range(least, most), value| {
            Range(least.min(value), most.max(value))
        })
    }

    fn text(self) -> String {
        format!("{:.2} to {:.2}", self.0, self.1)
    }
}

impl Results {
    fn range(&self, what: &str, place: &str, of: impl Fn(&Measured) -> f64) -> Range {
        let lines = self.scenarios.iter();
        let lines = lines.filter(|line| line.what.contains(what) && line.place.contains(place));
        Range::of(lines.map(of))
    }

    /// Prints a line for each target, if all parts ran.
    pub fn print(&self) {
        let parts = [
            self.start.is_empty(),
            self.scenarios.is_empty(),
            self.growth.is_empty(),
            self.memory.is_empty(),
            self.gateway.is_empty(),
            self.gateway_memory.is_empty(),
        ];
        if parts.contains(&true) || std::env::var_os("BENCH_ONLY").is_some() {
            return;
        }
        report::section("targets", || {
            report::columns(&["what", "target", "measured", ""]);
            for (what, target, measured, is_met) in self.lines() {
                let verdict = if is_met { "met" } else { "**missed**" };
                report::row(&[
                    what.to_owned(),
                    target.to_owned(),
                    measured,
                    verdict.to_owned(),
                ]);
            }
        });
    }

    fn lines(&self) -> Vec<(&'static str, &'static str, String, bool)> {
        let rate = |line: &Measured| line.figures.rate_beside(line.floor);
        let cpu = |line: &Measured| line.figures.cpu_beside(line.floor);
        let home = self.range("home", "", rate);
        let profile = self.range("session known", "", rate);
        let on_sqlite = self.range("sign-in", "SQLite", cpu);
        let on_postgres = self.range("sign-in", "Postgres", cpu);
        let many = self.scenarios.iter().filter(|line| line.connections == 128);
        let tail = many.filter(|line| line.what == "profile, session known");
        let p99_beside_p50 =
            |line: &Measured| line.figures.p99.as_secs_f64() / line.figures.p50.as_secs_f64();
        let tail = Range::of(tail.map(p99_beside_p50));
        let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
        let idle = Range::of(self.start.iter().map(|start| mib(start.memory)));
        let took = self.start.iter().map(|start| start.took.as_secs_f64());
        let took = Range::of(took.map(|secs| secs * 1000.0));
        let loaded = Range::of(self.memory.iter().map(|(_, now, _)| mib(*now)));
        let sign_ins = self.memory.last().map_or(0.0, |(done, ..)| *done);
        let checks = self
            .gateway
            .iter()
            .filter(|line| line.what.contains("signed in"));
        let checks_cpu = Range::of(checks.clone().map(cpu));
        let checks_tail = checks.filter(|line| line.connections == 128);
        let checks_tail = Range::of(checks_tail.map(p99_beside_p50));
        let live = self.gateway_memory.iter().map(|(_, now)| mib(*now));
        let live = Range::of(live);
        let rates = Range::of(self.growth.iter().map(|(rate, _)| *rate));
        let times = Range::of(self.growth.iter().map(|(_, times)| *times));
        vec![
            (
                "home, signed out",
                "at least 0.80 of the floor's operations a second",
                home.text(),
                home.0 >= 0.80,
            ),
            (
                "profile, session known to the process",
                "at least 0.60 of the floor's operations a second",
                profile.text(),
                profile.0 >= 0.60,
            ),
            (
                "whole sign-in on SQLite, CPU",
                "at most 1.5 times the floor's",
                on_sqlite.text(),
                on_sqlite.1 <= 1.5,
            ),
            (
                "whole sign-in on Postgres, CPU",
                "at most 2 times the floor's",
                on_postgres.text(),
                on_postgres.1 <= 2.0,
            ),
            (
                "memory when idle",
                "under 30 MiB",
                format!("{:.0} MiB", idle.1),
                idle.1 < 30.0,
            ),
            (
                "memory under load",
                "under 60 MiB after 100,000 sign-ins",
                format!("{:.0} MiB after {sign_ins:.0}", loaded.1),
                loaded.1 < 60.0,
            ),
            (
                "start to first answer",
                "under 100 ms, provider up or down",
                format!("{} ms", took.text()),
                took.1 < 100.0,
            ),
            (
                "100 thousand and 1 million people beside 1 thousand, operations a second",
                "at least 0.87 of those",
                rates.text(),
                rates.0 >= 0.87,
            ),
            (
                "the same, CPU",
                "at most 1.15 times",
                times.text(),
                times.1 <= 1.15,
            ),
            (
                "128 connections, profile: p99 beside p50",
                "under 10 times",
                tail.text(),
                tail.1 < 10.0,
            ),
            (
                "check of somebody signed in, CPU",
                "at most 1.5 times the floor's",
                checks_cpu.text(),
                checks_cpu.1 <= 1.5,
            ),
            (
                "128 connections, check: p99 beside p50",
                "under 10 times",
                checks_tail.text(),
                checks_tail.1 < 10.0,
            ),
            (
                "memory with live sessions in apps",
                "under 100 MB for 100,000",
                format!("{:.0} MiB", live.1),
                live.1 * 1.048_576 < 100.0,
            ),
        ]
    }
}

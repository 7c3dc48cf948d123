//! Memory as sign-ins go by, all of people who were never here.

use std::time::Duration;

use super::measure::{self, Scenario};
use super::{Bench, SOME_CONNECTIONS, report, setting};

/// How many sign-ins have gone by, and the memory then, now and at its peak, in bytes.
pub async fn measure(bench: &Bench) -> Vec<(f64, u64, u64)> {
    let total = setting("BENCH_SIGN_INS", 100_000);
    let server = bench.doorward(&bench.sqlite("memory.db"), &[]);
    let mut results = Vec::new();
    let (mut done, mut next) = (0.0, 0);
    loop {
        if done >= next as f64 {
            let (now, peak) = server.memory();
            results.push((done, now, peak));
            next += total / 10;
        }
        if done >= total as f64 {
            break;
        }
        let lasting = Duration::from_secs(1);
        let figures =
            measure::measure(&server, Scenario::SignInNew, SOME_CONNECTIONS, lasting).await;
        done += figures.per_sec * lasting.as_secs_f64();
    }
    report::section("memory", || {
        report::heading("Memory as people sign in, SQLite, 16 connections");
        report::columns(&["sign-ins", "memory MiB", "peak MiB"]);
        for (done, now, peak) in &results {
            report::row(&[format!("{done:.0}"), report::mib(*now), report::mib(*peak)]);
        }
    });
    results
}

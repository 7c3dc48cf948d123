//! From the start of the process to its first page, and its memory then.

use std::time::Duration;

use super::process::Process;
use super::targets::Start;
use super::{Bench, report};

/// How often each is started; the median counts.
const STARTS: usize = 9;

/// Starts each build with a provider that answers and with one that does not.
pub fn measure(bench: &Bench) -> Vec<Start> {
    let issuer = bench.issuer();
    let mut results = Vec::new();
    for (provider, issuer) in [("up", issuer.as_str()), ("down", "http://127.0.0.1:9")] {
        let mut starts = vec![Vec::new(); bench.builds.len()];
        for round in 0..=STARTS {
            for (build, starts) in bench.builds.iter().zip(&mut starts) {
                let database = bench.sqlite(&format!("start-{}.db", build.name));
                let (binary, folder) = (&build.binary, &bench.folder.0);
                let process = Process::doorward(binary, folder, issuer, &database, &[]);
                // The first one makes the file.
                if round > 0 {
                    starts.push((process.start, process.memory().0));
                }
            }
        }
        for (build, mut starts) in bench.builds.iter().zip(starts) {
            starts.sort();
            let (took, memory): (Duration, u64) = starts[starts.len() / 2];
            results.push(Start {
                build: build.name,
                provider,
                took,
                memory,
            });
        }
    }
    report::section("start", || {
        report::heading("Start to first answer, and memory when idle");
        report::columns(&["provider", "build", "ms", "memory MiB"]);
        for start in &results {
            report::row(&[
                start.provider.to_owned(),
                start.build.to_owned(),
                report::ms(start.took),
                report::mib(start.memory),
            ]);
        }
    });
    results
}

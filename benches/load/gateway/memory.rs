//! Memory for many sessions of people who have entered an app.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::app::{Asks, Gateway, HOST, head};
use crate::client::Browser;
use crate::{Bench, SOME_CONNECTIONS, report, setting};

/// So many sessions of people who have entered an app, and the memory then, in bytes. `SESSION_CACHE` is as long as it can
/// be, so that the cache keeps all that it has room for.
pub async fn measure(bench: &Bench) -> Vec<(usize, u64)> {
    let total = usize::try_from(setting("BENCH_SESSIONS", 100_000)).expect("it fits");
    let gateway = Gateway::start(
        bench,
        "memory-sessions",
        HOST,
        1,
        &[("SESSION_CACHE", "60s")],
    );
    let gateway = Arc::new(gateway);
    let mut results = vec![(0, gateway.process.memory().0)];
    let (next, mut cookies) = (Arc::new(AtomicUsize::new(0)), Vec::new());
    for until in [total / 2, total] {
        let mut working = JoinSet::new();
        for _ in 0..SOME_CONNECTIONS {
            let (gateway, next) = (Arc::clone(&gateway), Arc::clone(&next));
            working.spawn(async move {
                let public = Browser::new(gateway.process.addr).await;
                let mut browsers = (public, Browser::new(gateway.addr).await);
                let mut cookies = Vec::new();
                while next.load(Ordering::Relaxed) < until {
                    let subject = format!("live-{}", next.fetch_add(1, Ordering::Relaxed));
                    let entered = gateway.enter(&mut browsers, &subject, Asks::Forward, HOST);
                    cookies.push(entered.await);
                }
                cookies
            });
        }
        while let Some(worked) = working.join_next().await {
            cookies.extend(worked.expect("nobody fails"));
        }
        let mut browser = Browser::new(gateway.addr).await;
        for cookie in &cookies {
            let request = head(Asks::Forward, HOST, "/", "navigate", cookie);
            assert_eq!(browser.send(&request).await.status, 200);
        }
        results.push((cookies.len(), gateway.process.memory().0));
    }
    report::section("gateway-memory", || {
        report::heading("Memory as people enter an app, and all of them come back, SQLite");
        report::columns(&["live sessions", "memory MiB"]);
        for (sessions, now) in &results {
            report::row(&[sessions.to_string(), report::mib(*now)]);
        }
    });
    results
}

//! How long the provider takes to answer.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, HistogramVec, Registry};

use crate::observe::metrics::{FITTING, add};

/// From ten milliseconds to the ten seconds after which nobody waits any more.
const BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What the provider is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Endpoint {
    /// The discovery document.
    Discovery,
    /// The key set.
    Keys,
    /// Tokens for a code.
    Token,
    /// Userinfo.
    Userinfo,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 200.
    Ok,
    /// Another status.
    Refused,
    /// Nothing, in time.
    Timeout,
    /// No connection, or it broke, or the answer can't be read.
    Unreachable,
}

const ENDPOINTS: [&str; 4] = ["discovery", "keys", "token", "userinfo"];
const OUTCOMES: [&str; 4] = ["ok", "refused", "timeout", "unreachable"];

/// By endpoint, then by outcome.
pub struct ProviderMetrics([[Histogram; OUTCOMES.len()]; ENDPOINTS.len()]);

impl ProviderMetrics {
    pub fn new(registry: &Registry) -> ProviderMetrics {
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "doorward_provider_request_duration_seconds",
                "Time that the provider took to answer, by what it was asked for and by outcome.",
            )
            .buckets(BUCKETS.to_vec()),
            &["endpoint", "outcome"],
        );
        let durations = add(registry, durations.expect(FITTING));
        let labelled = |endpoint, outcome| durations.with_label_values(&[endpoint, outcome]);
        ProviderMetrics(
            ENDPOINTS.map(|endpoint| OUTCOMES.map(|outcome| labelled(endpoint, outcome))),
        )
    }

    pub fn observe(&self, endpoint: Endpoint, outcome: Outcome, took: Duration) {
        self.0[endpoint as usize][outcome as usize].observe(took.as_secs_f64());
    }
}

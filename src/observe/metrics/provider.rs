//! How long the provider takes to respond.

use std::fmt;
use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, Registry};

use crate::observe::metrics::{FITTING, add};

/// From ten milliseconds to ten seconds, the timeout of a request.
const BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Which of the provider's endpoints a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The discovery document (OpenID Connect Discovery 1.0, 4).
    Discovery,
    /// The key set, `jwks_uri`.
    Keys,
    /// The token endpoint (RFC 6749, 3.2).
    Token,
    /// The userinfo endpoint (OpenID Connect Core 5.3).
    Userinfo,
    /// The revocation endpoint (RFC 7009, 2).
    Revocation,
    /// The authorization endpoint. `doorward check` sends it the request of a browser.
    Authorization,
    /// The end-session endpoint. `doorward check` sends it the request of a browser.
    EndSession,
}

impl Endpoint {
    /// Its name in metrics and log lines.
    pub fn name(self) -> &'static str {
        match self {
            Endpoint::Discovery => "discovery",
            Endpoint::Keys => "keys",
            Endpoint::Token => "token",
            Endpoint::Userinfo => "userinfo",
            Endpoint::Revocation => "revocation",
            Endpoint::Authorization => "authorization",
            Endpoint::EndSession => "end_session",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Status 200.
    Ok,
    /// Any other status.
    Refused,
    /// No response in time.
    Timeout,
    /// No connection, a broken connection, or a response that can't be read.
    Unreachable,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Refused => "refused",
            Outcome::Timeout => "timeout",
            Outcome::Unreachable => "unreachable",
        }
    }
}

/// The endpoints that a running server sends requests to. They are exported from the start.
const ENDPOINTS: [Endpoint; 5] = [
    Endpoint::Discovery,
    Endpoint::Keys,
    Endpoint::Token,
    Endpoint::Userinfo,
    Endpoint::Revocation,
];

const OUTCOMES: [Outcome; 4] = [
    Outcome::Ok,
    Outcome::Refused,
    Outcome::Timeout,
    Outcome::Unreachable,
];

/// Durations by endpoint and outcome.
pub struct ProviderMetrics(HistogramVec);

impl ProviderMetrics {
    pub fn new(registry: &Registry) -> ProviderMetrics {
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "doorward_provider_request_duration_seconds",
                "Time that the provider took to respond, by endpoint and outcome.",
            )
            .buckets(BUCKETS.to_vec()),
            &["endpoint", "outcome"],
        );
        let durations = add(registry, durations.expect(FITTING));
        for endpoint in ENDPOINTS {
            for outcome in OUTCOMES {
                durations.with_label_values(&[endpoint.name(), outcome.name()]);
            }
        }
        ProviderMetrics(durations)
    }

    pub fn observe(&self, endpoint: Endpoint, outcome: Outcome, took: Duration) {
        self.0
            .with_label_values(&[endpoint.name(), outcome.name()])
            .observe(took.as_secs_f64());
    }
}

//! The gateway's checks. They are exported only where there is a gateway.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
};

use crate::observe::metrics::{FITTING, METRICS, add};

/// From 20 microseconds, a check from memory, to five seconds, the longest wait for a connection.
const BUCKETS: [f64; 13] = [
    0.00002, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0,
];

pub struct GatewayMetrics {
    checks: IntCounterVec,
    durations: HistogramVec,
    loaded: IntGauge,
}

impl GatewayMetrics {
    pub fn new() -> GatewayMetrics {
        let checks = IntCounterVec::new(
            Opts::new(
                "doorward_gateway_checks_total",
                "Checks of the gateway, by how the proxy asked and by outcome.",
            ),
            &["kind", "outcome"],
        );
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "doorward_gateway_check_duration_seconds",
                "Time that a check took, by how the proxy asked.",
            )
            .buckets(BUCKETS.to_vec()),
            &["kind"],
        );
        let loaded = IntGauge::new(
            "doorward_rules_loaded_timestamp_seconds",
            "When the rules in use were read, in seconds since 1970.",
        );
        GatewayMetrics {
            checks: checks.expect(FITTING),
            durations: durations.expect(FITTING),
            loaded: loaded.expect(FITTING),
        }
    }
}

/// The metrics of one kind. Finding them by their labels would take a lock at each check.
struct OfKind {
    /// By outcome.
    checks: Vec<IntCounter>,
    duration: Histogram,
}

static KINDS: OnceLock<Vec<OfKind>> = OnceLock::new();

/// Exports the checks of these kinds and outcomes from now on.
pub fn know_gateway(kinds: &[&'static str], outcomes: &[&'static str]) {
    KINDS.get_or_init(|| {
        let gateway = &METRICS.gateway;
        add(&METRICS.registry, gateway.checks.clone());
        add(&METRICS.registry, gateway.durations.clone());
        add(&METRICS.registry, gateway.loaded.clone());
        let of_kind = |kind: &&str| OfKind {
            checks: Vec::from_iter(outcomes.iter().map(|outcome| {
                let labels = &[*kind, *outcome];
                gateway.checks.with_label_values(labels)
            })),
            duration: gateway.durations.with_label_values(&[*kind]),
        };
        kinds.iter().map(of_kind).collect()
    });
}

/// A check ended. Kind and outcome are counted as in what [`know_gateway`] was given.
pub fn gateway_check(kind: usize, outcome: usize, took: Duration) {
    let Some(of_kind) = KINDS.get().and_then(|kinds| kinds.get(kind)) else {
        return;
    };
    if let Some(checks) = of_kind.checks.get(outcome) {
        checks.inc();
    }
    of_kind.duration.observe(took.as_secs_f64());
}

/// The rules in use were read at this time, in seconds since 1970.
pub fn rules_loaded(at: i64) {
    METRICS.gateway.loaded.set(at);
}

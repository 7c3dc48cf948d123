//! The gateway's checks. They are exported only where there is a gateway.

use std::sync::Once;
use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts};

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

/// Exports the checks of these kinds and outcomes from now on.
pub fn know_gateway(kinds: &[&'static str], outcomes: &[&'static str]) {
    let gateway = &METRICS.gateway;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        add(&METRICS.registry, gateway.checks.clone());
        add(&METRICS.registry, gateway.durations.clone());
        add(&METRICS.registry, gateway.loaded.clone());
    });
    for kind in kinds {
        gateway.durations.with_label_values(&[kind]);
        for outcome in outcomes {
            gateway.checks.with_label_values(&[kind, outcome]);
        }
    }
}

/// A check ended. Both labels are constants.
pub fn gateway_check(kind: &'static str, outcome: &'static str, took: Duration) {
    let gateway = &METRICS.gateway;
    gateway.checks.with_label_values(&[kind, outcome]).inc();
    gateway
        .durations
        .with_label_values(&[kind])
        .observe(took.as_secs_f64());
}

/// The rules in use were read at this time, in seconds since 1970.
pub fn rules_loaded(at: i64) {
    METRICS.gateway.loaded.set(at);
}

//! The Prometheus metrics. They are static, so that code that counts needs no handle. All label values are constants, so that
//! no request from outside can create a time series.

mod files;
mod gateway;
mod http;
mod logout;
mod provider;
mod recheck;

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    Opts, Registry, TextEncoder,
};

pub use files::file_unusable;
pub use gateway::{gateway_check, know_gateway, rules_loaded};
pub use http::{http_request, know_routes};
pub use logout::{know_logouts, logout_request, sessions_revoked};
pub use provider::{Endpoint, Outcome};
pub use recheck::{Recheck, know_rechecks, rechecked, token_revoked};

use gateway::GatewayMetrics;
use http::HttpMetrics;
use logout::LogoutMetrics;
use provider::ProviderMetrics;
use recheck::RecheckMetrics;

/// From half a millisecond to five seconds, the longest wait for a connection.
const DATABASE_BUCKETS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

struct Metrics {
    registry: Registry,
    http: HttpMetrics,
    gateway: GatewayMetrics,
    logout: LogoutMetrics,
    provider: ProviderMetrics,
    recheck: RecheckMetrics,
    sign_ins: IntCounterVec,
    signed_in: IntCounter,
    query_ok: Histogram,
    query_error: Histogram,
    sessions: Gauge,
    audit_lost: IntCounter,
    log_lines_dropped: IntCounter,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

impl Metrics {
    fn new() -> Metrics {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(
                prometheus::process_collector::ProcessCollector::for_self(),
            ))
            .expect("each name is given once");
        add(&registry, build_info());
        let sign_ins = IntCounterVec::new(
            Opts::new(
                "doorward_sign_ins_total",
                "Sign-ins that ended, by outcome and reason.",
            ),
            &["outcome", "reason"],
        );
        let sign_ins = add(&registry, sign_ins.expect(FITTING));
        let queries = HistogramVec::new(
            HistogramOpts::new(
                "doorward_database_query_duration_seconds",
                "Time that a database query took, the wait for a connection included.",
            )
            .buckets(DATABASE_BUCKETS.to_vec()),
            &["outcome"],
        );
        let queries = add(&registry, queries.expect(FITTING));
        let sessions = Gauge::new(
            "doorward_sessions",
            "Live sessions in the database, the same for every process; NaN while it is unreachable.",
        );
        let audit_lost = IntCounter::new(
            "doorward_audit_events_lost_total",
            "Audit events that are in the log but not in the database: it was unreachable, or unknown clients failed too often.",
        );
        let log_lines_dropped = IntCounter::new(
            "doorward_log_lines_dropped_total",
            "Log lines that were not written: standard error was not read fast enough, or had no reader.",
        );
        Metrics {
            http: HttpMetrics::new(&registry),
            gateway: GatewayMetrics::new(),
            logout: LogoutMetrics::new(&registry),
            provider: ProviderMetrics::new(&registry),
            recheck: RecheckMetrics::new(&registry),
            signed_in: sign_ins.with_label_values(&["success", ""]),
            sign_ins,
            query_ok: queries.with_label_values(&["ok"]),
            query_error: queries.with_label_values(&["error"]),
            sessions: add(&registry, sessions.expect(FITTING)),
            audit_lost: add(&registry, audit_lost.expect(FITTING)),
            log_lines_dropped: add(&registry, log_lines_dropped.expect(FITTING)),
            registry,
        }
    }
}

/// For `expect`: why Prometheus accepts a metric.
const FITTING: &str = "names and labels are constants that a test has tried";

fn add<C: prometheus::core::Collector + Clone + 'static>(registry: &Registry, metric: C) -> C {
    let added = registry.register(Box::new(metric.clone()));
    added.expect("each name is given once");
    metric
}

fn build_info() -> IntGauge {
    let revision = option_env!("DOORWARD_REVISION").unwrap_or("unknown");
    let info = Opts::new("doorward_build_info", "What runs; always 1.")
        .const_label("version", env!("CARGO_PKG_VERSION"))
        .const_label("revision", revision);
    let info = IntGauge::with_opts(info).expect(FITTING);
    info.set(1);
    info
}

/// A sign-in succeeded.
pub fn signed_in() {
    METRICS.signed_in.inc();
}

/// A sign-in failed with `reason`, which is one of those that [`know_reasons`] got.
pub fn sign_in_failed(reason: &'static str) {
    METRICS
        .sign_ins
        .with_label_values(&["failure", reason])
        .inc();
}

/// Exports each reason from the start, with a count of zero, so that the first failure is visible as an increase.
pub fn know_reasons(reasons: impl IntoIterator<Item = &'static str>) {
    for reason in reasons {
        METRICS.sign_ins.with_label_values(&["failure", reason]);
    }
}

/// A query took `took`, and succeeded or not.
pub fn database_query(took: Duration, is_ok: bool) {
    let histogram = match is_ok {
        true => &METRICS.query_ok,
        false => &METRICS.query_error,
    };
    histogram.observe(took.as_secs_f64());
}

/// The provider took `took` to respond.
pub fn provider_request(endpoint: Endpoint, outcome: Outcome, took: Duration) {
    METRICS.provider.observe(endpoint, outcome, took);
}

/// An audit event was not stored in the database.
pub fn audit_event_lost() {
    METRICS.audit_lost.inc();
}

/// `lines` log lines were not written.
pub fn log_lines_dropped(lines: u64) {
    METRICS.log_lines_dropped.inc_by(lines);
}

/// All metrics in Prometheus's text format. `sessions` is the number of live sessions, if it is known.
pub fn render(sessions: Option<f64>) -> Vec<u8> {
    METRICS.sessions.set(sessions.unwrap_or(f64::NAN));
    let mut text = Vec::new();
    TextEncoder::new()
        .encode(&METRICS.registry.gather(), &mut text)
        .expect("a Vec takes everything");
    text
}

//! Requests by route, method and status.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::observe::metrics::{FITTING, METRICS, add};

/// The methods of the routes. Anybody can send others: they share one label.
const METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

/// The statuses that Doorward and the framework respond with. Others share one label.
const STATUSES: [&str; 20] = [
    "200", "303", "304", "400", "403", "404", "405", "408", "411", "413", "414", "415", "417",
    "421", "429", "431", "500", "501", "502", "503",
];

/// The label of all values that are not in a list, so that no request can create a time series.
const OTHER: &str = "other";

/// From half a millisecond, a page from memory, to ten seconds, the longest wait for a provider.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

pub struct HttpMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
}

impl HttpMetrics {
    pub fn new(registry: &Registry) -> HttpMetrics {
        let requests = IntCounterVec::new(
            Opts::new(
                "doorward_http_requests_total",
                "Requests, by route, method and status.",
            ),
            &["route", "method", "status"],
        );
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "doorward_http_request_duration_seconds",
                "Time from the request's headers to the response's, by route.",
            )
            .buckets(BUCKETS.to_vec()),
            &["route"],
        );
        HttpMetrics {
            requests: add(registry, requests.expect(FITTING)),
            durations: add(registry, durations.expect(FITTING)),
        }
    }
}

/// Exports the duration of each route from the start, with a count of zero.
pub fn know_routes(routes: impl IntoIterator<Item = &'static str>) {
    for route in routes {
        METRICS.http.durations.with_label_values(&[route]);
    }
}

/// A request got its response. `route` is a constant, so that no path becomes a label.
pub fn http_request(route: &'static str, method: &str, status: &str, took: Duration) {
    let labels = [route, listed(&METHODS, method), listed(&STATUSES, status)];
    let http = &METRICS.http;
    http.requests.with_label_values(&labels).inc();
    let durations = http.durations.with_label_values(&[route]);
    durations.observe(took.as_secs_f64());
}

fn listed(list: &[&'static str], value: &str) -> &'static str {
    let known = list.iter().find(|known| **known == value);
    known.copied().unwrap_or(OTHER)
}

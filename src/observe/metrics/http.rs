//! Requests by route, method and status.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
};

use crate::http::paths;
use crate::observe::metrics::{FITTING, METRICS, add};

/// What is no route of ours is all the same.
const NO_ROUTE: &str = "none";

const ROUTES: usize = paths::ROUTES.len() + 1;

/// Any method can be sent; those that mean nothing here are all the same.
const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "other"];

/// What Doorward and the framework answer; anything else is the last.
const STATUSES: [&str; 21] = [
    "200", "303", "304", "400", "403", "404", "405", "408", "411", "413", "414", "415", "417",
    "421", "429", "431", "500", "501", "502", "503", "other",
];

/// From half a millisecond, a page from memory, to ten seconds, the longest wait for a provider.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

pub struct HttpMetrics {
    requests: IntCounterVec,
    /// One for each combination, made when it first occurs: the lookup by labels takes a lock, and
    /// combinations that never occur need not be shown.
    counters: [[[OnceLock<IntCounter>; STATUSES.len()]; METHODS.len()]; ROUTES],
    durations: [Histogram; ROUTES],
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
                "Time from the request's headers to the answer's, by route.",
            )
            .buckets(BUCKETS.to_vec()),
            &["route"],
        );
        let durations = add(registry, durations.expect(FITTING));
        HttpMetrics {
            requests: add(registry, requests.expect(FITTING)),
            counters: Default::default(),
            durations: std::array::from_fn(|route| durations.with_label_values(&[name(route)])),
        }
    }

    fn counter(&self, route: usize, method: usize, status: usize) -> &IntCounter {
        self.counters[route][method][status].get_or_init(|| {
            let labels = [name(route), METHODS[method], STATUSES[status]];
            self.requests.with_label_values(&labels)
        })
    }
}

fn name(route: usize) -> &'static str {
    paths::ROUTES.get(route).copied().unwrap_or(NO_ROUTE)
}

/// A request for `path` was answered with `status`.
pub fn http_request(path: &str, method: &str, status: u16, took: Duration) {
    let http = &METRICS.http;
    let route = paths::route(path).unwrap_or(ROUTES - 1);
    let method = METHODS.iter().position(|known| *known == method);
    let mut digits = [0; 3];
    for (digit, place) in digits.iter_mut().zip([100, 10, 1]) {
        *digit = b'0' + (status / place % 10) as u8;
    }
    let status = STATUSES.iter().position(|known| known.as_bytes() == digits);
    let counter = http.counter(
        route,
        method.unwrap_or(METHODS.len() - 1),
        status.unwrap_or(STATUSES.len() - 1),
    );
    counter.inc();
    http.durations[route].observe(took.as_secs_f64());
}

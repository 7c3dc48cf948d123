//! What Prometheus gets, read as strictly as its text format is written.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::process::{PATIENCE, Process, free_addr, get, provider_for};
use crate::support::provider::{Canned, Endpoint, Provider, demo_people};
use crate::support::{TestApp, Visitor};

/// The samples of one exposition, by name and labels as they are written.
struct Exposition {
    types: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Exposition {
    fn of(addr: SocketAddr) -> Exposition {
        let answer = get(addr, "/metrics").expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(
            head.contains("content-type: text/plain; version=0.0.4"),
            "{head}"
        );
        Exposition::parse(body)
    }

    /// Each family has its help, then its type, then its samples, and none comes twice.
    fn parse(text: &str) -> Exposition {
        assert!(text.ends_with('\n'));
        let (mut types, mut samples) = (BTreeMap::new(), BTreeMap::new());
        let mut family = String::new();
        let mut helped = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, text) = help.split_once(' ').expect("a help text");
                assert!(
                    text.ends_with('.') || name.starts_with("process_"),
                    "{line}"
                );
                helped = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(helped, name, "the help comes first");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(
                    kind == "counter",
                    name.ends_with("_total"),
                    "counters alone are totals: {line}"
                );
                let twice = types.insert(name.to_owned(), kind.to_owned());
                assert_eq!(twice, None, "{line}");
                family = name.to_owned();
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let name = series.split('{').next().unwrap();
                let of_family = match types[&family].as_str() {
                    "histogram" => ["_bucket", "_sum", "_count"]
                        .iter()
                        .any(|part| name == format!("{family}{part}")),
                    _ => name == family,
                };
                assert!(of_family, "{line} is not of {family}");
                let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(name.chars().all(is_plain), "{line}");
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert_eq!(samples.insert(series.to_owned(), value), None, "{line}");
            }
        }
        let exposition = Exposition { types, samples };
        exposition.check_histograms();
        exposition
    }

    /// Buckets rise, and the last one is the count.
    fn check_histograms(&self) {
        let buckets = self.samples.iter().filter_map(|(series, value)| {
            let (series, bound) = series.strip_suffix("\"}")?.rsplit_once("le=\"")?;
            let bound: f64 = bound.parse().unwrap();
            Some((series.trim_end_matches(',').to_owned(), bound, *value))
        });
        let mut all: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (series, bound, value) in buckets {
            all.entry(series).or_default().push((bound, value));
        }
        assert!(!all.is_empty());
        for (series, mut buckets) in all {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by_key(|bucket| bucket.1), "{series}");
            let (bound, last) = *buckets.last().unwrap();
            let count = match series.replace("_bucket{", "_count{") {
                bare if bare.ends_with('{') => bare.trim_end_matches('{').to_owned(),
                labelled => format!("{labelled}}}"),
            };
            assert_eq!(
                (bound, last),
                (f64::INFINITY, self.samples[&count]),
                "{series}"
            );
        }
    }

    fn value(&self, series: &str) -> f64 {
        let value = self.samples.get(series);
        *value.unwrap_or_else(|| panic!("{series} is not among {:#?}", self.samples.keys()))
    }

    /// The values of a label, over all series of a name.
    fn labels(&self, name: &str, label: &str) -> BTreeSet<String> {
        let series = self
            .samples
            .keys()
            .filter(|key| key.starts_with(&format!("{name}{{")));
        let values = series.filter_map(|key| {
            let (_, rest) = key.split_once(&format!("{label}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        });
        values.collect()
    }
}

/// A Doorward with a provider that works, and where its metrics are.
struct Watched {
    _process: Process,
    provider: Provider,
    url: String,
    addr: SocketAddr,
    metrics: SocketAddr,
    rules: tempfile::NamedTempFile,
}

fn watched() -> Watched {
    watched_with(&[])
}

fn watched_with(settings: &[(&str, &str)]) -> Watched {
    let (addr, metrics) = (free_addr(), free_addr());
    let url = format!("http://{addr}");
    let provider = provider_for(&url, demo_people());
    let rules = tempfile::NamedTempFile::new().unwrap();
    let rule = "[[rule]]\nname='wiki'\nhosts=['wiki.test']\nallow='signed-in'\n";
    std::fs::write(rules.path(), rule).unwrap();
    let (issuer, metrics_addr) = (provider.issuer(), metrics.to_string());
    let gateway_addr = free_addr().to_string();
    let own = [
        ("OIDC_ISSUER", issuer.as_str()),
        ("PUBLIC_URL", &url),
        ("DATABASE_URL", "metrics.db"),
        ("METRICS_ADDR", &metrics_addr),
        ("GATEWAY_ADDR", &gateway_addr),
        ("RULES_FILE", rules.path().to_str().unwrap()),
        ("TRUSTED_PROXIES", "127.0.0.2"),
    ];
    let mut process = Process::doorward(addr, &[&own[..], settings].concat());
    process.answers(addr);
    Watched {
        _process: process,
        provider,
        url,
        addr,
        metrics,
        rules,
    }
}

#[actix_web::test]
async fn a_sign_in_is_counted_and_timed_at_each_of_its_steps() {
    let watched = watched();
    let before = Exposition::of(watched.metrics);
    assert_eq!(
        before.value("doorward_sign_ins_total{outcome=\"success\",reason=\"\"}"),
        0.0
    );
    let no_code = "doorward_sign_ins_total{outcome=\"failure\",reason=\"no_code\"}";
    assert_eq!(before.value(no_code), 0.0, "known before the first one");

    let ada = Visitor::new(&watched.url);
    assert_eq!(ada.sign_in("ada").await.status, 303);
    assert_eq!(ada.get("/profile").await.status, 200);
    assert_eq!(ada.get("/authorization-code/callback").await.status, 403);

    let after = Exposition::of(watched.metrics);
    assert_eq!(
        after.value("doorward_sign_ins_total{outcome=\"success\",reason=\"\"}"),
        1.0
    );
    assert_eq!(after.value(no_code), 1.0);
    for endpoint in ["discovery", "keys", "token", "userinfo"] {
        let asked = "doorward_provider_request_duration_seconds_count";
        let asked = format!("{asked}{{endpoint=\"{endpoint}\",outcome=\"ok\"}}");
        assert_eq!(after.value(&asked), 1.0, "{endpoint}");
    }
    for (route, method, status, count) in [
        ("/login", "GET", 303, 1.0),
        ("/authorization-code/callback", "GET", 303, 1.0),
        ("/authorization-code/callback", "GET", 403, 1.0),
        ("/profile", "GET", 200, 1.0),
    ] {
        let requests = format!(
            "doorward_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
        );
        assert_eq!(after.value(&requests), count, "{requests}");
    }
    let took = "doorward_http_request_duration_seconds_count{route=\"/profile\"}";
    assert_eq!(after.value(took), 1.0);
    let queries = "doorward_database_query_duration_seconds_count{outcome=\"ok\"}";
    assert!(after.value(queries) > before.value(queries));
}

#[actix_web::test]
async fn the_live_sessions_are_counted_when_somebody_asks() {
    let watched = watched();
    for person in ["ada", "grace"] {
        Visitor::new(&watched.url).sign_in(person).await;
    }
    let exposition = Exposition::of(watched.metrics);
    assert_eq!(exposition.value("doorward_sessions"), 2.0);
    assert!(exposition.value("process_resident_memory_bytes") > 0.0);
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("doorward_build_info{{revision=\"unknown\",version=\"{version}\"}}");
    assert_eq!(exposition.value(&build), 1.0);
}

/// The status says all: 200 is a success, also with a page in the body.
///
/// RFC 7009 2.2
#[actix_web::test]
async fn a_revocation_is_counted_by_its_status() {
    let watched = watched_with(&[
        ("SESSION_RECHECK", "15m"),
        ("OIDC_SCOPES", "openid profile email offline_access"),
    ]);
    for (status, outcome) in [(200, "ok"), (503, "failed")] {
        watched.provider.faults(|faults| {
            let page = Canned::html(status, "<html>Revoked, or not.</html>");
            faults.canned.insert(Endpoint::Revoke, page);
        });
        let ada = Visitor::new(&watched.url);
        assert_eq!(ada.sign_in("ada").await.status, 303);
        assert_eq!(ada.post("/logout", "").await.status, 303);
        let series = format!("doorward_token_revocations_total{{outcome=\"{outcome}\"}}");
        let deadline = Instant::now() + PATIENCE;
        while Exposition::of(watched.metrics).value(&series) < 1.0 {
            assert!(Instant::now() < deadline, "{series}");
            actix_web::rt::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let exposition = Exposition::of(watched.metrics);
    for outcome in ["ok", "failed"] {
        let series = format!("doorward_token_revocations_total{{outcome=\"{outcome}\"}}");
        assert_eq!(exposition.value(&series), 1.0, "{outcome}");
    }
}

/// Made-up paths and methods create no series.
#[actix_web::test]
async fn labels_are_lists_of_ours() {
    let watched = watched();
    let stranger = Visitor::new(&watched.url);
    for number in 0..20 {
        stranger
            .get(&format!("/made-up/{number}?secret={number}"))
            .await;
        stranger.get(&format!("/assets/{number}.css")).await;
        let method = awc::http::Method::from_bytes(format!("MADEUP{number}").as_bytes()).unwrap();
        stranger.send(method, "/login", &[], "").await;
    }
    let exposition = Exposition::of(watched.metrics);
    let name = "doorward_http_requests_total";
    let routes: Vec<_> = exposition.labels(name, "route").into_iter().collect();
    assert_eq!(routes, ["/assets/{file}", "/healthz", "/login", "none"]);
    let methods: Vec<_> = exposition.labels(name, "method").into_iter().collect();
    assert_eq!(methods, ["GET", "other"]);
    let strays = "doorward_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"}";
    assert_eq!(exposition.value(strays), 20.0);
}

#[actix_web::test]
async fn strangers_get_no_metrics() {
    let watched = watched();
    let public = get(watched.addr, "/metrics").unwrap();
    assert!(public.starts_with("HTTP/1.1 404"), "{public}");
    let private = get(watched.metrics, "/profile").unwrap();
    assert!(private.starts_with("HTTP/1.1 404"), "{private}");
    let app = TestApp::spawn();
    assert_eq!(app.visitor().get("/metrics").await.status, 404);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let mut doorward = Process::doorward(
        free_addr(),
        &[("METRICS_ADDR", &taken), ("DATABASE_URL", "taken.db")],
    );
    let printed = doorward.gives_up();
    assert!(printed.contains("Check METRICS_ADDR"), "{printed}");
}

/// The metrics that the dashboard and the alerts query exist, or those would stay empty.
#[actix_web::test]
async fn every_metric_that_the_dashboard_and_the_alerts_name_exists() {
    let types = Exposition::of(watched().metrics).types;
    let read = |path: &str| {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    let dashboard: Value = serde_json::from_str(&read("docs/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut asked = String::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        for target in panel["targets"].as_array().unwrap() {
            asked.push_str(target["expr"].as_str().unwrap());
            asked.push('\n');
        }
    }
    let alerts = read("docs/alerts.yaml");
    let rules = alerts.matches("- alert:").count();
    assert!(rules >= 5 && alerts.matches("summary:").count() == rules);

    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut named = BTreeSet::new();
    for word in format!("{asked}{alerts}").split(|c| !is_name(c)) {
        if !word.starts_with("doorward_") && !word.starts_with("process_") {
            continue;
        }
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| word.strip_suffix(part))
            .filter(|family| types.contains_key(*family));
        let family = family.unwrap_or(word);
        assert!(types.contains_key(family), "{word} does not exist");
        named.insert(family.to_owned());
    }
    for (name, _) in types
        .iter()
        .filter(|(name, _)| name.starts_with("doorward_"))
    {
        assert!(named.contains(name), "nothing shows {name}");
    }
}

mod slow {
    use super::*;

    /// Waits until the gauge has this value.
    fn wait_for(watched: &Watched, expected: f64) {
        let deadline = Instant::now() + PATIENCE;
        let series = "doorward_file_unusable{setting=\"RULES_FILE\"}";
        let now = || Exposition::of(watched.metrics).samples.get(series).copied();
        while now() != Some(expected) {
            assert!(Instant::now() < deadline, "{:?}", now());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[actix_web::test]
    async fn a_file_whose_new_content_is_of_no_use_is_told_until_it_is_repaired() {
        let watched = watched();
        let path = watched.rules.path();
        let good = std::fs::read(path).unwrap();
        wait_for(&watched, 0.0);
        std::fs::write(path, "[[rule]]\ncolor = 1\n").unwrap();
        wait_for(&watched, 1.0);
        std::fs::write(path, &good).unwrap();
        wait_for(&watched, 0.0);
        std::fs::rename(path, path.with_extension("away")).unwrap();
        wait_for(&watched, 1.0);
        std::fs::rename(path.with_extension("away"), path).unwrap();
        wait_for(&watched, 0.0);
    }
}

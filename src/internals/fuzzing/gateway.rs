//! What a proxy passes on, and what an operator writes: descriptions of requests, paths, rules.

use std::sync::LazyLock;

use crate::gateway::Headers;
use crate::gateway::host::{Host, Scheme};
use crate::gateway::malformed::Malformed;
use crate::gateway::original_request::{OriginalRequest, ext_authz, forward, request};
use crate::gateway::path::{Target, URI_LIMIT};
use crate::gateway::rules::pattern::HostPattern;
use crate::gateway::rules::{Rule, Rules};

/// Names and values.
struct Lines<'i>(Vec<(String, &'i [u8])>);

impl Headers for Lines<'_> {
    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let of_name = move |line: &&(String, &'a [u8])| line.0 == name;
        self.0.iter().filter(of_name).map(|(_, value)| *value)
    }
}

impl<'i> Lines<'i> {
    fn only(&self, names: &[&str]) -> Lines<'i> {
        let is_named = |line: &&(String, &[u8])| names.contains(&line.0.as_str());
        Lines(self.0.iter().filter(is_named).cloned().collect())
    }
}

/// What each way of asking reads.
const FORWARD: [&str; 4] = [
    "x-forwarded-method",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-uri",
];
const REQUEST: [&str; 2] = ["x-original-method", "x-original-url"];
const EXT_AUTHZ: [&str; 2] = ["host", "x-forwarded-proto"];
const OVERRIDES: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// A method, a space and a target; then headers, one a line. Each way of asking reads its own headers and no other, takes
/// none of them twice, and what it accepts is well-formed.
pub fn asked(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let space = first.iter().position(|byte| *byte == b' ');
    let (method, uri) = first.split_at(space.unwrap_or(first.len()));
    let (Ok(method), uri) = (str::from_utf8(method), uri.get(1..).unwrap_or_default()) else {
        return;
    };
    let headers = lines.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = str::from_utf8(&line[..colon]).ok()?;
        Some((name.to_ascii_lowercase(), line[colon + 1..].trim_ascii()))
    });
    let headers = Lines(headers.collect());
    check(&headers, &FORWARD, forward);
    check(&headers, &REQUEST, request);
    check(&headers, &EXT_AUTHZ, |headers| {
        ext_authz(headers, method, uri, Scheme::Https)
    });
}

fn check<'i>(
    headers: &Lines<'i>,
    names: &[&str],
    read: impl for<'a> Fn(&'a Lines<'i>) -> Result<OriginalRequest<'a>, Malformed>,
) {
    let own = headers.only(&[names, &OVERRIDES].concat());
    assert_eq!(read(headers), read(&own));
    let Ok(original) = read(&own) else {
        return;
    };
    for name in names {
        let mut twice = headers.only(&[names, &OVERRIDES].concat());
        let again = twice.0.iter().find(|line| line.0 == *name).cloned();
        if let Some(again) = again {
            twice.0.push(again);
            assert!(read(&twice).is_err(), "{name}");
        }
    }
    let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
    assert!((1..=20).contains(&original.method.len()) && original.method.bytes().all(is_capital));
    assert!(!["CONNECT", "TRACE"].contains(&original.method));
    let path = &original.target.path;
    assert!(path.starts_with('/') && !path.contains('?'));
    let url = original.url();
    assert!(
        url.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#'),
        "{url}"
    );
    // What is longer once its UTF-8 is escaped goes without its query, or not at all.
    if url.len() - original.origin().len() <= URI_LIMIT {
        let again = OriginalRequest::of_url(original.method, &url).expect("it was read before");
        assert_eq!(
            (again.scheme, &again.host, &again.target),
            (original.scheme, &original.host, &original.target)
        );
    }
}

/// A path, and in a second line a header that overrides the method. Whatever an app makes of them, it is at the rule that
/// was selected, or none was.
pub fn place(input: &[u8]) {
    static RULES: LazyLock<Rules> = LazyLock::new(|| {
        let text = "
            [[rule]]\nname = 'guarded'\nhosts = ['a.test']\nallow = 'nobody'
            paths = ['/admin', '/api/*/keys', '=/Top', '/a/b']\n
            [[rule]]\nname = 'writes'\nhosts = ['*.test']\nmethods = ['DELETE']\nallow = 'nobody'\n
            [[rule]]\nname = 'open'\nhosts = ['a.test']\nallow = 'public'
            paths = ['/public', '/admin-help', '=/', '/api', '/a']\n
            [[rule]]\nname = 'all'\nhosts = ['b.test']\nallow = 'signed-in'";
        Rules::parse(text).expect("they are fine")
    });
    let mut lines = input.split(|byte| *byte == b'\n');
    let path = lines.next().unwrap_or_default();
    let method_overrides: Vec<&[u8]> = lines.collect();
    let Some(target) = Target::parse(path) else {
        return;
    };
    for host in ["a.test", "b.test", "c.test", "d.example"] {
        let host = Host::parse(host, Scheme::Https).expect("it is one");
        RULES.select_and_try(&OriginalRequest {
            method: "GET",
            scheme: Scheme::Https,
            is_websocket: false,
            host,
            target: target.clone(),
            method_overrides: method_overrides.clone(),
        });
    }
}

/// A rules file: its faults have lines, and if it has none, each rule's own hosts and paths lead to the rule that is first
/// when each is tried.
pub fn rules(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let rules = match Rules::parse(text) {
        Ok(rules) => rules,
        Err(faults) => {
            let lines = 1 + text.matches('\n').count();
            assert!(!faults.is_empty());
            for fault in faults {
                assert!((1..=lines).contains(&fault.line) && !fault.fault.is_empty());
            }
            return;
        }
    };
    assert!(!rules.all().is_empty());
    for rule in rules.all().iter().take(8) {
        for host in rule.hosts.iter().take(4).map(host_of) {
            assert!(rules.knows_host(&host), "{host}");
            for path in paths_of(rule) {
                select(&rules, rule, &host, &path);
            }
        }
    }
}

fn select(rules: &Rules, rule: &Rule, host: &str, path: &str) {
    let own = rule.methods.first().map_or("GET", String::as_str);
    let scheme = Scheme::Https;
    for method in [own, "HEAD"] {
        let (Some(host), Some(target)) =
            (Host::parse(host, scheme), Target::parse(path.as_bytes()))
        else {
            continue;
        };
        rules.select_and_try(&OriginalRequest {
            method,
            scheme,
            is_websocket: false,
            host,
            target,
            method_overrides: Vec::new(),
        });
    }
}

fn host_of(pattern: &HostPattern) -> String {
    match pattern {
        HostPattern::Host(host) => host.clone(),
        HostPattern::BelowParent(parent) => format!("x.{parent}"),
    }
}

fn paths_of(rule: &Rule) -> Vec<String> {
    let own = rule
        .paths
        .iter()
        .take(4)
        .map(|path| path.text().replace('*', "x"));
    let mut paths: Vec<String> = own.collect();
    paths.extend(paths.clone().into_iter().flat_map(|path| {
        [
            format!("{path}/x"),
            format!("{path}x"),
            path.to_ascii_uppercase(),
        ]
    }));
    paths.push("/".to_owned());
    paths
}

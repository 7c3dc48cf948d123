//! The indexes find what trying each rule in turn finds, whatever the rules and the request are.

use proptest::prelude::*;

use std::net::IpAddr;

use super::*;
use crate::gateway::original_request::overriding_method;
use crate::gateway::path::{ignoring_case, readings};

/// A rule's place: hosts, paths, methods and networks, each a few of these.
fn place() -> impl Strategy<Value = Rule> {
    let some = |of: &'static [&'static str], most| {
        prop::collection::vec(prop::sample::select(of), 0..=most)
    };
    let hosts = some(&["a.test", "*.test", "b.test", "*.a.test", "test"], 3);
    let paths = some(
        &[
            "/", "=/", "/a", "=/a", "=/a/", "/A", "=/A/b", "/a/b", "/*", "=/*", "=/*/", "/*/b",
            "/a/*", "/*/*", "=/a/*/b", "/.a", "/a.b", "/a/*/A", "/b", "/a,b",
        ],
        4,
    );
    let methods = some(&["GET", "POST", "DELETE", "OPTIONS"], 2);
    let networks = some(&["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"], 1);
    (hosts, paths, methods, networks).prop_map(|(hosts, paths, methods, networks)| {
        let host = |text| HostPattern::parse(text).unwrap();
        let path = |text| PathPattern::parse(text).unwrap();
        Rule {
            name: String::new(),
            line: 1,
            hosts: hosts.into_iter().map(host).collect(),
            paths: paths.into_iter().map(path).collect(),
            methods: methods.into_iter().map(str::to_owned).collect(),
            networks: networks.into_iter().map(|it| it.parse().unwrap()).collect(),
            allow: Allow::Public,
            max_age: None,
            acr: Vec::new(),
            cors_origins: Vec::new(),
        }
    })
}

/// Paths that some of the places fit, and odd ones.
fn path() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "/", "/a", "/b", "/A", "/*", "/a.b", "/.a", "/a,b", "/..", "/.", "//", "\\", ";", "%2f",
        "%3f", "%2e%2e", "%61", "%2541", "%c4%b1", "*", "a",
    ]);
    prop::collection::vec(part, 0..6).prop_map(|parts| {
        let path = parts.concat();
        match path.starts_with('/') {
            true => path,
            false => format!("/{path}"),
        }
    })
}

/// What the documentation says, word by word: the number of the first rule whose place fits, if each reading leads to it.
fn tried(
    rules: &[Rule],
    request: &OriginalRequest<'_>,
    client: Option<IpAddr>,
) -> Option<Option<usize>> {
    let host = request.host.as_str();
    // Of the clients there are, each is in a network of the rule or not; then its networks say no more.
    let without_networks = |rule: &Rule| Rule {
        networks: Vec::new(),
        ..rule.clone()
    };
    let is_for = |rule: &Rule| {
        let contains = |network: &IpNet| client.is_some_and(|client| network.contains(&client));
        rule.networks.is_empty() || rule.networks.iter().any(contains)
    };
    let of_host = |rule: &&Rule| {
        let anywhere = Rule {
            paths: Vec::new(),
            methods: Vec::new(),
            ..without_networks(rule)
        };
        anywhere.fits(host, "GET", b"/")
    };
    let by_path = rules.iter().filter(of_host).any(|it| !it.paths.is_empty());
    let by_method = rules
        .iter()
        .filter(of_host)
        .any(|it| !it.methods.is_empty());
    let paths = match by_path {
        true => readings(&request.target.path)?,
        false => vec![request.target.path.as_bytes().to_vec()],
    };
    let mut methods = vec![request.method.to_owned()];
    if by_method {
        for value in &request.method_overrides {
            methods.push(overriding_method(value)?.into_owned());
        }
    }
    let mut found = Vec::new();
    for path in paths {
        for method in &methods {
            for ignores_case in [false, true] {
                let path = match ignores_case {
                    true => ignoring_case(&path),
                    false => path.clone(),
                };
                found.push(rules.iter().position(|rule| {
                    let mut rule = Rule {
                        networks: if is_for(rule) {
                            Vec::new()
                        } else {
                            rule.networks.clone()
                        },
                        ..rule.clone()
                    };
                    if ignores_case {
                        let lower = |pattern: &PathPattern| {
                            PathPattern::parse(&pattern.to_string().to_ascii_lowercase()).unwrap()
                        };
                        rule.paths = rule.paths.iter().map(lower).collect();
                    }
                    rule.fits(host, method, &path)
                }));
            }
        }
    }
    found.dedup();
    match found[..] {
        [one] => Some(one),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_indexes_find_the_first_rule_that_fits(
        places in prop::collection::vec(place(), 0..12),
        paths in prop::collection::vec(path(), 12),
        host in prop::sample::select(vec!["a.test", "b.test", "x.a.test", "test", "A.TEST.", "a.test:8443"]),
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "OPTIONS"]),
        overrides in prop::collection::vec(prop::sample::select(vec!["GET", " delete", "", "x y"]), 0..2),
        client in prop::sample::select(vec![None, Some("10.1.2.3"), Some("10.2.0.1"), Some("2001:db8::1"), Some("192.0.2.1")]),
    ) {
        let client = client.map(|client| client.parse().unwrap());
        let rules = Rules::new(places);
        for path in &paths {
            let Some(target) = Target::parse(path.as_bytes()) else { continue };
            let request = OriginalRequest {
                method,
                scheme: Scheme::Https,
                is_websocket: false,
                host: Host::parse(host, Scheme::Https).unwrap(),
                target,
                method_overrides: overrides.iter().map(|it| it.as_bytes()).collect(),
            };
            let found = match rules.select(&request, client) {
                Selected::Ambiguous => None,
                Selected::NoRule => Some(None),
                Selected::Rule(rule) => {
                    Some(rules.all().iter().position(|it| std::ptr::eq(it, rule)))
                }
            };
            prop_assert_eq!(found, tried(rules.all(), &request, client), "{} {}", host, path);
        }
    }
}

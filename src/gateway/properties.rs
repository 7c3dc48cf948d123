//! What must hold for any input.

use proptest::prelude::*;

use super::Headers;
use super::host::{Host, Scheme};
use super::original_request::tests::Pairs;
use super::original_request::{self, OriginalRequest, ext_authz, forward};
use super::path::{Target, is_plain, readings};
use super::rules::{Rules, Selected};

/// Paths of the characters that matter.
fn path() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "/", "/", "/", "..", ".", ";", "%2e", "%2E", "%2f", "%5c", "%3b", "%25", "25", "2e", "2f",
        "\\", "a", "A", "admin", "public", "%61", "%c3%a4", "?", "x",
    ]);
    prop::collection::vec(part, 0..12).prop_map(|parts| format!("/{}", parts.concat()))
}

/// Paths in the neighbourhood of [`place`].
fn path_among_places() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "/a", "/A", "/admin", "/public", "/x", "/b", "/..", "/.", "/", ";y", "%2e%2e", "%2f",
        "%5c..", "\\", "/%61", "/%2561", "%25",
    ]);
    prop::collection::vec(part, 0..6)
        .prop_map(|parts| format!("/{}", parts.concat()).replacen("//", "/", 1))
}

/// What selects a rule, as in the file.
fn place() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "A", "admin", "public", "x", "*"]);
    let path = prop::collection::vec(segment, 1..4).prop_map(|it| format!("/{}", it.join("/")));
    let mark = prop::sample::select(vec!["", "", "="]);
    let paths = (mark, path).prop_map(|(mark, path)| format!("paths=['{mark}{path}']\n"));
    let methods = prop::sample::select(vec!["", "", "methods=['GET']\n", "methods=['DELETE']\n"]);
    let hosts = prop::sample::select(vec!["hosts=['a.test']\n", "hosts=['*.test']\n"]);
    (hosts, prop::option::of(paths), methods).prop_map(|(hosts, paths, methods)| {
        format!("{hosts}{}{methods}", paths.unwrap_or_default())
    })
}

fn rule(name: &str, place: &str) -> String {
    format!("[[rule]]\nname='{name}'\nallow='public'\n{place}")
}

fn request<'a>(
    method: &'a str,
    path: &'a str,
    overrides: Vec<&'a [u8]>,
) -> Option<OriginalRequest<'a>> {
    Some(OriginalRequest {
        method,
        scheme: Scheme::Https,
        is_websocket: false,
        host: Host::parse("a.test", Scheme::Https)?,
        target: Target::parse(path.as_bytes())?,
        method_overrides: overrides,
    })
}

proptest! {
    #[test]
    fn no_header_panics(name in "[a-z-]{0,20}", value in ".{0,100}", path in path()) {
        let pairs = [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", &value),
            ("x-forwarded-uri", &path),
            ("x-original-url", &value),
            ("host", &value),
            (&name, &value),
        ];
        let headers = Pairs(&pairs);
        let _ = (forward(&headers), original_request::request(&headers), ext_authz(&headers, &value, value.as_bytes(), Scheme::Http));
        prop_assert!(headers.values("nothing-of-this-name-").next().is_none());
    }

    #[test]
    fn no_rules_file_panics(text in "(\\[\\[rule\\]\\]\n|name = |hosts = |\\[|\\]|\"|'|a.test|\\*|/x|=|\n|,|allow|public|[^a]){0,40}") {
        let _ = Rules::parse(&text);
    }

    #[test]
    fn a_host_that_was_read_reads_as_itself(text in "[a-zA-Z0-9.:\\[\\]-]{0,30}") {
        for scheme in [Scheme::Http, Scheme::Https] {
            if let Some(host) = Host::parse(&text, scheme) {
                prop_assert_eq!(Host::parse(host.as_str(), scheme), Some(host.clone()));
            }
        }
    }

    #[test]
    fn a_path_that_was_sent_is_one_of_its_readings(path in path()) {
        let Some(target) = Target::parse(path.as_bytes()) else { return Ok(()) };
        if let Some(readings) = readings(&target.path) {
            prop_assert!(readings.contains(&target.path.as_bytes().to_vec()));
            prop_assert!(readings.iter().all(|reading| reading.first() == Some(&b'/')));
        }
    }

    /// Whatever a chain of servers does with a path, what comes out is one of its readings.
    #[test]
    fn a_reading_of_a_reading_is_a_reading(path in path()) {
        let Some(target) = Target::parse(path.as_bytes()) else { return Ok(()) };
        let all = readings(&target.path).unwrap_or_default();
        for reading in all.iter().filter_map(|it| std::str::from_utf8(it).ok()) {
            let again = readings(reading).unwrap();
            prop_assert!(again.iter().all(|it| all.contains(it)), "{path}: {reading}");
        }
    }

    #[test]
    fn a_canonical_path_reads_as_itself(path in path()) {
        let Some(target) = Target::parse(path.as_bytes()) else { return Ok(()) };
        let read = |path: &[u8]| readings(std::str::from_utf8(path).ok()?);
        let reads_as_itself = |path: &Vec<u8>| read(path).is_some_and(|it| it == [path.clone()]);
        if is_plain(target.path.as_bytes()) {
            prop_assert!(reads_as_itself(&target.path.as_bytes().to_vec()));
        }
        // Decoding, cutting and removing end somewhere; what is no UTF-8 then can't be sent again.
        let readings = readings(&target.path).unwrap_or_default();
        if !readings.is_empty() && readings.iter().all(|it| std::str::from_utf8(it).is_ok()) {
            prop_assert!(readings.iter().any(reads_as_itself), "{path}");
        }
    }

    /// However an app reads what is let through by the looser rule, the stricter rule does not fit it.
    #[test]
    fn no_reading_of_what_one_rule_lets_through_leads_to_another(
        places in (place(), place()),
        paths in prop::collection::vec(path_among_places(), 20),
        method in prop::sample::select(vec!["GET", "HEAD", "POST"]),
        overrides in prop::collection::vec(prop::sample::select(vec!["GET", "delete", "", "x y"]), 0..2),
    ) {
        let text = rule("one", &places.0) + &rule("other", &places.1);
        let Ok(rules) = Rules::parse(&text) else { return Ok(()) };
        let overrides: Vec<&[u8]> = overrides.iter().map(|it| it.as_bytes()).collect();
        for path in &paths {
            if let Some(request) = request(method, path, overrides.clone()) {
                rules.select_and_try(&request);
            }
        }
    }

    #[test]
    fn a_hidden_rule_is_one_that_no_request_reaches(
        places in (place(), place()),
        path in path(),
        method in prop::sample::select(vec!["GET", "DELETE", "POST"]),
    ) {
        let [one, other] = [&places.0, &places.1].map(|place| Rules::parse(&rule("a", place)).unwrap());
        let both = Rules::parse(&(rule("one", &places.0) + &rule("other", &places.1)));
        let fits = |rules: &Rules| rules.all()[0].fits("a.test", method, path.as_bytes());
        let covers = |one: &Rules, other: &Rules| {
            let (one, other) = (&one.all()[0], &other.all()[0]);
            one.hosts.iter().all(|host| *host == other.hosts[0] || host.to_string() == "*.test")
                && (one.methods.is_empty() || one.methods == other.methods)
                && one.paths.iter().all(|path| other.paths.iter().any(|it| path.covers(it)))
        };
        prop_assert_eq!(both.is_err(), covers(&one, &other));
        prop_assert!(both.is_ok() || !fits(&other) || fits(&one));
    }

    /// However an app reads a path that is let through by the looser rule, the stricter rule does not fit it.
    #[test]
    fn no_reading_of_what_is_public_is_guarded(path in path(), guarded in "(/[a-z]{1,6}){1,2}|/admin|/public/admin|/a") {
        let text = format!(
            "[[rule]]\nname='guarded'\nhosts=['a.test']\npaths=['{guarded}']\nallow='nobody'\n\
             [[rule]]\nname='public'\nhosts=['a.test']\nallow='public'"
        );
        let rules = Rules::parse(&text).unwrap();
        let Some(request) = request("GET", &path, Vec::new()) else { return Ok(()) };
        let Selected::Rule(rule) = rules.select(&request, None) else { return Ok(()) };
        if rule.name == "public" {
            let target = Target::parse(path.as_bytes()).unwrap();
            for reading in readings(&target.path).unwrap() {
                let lower = reading.to_ascii_lowercase();
                let below = [guarded.as_bytes(), b"/"].concat();
                prop_assert!(lower != guarded.as_bytes() && !lower.starts_with(&below), "{path}");
            }
        }
    }
}

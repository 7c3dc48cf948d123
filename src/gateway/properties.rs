//! What must hold for any input.

use proptest::prelude::*;

use super::Headers;
use super::host::{Host, Scheme};
use super::original_request::tests::Pairs;
use super::original_request::{OriginalRequest, ext_authz, forward, request};
use super::path::{Target, readings};
use super::rules::{Rules, Selected};

/// Paths of the characters that matter.
fn path() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "/", "/", "/", "..", ".", ";", "%2e", "%2E", "%2f", "%5c", "%3b", "%25", "25", "2e", "2f",
        "\\", "a", "A", "admin", "public", "%61", "%c3%a4", "?", "x",
    ]);
    prop::collection::vec(part, 0..12).prop_map(|parts| format!("/{}", parts.concat()))
}

fn select<'r>(rules: &'r Rules, path: &str) -> Option<Selected<'r>> {
    let request = OriginalRequest {
        method: "GET",
        scheme: Scheme::Https,
        is_websocket: false,
        host: Host::parse("a.test", Scheme::Https)?,
        target: Target::parse(path.as_bytes())?,
        method_overrides: Vec::new(),
    };
    Some(rules.select(&request, None))
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
        let _ = (forward(&headers), request(&headers), ext_authz(&headers, &value, value.as_bytes(), Scheme::Http));
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

    /// However an app reads a path that is let through by the looser rule, the stricter rule does not fit it.
    #[test]
    fn no_reading_of_what_is_public_is_guarded(path in path(), guarded in "(/[a-z]{1,6}){1,2}|/admin|/public/admin|/a") {
        let text = format!(
            "[[rule]]\nname='guarded'\nhosts=['a.test']\npaths=['{guarded}']\nallow='nobody'\n\
             [[rule]]\nname='public'\nhosts=['a.test']\nallow='public'"
        );
        let rules = Rules::parse(&text).unwrap();
        let Some(Selected::Rule(rule)) = select(&rules, &path) else { return Ok(()) };
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

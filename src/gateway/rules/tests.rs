mod advisories;
mod first_match;

use super::*;
use crate::gateway::host::{Host, Scheme};
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::path::Target;

fn rules(text: &str) -> Rules {
    Rules::parse(text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// The rule for this method, URL without scheme, and client.
fn selected(
    rules: &Rules,
    method: &str,
    url: &str,
    overrides: &[&str],
    client: Option<&str>,
) -> String {
    let (host, path) = url.split_at(url.find('/').unwrap());
    let request = OriginalRequest {
        method,
        scheme: Scheme::Https,
        is_websocket: false,
        host: Host::parse(host, Scheme::Https).unwrap(),
        target: Target::parse(path.as_bytes()).unwrap(),
        method_overrides: overrides.iter().map(|value| value.as_bytes()).collect(),
    };
    let client = client.map(|client| client.parse().unwrap());
    match rules.select(&request, client) {
        Selected::Rule(rule) => rule.name.clone(),
        Selected::NoRule => "none".to_owned(),
        Selected::Ambiguous => "ambiguous".to_owned(),
    }
}

const TWO: &str = r#"
[[rule]]
name = "admin"
hosts = ["app.example.com"]
paths = ["/admin", "/API/keys"]
groups = ["admins"]

[[rule]]
name = "public"
hosts = ["app.example.com", "*.example.com"]
paths = ["/public", "/admin/help"]
allow = "public"
"#;

#[test]
fn all_readings_of_a_path_must_lead_to_one_rule() {
    let rules = rules(TWO);
    for (path, expected) in [
        ("/admin", "admin"),
        ("/admin/help", "admin"),
        ("/public", "public"),
        ("/public/x.css", "public"),
        ("/public/%61", "public"),
        ("/public/a%2fb", "public"),
        ("/public/a;b=c", "public"),
        ("/public/A", "public"),
        ("/elsewhere", "none"),
        ("/Elsewhere/%20", "none"),
        // cve_2026_40912, cve_2026_48020, cve_2025_66490, cve_2021_29492 and what apps of other kinds do.
        ("/public/../admin", "ambiguous"),
        ("/public/./../admin", "ambiguous"),
        ("/public/%2e%2e/admin", "ambiguous"),
        ("/public%2f..%2fadmin", "ambiguous"),
        ("/public/..%5cadmin", "ambiguous"),
        ("/public\\..\\admin", "ambiguous"),
        ("/public/%252e%252e/admin", "ambiguous"),
        ("/public/..;/admin", "ambiguous"),
        ("/public//../admin", "ambiguous"),
        ("//admin", "ambiguous"),
        ("/%61dmin", "ambiguous"),
        ("/ADMIN", "ambiguous"),
        ("/adm%C4%B1n", "ambiguous"),
        ("/adm%c4%b0n", "ambiguous"),
        ("/admin;x", "ambiguous"),
        ("/admin%2fx", "ambiguous"),
        ("/api/keys", "ambiguous"),
        ("/API/keys", "admin"),
        ("/admin/../public", "ambiguous"),
        ("/public/%2500", "ambiguous"),
        ("/elsewhere/../public", "ambiguous"),
    ] {
        let found = selected(&rules, "GET", &format!("app.example.com{path}"), &[], None);
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn ghsa_7rh7_the_query_takes_no_part() {
    for path in [
        "/public?/../admin",
        "/public?x=/admin",
        "/public?%zz",
        "/public?a=%00",
    ] {
        let url = format!("app.example.com{path}");
        assert_eq!(
            selected(&rules(TWO), "GET", &url, &[], None),
            "public",
            "{path}"
        );
    }
}

#[test]
fn hosts_are_whole() {
    let rules = rules(TWO);
    for (host, expected) in [
        ("wiki.example.com", "public"),
        ("APP.example.com", "public"),
        ("example.com", "none"),
        ("a.b.example.com", "none"),
        ("wiki.example.com:8443", "none"),
        ("evilexample.com", "none"),
        ("app.example.com.evil.test", "none"),
    ] {
        let found = selected(&rules, "GET", &format!("{host}/public"), &[], None);
        assert_eq!(found, expected, "{host}");
    }
}

const METHODS: &str = r#"
[[rule]]
name = "readers"
hosts = ["a.test"]
methods = ["GET"]
allow = "public"

[[rule]]
name = "writers"
hosts = ["a.test"]
groups = ["writers"]
"#;

#[test]
fn an_overridden_method_is_another_reading() {
    let rules = rules(METHODS);
    for (method, overrides, expected) in [
        ("GET", &[][..], "readers"),
        ("HEAD", &[], "readers"),
        ("POST", &[], "writers"),
        ("POST", &["put"], "writers"),
        ("POST", &["GET"], "ambiguous"),
        ("GET", &["DELETE"], "ambiguous"),
        ("GET", &[" delete "], "ambiguous"),
        ("GET", &["HEAD"], "readers"),
        ("GET", &["DEL ETE"], "ambiguous"),
        ("GET", &[""], "ambiguous"),
        ("GET", &["GET", "PUT"], "ambiguous"),
    ] {
        let found = selected(&rules, method, "a.test/", overrides, None);
        assert_eq!(found, expected, "{method} {overrides:?}");
    }
    // Where no rule depends on the method, overrides are the app's own affair.
    let url = "app.example.com/public";
    assert_eq!(
        selected(&super::tests::rules(TWO), "GET", url, &["DELETE"], None),
        "public"
    );
}

#[test]
fn a_client_that_can_not_be_told_is_in_no_network() {
    let rules = rules(
        r#"
        [[rule]]
        name = "office"
        hosts = ["a.test"]
        networks = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
        allow = "public"

        [[rule]]
        name = "others"
        hosts = ["a.test"]
        allow = "signed-in"
        "#,
    );
    for (client, expected) in [
        (Some("10.1.2.3"), "office"),
        (Some("2001:db8::1"), "office"),
        (Some("192.0.2.7"), "office"),
        (Some("192.0.2.8"), "others"),
        (Some("11.0.0.1"), "others"),
        (None, "others"),
    ] {
        assert_eq!(
            selected(&rules, "GET", "a.test/%2e/x", &[], client),
            expected,
            "{client:?}"
        );
    }
}

#[test]
fn a_host_with_one_rule_for_all_paths_accepts_each_path() {
    let rules = rules("[[rule]]\nname='git'\nhosts=['git.test']\nallow='signed-in'");
    for path in [
        "/group%2Fproject",
        "/a/../b",
        "/a;b",
        "//",
        "/%252525252525252e",
        "/A\\b",
    ] {
        assert_eq!(
            selected(&rules, "GET", &format!("git.test{path}"), &[], None),
            "git",
            "{path}"
        );
    }
}

#[test]
fn ten_thousand_rules_are_read_and_the_last_one_decides() {
    let rule = |at: usize| {
        format!(
            "[[rule]]\nname='{at}'\nhosts=['h{at}.test','all.test']\npaths=['/p{at}']\nallow='public'\n"
        )
    };
    let text: String = (0..10_000).map(rule).collect();
    let rules = rules(&text);
    assert_eq!(
        selected(&rules, "GET", "all.test/p9999/x", &[], None),
        "9999"
    );
    assert_eq!(selected(&rules, "GET", "h17.test/p17", &[], None), "17");
    let many = "[[rule]]\n".repeat(10_001);
    assert!(
        Rules::parse(&many).unwrap_err()[0]
            .fault
            .contains("more than")
    );
}

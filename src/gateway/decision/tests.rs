mod advisories;
mod asker;
mod preflight;

use time::macros::datetime;

use super::*;
use crate::gateway::host::{Host, Scheme};
use crate::gateway::original_request::tests::Pairs;
use crate::gateway::path::Target;

const RULES: &str = r#"
[[rule]]
name = "health"
hosts = ["app.example.com"]
paths = ["=/healthz"]
allow = "public"

[[rule]]
name = "closed"
hosts = ["app.example.com"]
paths = ["/closed"]
allow = "nobody"

[[rule]]
name = "admin"
hosts = ["app.example.com"]
paths = ["/admin"]
groups = ["admins"]
max_age = "1h"
acr = ["phr"]

[[rule]]
name = "writers"
hosts = ["app.example.com"]
paths = ["/doc"]
methods = ["PUT"]
emails = ["ada@example.com"]
cors_origins = ["https://spa.example.com"]

[[rule]]
name = "rest"
hosts = ["app.example.com"]
allow = "signed-in"
"#;

const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

fn request<'a>(method: &'a str, path: &'a str) -> OriginalRequest<'a> {
    OriginalRequest {
        method,
        scheme: Scheme::Https,
        is_websocket: false,
        host: Host::parse("app.example.com", Scheme::Https).unwrap(),
        target: Target::parse(path.as_bytes()).unwrap(),
        method_overrides: Vec::new(),
    }
}

fn ada<'a>() -> Visitor<'a> {
    Visitor {
        user_id: "1",
        subject: "ada",
        name: None,
        email: Some("ada@example.com"),
        email_verified: true,
        preferred_username: None,
        groups: &[],
        acr: Some("phr"),
        auth_time: Some(NOW - time::Duration::minutes(30)),
    }
}

/// The decision as a word, and its rule.
fn outcome(
    request: &OriginalRequest<'_>,
    headers: &[(&str, &str)],
    visitor: Option<&Visitor<'_>>,
) -> String {
    let rules = Rules::parse(RULES).unwrap();
    let decision = decide(
        &rules,
        request,
        &Pairs(headers),
        None,
        visitor,
        UserName::Subject,
        NOW,
    );
    let name = |rule: &Rule| rule.name.clone();
    match decision {
        Decision::Allowed(rule) => format!("allowed by {}", name(rule)),
        Decision::Preflight(rule) => format!("preflight by {}", name(rule)),
        Decision::NeedsSignIn(rule, asker) => format!("{asker:?} signs in for {}", name(rule)),
        Decision::NeedsStepUp(rule, asker, unmet) => {
            format!("{asker:?} steps up for {}: {}", name(rule), unmet.reason())
        }
        Decision::Refused(rule, refusal) => {
            format!(
                "refused by {}: {}",
                rule.map_or("no rule".to_owned(), name),
                refusal.reason()
            )
        }
    }
}

const NAVIGATION: [(&str, &str); 2] = [
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

#[test]
fn the_first_rule_whose_place_fits_decides() {
    let groups = ["admins".to_owned()];
    let admin = Visitor {
        groups: &groups,
        ..ada()
    };
    let unverified = Visitor {
        email_verified: false,
        ..ada()
    };
    for (method, path, visitor, expected) in [
        ("GET", "/healthz", None, "allowed by health"),
        ("GET", "/healthz/x", None, "Navigation signs in for rest"),
        (
            "GET",
            "/closed/x",
            Some(&admin),
            "refused by closed: not_allowed",
        ),
        ("GET", "/closed", None, "refused by closed: not_allowed"),
        ("GET", "/admin", None, "Navigation signs in for admin"),
        (
            "GET",
            "/admin/x",
            Some(&ada()),
            "refused by admin: not_allowed",
        ),
        ("GET", "/admin/x", Some(&admin), "allowed by admin"),
        ("PUT", "/doc", Some(&ada()), "allowed by writers"),
        (
            "PUT",
            "/doc",
            Some(&unverified),
            "refused by writers: email_not_verified",
        ),
        ("GET", "/doc", Some(&unverified), "allowed by rest"),
        (
            "GET",
            "/public/..%2fadmin",
            Some(&ada()),
            "refused by no rule: ambiguous_path",
        ),
    ] {
        let outcome = outcome(&request(method, path), &NAVIGATION, visitor);
        assert_eq!(outcome, expected, "{method} {path}");
    }
    let elsewhere = OriginalRequest {
        host: Host::parse("other.example.com", Scheme::Https).unwrap(),
        ..request("GET", "/")
    };
    assert_eq!(
        outcome(&elsewhere, &NAVIGATION, Some(&admin)),
        "refused by no rule: no_rule"
    );
}

#[test]
fn who_may_enter_may_still_have_to_sign_in_again() {
    let groups = ["admins".to_owned()];
    let admin = Visitor {
        groups: &groups,
        ..ada()
    };
    let signed_in = |ago: i64| Visitor {
        auth_time: Some(NOW - time::Duration::seconds(ago)),
        ..admin
    };
    let admin_page = request("GET", "/admin");
    for (visitor, expected) in [
        (signed_in(3600), "allowed by admin"),
        (
            signed_in(3601),
            "Navigation steps up for admin: too_long_ago",
        ),
        (signed_in(-60), "allowed by admin"),
        (
            signed_in(-61),
            "Navigation steps up for admin: too_long_ago",
        ),
        (
            Visitor {
                auth_time: None,
                ..admin
            },
            "Navigation steps up for admin: too_long_ago",
        ),
        (
            Visitor { acr: None, ..admin },
            "Navigation steps up for admin: acr",
        ),
        (
            Visitor {
                acr: Some("PHR"),
                ..admin
            },
            "Navigation steps up for admin: acr",
        ),
        (
            Visitor {
                subject: "a\0",
                ..admin
            },
            "refused by admin: no_user_name",
        ),
    ] {
        assert_eq!(outcome(&admin_page, &NAVIGATION, Some(&visitor)), expected);
    }
}

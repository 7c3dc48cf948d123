//! `doorward rules`.

use crate::support::process::{DOORWARD, Process, rules_file};
use crate::support::{Database, TestApp};

const RULES: &str = r#"
[[rule]]
name = "health"
hosts = ["grafana.test"]
paths = ["=/healthz"]
allow = "public"

[[rule]]
name = "grafana admin"
hosts = ["grafana.test"]
paths = ["/api/admin"]
groups = ["grafana-admins"]
max_age = "1h"

[[rule]]
name = "grafana"
hosts = ["grafana.test"]
email_domains = ["example.com"]
emails = ["guest@partner.test"]

[[rule]]
name = "open"
hosts = ["auth.test", "*.open.test"]
allow = "public"
"#;

fn run(rules: &str, database: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let rules = rules_file(rules);
    let variables = [
        ("RULES_FILE", rules.path.as_str()),
        ("PUBLIC_URL", "https://auth.test"),
        ("DATABASE_URL", database),
    ];
    Process::start(DOORWARD, &[&["rules"], arguments].concat(), &variables).ends()
}

#[test]
fn a_test_says_which_rule_decides_and_why() {
    for (arguments, code, expected) in [
        (
            &["https://grafana.test/api/admin", "--groups", "staff,dev"][..],
            1,
            "https://grafana.test/api/admin\n  host   grafana.test\n  path   /api/admin (one reading)\n  \
             rule   2 \"grafana admin\": groups grafana-admins; signed in within 1h\n  \
             somebody: refused. In groups staff, dev; none of grafana-admins.\n",
        ),
        (
            &[
                "https://grafana.test/api/admin",
                "--groups",
                "grafana-admins",
                "--signed-in-ago",
                "30m",
            ],
            0,
            "somebody: allowed.",
        ),
        (
            &[
                "https://grafana.test/api/admin",
                "--groups",
                "grafana-admins",
                "--signed-in-ago",
                "2h",
            ],
            1,
            "somebody: must sign in again: the sign-in is too long ago",
        ),
        (
            &[
                "https://grafana.test/api/%61dmin",
                "--groups",
                "grafana-admins",
            ],
            1,
            "2 readings, which lead to different rules",
        ),
        (
            &["https://GRAFANA.test:443/x", "--email", "Ada@Example.com"],
            0,
            "rule   3 \"grafana\": emails guest@partner.test or email_domains example.com",
        ),
        (
            &["https://grafana.test/x", "--email", "ada@evilexample.com"],
            1,
            "the rule does not name this person",
        ),
        (
            &["https://grafana.test/x"],
            1,
            "somebody who is not signed in: must sign in first.",
        ),
        (&["https://grafana.test/healthz"], 0, "allowed."),
        (
            &["https://other.test/"],
            1,
            "refused. no rule's place fits.",
        ),
        (&["grafana.test"], 2, "malformed_scheme"),
        (
            &["https://grafana.test/x", "--method", "get"],
            2,
            "malformed_method",
        ),
    ] {
        let (exit, printed) = run(RULES, "", &[&["test"], arguments].concat());
        assert_eq!(exit, Some(code), "{arguments:?}: {printed}");
        assert!(printed.contains(expected), "{arguments:?}: {printed}");
    }
    let (_, json) = run(
        RULES,
        "",
        &[
            "test",
            "https://grafana.test/x",
            "--email",
            "a@b.test",
            "--json",
        ],
    );
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rule"]["name"], "grafana");
    assert_eq!(
        (&json["outcome"], &json["reason"]),
        (&"refused".into(), &"not_allowed".into())
    );
}

#[actix_web::test]
async fn a_person_who_has_signed_in_is_judged_by_what_is_known_of_them() {
    let app = TestApp::spawn_on(Database::Sqlite);
    app.visitor().sign_in("ada").await;
    let arguments = ["test", "https://grafana.test/x", "--as", "ada@example.com"];
    let (code, printed) = run(RULES, &app.storage().url, &arguments);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("ada@example.com: allowed."), "{printed}");
    let nobody = [
        "test",
        "https://grafana.test/x",
        "--as",
        "nobody@example.com",
    ];
    let (code, printed) = run(RULES, &app.storage().url, &nobody);
    assert_eq!(code, Some(1));
    assert!(printed.contains("There is no person"), "{printed}");
}

#[test]
fn a_check_names_faults_and_what_may_be_meant_otherwise() {
    let (code, printed) = run(RULES, "", &["check"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.starts_with("no fault: rules 4, hosts 3\n"),
        "{printed}"
    );
    assert!(
        printed.contains("\"open\" lets everybody in everywhere at auth.test, *.open.test"),
        "{printed}"
    );
    assert!(
        printed.contains("\"open\" is for PUBLIC_URL's own host"),
        "{printed}"
    );
    let groups = "warning: line 8: \"grafana admin\" names groups, and OIDC_SCOPES (openid email profile) has no scope that \
                  brings them. Fix: add the provider's scope for groups";
    assert!(printed.contains(groups), "{printed}");
    let hidden = "[[rule]]\nname='a'\nhosts=['a.test']\nallow='signed-in'\n[[rule]]\nname='b'\nhosts=['a.test']\nallow='nobody'\n";
    let (code, printed) = run(hidden, "", &["check"]);
    assert_eq!(code, Some(1));
    assert!(
        printed.contains("line 5: no request reaches \"b\""),
        "{printed}"
    );
    let (code, printed) = run("[[rule]]\nname = 'a'\ncolor = 1\n", "", &["check"]);
    assert_eq!(code, Some(1));
    for line in ["line 1: a rule needs hosts", "line 3: color is not known"] {
        assert!(printed.contains(line), "{printed}");
    }
}

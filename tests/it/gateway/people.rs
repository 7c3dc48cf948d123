//! What the provider says of people: their groups and names decide who passes, and go to the app.

use serde_json::{Value, json};

use super::support::{Browser, Gateway};
use crate::on_both;
use crate::support::process::{DOORWARD, Process};
use crate::support::{Database, TestApp, log};

const RULES: &str = r#"
[[rule]]
name = "metrics"
hosts = ["metrics.test"]
groups = ["admins"]

[[rule]]
name = "wiki"
hosts = ["wiki.test"]
allow = "signed-in"
"#;

fn claim(app: &TestApp, name: &'static str, value: Value) {
    app.provider.faults(|faults| {
        faults.edit_userinfo = Some(Box::new(move |claims| claims[name] = value.clone()));
    });
}

fn start(database: Database, settings: &[(&str, &str)]) -> Gateway {
    Gateway::start_with(database, RULES, settings)
}

on_both! {
    async fn groups_let_in_and_keep_out_and_go_to_the_app(database: Database) {
        let gateway = start(database, &[]);
        let (ada, grace) = (Browser::new(&gateway), Browser::new(&gateway));
        assert_eq!(ada.follow("http://metrics.test/", "ada").await.1.status, 403);
        let (_, passed) = grace.follow("http://metrics.test/", "grace").await;
        assert_eq!(passed.status, 200);
        for (name, value) in [
            ("remote-groups", "staff,admins"),
            ("x-auth-request-groups", "staff,admins"),
            ("x-auth-request-preferred-username", "grace@example.com"),
        ] {
            assert_eq!(passed.header(name), Some(value), "{name}");
        }
    }

    /// Pomerium kept the groups of the sign-in that a session came from.
    async fn cve_2021_41230_a_group_that_is_gone_is_gone_at_the_next_sign_in_for_all_sessions(database: Database) {
        // Also where the other session was cached with its person.
        let gateway = start(database, &[("SESSION_CACHE", "10s")]);
        let (laptop, phone) = (Browser::new(&gateway), Browser::new(&gateway));
        for browser in [&laptop, &phone] {
            assert_eq!(browser.follow("http://metrics.test/", "grace").await.1.status, 200);
        }
        claim(&gateway.app, "groups", json!(["staff"]));
        phone.at_doorward.sign_in("grace").await;
        for browser in [&laptop, &phone] {
            let (_, refused) = browser.follow("http://metrics.test/", "grace").await;
            assert_eq!(refused.status, 403);
            let (_, passed) = browser.follow("http://wiki.test/", "grace").await;
            assert_eq!(passed.header("remote-groups"), Some("staff"));
        }
        // And back.
        gateway.app.provider.heal();
        laptop.at_doorward.sign_in("grace").await;
        for browser in [&laptop, &phone] {
            assert_eq!(browser.follow("http://metrics.test/", "grace").await.1.status, 200);
        }
    }
}

#[actix_web::test]
async fn groups_that_are_malformed_or_too_many_are_none_and_the_log_says_why() {
    let gateway = start(Database::Sqlite, &[]);
    let many = Vec::from_iter((0..1001).map(|at| at.to_string()));
    for (odd, why) in [
        (json!(7), "it is a number"),
        (json!({"admins": true}), "it is an object"),
        (json!(["admins", ["x"]]), "an entry is an array"),
        (
            json!([many, vec!["admins".to_owned()]].concat()),
            "more than 1000",
        ),
        (json!(["admins", "x".repeat(70_000)]), "longer than 65536"),
    ] {
        claim(&gateway.app, "groups", odd);
        let grace = Browser::new(&gateway);
        let (_, refused) = grace.follow("http://metrics.test/", "grace").await;
        assert_eq!(refused.status, 403, "{why}");
        let lines = log::lines_with("(OIDC_GROUPS_CLAIM)");
        assert!(lines.iter().any(|line| line.contains(why)), "{why}");
        assert!(!lines.iter().any(|line| line.contains("admins")));
    }
    // What a header can't hold: the group counts, and does not go to the app.
    claim(
        &gateway.app,
        "groups",
        json!(["admins", "a\u{0}b", "c,admins", "admins"]),
    );
    let grace = Browser::new(&gateway);
    let (_, passed) = grace.follow("http://metrics.test/", "grace").await;
    assert_eq!(
        (passed.status, passed.header("remote-groups")),
        (200, Some("admins"))
    );
}

#[actix_web::test]
async fn the_setting_names_a_claim_or_points_into_one() {
    for (setting, claim_name, value) in [
        ("roles", "roles", json!("admins")),
        (
            "/realm_access/roles",
            "realm_access",
            json!({"roles": ["admins"]}),
        ),
        (
            "https://op.example/groups",
            "https://op.example/groups",
            json!(["admins"]),
        ),
    ] {
        let gateway = start(Database::Sqlite, &[("OIDC_GROUPS_CLAIM", setting)]);
        let ada = Browser::new(&gateway);
        claim(&gateway.app, claim_name, value.clone());
        assert_eq!(
            ada.follow("http://metrics.test/", "ada").await.1.status,
            200,
            "{setting}"
        );
        // Grace's `groups` count no more.
        gateway.app.provider.heal();
        let grace = Browser::new(&gateway);
        assert_eq!(
            grace.follow("http://metrics.test/", "grace").await.1.status,
            403,
            "{setting}"
        );
        // The ID token may have them instead of userinfo.
        gateway.app.provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(move |claims| claims[claim_name] = value.clone()));
        });
        let grace = Browser::new(&gateway);
        assert_eq!(
            grace.follow("http://metrics.test/", "grace").await.1.status,
            200,
            "{setting}"
        );
    }
}

#[actix_web::test]
async fn apps_know_a_person_by_the_name_that_is_configured_or_not_at_all() {
    for (setting, claim_name, odd) in [
        ("email", "email_verified", json!(false)),
        ("email", "email", json!(null)),
        ("preferred_username", "preferred_username", json!(null)),
        (
            "preferred_username",
            "preferred_username",
            json!("gra\u{0}ce"),
        ),
        (
            "preferred_username",
            "preferred_username",
            json!(["grace@example.com"]),
        ),
    ] {
        let gateway = start(Database::Sqlite, &[("GATEWAY_USER", setting)]);
        let grace = Browser::new(&gateway);
        let (_, passed) = grace.follow("http://wiki.test/", "grace").await;
        assert_eq!(
            passed.header("remote-user"),
            Some("grace@example.com"),
            "{setting}"
        );
        claim(&gateway.app, claim_name, odd);
        let grace = Browser::new(&gateway);
        let (_, refused) = grace.follow("http://wiki.test/", "grace").await;
        assert_eq!(refused.status, 403, "{setting} without {claim_name}");
        assert!(
            refused.body.contains("did not tell us the name"),
            "{}",
            refused.body
        );
        let script = grace
            .ask("GET", "http://wiki.test/", &[("sec-fetch-mode", "cors")])
            .await;
        assert_ne!(script.status, 200);
    }
}

on_both! {
    async fn a_person_sees_their_groups_and_so_does_the_administrator(database: Database) {
        let app = TestApp::spawn_on(database);
        let odd = json!(["staff", "<b>&\u{0}\u{202e}", "a\nb, c"]);
        app.provider.faults(|faults| {
            faults.edit_userinfo = Some(Box::new(move |claims| claims["groups"] = odd.clone()));
        });
        let grace = app.visitor();
        grace.sign_in("grace").await;
        let profile = grace.get("/profile").await;
        assert_eq!(profile.text("claim-username").as_deref(), Some("grace@example.com"));
        let shown = "staff\n<b>&\\u{0}\\u{202e}\na\\nb, c";
        assert_eq!(profile.text("claim-groups").as_deref(), Some(shown));
        assert!(!profile.body.contains("<b>"));
        let ada = app.visitor();
        ada.sign_in("noname").await;
        let profile = ada.get("/profile").await;
        assert!(profile.has("claim-groups"), "the edit is for everybody");
        app.provider.heal();
        ada.sign_in("noname").await;
        let profile = ada.get("/profile").await;
        assert!(!profile.has("claim-groups") && !profile.has("claim-username"));

        let show = |arguments: &[&str]| {
            let variables = [("DATABASE_URL", app.storage().url.as_str())];
            let arguments = [&["users", "show", "grace@example.com"], arguments].concat();
            let (code, printed) = Process::start(DOORWARD, &arguments, &variables).ends();
            assert_eq!(code, Some(0), "{printed}");
            printed
        };
        let text = show(&[]);
        let expected = "\nusername       grace@example.com\ngroups         staff, <b>&\\u{0}\\u{202e}, a\\nb, c\n";
        assert!(text.contains(expected), "{text}");
        let document: Value = serde_json::from_str(&show(&["--json"])).unwrap();
        assert_eq!(document["groups"], json!(["staff", "<b>&\u{0}\u{202e}", "a\nb, c"]));
        assert_eq!(document["preferred_username"], "grace@example.com");
    }
}

//! How and when the provider authenticated a person: `acr` and `auth_time` of the ID token.

use serde_json::{Value, json};

use super::step_up::RULES;
use super::support::{Browser, Gateway};
use crate::on_both;
use crate::support::provider_faults::edit_claims;
use crate::support::{Database, TestApp};

fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

fn claim(app: &TestApp, name: &'static str, value: Value) {
    edit_claims(app, move |claims| claims[name] = value.clone());
}

/// Signs Ada in and goes to `url`.
async fn visit(gateway: &Gateway, url: &str) -> crate::support::Answer {
    let ada = Browser::new(gateway);
    ada.follow(url, "ada").await.1
}

on_both! {
    async fn a_rule_with_max_age_or_acr_lets_in_whom_it_fits_and_nobody_else(database: Database) {
        let gateway = Gateway::start_with(database, RULES, &[]);
        for (url, name, value, words) in [
            ("http://recent.test/", "auth_time", json!(now() - 60), None),
            ("http://recent.test/", "auth_time", json!(now() as f64 - 60.5), None),
            ("http://recent.test/", "auth_time", json!(now() - 3700), Some("did not confirm the stronger sign-in")),
            ("http://recent.test/", "auth_time", json!(now() + 3600), Some("did not confirm the stronger sign-in")),
            ("http://recent.test/", "auth_time", json!(null), Some("did not confirm the stronger sign-in")),
            ("http://recent.test/", "auth_time", json!(now().to_string()), Some("did not confirm the stronger sign-in")),
            ("http://recent.test/", "auth_time", json!(0), Some("did not confirm the stronger sign-in")),
            ("http://strong.test/", "acr", json!("phr"), None),
            ("http://strong.test/", "acr", json!("phrh"), None),
            ("http://strong.test/", "acr", json!("PHR"), Some("did not confirm the stronger sign-in")),
            ("http://strong.test/", "acr", json!("phr phrh"), Some("did not confirm the stronger sign-in")),
            ("http://strong.test/", "acr", json!(["phr"]), Some("did not confirm the stronger sign-in")),
            ("http://strong.test/", "acr", json!(""), Some("did not confirm the stronger sign-in")),
            ("http://strong.test/", "acr", json!("phr".repeat(1000)), Some("did not confirm the stronger sign-in")),
            ("http://strong.test/", "sid", json!("no acr"), Some("did not confirm the stronger sign-in")),
        ] {
            let what = format!("{url} {name}: {value}");
            claim(&gateway.app, name, value);
            let answer = visit(&gateway, url).await;
            match words {
                None => assert_eq!((answer.status, answer.header("remote-user")), (200, Some("00uada")), "{what}"),
                Some(words) => {
                    assert_eq!(answer.status, 403, "{what}");
                    assert!(answer.body.contains(words), "{what}: {}", answer.body);
                }
            }
        }
    }
}

/// Userinfo is about the person, not about how they signed in.
#[actix_web::test]
async fn only_the_id_token_says_how_a_person_signed_in() {
    let gateway = Gateway::start_with(Database::Sqlite, RULES, &[]);
    gateway.app.provider.faults(|faults| {
        faults.edit_userinfo = Some(Box::new(|claims| claims["acr"] = json!("phr")));
    });
    assert_eq!(visit(&gateway, "http://strong.test/").await.status, 403);
}

/// The sessions of one person differ in how they began.
#[actix_web::test]
async fn a_stronger_sign_in_counts_for_its_own_session_only() {
    let gateway = Gateway::start_with(Database::Sqlite, RULES, &[]);
    let (weak, strong) = (Browser::new(&gateway), Browser::new(&gateway));
    assert_eq!(
        weak.follow("http://recent.test/", "ada").await.1.status,
        200
    );
    claim(&gateway.app, "acr", json!("phr"));
    assert_eq!(
        strong.follow("http://strong.test/", "ada").await.1.status,
        200
    );
    gateway.app.provider.heal();
    assert_eq!(
        weak.follow("http://strong.test/", "ada").await.1.status,
        403
    );
    // A sign-in that is stale where it was fresh before: the next request is refused.
    let script = [("sec-fetch-mode", "cors")];
    assert_eq!(
        strong
            .ask("GET", "http://strong.test/x", &script)
            .await
            .status,
        200
    );
    // Signing in again takes the strength with it.
    strong.at_doorward.sign_in("ada").await;
    assert_eq!(
        strong.follow("http://strong.test/", "ada").await.1.status,
        403
    );
}

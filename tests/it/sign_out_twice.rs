//! "Sign out" pressed twice: the browser discards the first answer and follows the second, which must lead to the
//! provider too, or the next person at that browser is signed in as the first.

use std::collections::BTreeMap;

use awc::http::Method;
use futures_util::future::join;
use time::Duration;

use crate::on_both;
use crate::support::provider::Endpoint;
use crate::support::{Answer, Database, TestApp, Visitor};

/// The parameters of the request that the answer leads to, at the provider's end session endpoint.
fn end_session(app: &TestApp, answer: &Answer) -> BTreeMap<String, String> {
    let url = url::Url::parse(answer.location()).unwrap();
    let place = format!("{}/end_session?", app.provider.issuer());
    assert!(url.as_str().starts_with(&place), "{url}");
    url.query_pairs().into_owned().collect()
}

/// Signed in, and the session's cookie.
async fn signed_in(app: &TestApp) -> (Visitor, String) {
    let ada = app.visitor();
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    let session = session_cookie(&ada);
    (ada, session)
}

/// The name and the value of the session's cookie, as `name=value`.
fn session_cookie(visitor: &Visitor) -> String {
    let cookies = visitor.app_cookies();
    let is_session = |(name, _): &(&String, &String)| !name.contains("-log");
    let (name, value) = cookies.iter().find(is_session).unwrap();
    format!("{name}={value}")
}

/// A browser with this one cookie, which did not get the answers that others got.
fn with_cookie(app: &TestApp, cookie: &str) -> Visitor {
    let visitor = app.visitor();
    let (name, value) = cookie.split_once('=').unwrap();
    visitor.set_app_cookie(name, value);
    visitor
}

on_both! {
    async fn the_second_press_leads_to_the_provider_too(app: TestApp) {
        let (ada, session) = signed_in(&app).await;
        let first = end_session(&app, &ada.post("/logout", "").await);
        assert_eq!(first["id_token_hint"].split('.').count(), 3);
        assert_eq!(app.storage().sessions(), 0);

        // The browser threw the first answer away, and what it sets with it.
        let again = with_cookie(&app, &session);
        let answer = again.post("/logout", "").await;
        assert_eq!(end_session(&app, &answer), first, "whichever answer it follows");
        let back = again.get(answer.location()).await;
        let back = again.get(back.location()).await;
        assert_eq!((back.status, back.location()), (303, "/"));
        assert!(!again.app_cookies().keys().any(|name| name.contains("logout")), "the state is ours");

        // Or it kept the cookies, and threw the rest away.
        assert_eq!(end_session(&app, &ada.post("/logout", "").await), first);
        let link = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(end_session(&app, &ada.send(Method::GET, "/logout", &link, "").await), first);
        let events = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'sign_out'";
        assert_eq!(app.storage().number(events), 1, "one person left once");

        // The provider's session has ended.
        let there = ada.begin("/login").await;
        assert_eq!(ada.get(&there).await.status, 200, "it asks who it is");
    }

    async fn two_presses_at_the_same_moment_lead_to_the_provider(app: TestApp) {
        let (_, session) = signed_in(&app).await;
        let [one, two] = [with_cookie(&app, &session), with_cookie(&app, &session)];
        let (one, two) = join(one.post("/logout", ""), two.post("/logout", "")).await;
        let (one, two) = (end_session(&app, &one), end_session(&app, &two));
        assert_eq!(one["id_token_hint"].split('.').count(), 3);
        assert_eq!(one, two);
        assert_eq!(app.storage().sessions(), 0);
    }

    async fn who_can_not_be_sent_twice_is_out_all_the_same(app: TestApp) {
        let (ada, session) = signed_in(&app).await;
        app.storage().execute("ALTER TABLE sign_outs RENAME TO elsewhere");
        let out = end_session(&app, &ada.post("/logout", "").await);
        assert_eq!(out["id_token_hint"].split('.').count(), 3);
        assert_eq!(app.storage().sessions(), 0);
        assert!(!with_cookie(&app, &session).is_signed_in().await);
    }

    async fn a_minute_later_what_is_left_of_a_session_leads_home(app: TestApp) {
        let (ada, session) = signed_in(&app).await;
        ada.post("/logout", "").await;
        app.clock.shift(Duration::seconds(61));
        for browser in [ada, with_cookie(&app, &session)] {
            assert_eq!(browser.post("/logout", "").await.location(), "/");
        }
    }

    async fn what_is_kept_of_a_sign_out_gives_no_access_when_it_leaks(app: TestApp) {
        let (ada, session) = signed_in(&app).await;
        let out = end_session(&app, &ada.post("/logout", "").await);
        let rows = |text: &str| {
            app.storage().number(&format!(
                "SELECT COUNT(*) AS n FROM sign_outs WHERE state_hash || '|' || id_token_hint LIKE '%{text}%'"
            ))
        };
        assert_eq!(rows(""), 1);
        let secret = session[session.len() - 43..].to_owned();
        let claims = out["id_token_hint"].split('.').nth(1).unwrap()[..30].to_owned();
        for secret in [&secret, &out["state"], &claims] {
            assert_eq!(rows(secret), 0);
        }
        assert_ne!(out["state"], secret, "the provider does not learn it");
    }
}

#[actix_web::test]
async fn at_another_process_too() {
    let url = "http://localhost:8080";
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", url)]);
    let variables = [
        ("PUBLIC_URL", url),
        ("DATABASE_URL", app.storage().url.as_str()),
        ("OIDC_ISSUER", &app.provider.issuer()),
    ];
    let other = TestApp::spawn_with(Database::Sqlite, &variables);
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await.replace(url, &app.url);
    ada.get(&callback).await;
    let session = session_cookie(&ada);
    let first = end_session(&app, &ada.post("/logout", "").await);
    let second = with_cookie(&other, &session).post("/logout", "").await;
    assert_eq!(end_session(&app, &second), first);
}

/// Made-up cookies cost no query and lead nowhere.
#[actix_web::test]
async fn who_never_was_here_is_not_sent_to_the_provider() {
    let app = TestApp::spawn();
    let (ada, session) = signed_in(&app).await;
    ada.post("/logout", "").await;
    let logout = ada.app_cookies();
    let (name, value) = logout.iter().next().unwrap();
    let (session_name, session_value) = session.split_once('=').unwrap();
    let flipped = if value.starts_with('A') { 'B' } else { 'A' };
    app.storage()
        .execute("ALTER TABLE sign_outs RENAME TO elsewhere");
    for (name, value) in [
        (name.as_str(), "A".repeat(value.len())),
        (name, format!("{flipped}{}", &value[1..])),
        (name, value[value.len() - 43..].to_owned()),
        (name, "x".to_owned()),
        (name, session_value.to_owned()),
        (session_name, "A".repeat(session_value.len())),
        (session_name, value.clone()),
    ] {
        let eve = app.visitor();
        eve.set_app_cookie(name, &value);
        let answer = eve.post("/logout", "").await;
        assert_eq!(
            (answer.status, answer.location()),
            (303, "/"),
            "{name}={value}"
        );
    }
    assert_eq!(app.provider.request_count(Endpoint::EndSession), 0);
    let known = with_cookie(&app, &session).post("/logout", "").await;
    assert_eq!(known.status, 503, "who was here is looked up");
}

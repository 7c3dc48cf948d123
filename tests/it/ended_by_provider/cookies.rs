//! Requests that end sessions are the provider's: cookies that come with them are not read.

use awc::http::Method;
use serde_json::json;

use super::{log_out, logout_claims, revocation_token, signed_in_with};
use crate::support::{Answer, Database, TestApp, Visitor};

const PATHS: [&str; 3] = [
    "/backchannel-logout",
    "/universal-logout",
    "/frontchannel-logout",
];

fn spawn() -> TestApp {
    let variables = [
        ("OIDC_FRONTCHANNEL_LOGOUT", "true"),
        ("SESSION_CACHE", "0s"),
    ];
    TestApp::spawn_with(Database::Sqlite, &variables)
}

/// The browser of somebody posts a valid request of the provider's.
async fn ask(app: &TestApp, browser: &Visitor, path: &str) -> Answer {
    let bearer = format!("Bearer {}", revocation_token(app, json!({})));
    match path {
        "/backchannel-logout" => {
            let claims = logout_claims(app, json!({"sub": "00uada", "sid": "s1"}));
            let form = format!("logout_token={}", app.provider.sign_id_token(&claims));
            browser.post(path, &form).await
        }
        "/universal-logout" => {
            let headers = [
                ("authorization", bearer.as_str()),
                ("content-type", "application/json"),
            ];
            let body = json!({"sub_id": {"format": "email", "email": "ada@example.com"}});
            let method = Method::POST;
            browser
                .send(method, path, &headers, &body.to_string())
                .await
        }
        _ => browser.get(&format!("{path}?sid=s1")).await,
    }
}

#[actix_web::test]
async fn they_open_no_session_and_keep_none_alive() {
    let app = spawn();
    let grace = app.signed_in("grace").await;
    let seen =
        "SELECT COUNT(DISTINCT last_seen_at) AS n FROM sessions WHERE last_seen_at > created_at";
    app.clock.shift(time::Duration::minutes(20));
    for path in PATHS {
        let answer = ask(&app, &grace, path).await;
        assert!(answer.cookies().is_empty(), "{path}: {answer:?}");
        assert_eq!(app.storage().number(seen), 0, "{path}");
    }
    assert!(grace.is_signed_in().await);
    assert_eq!(app.storage().number(seen), 1);
}

/// Nor is the answer another one when they can't be read.
#[actix_web::test]
async fn the_answers_during_an_outage_are_the_same_with_a_cookie_and_without() {
    let app = spawn();
    let ada = signed_in_with(&app, "ada", "s1").await;
    app.storage()
        .execute("ALTER TABLE sessions RENAME TO elsewhere");
    for browser in [&ada, &Visitor::new(&app.url)] {
        for (path, status, body) in [
            (PATHS[0], 400, r#"{"error":"temporarily_unavailable"}"#),
            (PATHS[1], 503, r#"{"error":"temporarily_unavailable"}"#),
            (PATHS[2], 200, "<h1>You are signed out.</h1>"),
        ] {
            let answer = ask(&app, browser, path).await;
            assert_eq!(answer.status, status, "{path}: {answer:?}");
            assert!(answer.body.contains(body), "{path}: {answer:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            let again = (status != 200).then_some("5");
            assert_eq!(answer.header("retry-after"), again, "{path}");
            assert!(answer.cookies().is_empty(), "{path}: {answer:?}");
        }
    }
    app.storage()
        .execute("ALTER TABLE elsewhere RENAME TO sessions");
    assert!(ada.is_signed_in().await);
    assert_eq!(log_out(&app, json!({"sub": "00uada"})).await.status, 200);
    assert!(!ada.is_signed_in().await);
}

/// Those of other applications, which a frame may send, are no reason to refuse it, or to make the browser delete any.
#[actix_web::test]
async fn too_many_of_them_are_no_reason_to_refuse() {
    let app = spawn();
    signed_in_with(&app, "ada", "s1").await;
    let many = "a=b; ".repeat(65);
    let cookies = [("cookie", many.trim_end_matches("; "))];
    for (path, method, status) in [
        (PATHS[0], Method::POST, 400),
        (PATHS[1], Method::POST, 401),
        (PATHS[2], Method::GET, 200),
    ] {
        let stranger = Visitor::new(&app.url);
        let answer = stranger.send(method, path, &cookies, "").await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(answer.header("clear-site-data"), None, "{path}");
    }
}

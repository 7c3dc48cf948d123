//! A client that floods the sign-in must wait, and other clients need not.

use awc::http::Method;

use crate::support::visitor::Answer;
use crate::support::{Database, TestApp};

const TOO_OFTEN: &str = "Too many sign-ins are coming from your network right now.";

async fn get_for(app: &TestApp, path: &str, client: &str) -> Answer {
    let headers = [("X-Forwarded-For", client)];
    app.visitor().send(Method::GET, path, &headers, "").await
}

fn spawn(per_minute: &str) -> TestApp {
    spawn_with(per_minute, "query")
}

fn spawn_with(per_minute: &str, response_mode: &str) -> TestApp {
    // Only a client whose address is not a trusted proxy's has a limit, so one proxy is enough to be many people.
    let variables = [
        ("RATE_LIMIT", per_minute),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("OIDC_RESPONSE_MODE", response_mode),
    ];
    TestApp::spawn_with(Database::Sqlite, &variables)
}

#[actix_web::test]
async fn an_address_that_hammers_is_told_when_to_come_back_and_others_sign_in() {
    let app = spawn("5");
    for spelled in [
        "/login",
        "/%6cogin",
        "/login?return_to=/",
        "/login",
        "/login",
    ] {
        assert_eq!(get_for(&app, spelled, "198.51.100.7").await.status, 303);
    }
    for refused in [
        "/login",
        "/%6Cogin",
        "/authorization-code/callback?state=x&code=y",
    ] {
        let answer = get_for(&app, refused, "198.51.100.7").await;
        assert_eq!(answer.refusal(), (429, TOO_OFTEN.to_owned()));
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(
            answer.text("error-next").unwrap(),
            match wait {
                1 => "Try again in a second.".to_owned(),
                secs => format!("Try again in {secs} seconds."),
            }
        );
        assert!(answer.cookies().is_empty());
    }
    // The rest of the pages stay open to them, and sign-in to everybody else.
    assert_eq!(get_for(&app, "/", "198.51.100.7").await.status, 200);
    assert_eq!(get_for(&app, "/login", "198.51.100.8").await.status, 303);
}

#[actix_web::test]
async fn the_callback_by_post_counts_too() {
    let app = spawn_with("1", "form_post");
    let post = || async {
        let headers = [("X-Forwarded-For", "198.51.100.7")];
        let visitor = app.visitor();
        let path = "/authorization-code/callback";
        visitor
            .send(Method::POST, path, &headers, "state=x&code=y")
            .await
            .status
    };
    assert_eq!(post().await, 303);
    assert_eq!(post().await, 429);
}

#[actix_web::test]
async fn trusted_addresses_have_no_limit() {
    let app = spawn("1");
    for _ in 0..5 {
        assert_eq!(app.visitor().get("/login").await.status, 303);
    }
}

#[actix_web::test]
async fn without_proxies_the_peer_has_the_limit_whatever_it_says() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("RATE_LIMIT", "2")]);
    assert_eq!(get_for(&app, "/login", "198.51.100.1").await.status, 303);
    assert_eq!(get_for(&app, "/login", "198.51.100.2").await.status, 303);
    assert_eq!(get_for(&app, "/login", "198.51.100.3").await.status, 429);
}

#[actix_web::test]
async fn below_a_path_the_limit_is_there_too() {
    let variables = [("RATE_LIMIT", "1"), ("PUBLIC_URL", "/doorward")];
    let app = TestApp::spawn_with(Database::Sqlite, &variables);
    assert_eq!(app.visitor().get("/doorward/login").await.status, 303);
    assert_eq!(app.visitor().get("/doorward/login").await.status, 429);
    assert_eq!(app.visitor().get("/login").await.status, 404);
}

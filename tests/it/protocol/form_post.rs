//! The authorization response by `form_post`.

use serde_json::json;

use super::query;
use crate::on_both;
use crate::support::app::FORM_POST;
use crate::support::provider::Endpoint;
use crate::support::{Answer, Database, TestApp, Visitor};

/// The cookies that browsers send with a POST from another site: none of ours.
async fn post_from_the_provider(app: &TestApp, visitor: &Visitor, form: &str) -> Answer {
    let kept = visitor.app_cookies();
    for name in kept.keys() {
        visitor.set_app_cookie(name, "");
    }
    let answer = visitor
        .post(&format!("{}/authorization-code/callback", app.url), form)
        .await;
    for (name, value) in kept {
        visitor.set_app_cookie(&name, &value);
    }
    answer
}

on_both! {
    /// Core 13.1, 13.2
    /// Form Post 2 (b): The response is read from the body of a POST, form-urlencoded (MUST)
    /// Form Post 4 (b): for the code; only the state is in the next URL
    /// RFC 9700 4.2.4 (d): Form post, to prevent leaks (MAY)
    /// RFC 9700 4.12: what follows a POST of ours is 303
    /// Suite form post all of basic
    async fn a_response_by_post_signs_in_and_gets_into_no_address(database: Database) {
        let app = TestApp::spawn_with(database, &FORM_POST);
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        let code = query(&callback).split('&').find(|pair| pair.starts_with("code=")).unwrap().to_owned();
        let answer = post_from_the_provider(&app, &ada, &query(&callback)).await;
        assert_eq!(answer.status, 303);
        assert!(answer.location().starts_with("/authorization-code/callback?state="));
        assert!(!answer.location().contains(&code));
        let waiting = answer.cookies()[0].to_owned();
        assert!(waiting.contains("HttpOnly; SameSite=Lax") && waiting.contains("Max-Age=60"), "{waiting}");
        assert!(!waiting.contains(code.trim_start_matches("code=")), "it is sealed");

        let back = ada.get(answer.location()).await;
        assert_eq!(back.location(), "/profile");
        assert!(ada.is_signed_in().await);
        assert_eq!(ada.app_cookies().len(), 1, "only the session's is left: {:?}", ada.app_cookies());
    }

    /// Form Post 4 (a)
    async fn a_response_by_post_is_bound_to_its_browser_too(database: Database) {
        let app = TestApp::spawn_with(database, &FORM_POST);
        let (attacker, victim) = (app.visitor(), app.visitor());
        let callback = attacker.callback_for("grace").await;
        let answer = post_from_the_provider(&app, &victim, &query(&callback)).await;
        let answer = victim.get(answer.location()).await;
        assert!(answer.location().contains("/authorize?"), "starts again");
        assert!(!victim.is_signed_in().await);
        assert_eq!(app.storage().users(), 0);
    }
}

/// Form Post 2 (a): `response_mode=form_post` is sent if it is configured (MUST)
#[actix_web::test]
async fn the_response_mode_is_what_the_setting_says() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let authorization_request = app.visitor().begin("/login").await;
    assert!(authorization_request.contains("response_mode=form_post"));
}

/// Form Post 2 (e)
#[actix_web::test]
async fn a_post_that_is_no_response_is_refused() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let endless = format!("state=x&code={}", "a".repeat(20_000));
    for (form, status) in [
        ("", 403),
        ("code=x", 403),
        ("state=x&state=y&code=z", 400),
        (&endless, 413),
    ] {
        let answer = app
            .visitor()
            .post("/authorization-code/callback", form)
            .await;
        assert_eq!(answer.status, status, "{form:.40}");
        assert!(
            answer.has("error-title") && answer.cookies().is_empty(),
            "{form:.40}"
        );
    }
}

/// Form Post 2 (c): An error is sent the same way (MUST)
#[actix_web::test]
async fn an_error_by_post_has_its_sentence() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let state = query(&callback)
        .split('&')
        .find(|pair| pair.starts_with("state="))
        .unwrap()
        .to_owned();
    let form = format!("error=access_denied&{state}");
    let answer = post_from_the_provider(&app, &ada, &form).await;
    let page = ada.get(answer.location()).await;
    let sentence = "Sign-in was cancelled, or your account may not use this application.";
    assert_eq!(page.refusal(), (403, sentence.to_owned()));
    assert_eq!(app.provider.request_count(Endpoint::Token), 0);
    assert!(ada.app_cookies().is_empty());
}

/// Form Post 4 (d): All else is checked as with a query (MUST)
/// Suite form post all of basic
#[actix_web::test]
async fn an_id_token_after_a_post_is_verified_all_the_same() {
    for (claim, wrong) in [
        ("nonce", json!("x")),
        ("aud", json!("another")),
        ("iss", json!("https://evil.example")),
    ] {
        let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
        app.provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(move |claims| claims[claim] = wrong.clone()));
        });
        let ada = app.visitor();
        let authorization_request = ada.begin("/login").await;
        // Taken from where the demo provider would put it in the form.
        let by_query = authorization_request.replace("form_post", "query");
        let callback = ada.choose(&by_query, "ada").await;
        let answer = post_from_the_provider(&app, &ada, &query(&callback)).await;
        assert_eq!(ada.get(answer.location()).await.status, 403, "{claim}");
        assert!(!ada.is_signed_in().await);
    }
}

mod slow {
    use super::*;

    /// A body that never ends is not waited for.
    #[actix_web::test]
    async fn a_form_that_does_not_end_is_given_up() {
        use std::io::{Read, Write};
        let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
        let addr = app.url.trim_start_matches("http://localhost:");
        let mut client = std::net::TcpStream::connect(format!("127.0.0.1:{addr}")).unwrap();
        write!(
            client,
            "POST /authorization-code/callback HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nstate=x"
        )
        .unwrap();
        client
            .set_read_timeout(Some(std::time::Duration::from_secs(15)))
            .unwrap();
        let mut status = [0; 12];
        client.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 408");
    }
}

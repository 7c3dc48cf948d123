//! What strangers post, byte by byte.

use serde_json::json;

use super::{logout_claims, post, revocation_token};
use crate::support::provider::{Provider, ProviderConfig, demo_people};
use crate::support::raw::raw;
use crate::support::{Database, TestApp};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn token(app: &TestApp) -> String {
    app.provider
        .sign_id_token(&logout_claims(app, json!({"sub": "00uada"})))
}

/// The status of a raw `POST` with these lines in its head.
fn status(app: &TestApp, path: &str, head: &[&str], body: &[u8]) -> String {
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for line in head {
        request.push_str(line);
        request.push_str("\r\n");
    }
    if !head
        .iter()
        .any(|line| line.starts_with("Transfer-Encoding"))
    {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    let answer = raw(app, &[request.as_bytes(), body].concat());
    assert!(
        !answer.to_ascii_lowercase().contains("\r\nset-cookie:"),
        "{answer}"
    );
    let status = answer.split(' ').nth(1).unwrap_or_default();
    status.to_owned()
}

#[actix_web::test]
async fn a_logout_token_comes_in_chunks_too_and_only_as_a_plain_form() {
    let app = TestApp::spawn();
    app.signed_in("ada").await;
    let form = format!("logout_token={}", token(&app));
    let (one, two) = form.split_at(30);
    let chunked = format!(
        "{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    );
    let path = "/backchannel-logout";
    for (head, body) in [
        (vec![], form.as_bytes()),
        (vec!["Content-Type: text/plain"], form.as_bytes()),
        (vec!["Content-Type: application/json"], form.as_bytes()),
        (
            vec![FORM, "Content-Encoding: gzip"],
            b"\x1f\x8b\x08\x00\x00",
        ),
        (vec![FORM], &b"\xff\xfe\x00"[..]),
    ] {
        assert_eq!(status(&app, path, &head, body), "400", "{head:?}");
        assert_eq!(app.storage().sessions(), 1, "{head:?}");
    }
    let head = [
        "Transfer-Encoding: chunked",
        "content-type: APPLICATION/x-www-form-urlencoded;charset=UTF-8",
    ];
    assert_eq!(status(&app, path, &head, chunked.as_bytes()), "200");
    assert_eq!(app.storage().sessions(), 0);
}

#[actix_web::test]
async fn a_body_of_16_kib_is_read_and_one_byte_more_is_not() {
    let app = TestApp::spawn();
    for (len, expected) in [(16 * 1024, "200"), (16 * 1024 + 1, "400")] {
        let mut form = format!("logout_token={}&x=", token(&app));
        form.push_str(&"x".repeat(len - form.len()));
        assert_eq!(
            status(&app, "/backchannel-logout", &[FORM], form.as_bytes()),
            expected
        );
        let chunked = format!("{len:x}\r\n{form}\r\n0\r\n\r\n");
        let head = [FORM, "Transfer-Encoding: chunked"];
        // The same token again, if it was read.
        assert_eq!(
            status(&app, "/backchannel-logout", &head, chunked.as_bytes()),
            "400"
        );
    }
}

/// These requests are the provider's, whatever cookies come with them.
#[actix_web::test]
async fn cookies_that_come_with_a_logout_token_do_not_count() {
    let app = TestApp::spawn();
    let grace = app.signed_in("grace").await;
    app.clock.shift(time::Duration::minutes(20));
    let cookie = format!(
        "Cookie: {}={}",
        app.cookie_name("doorward"),
        grace.app_cookies()["doorward"]
    );
    let form = format!("logout_token={}", token(&app));
    assert_eq!(
        status(
            &app,
            "/backchannel-logout",
            &[FORM, &cookie],
            form.as_bytes()
        ),
        "200"
    );
    assert_eq!(
        status(
            &app,
            "/backchannel-logout",
            &[FORM, &cookie],
            b"logout_token=x"
        ),
        "400"
    );
    assert_eq!(status(&app, "/universal-logout", &[&cookie], b"{}"), "401");
    assert!(grace.is_signed_in().await);
}

/// Universal Logout 3.2 (b)
#[actix_web::test]
async fn a_bearer_token_comes_once_in_whatever_case_its_scheme_is() {
    let app = TestApp::spawn();
    let body = json!({"sub_id": {"format": "email", "email": "ada@example.com"}}).to_string();
    app.signed_in("ada").await;
    let json = "Content-Type: application/json";
    for (scheme, expected) in [
        ("bearer ", "204"),
        ("BEARER ", "204"),
        ("Bearer  ", "204"),
        ("Bearer", "401"),
        ("Basic ", "401"),
        ("Bearer x ", "401"),
        ("Bearer,", "401"),
    ] {
        let header = format!(
            "Authorization: {scheme}{}",
            revocation_token(&app, json!({}))
        );
        let found = status(&app, "/universal-logout", &[json, &header], body.as_bytes());
        assert_eq!(found, expected, "{scheme}");
    }
    let header = format!(
        "Authorization: Bearer {}",
        revocation_token(&app, json!({}))
    );
    for head in [
        [json, &header, &header],
        [json, &header, "authorization: Bearer x"],
    ] {
        let found = status(&app, "/universal-logout", &head, body.as_bytes());
        assert_eq!(found, "401", "twice");
    }
    let form = format!("access_token={}", &header["Authorization: Bearer ".len()..]);
    let path = format!("/universal-logout?{form}");
    assert_eq!(status(&app, &path, &[json], body.as_bytes()), "401");
    assert_eq!(
        status(&app, "/universal-logout", &[FORM], form.as_bytes()),
        "401"
    );
    // It is not used up by any of this.
    let found = status(&app, "/universal-logout", &[json, &header], body.as_bytes());
    assert_eq!(found, "204");
}

#[actix_web::test]
async fn below_a_path_the_audience_has_the_path() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", "/door/")]);
    let body = json!({"sub_id": {"format": "email", "email": "a@example.com"}}).to_string();
    let json = "Content-Type: application/json";
    let origin = app.url.strip_suffix("/door").unwrap();
    for (aud, expected) in [
        (format!("{origin}/door/universal-logout"), "404"),
        (format!("{origin}/door//universal-logout"), "401"),
        (format!("{origin}/universal-logout"), "401"),
        (format!("{origin}/door/universal-logout/"), "401"),
    ] {
        let header = format!(
            "Authorization: Bearer {}",
            revocation_token(&app, json!({"aud": aud}))
        );
        let found = status(
            &app,
            "/door/universal-logout",
            &[json, &header],
            body.as_bytes(),
        );
        assert_eq!(found, expected, "{aud}");
    }
    let form = format!("logout_token={}", token(&app));
    assert_eq!(
        status(&app, "/backchannel-logout", &[FORM], form.as_bytes()),
        "404"
    );
    assert_eq!(
        status(&app, "/door/backchannel-logout", &[FORM], form.as_bytes()),
        "200"
    );
}

/// Okta's organization, where people sign in through a custom authorization server: it has keys of its own.
///
/// Universal Logout Okta (b)
#[actix_web::test]
async fn revocation_tokens_of_another_issuer_are_verified_with_its_keys_and_no_others() {
    let organization = Provider::start(ProviderConfig {
        port: 0,
        client_id: crate::support::app::CLIENT_ID.to_owned(),
        client_secret: "of another client".to_owned(),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        people: demo_people(),
    })
    .unwrap();
    // The keys of all demo providers are the same until one rotates.
    organization.rotate_keys(crate::support::provider::Keep::No);
    let issuer = organization.issuer();
    let app = TestApp::spawn_with(Database::Sqlite, &[("UNIVERSAL_LOGOUT_ISSUER", &issuer)]);
    let ada = app.signed_in("ada").await;
    let by = |signer: &Provider, iss: &str, kind: &str| {
        let claims = json!({
            "iss": iss, "aud": format!("{}/universal-logout", app.url), "sub": crate::support::app::CLIENT_ID,
            "jti": format!("by {} {kind}", signer.issuer()), "iat": super::now(&app), "exp": super::now(&app) + 300,
        });
        signer.faults(|faults| {
            let typ = "global-token-revocation+jwt";
            faults.edit_header = Some(Box::new(move |header| header["typ"] = typ.into()));
        });
        let token = signer.sign_id_token(&claims);
        signer.heal();
        token
    };
    let of_sign_ins = app.provider.issuer();
    let person =
        json!({"sub_id": {"format": "iss_sub", "iss": of_sign_ins, "sub": "00uada"}}).to_string();
    for token in [
        by(&app.provider, &of_sign_ins, "its own"),
        by(&app.provider, &issuer, "of another"),
        by(&organization, &of_sign_ins, "of another"),
    ] {
        let answer = super::universal(&app, Some(&token), &person).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        // Each with the newest keys.
        app.clock.shift(time::Duration::MINUTE);
    }
    assert!(ada.is_signed_in().await);
    // People are those of OIDC_ISSUER all the same.
    let of_it =
        json!({"sub_id": {"format": "iss_sub", "iss": issuer, "sub": "00uada"}}).to_string();
    let token = by(&organization, &issuer, "its own");
    assert_eq!(
        super::universal(&app, Some(&token), &of_it).await.status,
        400
    );
    let answer = super::universal(&app, Some(&token), &person).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert!(!ada.is_signed_in().await);
    // A logout token is of OIDC_ISSUER, and not of that one.
    let claims = logout_claims(&app, json!({"sub": "00uada"}));
    let form = format!("logout_token={}", organization.sign_id_token(&claims));
    assert_eq!(post(&app, &form).await.status, 400);
}

/// It ran four minutes ahead when the logout came. The person is sent round once, and then told, not sent round for ever.
#[actix_web::test]
async fn a_clock_that_is_set_back_after_a_logout_keeps_the_person_out_until_it_has_caught_up() {
    let app = TestApp::spawn();
    app.signed_in("ada").await;
    app.clock.shift(time::Duration::minutes(4));
    assert_eq!(
        super::log_out(&app, json!({"sub": "00uada"})).await.status,
        200
    );
    app.clock.shift(-time::Duration::minutes(4));
    let visitor = app.visitor();
    let mut answer = visitor.sign_in("ada").await;
    for _ in 0..5 {
        if answer.status != 303 {
            break;
        }
        let there = answer.location().to_owned();
        assert!(there.starts_with(&app.provider.issuer()), "{there}");
        let back = visitor.get(&there).await;
        answer = visitor.get(back.location()).await;
    }
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(app.storage().sessions(), 0);
    app.storage()
        .execute("UPDATE users SET signed_out_at = '2026-01-01 00:00:00'");
    assert_eq!(visitor.sign_in("ada").await.location(), "/profile");
}

mod slow {
    use std::time::Instant;

    use super::*;

    #[actix_web::test]
    async fn a_body_that_does_not_arrive_is_refused_after_five_seconds() {
        let app = TestApp::spawn();
        let began = Instant::now();
        let request = format!(
            "POST /backchannel-logout HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\nContent-Length: 100\r\n\r\nlogout_"
        );
        let answer = raw(&app, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        let took = began.elapsed();
        assert!((4..9).contains(&took.as_secs()), "{took:?}");
    }
}

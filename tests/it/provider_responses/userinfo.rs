//! The userinfo endpoint.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{BUSY, NOT_SURE, UNUSABLE, assert_refused, huge};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint};
use crate::support::provider_faults::{answer_with, edit_userinfo};

/// Core 5.3.2 (a)
/// RFC 9700 4.6
/// Suite basic `userinfo-invalid-sub`: refuse userinfo about somebody else
#[actix_web::test]
async fn userinfo_about_somebody_else_is_refused() {
    let app = TestApp::spawn();
    for other in ["00ugrace", "00UADA", "00uada ", "00uad", ""] {
        edit_userinfo(&app, move |claims| claims["sub"] = json!(other));
        let cause = "the sub of userinfo is not the sub of the ID token";
        assert_refused(&app, NOT_SURE, cause).await;
    }
}

/// Core 5.3.2 (a)
#[actix_web::test]
async fn userinfo_that_is_no_object_with_a_sub_is_refused() {
    let app = TestApp::spawn();
    for (content_type, body) in [
        ("text/html", "<html>We are back soon</html>"),
        ("application/json", ""),
        ("application/json", "[\"00uada\"]"),
        ("application/json", "[]"),
        ("application/json", "null"),
        ("application/json", "{}"),
        ("application/json", "{\"name\":\"Ada\"}"),
        ("application/json", "{\"sub\":7}"),
        ("application/json", "{\"sub\":null}"),
        ("application/json", "{\"sub\":[\"00uada\"]}"),
        ("application/json", "{\"sub\":\"00uada\"} {}"),
        (
            "application/json",
            "{\"sub\":\"00ugrace\",\"sub\":\"00uada\"}",
        ),
        ("application/jwt", "e30.e30.e30"),
    ] {
        answer_with(
            &app,
            Endpoint::Userinfo,
            Canned::new(200, content_type, body),
        );
        assert_refused(&app, UNUSABLE, "the userinfo response is refused: ").await;
    }
}

/// Core 5.3.3
/// RFC 6750 3, 3.1: After 401 or 403 of the resource the token is no longer used
#[actix_web::test]
async fn userinfo_that_is_refused_us_is_refused() {
    let app = TestApp::spawn();
    for (status, page) in [
        (401, UNUSABLE),
        (403, UNUSABLE),
        (500, UNUSABLE),
        (503, BUSY),
        (204, UNUSABLE),
    ] {
        answer_with(&app, Endpoint::Userinfo, Canned::html(status, "no"));
        let cause = format!("userinfo: the provider responded with status {status}");
        assert_refused(&app, page, &cause).await;
    }
}

#[actix_web::test]
async fn a_huge_userinfo_is_refused_before_it_ends() {
    let app = TestApp::spawn();
    answer_with(&app, Endpoint::Userinfo, huge());
    let began = Instant::now();
    assert_refused(
        &app,
        UNUSABLE,
        "userinfo: the provider's response can't be read",
    )
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

/// Core 5.3.2 (b)
#[actix_web::test]
async fn null_is_as_good_as_nothing_in_userinfo() {
    let app = TestApp::spawn();
    edit_userinfo(&app, |claims| {
        for name in [
            "name",
            "given_name",
            "family_name",
            "email",
            "email_verified",
        ] {
            claims[name] = json!(null);
        }
    });
    let ada = app.visitor();
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    let profile = ada.get("/profile").await;
    assert!(!profile.has("claim-name") && !profile.has("claim-email"));
}

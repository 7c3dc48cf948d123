//! `crit` and `typ`.

use serde_json::json;

use super::{assert_accepted, assert_refused, set_header};
use crate::support::TestApp;
use crate::support::provider_faults::{edit_claims, edit_header};

/// RFC 7515 4.1.11
#[actix_web::test]
async fn a_critical_header_is_refused() {
    let app = TestApp::spawn();
    for crit in [
        json!(["exp"]),
        json!(["b64"]),
        json!([]),
        json!("b64"),
        json!(true),
    ] {
        edit_header(&app, move |header| {
            header["crit"] = crit.clone();
            header["exp"] = json!(4_102_444_800_u64);
            header["b64"] = json!(true);
        });
        assert_refused(&app, "it has critical header parameters").await;
    }
}

/// RFC 7515, 4.1.11: where it is there, it is a list with something in it.
///
/// RFC 7515 4.1.11
#[actix_web::test]
async fn a_critical_header_that_is_null_is_refused() {
    let app = TestApp::spawn();
    set_header(&app, "crit", json!(null));
    assert_refused(&app, "it has critical header parameters").await;
}

/// RFC 8725 3.11
/// RFC 8725 3.12
#[actix_web::test]
async fn another_kind_of_token_is_refused() {
    let app = TestApp::spawn();
    for typ in [
        "logout+jwt",
        "at+jwt",
        "application/at+jwt",
        "global-token-revocation+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "",
    ] {
        set_header(&app, "typ", json!(typ));
        let cause = format!("its typ is {typ:?}, expected \"JWT\"");
        assert_refused(&app, &cause).await;
    }
    set_header(&app, "typ", json!(7));
    assert_refused(&app, "its header's typ is a number, expected a string").await;
}

/// One that an old provider signed without a type of its own, with a nonce of ours or without.
///
/// Back-Channel 4.1 (a)
#[actix_web::test]
async fn a_logout_token_is_no_id_token() {
    let app = TestApp::spawn();
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let with_nonce = events.clone();
    edit_claims(&app, move |claims| claims["events"] = with_nonce.clone());
    assert_refused(&app, "it has events, so it is a logout token").await;
    edit_claims(&app, move |claims| {
        claims["events"] = events.clone();
        claims.as_object_mut().unwrap().remove("nonce");
    });
    assert_refused(&app, "it has events, so it is a logout token").await;
}

/// RFC 8725 3.11
#[actix_web::test]
async fn a_token_that_says_jwt_is_accepted_in_any_case() {
    let app = TestApp::spawn();
    for typ in ["JWT", "jwt"] {
        set_header(&app, "typ", json!(typ));
        assert_accepted(&app, typ).await;
    }
}

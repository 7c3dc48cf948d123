//! `exp`, `iat`, `nbf` and `auth_time`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{assert_accepted, assert_refused, set_claim};
use crate::support::TestApp;
use crate::support::provider_faults::edit_claims;

fn in_secs(secs: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    json!(i64::try_from(now.as_secs()).unwrap() + secs)
}

/// Core 3.1.3.7 (9)
#[actix_web::test]
async fn an_expired_id_token_is_refused() {
    let app = TestApp::spawn();
    for wrong in [in_secs(-60), in_secs(-3600), json!(0)] {
        set_claim(&app, "exp", wrong);
        assert_refused(
            &app,
            "it has expired (GET /authorization-code/callback 403); check both clocks",
        )
        .await;
    }
}

/// Core 3.1.3.7 (10): an old one that has not expired is accepted: the nonce prevents replay
#[actix_web::test]
async fn an_id_token_of_the_future_is_refused() {
    let app = TestApp::spawn();
    for name in ["iat", "nbf"] {
        for wrong in [in_secs(75), in_secs(1800), json!(253_402_300_799_u64)] {
            set_claim(&app, name, wrong);
            assert_refused(
                &app,
                "it is not valid yet (GET /authorization-code/callback 403); check both clocks",
            )
            .await;
        }
    }
}

/// Core 3.1.3.7 (9)
#[actix_web::test]
async fn clocks_may_differ_by_a_minute() {
    let app = TestApp::spawn();
    for (name, secs) in [("exp", -45), ("iat", 60), ("nbf", 60)] {
        set_claim(&app, name, in_secs(secs));
        assert_accepted(&app, &format!("{name} {secs}")).await;
    }
}

/// Core 2 (d)
#[actix_web::test]
async fn times_may_have_fractions_and_auth_time_may_be_zero() {
    let app = TestApp::spawn();
    edit_claims(&app, |claims| {
        for name in ["exp", "iat", "auth_time"] {
            claims[name] = json!(claims[name].as_f64().unwrap() + 0.25);
        }
    });
    assert_accepted(&app, "fractions").await;
    set_claim(&app, "auth_time", json!(0));
    assert_accepted(&app, "auth_time 0").await;
    set_claim(&app, "auth_time", None);
    assert_accepted(&app, "no auth_time").await;
}

/// Core 2 (c)
#[actix_web::test]
async fn an_id_token_without_exp_is_refused() {
    let app = TestApp::spawn();
    set_claim(&app, "exp", None);
    assert_refused(&app, "it has no exp").await;
}

/// Core 2 (c)
/// Suite basic `missing-iat`: refuse an ID token without `iat`
#[actix_web::test]
async fn an_id_token_without_iat_is_refused() {
    let app = TestApp::spawn();
    set_claim(&app, "iat", None);
    assert_refused(&app, "it has no iat").await;
}

/// Core 2 (d)
#[actix_web::test]
async fn a_time_that_is_no_number_is_refused() {
    let app = TestApp::spawn();
    for name in ["exp", "iat", "nbf"] {
        for wrong in [
            json!("4102444800"),
            json!(null),
            json!([4_102_444_800_u64]),
            json!({"secs": 4_102_444_800_u64}),
            json!(true),
        ] {
            set_claim(&app, name, wrong);
            assert_refused(&app, &format!("its {name} is ")).await;
        }
    }
}

/// Core 2 (d)
#[actix_web::test]
async fn a_number_that_is_no_time_is_refused() {
    let app = TestApp::spawn();
    for name in ["exp", "iat", "nbf"] {
        for wrong in [json!(1e300), json!(-1), json!(u64::MAX), json!(-0.5)] {
            set_claim(&app, name, wrong);
            assert_refused(
                &app,
                &format!("its {name} is a number, expected seconds since 1970"),
            )
            .await;
        }
    }
}

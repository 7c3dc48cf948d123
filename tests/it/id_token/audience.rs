//! `aud` and `azp`: which client the ID token is for.

use serde_json::json;

use super::{assert_accepted, assert_refused, set_claim};
use crate::support::TestApp;
use crate::support::app::CLIENT_ID;
use crate::support::provider_faults::edit_claims;

/// Core 3.1.3.7 (3 a): `aud` names us; refuse it if not (MUST)
/// Core 14
/// RFC 8725 3.9
/// Suite basic `invalid-aud`: refuse another audience
/// IPSIE 3.2.2 (n)
#[actix_web::test]
async fn an_id_token_for_another_application_is_refused() {
    let app = TestApp::spawn();
    for wrong in [
        json!("another"),
        json!(["another"]),
        json!([]),
        json!(""),
        json!(format!("{CLIENT_ID} ")),
        json!([CLIENT_ID.to_uppercase(), "another"]),
    ] {
        set_claim(&app, "aud", wrong);
        assert_refused(&app, "its aud does not name OIDC_CLIENT_ID").await;
    }
}

/// Core 2 (b)
#[actix_web::test]
async fn an_audience_of_a_wrong_type_or_none_is_refused() {
    let app = TestApp::spawn();
    set_claim(&app, "aud", None);
    assert_refused(&app, "it has no aud").await;
    for wrong in [
        json!(7),
        json!({"aud": CLIENT_ID}),
        json!(null),
        json!(true),
        json!([CLIENT_ID, 7]),
        json!([[CLIENT_ID]]),
    ] {
        set_claim(&app, "aud", wrong);
        assert_refused(&app, "its aud is ").await;
    }
}

/// Core 3.1.3.7 (3 b): Refuse other audiences that are not trusted (MUST)
#[actix_web::test]
async fn one_of_several_audiences_without_azp_is_refused() {
    let app = TestApp::spawn();
    for aud in [json!([CLIENT_ID, "another"]), json!(["another", CLIENT_ID])] {
        set_claim(&app, "aud", aud);
        assert_refused(&app, "it has several audiences and no azp").await;
    }
}

/// Core 3.1.3.7 (4 and 5)
#[actix_web::test]
async fn one_of_several_audiences_with_another_azp_is_refused() {
    let app = TestApp::spawn();
    edit_claims(&app, |claims| {
        claims["aud"] = json!([CLIENT_ID, "another"]);
        claims["azp"] = json!("another");
    });
    assert_refused(&app, "its azp is not OIDC_CLIENT_ID").await;
}

/// Core 3.1.3.7 (4 and 5)
#[actix_web::test]
async fn another_azp_is_refused_with_a_single_audience_too() {
    let app = TestApp::spawn();
    for wrong in ["another", "", &CLIENT_ID.to_uppercase()] {
        set_claim(&app, "azp", json!(wrong));
        assert_refused(&app, "its azp is not OIDC_CLIENT_ID").await;
    }
}

/// Core 3.1.3.7 (4 and 5)
#[actix_web::test]
async fn an_azp_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn();
    for wrong in [json!(null), json!(7), json!([CLIENT_ID])] {
        set_claim(&app, "azp", wrong);
        assert_refused(&app, "its azp is ").await;
    }
}

/// Core 2 (b)
#[actix_web::test]
async fn an_audience_may_be_a_list_and_name_the_party() {
    let app = TestApp::spawn();
    for (aud, azp) in [
        (json!([CLIENT_ID]), None),
        (json!([CLIENT_ID]), Some(CLIENT_ID)),
        (json!(CLIENT_ID), Some(CLIENT_ID)),
        (json!(["another", CLIENT_ID]), Some(CLIENT_ID)),
    ] {
        let what = format!("aud {aud}, azp {azp:?}");
        edit_claims(&app, move |claims| {
            claims["aud"] = aud.clone();
            if let Some(azp) = azp {
                claims["azp"] = json!(azp);
            }
        });
        assert_accepted(&app, &what).await;
    }
}

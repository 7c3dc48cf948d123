//! `at_hash` ties the access token to the ID token.

use serde_json::json;

use super::{assert_accepted, assert_refused, set_claim};
use crate::support::TestApp;
use crate::support::provider::Signing;
use crate::support::provider_faults::{edit_claims, sign_with};

/// Core 3.1.3.8
/// Core 16.3, 16.11
/// RFC 9700 4.6
#[actix_web::test]
async fn the_hash_of_another_access_token_is_refused() {
    let app = TestApp::spawn();
    for signing in [Signing::Rs256, Signing::EdDsa] {
        sign_with(&app, signing);
        for wrong in ["", "AAAAAAAAAAAAAAAAAAAAAA"] {
            set_claim(&app, "at_hash", json!(wrong));
            assert_refused(&app, "its at_hash is not of this access token").await;
        }
        edit_claims(&app, |claims| {
            let padded = format!("{}==", claims["at_hash"].as_str().unwrap());
            claims["at_hash"] = json!(padded);
        });
        assert_refused(&app, "its at_hash is not of this access token").await;
    }
}

/// Core 3.1.3.8
#[actix_web::test]
async fn an_at_hash_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn();
    for wrong in [json!(null), json!(7), json!(["AAAA"])] {
        set_claim(&app, "at_hash", wrong);
        assert_refused(&app, "its at_hash is ").await;
    }
}

/// Core 3.1.3.8
#[actix_web::test]
async fn no_at_hash_is_accepted() {
    let app = TestApp::spawn();
    set_claim(&app, "at_hash", None);
    assert_accepted(&app, "it is optional in the code flow").await;
}

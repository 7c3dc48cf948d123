//! `nonce` ties the ID token to one sign-in attempt.

use serde_json::json;

use super::{assert_refused, set_claim};
use crate::on_both;
use crate::support::TestApp;
use crate::support::provider_faults::edit_claims;

on_both! {
    /// Core 2; 3.1.3.7 (11)
    /// RFC 9700 4.5.3
    /// Suite basic `nonce-invalid`: refuse another nonce
    async fn an_id_token_of_another_attempt_is_refused(app: TestApp) {
        let cause = "its nonce is not the one of this attempt";
        set_claim(&app, "nonce", json!("x".repeat(43)));
        assert_refused(&app, cause).await;
        set_claim(&app, "nonce", json!(""));
        assert_refused(&app, cause).await;
        edit_claims(&app, |claims| {
            let nonce = claims["nonce"].as_str().unwrap().to_owned();
            claims["nonce"] = json!(nonce[..42]);
        });
        assert_refused(&app, cause).await;
    }
}

/// Core 2; 3.1.3.7 (11)
/// RFC 8725 3.12: signed userinfo has none
#[actix_web::test]
async fn an_id_token_without_nonce_is_refused() {
    let app = TestApp::spawn();
    set_claim(&app, "nonce", None);
    assert_refused(&app, "it has no nonce").await;
    set_claim(&app, "nonce", json!(null));
    assert_refused(&app, "its nonce is null, expected a string").await;
}

/// Core 2; 3.1.3.7 (11)
#[actix_web::test]
async fn a_nonce_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn();
    for wrong in [json!(7), json!(true), json!(["nonce"]), json!({})] {
        set_claim(&app, "nonce", wrong);
        assert_refused(&app, "its nonce is ").await;
    }
}

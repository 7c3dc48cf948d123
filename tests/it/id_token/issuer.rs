//! `iss` is exactly the issuer.

use serde_json::json;

use super::{assert_refused, set_claim};
use crate::support::TestApp;

/// Core 2; 3.1.3.7 (2)
/// Core 14
/// Discovery 4.3 (b): `issuer` is also the `iss` of ID tokens (MUST)
/// RFC 8725 3.8
/// Suite basic `invalid-iss`: refuse another issuer in the ID token
#[actix_web::test]
async fn another_issuer_is_refused() {
    let app = TestApp::spawn();
    let issuer = app.provider.issuer();
    for wrong in [
        "https://evil.example".to_owned(),
        format!("{issuer}/"),
        issuer.replace("127.0.0.1", "localhost"),
        issuer.to_uppercase(),
        format!("{issuer}\u{0}"),
        String::new(),
    ] {
        let cause = format!("its iss is {wrong:?}, not OIDC_ISSUER");
        set_claim(&app, "iss", json!(wrong));
        assert_refused(&app, &cause).await;
    }
}

/// Core 2; 3.1.3.7 (2)
#[actix_web::test]
async fn an_id_token_without_issuer_is_refused() {
    let app = TestApp::spawn();
    set_claim(&app, "iss", None);
    assert_refused(&app, "it has no iss").await;
    for wrong in [json!(null), json!(7), json!([app.provider.issuer()])] {
        set_claim(&app, "iss", wrong);
        assert_refused(&app, "its iss is ").await;
    }
}

//! The authorization request.

use serde_json::json;

use super::discovery_says;
use crate::support::TestApp;

/// OpenID Connect Core 4: the provider's dashboard may begin a sign-in, and cannot lead elsewhere.
///
/// Core 4 (a)
/// Core 4 (c): `login_hint` is passed on to the provider (MUST)
/// Suite third-party-initiated login
#[actix_web::test]
async fn a_third_party_may_begin_a_sign_in() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    let issuer = app.provider.issuer();
    let initiate =
        format!("/login?iss={issuer}&login_hint=ada%26x&target_link_uri=https://evil.example&x=y");
    let authorization_request = ada.begin(&initiate).await;
    assert!(authorization_request.starts_with(&format!("{issuer}/authorize?")));
    assert!(authorization_request.ends_with("&login_hint=ada%26x"));
    let callback = ada.choose(&authorization_request, "ada").await;
    assert_eq!(ada.get(&callback).await.location(), "/profile");
}

/// RFC 9700, 2.1.1: PKCE always, and never `plain`.
///
/// RFC 7636 5: The parameters are also sent to servers that may not support them (SHOULD)
/// RFC 7636 7.2
#[actix_web::test]
async fn pkce_is_s256_whatever_discovery_says() {
    for methods in [json!(null), json!([]), json!(["plain"])] {
        let app = TestApp::spawn();
        discovery_says(&app.provider, "code_challenge_methods_supported", methods);
        let ada = app.visitor();
        assert!(
            ada.begin("/login")
                .await
                .contains("code_challenge_method=S256")
        );
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    }
}

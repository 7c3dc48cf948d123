//! Userinfo as a JWT (OpenID Connect Core 5.3.2).

use serde_json::json;

use crate::support::provider::{Canned, Endpoint, Signing};
use crate::support::{Database, TestApp};

/// OpenID Connect Core 5.3.2: userinfo may be signed; then it is verified like an ID token.
///
/// Core 5.3.2, 5.3.4
/// RFC 8725 3.9
#[actix_web::test]
async fn signed_userinfo_is_verified() {
    for (change, status) in [
        (json!({}), 303),
        (json!({"aud": ["x", crate::support::app::CLIENT_ID]}), 303),
        (json!({"iss": "https://evil.example"}), 502),
        (json!({"aud": "another"}), 502),
        (json!({"aud": null}), 502),
        (json!({"sub": "somebody"}), 403),
    ] {
        let app = TestApp::spawn();
        let mut claims = json!({
            "iss": app.provider.issuer(),
            "aud": crate::support::app::CLIENT_ID,
            "sub": "00uada",
            "name": "Ada, signed",
        });
        claims
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let jwt = app.provider.sign_id_token(&claims);
        let signed = Canned::new(200, "application/jwt", jwt);
        app.provider
            .faults(|faults| drop(faults.canned.insert(Endpoint::Userinfo, signed)));
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.status, status, "{change}");
        assert_eq!(ada.is_signed_in().await, status == 303, "{change}");
        if status == 303 {
            let name = ada.get("/profile").await.text("claim-name");
            assert_eq!(name.as_deref(), Some("Ada, signed"));
        }
    }
}

/// Each kind of signed document has its own list in discovery (Discovery 3), and `OIDC_ID_TOKEN_ALGS` is of ID tokens
/// alone.
///
/// Core 5.3.2, 5.3.4: with the algorithms that discovery names for userinfo
#[actix_web::test]
async fn userinfo_is_signed_with_an_algorithm_of_its_own() {
    const USERINFO_ALGS: &str = "userinfo_signing_alg_values_supported";
    for (variables, userinfo_algs, status) in [
        (&[][..], json!(["RS256"]), 303),
        (&[("OIDC_ID_TOKEN_ALGS", "ES256")], json!(["RS256"]), 303),
        (&[("OIDC_ID_TOKEN_ALGS", "ES256")], json!(null), 303),
        (&[], json!(["ES256"]), 502),
        (
            &[("OIDC_ID_TOKEN_ALGS", "ES256 RS256")],
            json!(["ES256"]),
            502,
        ),
        (&[], json!([]), 502),
    ] {
        let app = TestApp::spawn_with(Database::Sqlite, variables);
        let what = format!("{variables:?} {userinfo_algs}");
        let claims = json!({
            "iss": app.provider.issuer(), "aud": crate::support::app::CLIENT_ID, "sub": "00uada", "name": "Ada, signed",
        });
        // By RS256, which is the provider's default; its ID tokens are signed by ES256.
        let jwt = app.provider.sign_id_token(&claims);
        app.provider.faults(|faults| {
            faults.signing = Signing::Es256;
            let signed = Canned::new(200, "application/jwt", jwt);
            faults.canned.insert(Endpoint::Userinfo, signed);
            faults.edit_discovery = Some(Box::new(move |document| {
                document["id_token_signing_alg_values_supported"] = json!(["ES256"]);
                document[USERINFO_ALGS] = userinfo_algs.clone();
            }));
        });
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.status, status, "{what}");
        assert_eq!(ada.is_signed_in().await, status == 303, "{what}");
    }
}

/// Core 5.3.2, 5.3.4
#[actix_web::test]
async fn userinfo_with_a_broken_signature_is_refused() {
    let app = TestApp::spawn();
    let claims = json!({"iss": app.provider.issuer(), "aud": crate::support::app::CLIENT_ID, "sub": "00uada"});
    let jwt = app.provider.sign_id_token(&claims);
    let (head, signature) = jwt.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{head}.{flipped}{}", &signature[1..]);
    for body in [forged.as_str(), head, "", "{\"sub\":\"00uada\"}"] {
        let signed = Canned::new(200, "application/jwt", body);
        app.provider
            .faults(|faults| drop(faults.canned.insert(Endpoint::Userinfo, signed)));
        assert_eq!(app.visitor().sign_in("ada").await.status, 502, "{body:.20}");
    }
}

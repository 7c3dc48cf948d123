//! `alg`: what may sign an ID token.

use serde_json::{Value, json};

use super::{assert_accepted, assert_refused, set_header};
use crate::support::app::CLIENT_SECRET;
use crate::support::provider::Signing;
use crate::support::provider_faults::{
    edit_claims, edit_discovery, edit_header, edit_keys, sign_with,
};
use crate::support::{Database, TestApp};

/// Core 2; 3.1.3.7 (7)
/// RFC 8725 3.2
/// Suite basic, config `idtoken-sig-none`: accept an unsigned ID token, or be skipped
#[actix_web::test]
async fn an_unsigned_id_token_is_refused() {
    let app = TestApp::spawn();
    sign_with(&app, Signing::None);
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        set_header(&app, "alg", json!(alg));
        let cause = format!("its alg is {alg:?}, which Doorward does not verify");
        assert_refused(&app, &cause).await;
    }
}

/// Core 16.3, 16.11
/// RFC 8725 3.1 (b): The header's `alg` is used to verify (MUST)
#[actix_web::test]
async fn an_id_token_signed_with_the_public_key_as_a_secret_is_refused() {
    let app = TestApp::spawn();
    let pem = app.provider.public_rsa_pem();
    let without_newline = pem[..pem.len() - 1].to_vec();
    for secret in [pem, without_newline] {
        sign_with(&app, Signing::Hs256(secret.clone()));
        assert_refused(&app, "its alg is \"HS256\"").await;
        // Under a false flag it is no RS256 signature either.
        set_header(&app, "alg", json!("RS256"));
        assert_refused(&app, "its signature is wrong").await;
        app.provider.heal();
    }
}

/// Core 3.1.3.7 (8): For MAC algorithms the key is the client secret (MUST)
#[actix_web::test]
async fn an_id_token_signed_with_the_client_secret_is_refused() {
    let app = TestApp::spawn();
    sign_with(&app, Signing::Hs256(CLIENT_SECRET.into()));
    assert_refused(&app, "its alg is \"HS256\"").await;
}

/// Discovery 3 (f): `id_token_signing_alg_values_supported` may contain `none`, which the code flow must not use
///   (MUST NOT, unless registered)
#[actix_web::test]
async fn a_provider_that_announces_none_and_hs256_is_not_followed() {
    let app = TestApp::spawn();
    for signing in [Signing::None, Signing::Hs256(CLIENT_SECRET.into())] {
        sign_with(&app, signing);
        edit_discovery(&app, |document| {
            document["id_token_signing_alg_values_supported"] = json!(["none", "HS256", "RS256"]);
        });
        assert_refused(&app, "its alg is ").await;
    }
}

/// Core 2; 3.1.3.7 (7)
/// RFC 8725 3.1 (a)
#[actix_web::test]
async fn an_algorithm_that_discovery_does_not_name_is_refused() {
    let app = TestApp::spawn();
    edit_discovery(&app, |document| {
        document["id_token_signing_alg_values_supported"] = json!(["ES256"]);
    });
    assert_refused(&app, "its alg is \"RS256\"").await;
}

/// Core 2; 3.1.3.7 (7)
#[actix_web::test]
async fn a_provider_that_is_silent_about_algorithms_signs_rs256_only() {
    let app = TestApp::spawn();
    let silent = |document: &mut Value| {
        let document = document.as_object_mut().unwrap();
        document.remove("id_token_signing_alg_values_supported");
    };
    edit_discovery(&app, silent);
    sign_with(&app, Signing::Ps256);
    assert_refused(&app, "its alg is \"PS256\"").await;
    sign_with(&app, Signing::Rs256);
    assert_accepted(&app, "RS256").await;
}

/// Core 10.1 (b)
/// RFC 8725 3.1 (a)
#[actix_web::test]
async fn an_algorithm_that_the_key_does_not_name_is_refused() {
    let app = TestApp::spawn();
    sign_with(&app, Signing::Ps256);
    set_header(&app, "kid", json!("rsa-1"));
    assert_refused(&app, "the key with the kid \"rsa-1\" is published, but can't be used: it is for RS256, not PS256").await;
    // And the RS256 key does not take a PS256 signature that says RS256.
    edit_header(&app, |header| {
        *header = json!({"alg": "RS256", "kid": "rsa-1"})
    });
    assert_refused(&app, "its signature is wrong").await;
}

/// RFC 8725 3.1 (a)
#[actix_web::test]
async fn rs512_is_refused_where_discovery_names_rs256() {
    let app = TestApp::spawn();
    edit_discovery(&app, |document| {
        document["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    });
    edit_keys(&app, |keys| {
        drop(keys["keys"][0].as_object_mut().unwrap().remove("alg"))
    });
    sign_with(&app, Signing::Rs512);
    assert_refused(
        &app,
        "its alg is \"RS512\", expected RS256 (GET /authorization-code/callback 403); compare with OIDC_ID_TOKEN_ALGS, or else discovery's id_token_signing_alg_values_supported",
    )
    .await;
}

/// Core 2; 3.1.3.7 (7)
#[actix_web::test]
async fn rs512_is_accepted_where_the_settings_name_it_and_then_nothing_else_is() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("OIDC_ID_TOKEN_ALGS", "RS512")]);
    edit_discovery(&app, |document| {
        document["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    });
    edit_keys(&app, |keys| {
        drop(keys["keys"][0].as_object_mut().unwrap().remove("alg"))
    });
    assert_refused(&app, "its alg is \"RS256\"").await;
    sign_with(&app, Signing::Rs512);
    assert_accepted(&app, "RS512").await;
}

/// Core 3.1.3.8
/// Suite basic `idtoken-sig-rs256`: accept RS256
#[actix_web::test]
async fn all_four_algorithms_sign_in_with_the_hash_of_their_access_token() {
    let app = TestApp::spawn();
    for signing in [
        Signing::Rs256,
        Signing::Ps256,
        Signing::Es256,
        Signing::EdDsa,
    ] {
        let what = format!("{signing:?}");
        sign_with(&app, signing);
        edit_claims(&app, |claims| assert!(claims["at_hash"].is_string()));
        assert_accepted(&app, &what).await;
    }
}

/// Discovery may list what Doorward does not verify: then it is not discovery that forbids it.
#[actix_web::test]
async fn an_algorithm_that_discovery_lists_is_not_said_to_be_unlisted() {
    let app = TestApp::spawn();
    edit_discovery(&app, |document| {
        document["id_token_signing_alg_values_supported"] =
            json!(["none", "HS256", "ES512", "RS256"]);
    });
    for alg in ["none", "HS256", "ES512"] {
        set_header(&app, "alg", json!(alg));
        let cause = format!("its alg is {alg:?}, which Doorward does not verify");
        assert_refused(&app, &cause).await;
    }
}

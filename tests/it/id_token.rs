//! Each way in which an ID token can be wrong, and those in which it only looks so (OpenID Connect Core 3.1.3.7).

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::on_both;
use crate::provider_answers;
use crate::support::app::{CLIENT_ID, CLIENT_SECRET};
use crate::support::provider::{Canned, Endpoint, Keep, Signing};
use crate::support::{Database, TestApp, log};

const NOT_SURE: (u16, &str) = (
    403,
    "What your sign-in provider sent did not pass our checks, so you are not signed in.",
);

/// Ada tries to sign in and is refused for `cause`; see [`provider_answers::assert_refused`] for all that is looked at.
async fn assert_refused(app: &TestApp, cause: &str) {
    let cause = format!("the ID token is refused: {cause}");
    provider_answers::assert_refused(app, NOT_SURE, &cause).await;
}

async fn assert_accepted(app: &TestApp, what: &str) {
    let ada = app.visitor();
    let back = ada.sign_in("ada").await;
    assert_eq!(back.status, 303, "{what}: {:?}", back.refusal());
    assert_eq!(back.location(), "/profile", "{what}");
    assert!(ada.is_signed_in().await, "{what}");
}

fn edit_claims(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_claims = Some(Box::new(edit)));
}

fn edit_header(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_header = Some(Box::new(edit)));
}

fn edit_token(app: &TestApp, edit: impl Fn(String) -> String + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_id_token = Some(Box::new(edit)));
}

fn edit_keys(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_keys = Some(Box::new(edit)));
}

fn edit_discovery(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_discovery = Some(Box::new(edit)));
}

fn sign_with(app: &TestApp, signing: Signing) {
    app.provider.faults(|faults| faults.signing = signing);
}

/// Sets the claim `name`, or takes it out where `value` is nothing.
fn set_claim(app: &TestApp, name: &'static str, value: impl Into<Option<Value>>) {
    let value = value.into();
    edit_claims(app, move |claims| match &value {
        Some(value) => claims[name] = value.clone(),
        None => drop(claims.as_object_mut().unwrap().remove(name)),
    });
}

fn set_header(app: &TestApp, name: &'static str, value: Value) {
    edit_header(app, move |header| header[name] = value.clone());
}

fn in_secs(secs: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    json!(i64::try_from(now.as_secs()).unwrap() + secs)
}

/// Changes the bytes of one of the three parts.
fn edit_part(token: &str, part: usize, edit: impl Fn(&mut Vec<u8>)) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut bytes = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
    edit(&mut bytes);
    parts[part] = URL_SAFE_NO_PAD.encode(bytes);
    parts.join(".")
}

/// In `bytes`, the one place of `old` becomes `new`.
fn replace(bytes: &mut Vec<u8>, old: &str, new: &str) {
    let text = std::str::from_utf8(bytes).unwrap();
    assert_eq!(text.matches(old).count(), 1, "{text}");
    *bytes = text.replace(old, new).into_bytes();
}

// iss

#[actix_web::test]
async fn another_issuer_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn an_id_token_without_issuer_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    set_claim(&app, "iss", None);
    assert_refused(&app, "it has no iss").await;
    for wrong in [json!(null), json!(7), json!([app.provider.issuer()])] {
        set_claim(&app, "iss", wrong);
        assert_refused(&app, "its iss is ").await;
    }
}

// aud and azp

#[actix_web::test]
async fn an_id_token_for_another_application_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn an_audience_of_a_wrong_type_or_none_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn one_of_several_audiences_without_azp_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for aud in [json!([CLIENT_ID, "another"]), json!(["another", CLIENT_ID])] {
        set_claim(&app, "aud", aud);
        assert_refused(&app, "it has several audiences and no azp").await;
    }
}

#[actix_web::test]
async fn one_of_several_audiences_with_another_azp_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_claims(&app, |claims| {
        claims["aud"] = json!([CLIENT_ID, "another"]);
        claims["azp"] = json!("another");
    });
    assert_refused(&app, "its azp is not OIDC_CLIENT_ID").await;
}

#[actix_web::test]
async fn another_azp_is_refused_with_a_single_audience_too() {
    let app = TestApp::spawn(Database::Sqlite);
    for wrong in ["another", "", &CLIENT_ID.to_uppercase()] {
        set_claim(&app, "azp", json!(wrong));
        assert_refused(&app, "its azp is not OIDC_CLIENT_ID").await;
    }
}

#[actix_web::test]
async fn an_azp_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for wrong in [json!(null), json!(7), json!([CLIENT_ID])] {
        set_claim(&app, "azp", wrong);
        assert_refused(&app, "its azp is ").await;
    }
}

#[actix_web::test]
async fn an_audience_may_be_a_list_and_name_the_party() {
    let app = TestApp::spawn(Database::Sqlite);
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

// exp, iat, nbf, auth_time

#[actix_web::test]
async fn an_expired_id_token_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for wrong in [in_secs(-60), in_secs(-3600), json!(0)] {
        set_claim(&app, "exp", wrong);
        assert_refused(&app, "it has expired: check both clocks").await;
    }
}

#[actix_web::test]
async fn an_id_token_of_the_future_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for name in ["iat", "nbf"] {
        for wrong in [in_secs(75), in_secs(1800), json!(253_402_300_799_u64)] {
            set_claim(&app, name, wrong);
            assert_refused(&app, "it is not valid yet: check both clocks").await;
        }
    }
}

#[actix_web::test]
async fn clocks_may_differ_by_a_minute() {
    let app = TestApp::spawn(Database::Sqlite);
    for (name, secs) in [("exp", -45), ("iat", 60), ("nbf", 60)] {
        set_claim(&app, name, in_secs(secs));
        assert_accepted(&app, &format!("{name} {secs}")).await;
    }
}

#[actix_web::test]
async fn times_may_have_fractions_and_auth_time_may_be_zero() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn an_id_token_without_exp_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    set_claim(&app, "exp", None);
    assert_refused(&app, "it has no exp").await;
}

#[actix_web::test]
async fn an_id_token_without_iat_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    set_claim(&app, "iat", None);
    assert_refused(&app, "it has no iat").await;
}

#[actix_web::test]
async fn a_time_that_is_no_number_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn a_number_that_is_no_time_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
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

// nonce

on_both! {
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

#[actix_web::test]
async fn an_id_token_without_nonce_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    set_claim(&app, "nonce", None);
    assert_refused(&app, "it has no nonce").await;
    set_claim(&app, "nonce", json!(null));
    assert_refused(&app, "its nonce is null, expected a string").await;
}

#[actix_web::test]
async fn a_nonce_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for wrong in [json!(7), json!(true), json!(["nonce"]), json!({})] {
        set_claim(&app, "nonce", wrong);
        assert_refused(&app, "its nonce is ").await;
    }
}

// The signature.

on_both! {
    async fn a_flipped_byte_in_the_signature_is_refused(app: TestApp) {
        for signing in [Signing::Rs256, Signing::Ps256, Signing::Es256, Signing::EdDsa] {
            sign_with(&app, signing);
            edit_token(&app, |token| edit_part(&token, 2, |signature| signature[20] ^= 1));
            assert_refused(&app, "its signature is wrong").await;
        }
    }
}

#[actix_web::test]
async fn a_flipped_byte_in_the_payload_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_token(&app, |token| {
        edit_part(&token, 1, |payload| replace(payload, "00uada", "00uadb"))
    });
    assert_refused(&app, "its signature is wrong").await;
}

#[actix_web::test]
async fn a_flipped_byte_in_the_header_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    set_header(&app, "x", json!("aaaa"));
    edit_token(&app, |token| {
        edit_part(&token, 0, |header| replace(header, "aaaa", "aaba"))
    });
    assert_refused(&app, "its signature is wrong").await;
}

#[actix_web::test]
async fn a_missing_or_made_up_signature_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    let made_up: [fn(&mut Vec<u8>); 4] = [
        |signature| signature.clear(),
        |signature| signature.fill(0),
        |signature| signature.truncate(32),
        |signature| signature.push(0),
    ];
    for signing in [
        Signing::Rs256,
        Signing::Ps256,
        // All zero: what broken verifiers of ECDSA take for anything (CVE-2022-21449).
        Signing::Es256,
        Signing::EdDsa,
    ] {
        sign_with(&app, signing);
        for edit in made_up {
            edit_token(&app, move |token| edit_part(&token, 2, edit));
            assert_refused(&app, "its signature is wrong").await;
        }
    }
}

#[actix_web::test]
async fn a_signature_by_a_key_that_was_never_published_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    sign_with(&app, Signing::Foreign);
    assert_refused(&app, "its signature is wrong").await;
}

#[actix_web::test]
async fn a_key_that_comes_in_the_header_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    sign_with(&app, Signing::ForeignEmbedded);
    assert_refused(&app, "its signature is wrong").await;
    edit_header(&app, |header| {
        header["jwk"]["kid"] = json!("theirs");
        header["kid"] = json!("theirs");
    });
    assert_refused(&app, "no published key has the kid \"theirs\"").await;
}

#[actix_web::test]
async fn a_key_that_the_header_points_to_is_refused_and_not_even_looked_at() {
    let app = TestApp::spawn(Database::Sqlite);
    let theirs = TcpListener::bind("127.0.0.1:0").unwrap();
    theirs.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", theirs.local_addr().unwrap());
    sign_with(&app, Signing::Foreign);
    for name in ["jku", "x5u"] {
        set_header(&app, name, json!(url));
        assert_refused(&app, "its signature is wrong").await;
        let url = url.clone();
        edit_header(&app, move |header| {
            header[name] = json!(url);
            header["kid"] = json!("theirs");
        });
        assert_refused(&app, "no published key has the kid \"theirs\"").await;
    }
    assert!(theirs.accept().is_err(), "nobody called");
}

// alg

#[actix_web::test]
async fn an_unsigned_id_token_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    sign_with(&app, Signing::None);
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        set_header(&app, "alg", json!(alg));
        let cause = format!("its alg is {alg:?}, which Doorward does not verify");
        assert_refused(&app, &cause).await;
    }
}

#[actix_web::test]
async fn an_id_token_signed_with_the_public_key_as_a_secret_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn an_id_token_signed_with_the_client_secret_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    sign_with(&app, Signing::Hs256(CLIENT_SECRET.into()));
    assert_refused(&app, "its alg is \"HS256\"").await;
}

#[actix_web::test]
async fn a_provider_that_announces_none_and_hs256_is_not_followed() {
    let app = TestApp::spawn(Database::Sqlite);
    for signing in [Signing::None, Signing::Hs256(CLIENT_SECRET.into())] {
        sign_with(&app, signing);
        edit_discovery(&app, |document| {
            document["id_token_signing_alg_values_supported"] = json!(["none", "HS256", "RS256"]);
        });
        assert_refused(&app, "its alg is ").await;
    }
}

#[actix_web::test]
async fn an_algorithm_that_discovery_does_not_name_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_discovery(&app, |document| {
        document["id_token_signing_alg_values_supported"] = json!(["ES256"]);
    });
    assert_refused(&app, "its alg is \"RS256\"").await;
}

#[actix_web::test]
async fn a_provider_that_is_silent_about_algorithms_signs_rs256_only() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn an_algorithm_that_the_key_does_not_name_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    sign_with(&app, Signing::Ps256);
    set_header(&app, "kid", json!("rsa-1"));
    assert_refused(&app, "the key with the kid \"rsa-1\" is published, but can't be used: it is for RS256, not PS256").await;
    // And the RS256 key does not take a PS256 signature that says RS256.
    edit_header(&app, |header| {
        *header = json!({"alg": "RS256", "kid": "rsa-1"})
    });
    assert_refused(&app, "its signature is wrong").await;
}

#[actix_web::test]
async fn rs512_is_refused_where_discovery_names_rs256() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_discovery(&app, |document| {
        document["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    });
    edit_keys(&app, |keys| {
        drop(keys["keys"][0].as_object_mut().unwrap().remove("alg"))
    });
    sign_with(&app, Signing::Rs512);
    assert_refused(
        &app,
        "its alg is \"RS512\", expected RS256 (what OIDC_ID_TOKEN_ALGS says, or else discovery's id_token_signing_alg_values_supported)",
    )
    .await;
}

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

#[actix_web::test]
async fn all_four_algorithms_sign_in_with_the_hash_of_their_access_token() {
    let app = TestApp::spawn(Database::Sqlite);
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

// Keys and their names.

#[actix_web::test]
async fn an_unknown_kid_is_refused_and_the_keys_are_asked_for_once_in_ten_seconds() {
    let app = TestApp::spawn(Database::Sqlite);
    let fetched = || app.provider.request_count(Endpoint::Keys);
    set_header(&app, "kid", json!("unheard-of"));
    let cause = "no published key has the kid \"unheard-of\"";
    assert_refused(&app, cause).await;
    assert_eq!(
        fetched(),
        2,
        "they are fresh, and still: the provider may have rotated them just now"
    );
    set_header(&app, "kid", json!("unheard-of-too"));
    assert_refused(&app, "no published key has the kid \"unheard-of-too\"").await;
    assert_eq!(fetched(), 2, "but not more than once in ten seconds");

    app.clock.shift(time::Duration::seconds(11));
    set_header(&app, "kid", json!("unheard-of"));
    assert_refused(&app, cause).await;
    assert_eq!(fetched(), 3, "ten seconds later they are");
}

#[actix_web::test]
async fn unknown_kids_at_the_same_moment_ask_for_the_keys_once() {
    let app = TestApp::spawn(Database::Sqlite);
    assert_accepted(&app, "before").await;
    app.clock.shift(time::Duration::seconds(11));
    set_header(&app, "kid", json!("unheard-of"));
    let visitors: Vec<_> = (0..8).map(|_| app.visitor()).collect();
    let arrivals = visitors.iter().map(|visitor| visitor.sign_in("ada"));
    for back in futures_util::future::join_all(arrivals).await {
        assert_eq!(back.refusal(), (NOT_SURE.0, NOT_SURE.1.to_owned()));
    }
    assert_eq!(app.provider.request_count(Endpoint::Keys), 2);
}

/// A key endpoint in trouble is not helped by being asked again for each made-up kid.
#[actix_web::test]
async fn an_unknown_kid_asks_once_in_ten_seconds_though_the_keys_can_not_be_had() {
    let app = TestApp::spawn(Database::Sqlite);
    assert_accepted(&app, "before").await;
    app.clock.shift(time::Duration::seconds(11));
    set_header(&app, "kid", json!("unheard-of"));
    let trouble = Canned::html(500, "no");
    app.provider
        .faults(|faults| drop(faults.canned.insert(Endpoint::Keys, trouble)));
    for _ in 0..3 {
        let visitor = app.visitor();
        let back = visitor.sign_in("ada").await;
        assert!(matches!(back.status, 403 | 502), "{:?}", back.refusal());
        assert!(!visitor.is_signed_in().await);
    }
    assert_eq!(app.provider.request_count(Endpoint::Keys), 2);
}

#[actix_web::test]
async fn a_kid_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for wrong in [json!(1), json!(["rsa-1"]), json!({})] {
        set_header(&app, "kid", wrong);
        assert_refused(&app, "its header's kid is ").await;
    }
}

#[actix_web::test]
async fn a_rotated_key_is_accepted_without_a_restart() {
    for keep in [Keep::Yes, Keep::No] {
        let app = TestApp::spawn(Database::Sqlite);
        assert_accepted(&app, "the first key").await;
        app.provider.rotate_keys(keep);
        app.clock.shift(time::Duration::seconds(11));
        assert_accepted(&app, &format!("the second key, {keep:?}")).await;
        app.provider.rotate_keys(keep);
        app.clock.shift(time::Duration::seconds(11));
        assert_accepted(&app, &format!("the third key, {keep:?}")).await;
        assert_eq!(app.provider.request_count(Endpoint::Keys), 3);
    }
}

#[actix_web::test]
async fn a_withdrawn_key_signs_nobody_in() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.rotate_keys(Keep::No);
    set_header(&app, "kid", json!("rsa-1"));
    assert_refused(&app, "no published key has the kid \"rsa-1\"").await;
}

#[actix_web::test]
async fn no_kid_with_several_keys_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.rotate_keys(Keep::Yes);
    edit_header(&app, |header| {
        drop(header.as_object_mut().unwrap().remove("kid"))
    });
    assert_refused(&app, "it has no kid and several keys are published").await;
}

#[actix_web::test]
async fn no_kid_with_one_suitable_key_is_accepted() {
    let app = TestApp::spawn(Database::Sqlite);
    for signing in [Signing::Rs256, Signing::Es256] {
        let what = format!("{signing:?}");
        sign_with(&app, signing);
        edit_header(&app, |header| {
            drop(header.as_object_mut().unwrap().remove("kid"))
        });
        assert_accepted(&app, &what).await;
    }
}

#[actix_web::test]
async fn a_key_for_encryption_verifies_nothing() {
    for (name, value, why) in [
        ("use", json!("enc"), "its use is \"enc\""),
        (
            "key_ops",
            json!(["encrypt"]),
            "its key_ops do not have \"verify\"",
        ),
        (
            "key_ops",
            json!(7),
            "its key_ops is a number, expected an array of strings",
        ),
    ] {
        let app = TestApp::spawn(Database::Sqlite);
        edit_keys(&app, move |keys| {
            for key in keys["keys"].as_array_mut().unwrap() {
                key[name] = value.clone();
            }
        });
        let cause =
            format!("the key with the kid \"rsa-1\" is published, but can't be used: {why}");
        assert_refused(&app, &cause).await;
    }
}

/// Nobody shall look for a key at the provider that is there.
#[actix_web::test]
async fn a_key_that_is_published_and_can_not_be_used_is_not_said_to_be_missing() {
    let app = TestApp::spawn(Database::Sqlite);
    for (kid, odd, why) in [
        (
            "p521",
            json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
            "its crv is \"P-521\"",
        ),
        (
            "ml",
            json!({"kty": "AKP", "alg": "ML-DSA-44"}),
            "its alg is \"ML-DSA-44\"",
        ),
        ("thin", json!({"kty": "RSA", "e": "AQAB"}), "it has no n"),
        (
            "oaep",
            json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RSA-OAEP"}),
            "its alg is \"RSA-OAEP\"",
        ),
    ] {
        app.clock.shift(time::Duration::seconds(11));
        edit_keys(&app, move |keys| {
            let mut odd = odd.clone();
            odd["kid"] = json!(kid);
            keys["keys"].as_array_mut().unwrap().push(odd);
        });
        set_header(&app, "kid", json!(kid));
        let cause = format!("the key with the kid {kid:?} is published, but can't be used: {why}");
        assert_refused(&app, &cause).await;
    }
    app.provider.heal();
    app.clock.shift(time::Duration::seconds(11));
    edit_keys(&app, |keys| {
        keys["keys"]
            .as_array_mut()
            .unwrap()
            .retain(|key| key["kty"] == "EC");
    });
    edit_header(&app, |header| {
        drop(header.as_object_mut().unwrap().remove("kid"))
    });
    app.clock.shift(time::Duration::hours(2));
    assert_refused(&app, "it has no kid, and no key for RS256 is published").await;
}

/// Discovery may list what Doorward does not verify: then it is not discovery that forbids it.
#[actix_web::test]
async fn an_algorithm_that_discovery_lists_is_not_said_to_be_unlisted() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn keys_of_unknown_kinds_beside_ours_do_no_harm() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_keys(&app, |keys| {
        let keys = keys["keys"].as_array_mut().unwrap();
        for odd in [
            json!({"kty": "AKP", "kid": "rsa-1", "alg": "ML-DSA-44", "pub": "AA"}),
            json!({"kty": "oct", "kid": "rsa-1", "k": "AA"}),
            json!({"kty": "RSA", "kid": "rsa-1", "n": 7, "e": []}),
            json!({}),
            json!("no key"),
        ] {
            keys.insert(0, odd);
        }
    });
    assert_accepted(&app, "the good one").await;
}

// at_hash and sub

#[actix_web::test]
async fn the_hash_of_another_access_token_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn an_at_hash_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for wrong in [json!(null), json!(7), json!(["AAAA"])] {
        set_claim(&app, "at_hash", wrong);
        assert_refused(&app, "its at_hash is ").await;
    }
}

#[actix_web::test]
async fn no_at_hash_is_accepted() {
    let app = TestApp::spawn(Database::Sqlite);
    set_claim(&app, "at_hash", None);
    assert_accepted(&app, "it is optional in the code flow").await;
}

#[actix_web::test]
async fn an_id_token_about_nobody_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    set_claim(&app, "sub", None);
    assert_refused(&app, "it has no sub").await;
    set_claim(&app, "sub", json!(""));
    assert_refused(
        &app,
        "its sub is empty, over 255 characters or not printable",
    )
    .await;
}

on_both! {
    async fn a_subject_that_is_none_is_refused(app: TestApp) {
        for wrong in ["s".repeat(256), "a\u{0}b".into(), "a\nb".into(), "\u{7f}".into()] {
            let subject = wrong.clone();
            set_claim(&app, "sub", json!(subject));
            app.provider.faults(|faults| {
                faults.edit_userinfo = Some(Box::new(move |claims| claims["sub"] = json!(wrong)));
            });
            assert_refused(&app, "its sub is empty, over 255 characters or not printable").await;
        }
    }

    async fn a_subject_of_255_characters_is_accepted(app: TestApp) {
        let subject = json!("s".repeat(255));
        set_claim(&app, "sub", subject.clone());
        app.provider.faults(|faults| {
            faults.edit_userinfo = Some(Box::new(move |claims| claims["sub"] = subject.clone()));
        });
        assert_accepted(&app, "255").await;
    }
}

#[actix_web::test]
async fn a_subject_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for wrong in [json!(7), json!(null), json!(["00uada"]), json!({})] {
        set_claim(&app, "sub", wrong);
        assert_refused(&app, "its sub is ").await;
    }
}

// The header, and the token as a whole.

#[actix_web::test]
async fn a_critical_header_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
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
#[actix_web::test]
async fn a_critical_header_that_is_null_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    set_header(&app, "crit", json!(null));
    assert_refused(&app, "it has critical header parameters").await;
}

#[actix_web::test]
async fn another_kind_of_token_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn a_token_that_says_jwt_is_accepted_in_any_case() {
    let app = TestApp::spawn(Database::Sqlite);
    for typ in ["JWT", "jwt"] {
        set_header(&app, "typ", json!(typ));
        assert_accepted(&app, typ).await;
    }
}

#[actix_web::test]
async fn what_has_not_three_parts_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    let edits: [fn(String) -> String; 8] = [
        |_| String::new(),
        |_| "x".to_owned(),
        |token| token.rsplit_once('.').unwrap().0.to_owned(),
        |token| format!("{token}.x"),
        |token| format!("{token}."),
        |token| format!(".{token}"),
        |token| format!("{token}.x.y"),
        |token| token.replace('.', "\u{0}"),
    ];
    for edit in edits {
        edit_token(&app, edit);
        assert_refused(&app, "malformed: it has not three parts").await;
    }
}

#[actix_web::test]
async fn what_is_not_base64url_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    let edits: [fn(String) -> String; 5] = [
        |token| format!("!{token}"),
        |token| format!(" {token}"),
        |token| {
            format!(
                "{}.x",
                token.rsplit_once('.').unwrap().0.replacen('.', "=.", 1)
            )
        },
        |token| format!("{{}}.{}", token.split_once('.').unwrap().1),
        |token| format!("é{token}"),
    ];
    for edit in edits {
        edit_token(&app, edit);
        assert_refused(&app, "malformed: a part is not base64url").await;
    }
    // The signature is judged as such.
    let edits: [fn(String) -> String; 3] = [
        |token| format!("{token}\n"),
        |token| format!("{token}="),
        |token| format!("{token}!"),
    ];
    for edit in edits {
        edit_token(&app, edit);
        assert_refused(&app, "its signature is wrong").await;
    }
}

#[actix_web::test]
async fn what_is_not_json_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for (header, cause) in [
        ("", "malformed: not a JSON object"),
        ("{", "malformed: not JSON (line 1, column 1)"),
        ("<html>", "malformed: not a JSON object"),
        ("null", "malformed: not a JSON object"),
        ("7", "malformed: not a JSON object"),
        ("{}", "its header has no alg"),
        (
            "{\"alg\":null}",
            "its header's alg is null, expected a string",
        ),
        ("\"RS256\"", "malformed: not a JSON object"),
    ] {
        edit_token(&app, move |token| {
            edit_part(&token, 0, |bytes| *bytes = header.as_bytes().to_vec())
        });
        assert_refused(&app, cause).await;
    }
}

#[actix_web::test]
async fn a_header_with_a_name_twice_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_token(&app, |token| {
        edit_part(&token, 0, |header| {
            replace(header, "{", "{\"alg\":\"none\",");
        })
    });
    assert_refused(&app, "malformed: its alg comes twice").await;
}

/// RFC 7515, 4: the header is an object, though serde would take an array for one.
#[actix_web::test]
async fn a_header_that_is_an_array_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_header(&app, |header| {
        *header = json!(["RS256", "rsa-1", "JWT", null])
    });
    assert_refused(&app, "malformed: ").await;
}

#[actix_web::test]
async fn a_payload_that_is_no_object_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_claims(&app, |claims| {
        let in_order = ["iss", "sub", "aud", "azp", "exp", "iat"].map(|name| claims[name].clone());
        *claims = json!(in_order);
    });
    assert_refused(&app, "malformed: ").await;
    for payload in [json!([]), json!([{}]), json!(null), json!("text")] {
        edit_claims(&app, move |claims| *claims = payload.clone());
        assert_refused(&app, "malformed: not a JSON object").await;
    }
    edit_claims(&app, |claims| *claims = json!({}));
    assert_refused(&app, "it has no iss").await;
}

#[actix_web::test]
async fn neither_tokens_nor_codes_nor_our_secret_are_ever_logged() {
    let app = TestApp::spawn(Database::Sqlite);
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = |app: &TestApp| {
        let seen = seen.clone();
        app.provider.faults(|faults| {
            faults.edit_token_response = Some(Box::new(move |tokens| {
                for name in ["access_token", "id_token"] {
                    seen.lock()
                        .unwrap()
                        .push(tokens[name].as_str().unwrap().to_owned());
                }
            }));
        });
    };
    note(&app);
    assert_refused_once(&app, "iss").await;
    for name in ["aud", "exp", "nonce", "at_hash", "sub", "azp"] {
        assert_refused_once(&app, name).await;
    }
    edit_claims(&app, |_| ());
    assert_accepted(&app, "a good one").await;

    let tokens = seen.lock().unwrap().clone();
    assert_eq!(tokens.len(), 16);
    for request in app.provider.requests(Endpoint::Token) {
        let secrets = [
            request.form.get("code").unwrap(),
            request.form.get("code_verifier").unwrap(),
            request.header("authorization").unwrap(),
        ];
        for secret in secrets {
            assert_eq!(log::lines_with(secret), Vec::<String>::new());
        }
    }
    for token in &tokens {
        let signature = token.rsplit('.').next().unwrap();
        assert_eq!(log::lines_with(signature), Vec::<String>::new());
    }
    assert_eq!(log::lines_with(CLIENT_SECRET), Vec::<String>::new());

    async fn assert_refused_once(app: &TestApp, claim: &'static str) {
        set_claim(app, claim, json!(7));
        let back = app.visitor().sign_in("ada").await;
        assert_eq!(
            back.refusal(),
            (NOT_SURE.0, NOT_SURE.1.to_owned()),
            "{claim}"
        );
    }
}

/// OpenID Connect Core 10.1: with one key it is clear which, with two it is not.
#[actix_web::test]
async fn keys_without_kid_serve_a_token_without_kid() {
    use crate::support::provider::Keep;
    let nameless = |keep: Keep, header_too: bool| {
        let app = TestApp::spawn(Database::Sqlite);
        app.provider.rotate_keys(keep);
        app.provider.faults(|faults| {
            faults.edit_keys = Some(Box::new(|document| {
                for key in document["keys"].as_array_mut().unwrap() {
                    key.as_object_mut().unwrap().remove("kid");
                }
            }));
            if header_too {
                faults.edit_header = Some(Box::new(|header| {
                    header.as_object_mut().unwrap().remove("kid");
                }));
            }
        });
        app
    };
    assert_accepted(&nameless(Keep::No, true), "one key for RS256").await;
    let app = nameless(Keep::No, false);
    assert_refused(&app, "no published key has the kid \"rsa-2\"").await;
    let app = nameless(Keep::Yes, true);
    assert_refused(&app, "it has no kid and several keys are published").await;
}

/// The key of a certificate in the header is not even looked at.
#[actix_web::test]
async fn a_certificate_that_comes_in_the_header_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| {
        faults.signing = Signing::Foreign;
        faults.edit_header = Some(Box::new(|header| {
            header["x5c"] = json!(["MIIB"]);
            header["x5u"] = json!("https://evil.example/cert");
        }));
    });
    assert_refused(&app, "its signature is wrong").await;
}

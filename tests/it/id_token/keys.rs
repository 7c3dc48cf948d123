//! The published keys: which one a token names, key rotation, and keys that cannot be used.

use serde_json::json;

use super::{NOT_SURE, assert_accepted, assert_refused, set_header};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint, Keep, Signing};
use crate::support::provider_faults::{edit_header, edit_keys, sign_with};

/// Core 10.1.1 (a)
#[actix_web::test]
async fn an_unknown_kid_is_refused_and_the_keys_are_asked_for_once_in_ten_seconds() {
    let app = TestApp::spawn();
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
    let app = TestApp::spawn();
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
    let app = TestApp::spawn();
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

/// RFC 8725 3.10
#[actix_web::test]
async fn a_kid_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn();
    for wrong in [json!(1), json!(["rsa-1"]), json!({})] {
        set_header(&app, "kid", wrong);
        assert_refused(&app, "its header's kid is ").await;
    }
}

/// Core 10.1.1 (a)
/// Suite config `signing-key-rotation-just-before-signing`: fetch the keys again when the ID token names a new one
/// Suite config `signing-key-rotation`: sign in twice, with a new key the second time
#[actix_web::test]
async fn a_rotated_key_is_accepted_without_a_restart() {
    for keep in [Keep::Yes, Keep::No] {
        let app = TestApp::spawn();
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

/// Core 10.1 (a)
#[actix_web::test]
async fn a_withdrawn_key_signs_nobody_in() {
    let app = TestApp::spawn();
    app.provider.rotate_keys(Keep::No);
    set_header(&app, "kid", json!("rsa-1"));
    assert_refused(&app, "no published key has the kid \"rsa-1\"").await;
}

/// Core 10.1 (c)
/// Suite basic `kid-absent-multiple-jwks`: without `kid` and with several keys, refuse or try them all
#[actix_web::test]
async fn no_kid_with_several_keys_is_refused() {
    let app = TestApp::spawn();
    app.provider.rotate_keys(Keep::Yes);
    edit_header(&app, |header| {
        drop(header.as_object_mut().unwrap().remove("kid"))
    });
    assert_refused(&app, "it has no kid and several keys are published").await;
}

/// Core 10.1 (c)
/// Suite basic `kid-absent-single-jwks`
#[actix_web::test]
async fn no_kid_with_one_suitable_key_is_accepted() {
    let app = TestApp::spawn();
    for signing in [Signing::Rs256, Signing::Es256] {
        let what = format!("{signing:?}");
        sign_with(&app, signing);
        edit_header(&app, |header| {
            drop(header.as_object_mut().unwrap().remove("kid"))
        });
        assert_accepted(&app, &what).await;
    }
}

/// Core 10.1 (e)
/// Discovery 3 (e): If a set has signing and encryption keys, `use` distinguishes them (MUST)
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
        let app = TestApp::spawn();
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

/// An administrator must not search for a key that the provider does publish.
#[actix_web::test]
async fn a_key_that_is_published_and_can_not_be_used_is_not_said_to_be_missing() {
    let app = TestApp::spawn();
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

/// Discovery 3 (h)
/// Suite config `discovery-jwks-uri-keys`
#[actix_web::test]
async fn keys_of_unknown_kinds_beside_ours_do_no_harm() {
    let app = TestApp::spawn();
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

/// OpenID Connect Core 10.1: with one key it is clear which, with two it is not.
///
/// Core 10.1 (d): A key set without `kid` works for tokens without one
/// Suite basic `kid-absent-single-jwks`
#[actix_web::test]
async fn keys_without_kid_serve_a_token_without_kid() {
    use crate::support::provider::Keep;
    let nameless = |keep: Keep, header_too: bool| {
        let app = TestApp::spawn();
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

//! The signature, and keys that come with the token instead of from the provider.

use std::net::TcpListener;

use serde_json::json;

use super::{assert_refused, edit_part, replace, set_header};
use crate::on_both;
use crate::support::TestApp;
use crate::support::provider::Signing;
use crate::support::provider_faults::{edit_header, edit_token, sign_with};

on_both! {
    /// Core 3.1.3.7 (6)
    /// RFC 8725 3.3
    /// Suite basic `invalid-sig-rs256`: refuse a wrong RS256 signature
    async fn a_flipped_byte_in_the_signature_is_refused(app: TestApp) {
        for signing in [Signing::Rs256, Signing::Ps256, Signing::Es256, Signing::EdDsa] {
            sign_with(&app, signing);
            edit_token(&app, |token| edit_part(&token, 2, |signature| signature[20] ^= 1));
            assert_refused(&app, "its signature is wrong").await;
        }
    }
}

/// Core 3.1.3.7 (6)
/// Core 16.3, 16.11
#[actix_web::test]
async fn a_flipped_byte_in_the_payload_is_refused() {
    let app = TestApp::spawn();
    edit_token(&app, |token| {
        edit_part(&token, 1, |payload| replace(payload, "00uada", "00uadb"))
    });
    assert_refused(&app, "its signature is wrong").await;
}

/// Core 3.1.3.7 (6)
#[actix_web::test]
async fn a_flipped_byte_in_the_header_is_refused() {
    let app = TestApp::spawn();
    set_header(&app, "x", json!("aaaa"));
    edit_token(&app, |token| {
        edit_part(&token, 0, |header| replace(header, "aaaa", "aaba"))
    });
    assert_refused(&app, "its signature is wrong").await;
}

/// Core 3.1.3.7 (6)
/// RFC 8725 3.3
#[actix_web::test]
async fn a_missing_or_made_up_signature_is_refused() {
    let app = TestApp::spawn();
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

/// Core 3.1.3.7 (6): in the code flow TLS would suffice; Doorward never relies on it
/// Core 10.1 (a)
/// Suite config `discovery-jwks-uri-keys`
#[actix_web::test]
async fn a_signature_by_a_key_that_was_never_published_is_refused() {
    let app = TestApp::spawn();
    sign_with(&app, Signing::Foreign);
    assert_refused(&app, "its signature is wrong").await;
}

/// Core 2 (e)
#[actix_web::test]
async fn a_key_that_comes_in_the_header_is_refused() {
    let app = TestApp::spawn();
    sign_with(&app, Signing::ForeignEmbedded);
    assert_refused(&app, "its signature is wrong").await;
    edit_header(&app, |header| {
        header["jwk"]["kid"] = json!("theirs");
        header["kid"] = json!("theirs");
    });
    assert_refused(&app, "no published key has the kid \"theirs\"").await;
}

/// Core 2 (e)
/// RFC 8725 3.10
#[actix_web::test]
async fn a_key_that_the_header_points_to_is_refused_and_not_even_looked_at() {
    let app = TestApp::spawn();
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

/// The key of a certificate in the header is not even looked at.
///
/// Core 2 (e): `x5c`
#[actix_web::test]
async fn a_certificate_that_comes_in_the_header_is_refused() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.signing = Signing::Foreign;
        faults.edit_header = Some(Box::new(|header| {
            header["x5c"] = json!(["MIIB"]);
            header["x5u"] = json!("https://evil.example/cert");
        }));
    });
    assert_refused(&app, "its signature is wrong").await;
}

//! Documents that are odd but harmless: only what Doorward needs can make one unusable, and then the log names it.

use serde_json::json;

use crate::provider_responses::{UNUSABLE, assert_refused};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint};
use crate::support::provider_faults::edit_discovery;
use crate::support::visitor::Answer;

/// Ada signs in: her profile.
async fn profile_of_ada(app: &TestApp, what: &str) -> Answer {
    let ada = app.visitor();
    let back = ada.sign_in("ada").await;
    assert_eq!(back.status, 303, "{what}: {:?}", back.refusal());
    assert_eq!(back.location(), "/profile", "{what}");
    ada.get("/profile").await
}

/// Discovery 3 (d)
#[actix_web::test]
async fn a_discovery_member_that_a_sign_in_can_do_without_may_be_anything() {
    for (name, odd) in [
        (
            "token_endpoint_auth_methods_supported",
            json!("client_secret_basic"),
        ),
        ("token_endpoint_auth_methods_supported", json!(null)),
        (
            "token_endpoint_auth_methods_supported",
            json!({"basic": true}),
        ),
        (
            "token_endpoint_auth_methods_supported",
            json!(["client_secret_basic", null, 7]),
        ),
        ("id_token_signing_alg_values_supported", json!("RS256")),
        ("id_token_signing_alg_values_supported", json!(null)),
        ("userinfo_signing_alg_values_supported", json!(false)),
        ("end_session_endpoint", json!(null)),
        ("end_session_endpoint", json!("")),
        ("end_session_endpoint", json!(["https://op.example/logout"])),
        ("userinfo_endpoint", json!(null)),
        ("userinfo_endpoint", json!(7)),
        (
            "authorization_response_iss_parameter_supported",
            json!(null),
        ),
        (
            "authorization_response_iss_parameter_supported",
            json!("no"),
        ),
        ("scopes_supported", json!("openid")),
        ("response_types_supported", json!(null)),
        ("claims_supported", json!(1)),
    ] {
        let app = TestApp::spawn();
        let what = format!("{name} {odd}");
        edit_discovery(&app, move |document| document[name] = odd.clone());
        profile_of_ada(&app, &what).await;
    }
}

/// Half a surrogate pair, a number out of range, and nesting that is too deep.
#[actix_web::test]
async fn what_nobody_reads_may_be_no_value_at_all() {
    let app = TestApp::spawn();
    let deep = "[".repeat(500) + &"]".repeat(500);
    let userinfo = format!(
        "{{\"sub\":\"00uada\",\"x\":\"\\ud83d\",\"y\":1e999,\"z\":{deep},\"name\":\"Ada\"}}"
    );
    let canned = Canned::new(200, "application/json", userinfo);
    app.provider
        .faults(|faults| drop(faults.canned.insert(Endpoint::Userinfo, canned)));
    let profile = profile_of_ada(&app, "odd values").await;
    assert_eq!(profile.text("claim-name").as_deref(), Some("Ada"));
}

/// OpenID Connect Discovery 1.0, 3: it is RECOMMENDED. Azure AD B2C has none.
///
/// Discovery 3 (c): `userinfo_endpoint` may be missing (RECOMMENDED for providers)
#[actix_web::test]
async fn a_provider_without_userinfo_tells_of_the_person_in_the_id_token() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| faults.full_id_token = true);
    edit_discovery(&app, |document| {
        drop(
            document
                .as_object_mut()
                .unwrap()
                .remove("userinfo_endpoint"),
        )
    });
    let profile = profile_of_ada(&app, "no userinfo").await;
    assert_eq!(
        profile.text("claim-email").as_deref(),
        Some("ada@example.com")
    );
    assert_eq!(app.provider.request_count(Endpoint::Userinfo), 0);
}

/// Discovery 3 (d)
#[actix_web::test]
async fn a_discovery_member_that_is_needed_is_named_when_it_is_wrong() {
    for (name, odd, cause) in [
        (
            "issuer",
            Some(json!(7)),
            "its issuer is a number, expected a string",
        ),
        ("issuer", None, "it has no issuer"),
        (
            "token_endpoint",
            Some(json!(null)),
            "its token_endpoint is null, expected a URL",
        ),
        (
            "jwks_uri",
            Some(json!(["x"])),
            "its jwks_uri is an array, expected a URL",
        ),
        (
            "jwks_uri",
            Some(json!("/keys")),
            "its jwks_uri is a string, expected a URL",
        ),
        (
            "authorization_endpoint",
            None,
            "it has no authorization_endpoint",
        ),
    ] {
        let app = TestApp::spawn();
        edit_discovery(&app, move |document| match &odd {
            Some(odd) => document[name] = odd.clone(),
            None => drop(document.as_object_mut().unwrap().remove(name)),
        });
        let page = app.visitor().get("/login").await;
        assert_eq!(page.status, 502);
        let lines = crate::support::log::errors_of(&page);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let cause = format!("]: the discovery document is refused: {cause}");
        assert!(lines[0].contains(&cause), "{lines:?}");
    }
}

/// Core 2, 5.1.2
/// Core 3.1.3.7 (13)
#[actix_web::test]
async fn claims_of_the_id_token_that_nobody_asked_for_may_be_anything() {
    let app = TestApp::spawn();
    for odd in [json!(null), json!("now"), json!(-1), json!(["a"])] {
        let what = odd.to_string();
        app.provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(move |claims| {
                for name in ["auth_time", "acr", "amr", "sid", "email", "name", "x"] {
                    claims[name] = odd.clone();
                }
            }));
        });
        let profile = profile_of_ada(&app, &what).await;
        assert_eq!(
            profile.text("claim-name").as_deref(),
            Some("Ada Lovelace"),
            "userinfo's"
        );
    }
}

/// Core 5.1
#[actix_web::test]
async fn a_claim_about_the_person_of_a_wrong_type_counts_as_absent() {
    let app = TestApp::spawn();
    for odd in [json!(7), json!(["Ada"]), json!({"en": "Ada"}), json!(true)] {
        let what = odd.to_string();
        app.provider.faults(|faults| {
            faults.edit_userinfo = Some(Box::new(move |claims| {
                for name in ["name", "family_name", "email", "email_verified"] {
                    claims[name] = odd.clone();
                }
                claims["given_name"] = json!("Ada");
            }));
        });
        let profile = profile_of_ada(&app, &what).await;
        assert_eq!(profile.text("claim-name").as_deref(), Some("Ada"), "{what}");
        assert!(!profile.has("claim-email"), "{what}");
    }
}

#[actix_web::test]
async fn the_subject_of_userinfo_is_named_when_it_is_wrong() {
    let app = TestApp::spawn();
    for (body, cause) in [
        (json!({}), "it has no sub"),
        (json!({"sub": 7}), "its sub is a number, expected a string"),
        (
            json!({"sub": ["00uada"]}),
            "its sub is an array, expected a string",
        ),
    ] {
        let canned = Canned::json(200, &body);
        app.provider
            .faults(|faults| drop(faults.canned.insert(Endpoint::Userinfo, canned)));
        let cause = format!("the userinfo response is refused: {cause}");
        assert_refused(&app, UNUSABLE, &cause).await;
    }
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[actix_web::test]
async fn userinfo_in_another_charset_is_read_if_it_says_which() {
    let text = "{\"sub\":\"00uada\",\"name\":\"Zo\u{eb}\"}";
    let latin_1: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let with_mark = format!("\u{feff}{text}");
    let app = TestApp::spawn();
    for (content_type, body) in [
        ("application/json", text.into()),
        ("application/json;charset=UTF-8", text.into()),
        // Servers put their own charset there, and two headers may have become one.
        ("application/json;charset=ISO-8859-1", text.into()),
        (
            "application/json; charset=utf-8, application/json",
            text.into(),
        ),
        ("application/json", with_mark.clone().into()),
        ("application/json; charset=ISO-8859-1", latin_1.clone()),
        (
            "application/json; Charset=\"windows-1252\"",
            latin_1.clone(),
        ),
        ("application/json", utf_16(&with_mark, u16::to_le_bytes)),
        ("application/json", utf_16(&with_mark, u16::to_be_bytes)),
        (
            "application/json; charset=utf-16be",
            utf_16(text, u16::to_be_bytes),
        ),
    ] {
        let canned = Canned::new(200, content_type, body);
        app.provider
            .faults(|faults| drop(faults.canned.insert(Endpoint::Userinfo, canned)));
        let profile = profile_of_ada(&app, content_type).await;
        let name = profile.text("claim-name");
        assert_eq!(name.as_deref(), Some("Zo\u{eb}"), "{content_type}");
    }
    for (content_type, body, cause) in [
        (
            "application/json",
            latin_1.clone(),
            "not UTF-8, as JSON must be",
        ),
        (
            "application/json; charset=utf-7",
            latin_1,
            "its Content-Type says charset=\"utf-7\", which Doorward does not support; UTF-8 is expected",
        ),
        (
            "application/json; charset=utf-16le",
            b"{\0}".to_vec(),
            "it declares UTF-16LE, but is not valid in it",
        ),
    ] {
        let app = TestApp::spawn();
        let canned = Canned::new(200, content_type, body);
        app.provider
            .faults(|faults| drop(faults.canned.insert(Endpoint::Userinfo, canned)));
        let cause = format!("the userinfo response is refused: {cause}");
        assert_refused(&app, UNUSABLE, &cause).await;
    }
}

/// The same for the other documents, as far as it is easily had.
#[actix_web::test]
async fn a_byte_order_mark_is_not_part_of_any_document() {
    let app = TestApp::spawn();
    let addr = app.provider.issuer()["http://".len()..].parse().unwrap();
    for endpoint in [Endpoint::Discovery, Endpoint::Keys] {
        let honest = crate::support::process::get(addr, endpoint.path()).unwrap();
        let (_, body) = honest.split_once("\r\n\r\n").unwrap();
        let canned = Canned::new(200, "application/json", format!("\u{feff}{body}"));
        app.provider
            .faults(|faults| drop(faults.canned.insert(endpoint, canned)));
    }
    profile_of_ada(&app, "a mark").await;
}

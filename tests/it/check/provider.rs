//! What else the provider offers: keys, scopes, end session, and its clock.

use std::time::{Duration, Instant};

use serde_json::json;
use time::OffsetDateTime;
use time::macros::format_description;

use super::{check_with, complaints, complaints_with};
use crate::support::TestApp;
use crate::support::process::{get, rules_file};
use crate::support::provider::{Canned, Endpoint};

fn discovery_document(app: &TestApp) -> String {
    let addr = app.provider.issuer()["http://".len()..].parse().unwrap();
    let answer = get(addr, Endpoint::Discovery.path()).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[actix_web::test]
async fn keys_that_nobody_can_use() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_keys = Some(Box::new(|keys| {
            keys["keys"] = json!([{"kty": "oct", "k": "c2VjcmV0"}])
        }))
    });
    let none = "fault keys none of the 0 usable keys is for an algorithm that the provider says it signs with. Fix: let the \
                provider sign with RS256, PS256, ES256 or EdDSA, or set OIDC_ID_TOKEN_ALGS to what it signs with.";
    assert_eq!(complaints(&app), [none]);
    app.provider.heal();
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            document["id_token_signing_alg_values_supported"] = json!(["HS256"])
        }));
    });
    assert_eq!(complaints(&app), [none.replace("of the 0", "of the 4")]);
    let found = complaints_with(&app, &[("OIDC_ID_TOKEN_ALGS", "ES384")]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with(" Fix: check OIDC_ID_TOKEN_ALGS."),
        "{found:?}"
    );
    app.provider.heal();
    app.provider.faults(|faults| {
        faults.canned.insert(Endpoint::Keys, Canned::html(500, ""));
    });
    let away = "fault keys keys: the provider responded with status 500. Fix: ask the provider's operator: jwks_uri must \
                return its keys.";
    assert_eq!(complaints(&app), [away]);
}

#[actix_web::test]
async fn a_clock_that_is_off() {
    let app = TestApp::spawn();
    let document = discovery_document(&app);
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    for (offset_secs, age_secs, verdict) in [
        (-3600, 0, "fault"),
        (3600, 0, "fault"),
        (30, 0, "warning"),
        (-30, 0, "warning"),
        (0, 0, "ok"),
        (-3600, 3600, "ok"),
    ] {
        let date = (OffsetDateTime::now_utc() + time::Duration::seconds(offset_secs))
            .format(form)
            .unwrap();
        let mut canned = Canned::new(200, "application/json", document.clone());
        canned.headers.push(("Date".to_owned(), date));
        canned
            .headers
            .push(("Age".to_owned(), age_secs.to_string()));
        app.provider.faults(|faults| {
            faults.canned.insert(Endpoint::Discovery, canned);
        });
        let found = complaints(&app);
        if verdict == "ok" {
            assert_eq!(found, [""; 0]);
            continue;
        }
        assert_eq!(found.len(), 1, "{found:?}");
        let side = if offset_secs > 0 {
            "s behind the provider's."
        } else {
            "s ahead of the provider's."
        };
        assert!(
            found[0].starts_with(&format!("{verdict} clock ours is ")),
            "{found:?}"
        );
        assert!(found[0].contains(side), "{found:?}");
        assert!(
            found[0]
                .ends_with(" Fix: set the clocks by NTP: ID tokens are accepted up to 60 s off."),
            "{found:?}"
        );
    }
}

#[actix_web::test]
async fn scopes_that_the_provider_does_not_have() {
    let app = TestApp::spawn();
    let scopes = [("OIDC_SCOPES", "openid email groups custom")];
    let unlisted = "warning scopes the provider does not list: groups custom. Fix: remove them from OIDC_SCOPES, \
                    or add them at the authorization server (Okta does not list custom scopes, so there they may be right).";
    assert_eq!(complaints_with(&app, &scopes), [unlisted]);
    app.provider.faults(|faults| {
        faults.edit_redirect = Some(Box::new(|answer| {
            answer.0.retain(|(name, _)| name != "error");
            answer.push("error", "invalid_scope");
        }));
    });
    let refused = "fault client the provider knows it and its redirect URI http://localhost:APP/authorization-code/callback, \
                   but responds with \"invalid_scope\". Fix: OIDC_SCOPES asks for a scope that the authorization server does not \
                   have or whose access policy allows it to nobody.";
    assert_eq!(complaints_with(&app, &scopes), [unlisted, refused]);
}

#[actix_web::test]
async fn a_provider_without_end_session_or_our_authentication_or_response_mode() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            document
                .as_object_mut()
                .unwrap()
                .remove("end_session_endpoint");
            document["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]);
            document["response_modes_supported"] = json!(["fragment"]);
        }));
    });
    let found = complaints(&app);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[0].starts_with("fault client_auth the discovery document is refused: it offers neither client_secret_basic nor client_secret_post"), "{found:?}");
    assert_eq!(
        found[1],
        "warning response_mode the provider does not list query. Fix: check OIDC_RESPONSE_MODE."
    );
    assert!(
        found[2].starts_with("can't tell client_secret "),
        "{found:?}"
    );
    assert_eq!(
        found[3],
        "warning end_session the provider has no end-session endpoint: people sign out of this application, but stay \
                          signed in at the provider. Fix: tell people so, or shorten the provider's sessions."
    );
    let found = complaints_with(&app, &[("OIDC_CLIENT_AUTH_METHOD", "client_secret_post")]);
    assert_eq!(
        found[0],
        "warning client_auth the provider does not list client_secret_post. Fix: check OIDC_CLIENT_AUTH_METHOD."
    );
}

/// By settings, and by a rule of the gateway.
///
/// RFC 9470 7
#[actix_web::test]
async fn an_acr_that_the_provider_does_not_know() {
    let app = TestApp::spawn();
    let rules = rules_file(
        "[[rule]]\nname = 'a'\nhosts = ['a.test']\nallow = 'signed-in'\nacr = ['mfa', 'phr']\n",
    );
    let addr = crate::support::process::free_addr().to_string();
    let settings = [
        ("OIDC_ACR_VALUES", "pwd phr"),
        ("STEP_UP_ACR", "phrh"),
        ("GATEWAY_ADDR", addr.as_str()),
        ("RULES_FILE", rules.path.as_str()),
        ("TRUSTED_PROXIES", "10.0.0.1"),
    ];
    let of_acr = || {
        let mut found = complaints_with(&app, &settings);
        found.retain(|line| line.contains(" acr "));
        found
    };
    assert_eq!(
        of_acr(),
        ["can't tell acr the provider does not list its acr values."]
    );
    let offer = |acr: serde_json::Value| {
        app.provider.faults(|faults| {
            faults.edit_discovery = Some(Box::new(move |document| {
                document["acr_values_supported"] = acr.clone();
            }));
        });
    };
    offer(json!(["phr", "pwd"]));
    assert_eq!(
        of_acr(),
        [
            "warning acr the provider does not list: mfa phrh. Fix: check OIDC_ACR_VALUES, OIDC_REQUIRED_ACR, STEP_UP_ACR and \
          acr in RULES_FILE: a sign-in that needs what the provider does not know is refused."
        ]
    );
    let (_, printed) = check_with(&app, &[], &settings);
    assert!(printed.contains("needs what the provider"), "{printed}");
    offer(json!(["phr", "pwd", "mfa", "phrh"]));
    assert_eq!(of_acr(), Vec::<String>::new());
}

mod slow {
    use super::*;

    /// Each call is cut off after ten seconds, and discovery comes before the rest.
    #[actix_web::test]
    async fn a_provider_that_drips_does_not_hold_it_up() {
        let app = TestApp::spawn();
        let slow = |body: &str| {
            Canned::json(200, &json!(body))
                .dripping(Duration::from_secs(1))
                .repeated(1000)
        };
        app.provider.faults(|faults| {
            for endpoint in [Endpoint::Keys, Endpoint::Authorize, Endpoint::Token] {
                faults.canned.insert(endpoint, slow("drip"));
            }
        });
        let began = Instant::now();
        let found = complaints(&app);
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(
            found,
            [
                "fault keys keys: the provider did not respond within 10 s. Fix: ask the provider's operator: jwks_uri must return its keys.",
                "can't tell client no clear response from the authorization endpoint: the provider did not respond within 10 s.",
                "can't tell client_secret token: the provider did not respond within 10 s.",
            ]
        );
    }
}

//! What is refused is logged without tokens, codes and secrets.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{NOT_SURE, assert_accepted, set_claim};
use crate::support::app::CLIENT_SECRET;
use crate::support::provider::Endpoint;
use crate::support::provider_faults::edit_claims;
use crate::support::{TestApp, log};

/// RFC 6749 10.1 to 10.3
#[actix_web::test]
async fn neither_tokens_nor_codes_nor_our_secret_are_ever_logged() {
    let app = TestApp::spawn();
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

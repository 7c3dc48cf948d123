//! What the provider publishes: its configuration (OpenID Connect Discovery 3) and its keys.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::faults::edited;
use super::seen::Endpoint;
use super::state::State;

pub fn configuration(state: &State) -> HttpResponse {
    let faults = state.faults();
    let url = |endpoint: Endpoint| format!("{}{}", state.issuer, endpoint.path());
    let mut document = json!({
        "issuer": state.issuer,
        "authorization_endpoint": url(Endpoint::Authorize),
        "token_endpoint": url(Endpoint::Token),
        "userinfo_endpoint": url(Endpoint::Userinfo),
        "jwks_uri": url(Endpoint::Keys),
        "end_session_endpoint": url(Endpoint::EndSession),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "revocation_endpoint": url(Endpoint::Revoke),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "acr", "at_hash", "sid",
            "name", "given_name", "family_name", "preferred_username", "locale", "email", "email_verified",
        ],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    if !state.memory().frontchannel_logout_uris.is_empty() {
        document["frontchannel_logout_supported"] = json!(true);
        document["frontchannel_logout_session_supported"] = json!(true);
    }
    if faults.send_iss {
        document["authorization_response_iss_parameter_supported"] = json!(true);
    }
    published(&edited(document, &faults.edit_discovery))
}

pub fn keys(state: &State) -> HttpResponse {
    let keys = state.keys().published();
    published(&edited(keys, &state.faults().edit_keys))
}

fn published(document: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Cache-Control", "public, max-age=3600"))
        .json(document)
}

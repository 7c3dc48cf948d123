//! The relying party with what it knows already: no provider is asked, or none is there.

use serde_json::{Value, json};

use jsonwebtoken::Algorithm;
use url::Url;

use super::*;
use crate::clock::Clock;
use crate::oidc::flow::groups::GroupsClaim;
use crate::oidc::jose::algorithm;
use crate::oidc::provider::metadata;
use crate::oidc::registration::userinfo_algs;

pub(super) fn registration() -> Registration {
    Registration {
        issuer: "https://op.example".to_owned(),
        client_id: "id".to_owned(),
        client_secret: "secret".into(),
        client_auth: None,
        response_mode: ResponseMode::Query,
        redirect_uri: Url::parse("https://app.example/callback").unwrap(),
        post_logout_redirect_uri: "https://app.example".to_owned(),
        scopes: "openid email".to_owned(),
        id_token_algs: None,
        groups: GroupsClaim::default(),
        acr_values: Vec::new(),
        required: Requirement::default(),
        universal_logout_uri: String::new(),
        universal_logout_issuer: None,
    }
}

/// Metadata of a provider, with `members` added or replaced. Nothing listens at its `jwks_uri`.
pub(super) fn metadata(members: Value) -> Metadata {
    let mut document = json!({
        "issuer": "https://op.example",
        "authorization_endpoint": "https://op.example/authorize",
        "token_endpoint": "https://op.example/token",
        "userinfo_endpoint": "https://op.example/userinfo",
        "jwks_uri": "https://127.0.0.1:1/keys",
    });
    for (name, value) in members.as_object().unwrap() {
        document[name] = value.clone();
    }
    metadata::parse(document.to_string().as_bytes(), "https://op.example").unwrap()
}

fn http() -> Http {
    Http::new(tls_config(None).unwrap(), &Proxy::default())
}

async fn relying_party(members: Value) -> RelyingParty {
    let clock = Clock::default();
    let party = RelyingParty::new(registration(), clock.clone());
    let known = async || Ok((metadata(members), None));
    party.metadata.get(clock.now(), known).await.unwrap();
    party
}

#[tokio::test]
async fn a_response_must_name_our_issuer_if_it_names_one_or_the_provider_says_that_it_will() {
    let (ours, anothers) = (Some("https://op.example"), Some("https://op.example/"));
    let promised = "authorization_response_iss_parameter_supported";
    let refusal = |cause| Some(format!("the authorization response is refused: {cause}"));
    for (issuer, names_issuer, expected) in [
        (ours, true, None),
        (ours, false, None),
        (anothers, false, refusal("it names another issuer")),
        (None, false, None),
        (
            None,
            true,
            refusal("it names no issuer, and discovery says that it will"),
        ),
    ] {
        let party = relying_party(json!({promised: names_issuer})).await;
        assert_eq!(party.issuer(), "https://op.example");
        let response = AuthorizationResponse {
            issuer: issuer.map(str::to_owned),
            ..AuthorizationResponse::default()
        };
        let judged = party.check_response_issuer(&http(), &response).await;
        assert_eq!(judged.err().map(|cause| cause.to_string()), expected);
    }
}

#[tokio::test]
async fn the_browser_is_sent_to_sign_out_where_discovery_says() {
    let members = json!({"end_session_endpoint": "https://op.example/logout"});
    for (members, expected) in [(members, Some("/logout")), (json!({}), None)] {
        let party = relying_party(members).await;
        let request = party.end_session_request(&http(), None, "s").await.unwrap();
        assert_eq!(
            request.as_ref().map(|request| request.endpoint.path()),
            expected
        );
    }
}

#[test]
fn the_provider_signs_with_what_is_configured_or_else_with_what_it_publishes() {
    let published = json!({"id_token_signing_alg_values_supported": ["RS256", "none", "ES256"]});
    let algs = registration().id_token_algs(&metadata(published.clone()));
    assert_eq!(algs, [Algorithm::RS256, Algorithm::ES256]);
    let configured = Registration {
        id_token_algs: Some(vec![Algorithm::EdDSA]),
        ..registration()
    };
    let algs = configured.id_token_algs(&metadata(published));
    assert_eq!(algs, [Algorithm::EdDSA]);
}

#[test]
fn userinfo_is_signed_with_what_discovery_says_of_userinfo_or_else_with_all_that_we_verify() {
    let published = json!({
        "id_token_signing_alg_values_supported": ["ES256"],
        "userinfo_signing_alg_values_supported": ["none", "RS256", "HS256"],
    });
    assert_eq!(userinfo_algs(&metadata(published)), [Algorithm::RS256]);
    let silent = userinfo_algs(&metadata(json!({})));
    assert_eq!(silent, algorithm::all());
    let none = json!({"userinfo_signing_alg_values_supported": ["none"]});
    assert_eq!(userinfo_algs(&metadata(none)), []);
}

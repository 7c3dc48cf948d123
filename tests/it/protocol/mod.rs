//! What providers may choose among: how the response comes, how we prove who we are, whether userinfo is
//! signed, whether the response names its issuer.

mod authorization_request;
mod client_authentication;
mod discovery;
mod end_session;
mod form_post;
mod response_issuer;
mod secrets;
mod signed_userinfo;

use serde_json::Value;

use crate::support::provider::Provider;

/// The parameters of a URL's query, as a form.
fn query(url: &str) -> String {
    url.split_once('?').unwrap().1.to_owned()
}

fn discovery_says(provider: &Provider, name: &'static str, value: Value) {
    provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(move |document| document[name] = value.clone()));
    });
}

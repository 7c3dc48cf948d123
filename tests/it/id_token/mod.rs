//! Each way in which an ID token can be wrong, and those in which it only looks so (OpenID Connect Core 3.1.3.7).

mod algorithm;
mod at_hash;
mod audience;
mod encoding;
mod header;
mod issuer;
mod keys;
mod nonce;
mod secrets;
mod signature;
mod subject;
mod times;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::provider_responses::{self, NOT_SURE};
use crate::support::TestApp;
use crate::support::provider_faults::{edit_claims, edit_header};

/// Ada tries to sign in and is refused for `cause`; see [`provider_responses::assert_refused`] for all that is looked at.
async fn assert_refused(app: &TestApp, cause: &str) {
    let cause = format!("the ID token is refused: {cause}");
    provider_responses::assert_refused(app, NOT_SURE, &cause).await;
}

async fn assert_accepted(app: &TestApp, what: &str) {
    let ada = app.visitor();
    let back = ada.sign_in("ada").await;
    assert_eq!(back.status, 303, "{what}: {:?}", back.refusal());
    assert_eq!(back.location(), "/profile", "{what}");
    assert!(ada.is_signed_in().await, "{what}");
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

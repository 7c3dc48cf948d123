//! How the provider can misbehave. Faults are independent and can be combined.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::canned::{Canned, Gate};
use super::id_token::Signing;
use super::seen::{Endpoint, Params};

/// Changes a JSON document before it is sent.
pub type Edit = Box<dyn Fn(&mut Value) + Send + Sync>;

/// Changes the finished compact ID token.
pub type EditToken = Box<dyn Fn(String) -> String + Send + Sync>;

/// Changes the parameters of the redirect URI.
pub type EditParams = Box<dyn Fn(&mut Params) + Send + Sync>;

/// The default is a provider that behaves well and gives thin ID tokens, as Okta does.
#[derive(Default)]
pub struct Faults {
    pub edit_discovery: Option<Edit>,
    pub edit_keys: Option<Edit>,
    pub edit_token_response: Option<Edit>,
    pub edit_userinfo: Option<Edit>,
    /// The claims of the ID token, before it is signed.
    pub edit_claims: Option<Edit>,
    /// The JOSE header, before it is signed. `signing` decides how, whatever `alg` says.
    pub edit_header: Option<Edit>,
    /// After signing: flip bytes, drop parts.
    pub edit_id_token: Option<EditToken>,
    /// The response of the authorization endpoint, with a code or an error.
    pub edit_redirect: Option<EditParams>,
    pub signing: Signing,
    /// Responses that replace an endpoint's own.
    pub canned: HashMap<Endpoint, Canned>,
    /// How long an endpoint takes to respond, correctly.
    pub delay: HashMap<Endpoint, Duration>,
    /// Until when an endpoint does not respond.
    pub gates: HashMap<Endpoint, Gate>,
    /// How long the response takes, although what was asked for is done at once.
    pub late_response: HashMap<Endpoint, Duration>,
    /// Adds `iss` to the authorization response (RFC 9207) and says so in discovery. No fault, but off by default.
    pub send_iss: bool,
    /// Makes codes longer by so many characters. No fault: some providers put their whole state into a code.
    pub code_padding: usize,
    /// What it says about the strength of a sign-in.
    pub acr: Acr,
    /// Says `auth_time` in milliseconds.
    pub auth_time_in_millis: bool,
    /// How far its clock is ahead.
    pub clock_ahead_secs: u64,
    /// Puts the person's claims into the ID token too. No fault, but off by default.
    pub full_id_token: bool,
    /// A refresh brings no new refresh token; the old one goes on. No fault: Core 12.2 allows it.
    pub keep_refresh_token: bool,
    /// A refresh brings no ID token. Likewise.
    pub no_refreshed_id_token: bool,
    /// The claims of ID tokens of a refresh, before they are signed.
    pub edit_refreshed_claims: Option<Edit>,
    /// Revoking a refresh token leaves those that came before and after it alone. No fault: RFC 7009 2.1 leaves it open.
    pub revoke_alone: bool,
}

/// `acr` of ID tokens (OpenID Connect Core 2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Acr {
    /// It is not there.
    #[default]
    None,
    /// The first of `acr_values`; `pwd` without them. Whoever signed in otherwise is asked again.
    Honoured,
    /// Always this one, whatever was asked for.
    Always(String),
}

/// Applies an edit if there is one.
pub fn edited(mut document: Value, edit: &Option<Edit>) -> Value {
    if let Some(edit) = edit {
        edit(&mut document);
    }
    document
}

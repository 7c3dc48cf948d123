//! An authorization request (OpenID Connect Core 3.1.2.1, RFC 7636 4.3), read and judged by itself.

use super::seen::Params;
use super::state::Session;

/// A request whose parameters are valid. Where the response goes is judged before.
pub struct Wish {
    pub scope: String,
    pub nonce: Option<String>,
    pub code_challenge: String,
    pub prompt: Prompt,
    /// `acr_values`, in order of preference.
    pub acr_values: Vec<String>,
    max_age_secs: Option<u64>,
}

#[derive(PartialEq)]
pub enum Prompt {
    AsNeeded,
    Never,
    Always,
}

/// An error code of RFC 6749 4.1.2.1 or Core 3.1.2.6, with its description.
pub type Refusal = (&'static str, &'static str);

impl Wish {
    pub fn read(request: &Params) -> Result<Wish, Refusal> {
        let invalid = |description| Err(("invalid_request", description));
        if request.duplicate().is_some() {
            return invalid("A parameter was sent more than once.");
        }
        if request.get("request").is_some() {
            return Err((
                "request_not_supported",
                "Request objects are not supported.",
            ));
        }
        if request.get("request_uri").is_some() {
            return Err((
                "request_uri_not_supported",
                "Request objects are not supported.",
            ));
        }
        match request.get("response_type") {
            Some("code") => {}
            None => return invalid("response_type is missing."),
            Some(_) => return Err(("unsupported_response_type", "response_type must be code.")),
        }
        if !matches!(
            request.get("response_mode"),
            None | Some("query" | "form_post")
        ) {
            return invalid("response_mode must be query or form_post.");
        }
        let scope = request.get("scope").unwrap_or_default().to_owned();
        if !scope.split(' ').any(|scope| scope == "openid") {
            return Err(("invalid_scope", "The scope must contain openid."));
        }
        if request.get("code_challenge_method") != Some("S256") {
            return invalid("code_challenge_method must be S256.");
        }
        let code_challenge = request.get("code_challenge").unwrap_or_default().to_owned();
        // BASE64URL of a SHA-256 hash (RFC 7636 4.2).
        if code_challenge.len() != 43 || !code_challenge.bytes().all(is_base64url) {
            return invalid("code_challenge is not an S256 challenge.");
        }
        let prompt = match request.get("prompt") {
            Some("none") => Prompt::Never,
            Some(several) if several.split(' ').any(|one| one == "none") => {
                return invalid("prompt=none must be the only value.");
            }
            Some(one)
                if one
                    .split(' ')
                    .any(|one| matches!(one, "login" | "select_account")) =>
            {
                Prompt::Always
            }
            _ => Prompt::AsNeeded,
        };
        let max_age_secs = match request.get("max_age").map(str::parse) {
            None => None,
            Some(Ok(secs)) => Some(secs),
            Some(Err(_)) => return invalid("max_age must be a number of seconds."),
        };
        Ok(Wish {
            scope,
            nonce: request.get("nonce").map(str::to_owned),
            code_challenge,
            prompt,
            acr_values: request
                .get("acr_values")
                .unwrap_or_default()
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
            max_age_secs,
        })
    }

    /// Whether a session is enough, without asking again. `honours_acr`: whether `acr_values` count.
    pub fn is_content_with(&self, session: &Session, now_secs: u64, honours_acr: bool) -> bool {
        let acr = session.acr.as_ref();
        let is_wanted = |acr: &String| self.acr_values.contains(acr);
        let is_strong = !honours_acr || self.acr_values.is_empty() || acr.is_some_and(is_wanted);
        let age_secs = now_secs.saturating_sub(session.auth_time_secs);
        // max_age=0 asks again like prompt=login, even within the same second.
        let fresh = self
            .max_age_secs
            .is_none_or(|most| most > 0 && age_secs <= most);
        self.prompt != Prompt::Always && fresh && is_strong
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

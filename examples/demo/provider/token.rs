//! The token endpoint (RFC 6749 3.2, OpenID Connect Core 3.1.3): exchanges a code for tokens, once.

use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::faults::edited;
use super::id_token;
use super::people::Person;
use super::refresh;
use super::seen::{Params, Seen};
use super::state::{Access, CodeUse, Grant, State, opaque};

const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// RFC 6749 5.2.
pub struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
}

pub fn respond(seen: &Seen, state: &State) -> HttpResponse {
    match exchange(seen, state) {
        Ok(tokens) => json_answer(StatusCode::OK, &tokens),
        Err(refusal) => refusal.into_answer(),
    }
}

fn exchange(seen: &Seen, state: &State) -> Result<Value, Refusal> {
    authenticated(seen, state)?;
    match seen.form.get("grant_type") {
        Some("authorization_code") => {}
        Some("refresh_token") => return refresh::exchange(seen, state),
        None => return Err(bad("invalid_request", "grant_type is missing.")),
        Some(_) => {
            return Err(bad(
                "unsupported_grant_type",
                "grant_type must be authorization_code or refresh_token.",
            ));
        }
    }
    let code = seen
        .form
        .get("code")
        .ok_or(bad("invalid_request", "code is missing."))?;
    let grant = spend(code, state)?;
    check_binding(&grant, &seen.form)?;
    let (access_token, person) = issue_access_token(code, &grant, state)?;

    let faults = state.faults();
    let claims = id_token::claims(state, &faults, &grant, &person, &access_token);
    let id_token = id_token::compact(state, &faults, &claims);
    let mut tokens = tokens(&access_token, &grant);
    tokens["id_token"] = json!(id_token);
    if grant
        .scope
        .split(' ')
        .any(|scope| scope == "offline_access")
    {
        tokens["refresh_token"] = json!(state.memory().refresh_tokens.issue(&grant));
    }
    Ok(edited(tokens, &faults.edit_token_response))
}

/// What every token response has.
pub fn tokens(access_token: &str, grant: &Grant) -> Value {
    json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": ACCESS_TOKEN_LIFETIME.as_secs(),
        "scope": grant.scope,
    })
}

/// The client has authenticated, and sent no parameter twice.
pub fn authenticated(seen: &Seen, state: &State) -> Result<(), Refusal> {
    if seen.form.duplicate().is_some() {
        return Err(bad(
            "invalid_request",
            "A parameter was sent more than once.",
        ));
    }
    authenticate_client(seen, state)
}

/// client_secret_basic or client_secret_post, and only one of them (RFC 6749 2.3).
fn authenticate_client(seen: &Seen, state: &State) -> Result<(), Refusal> {
    let header = seen.header("authorization");
    let posted_secret = seen.form.get("client_secret");
    if header.is_some() && posted_secret.is_some() {
        return Err(bad(
            "invalid_request",
            "Two ways of client authentication at once.",
        ));
    }
    let given = match header {
        Some(header) => basic_credentials(header),
        None => seen
            .form
            .get("client_id")
            .zip(posted_secret)
            .map(|(id, secret)| (id.into(), secret.into())),
    };
    let (id, secret): (String, String) =
        given.ok_or(bad_client("The client did not authenticate."))?;
    if id != state.client_id || secret != state.client_secret {
        return Err(bad_client("The client's credentials are wrong."));
    }
    if seen.form.get("client_id").is_some_and(|named| named != id) {
        return Err(bad(
            "invalid_request",
            "client_id is not the authenticated client.",
        ));
    }
    Ok(())
}

/// Id and secret are form-encoded first, then base64 (RFC 6749 2.3.1).
fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = credentials.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    // A bare & or = would start another pair: such credentials were not form-encoded.
    if text.contains(['&', '=']) {
        return None;
    }
    let pair = format!("v={text}");
    let decoded = form_urlencoded::parse(pair.as_bytes()).next();
    decoded.map(|(_, value)| value.into_owned())
}

/// A code works once, whatever else is wrong. A second use revokes its access token (RFC 6749 4.1.2).
fn spend(code: &str, state: &State) -> Result<Grant, Refusal> {
    let mut memory = state.memory();
    let unknown = bad("invalid_grant", "The code is unknown.");
    let grant = memory.grants.get_mut(code).ok_or(unknown)?;
    if let CodeUse::Spent(access_token) = &grant.use_ {
        let access_token = access_token.clone().unwrap_or_default();
        memory.access_tokens.remove(&access_token);
        return Err(bad("invalid_grant", "The code was used before."));
    }
    grant.use_ = CodeUse::Spent(None);
    if grant.expires < Instant::now() {
        return Err(bad("invalid_grant", "The code has expired."));
    }
    Ok(grant.clone())
}

/// The code is bound to its redirect URI and to the PKCE verifier (RFC 7636 4.6).
fn check_binding(grant: &Grant, form: &Params) -> Result<(), Refusal> {
    if form.get("redirect_uri") != Some(&grant.redirect_uri) {
        return Err(bad(
            "invalid_grant",
            "redirect_uri is not that of the authorization request.",
        ));
    }
    let verifier = form.get("code_verifier").unwrap_or_default();
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(bad(
            "invalid_grant",
            "code_verifier is missing or malformed.",
        ));
    }
    if URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) != grant.code_challenge {
        return Err(bad(
            "invalid_grant",
            "code_verifier does not match the code_challenge.",
        ));
    }
    Ok(())
}

pub fn issue_access_token(
    code: &str,
    grant: &Grant,
    state: &State,
) -> Result<(String, Person), Refusal> {
    let mut memory = state.memory();
    let gone = bad("invalid_grant", "The person no longer exists.");
    let person = memory.person(&grant.session.login).cloned().ok_or(gone)?;
    let access_token = opaque();
    let access = Access {
        login: person.login.clone(),
        scope: grant.scope.clone(),
        expires: Instant::now() + ACCESS_TOKEN_LIFETIME,
    };
    memory.access_tokens.insert(access_token.clone(), access);
    if let Some(grant) = memory.grants.get_mut(code) {
        grant.use_ = CodeUse::Spent(Some(access_token.clone()));
    }
    Ok((access_token, person))
}

pub fn bad(error: &'static str, description: &'static str) -> Refusal {
    let status = StatusCode::BAD_REQUEST;
    Refusal {
        status,
        error,
        description,
    }
}

fn bad_client(description: &'static str) -> Refusal {
    let status = StatusCode::UNAUTHORIZED;
    Refusal {
        status,
        error: "invalid_client",
        description,
    }
}

impl Refusal {
    pub fn into_answer(self) -> HttpResponse {
        let body = json!({"error": self.error, "error_description": self.description});
        json_answer(self.status, &body)
    }
}

fn json_answer(status: StatusCode, body: &Value) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("Pragma", "no-cache"));
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header(("WWW-Authenticate", "Basic realm=\"demo provider\""));
    }
    response.json(body)
}

//! The userinfo endpoint (OpenID Connect Core 5.3).

use std::time::Instant;

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::faults::edited;
use super::seen::Seen;
use super::state::State;

pub fn respond(seen: &Seen, state: &State) -> HttpResponse {
    let Some(token) = bearer(seen) else {
        return unauthorized("Bearer realm=\"demo provider\"");
    };
    let Some(claims) = claims(token, state) else {
        return unauthorized(
            "Bearer realm=\"demo provider\", error=\"invalid_token\", \
             error_description=\"The access token is unknown, expired or revoked.\"",
        );
    };
    let claims = edited(claims, &state.faults().edit_userinfo);
    HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(claims)
}

/// The access token, from the header or from the form of a POST (RFC 6750 2).
fn bearer(seen: &Seen) -> Option<&str> {
    let Some(header) = seen.header("authorization") else {
        return seen.form.get("access_token");
    };
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn claims(token: &str, state: &State) -> Option<Value> {
    let memory = state.memory();
    let access = memory.access_tokens.get(token)?;
    if access.expires < Instant::now() {
        return None;
    }
    let person = memory.person(&access.login)?;
    let mut claims = json!({"sub": person.sub});
    for (name, value) in person.claims_for(&access.scope) {
        claims[name] = value;
    }
    Some(claims)
}

fn unauthorized(challenge: &'static str) -> HttpResponse {
    HttpResponse::Unauthorized()
        .insert_header(("WWW-Authenticate", challenge))
        .insert_header(("Cache-Control", "no-store"))
        .finish()
}

//! Refresh tokens (RFC 6749 6, OpenID Connect Core 12) and their revocation (RFC 7009). Each is used once: whoever uses one again
//! ends all that came from the same sign-in, since one of the two may be a thief (RFC 9700 4.14.2).

use std::collections::HashMap;

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::faults::edited;
use super::id_token;
use super::seen::{Seen, report_secret};
use super::state::{Grant, State, opaque};
use super::token::{Refusal, authenticated, bad, issue_access_token, tokens};

/// All that were ever issued.
#[derive(Default)]
pub struct RefreshTokens(HashMap<String, RefreshToken>);

struct RefreshToken {
    grant: Grant,
    /// The first token of the sign-in.
    family: String,
    is_live: bool,
}

impl RefreshTokens {
    /// The first of a sign-in.
    pub fn issue(&mut self, grant: &Grant) -> String {
        let token = opaque();
        self.insert(token.clone(), token.clone(), grant.clone());
        token
    }

    pub fn live_count(&self) -> usize {
        self.0.values().filter(|it| it.is_live).count()
    }

    fn insert(&mut self, token: String, family: String, grant: Grant) {
        report_secret("a refresh token", &token);
        let is_live = true;
        let token_of = RefreshToken {
            grant,
            family,
            is_live,
        };
        self.0.insert(token, token_of);
    }

    /// Its grant, and the token that comes next.
    fn spend(&mut self, token: &str, is_kept: bool) -> Result<(Grant, Option<String>), Refusal> {
        let unknown = bad("invalid_grant", "The refresh token is unknown.");
        let found = self.0.get_mut(token).ok_or(unknown)?;
        let (grant, family) = (found.grant.clone(), found.family.clone());
        if !found.is_live {
            self.end_family(&family);
            return Err(bad("invalid_grant", "The refresh token was used before."));
        }
        if is_kept {
            return Ok((grant, None));
        }
        found.is_live = false;
        let next = opaque();
        self.insert(next.clone(), family, grant.clone());
        Ok((grant, Some(next)))
    }

    fn end_family(&mut self, family: &str) {
        let family = self.0.values_mut().filter(|it| it.family == family);
        family.for_each(|it| it.is_live = false);
    }
}

/// A refresh, of a client that has authenticated.
pub fn exchange(seen: &Seen, state: &State) -> Result<Value, Refusal> {
    let token = seen.form.get("refresh_token");
    let token = token.ok_or(bad("invalid_request", "refresh_token is missing."))?;
    let faults = state.faults();
    let spent = state
        .memory()
        .refresh_tokens
        .spend(token, faults.keep_refresh_token);
    let (grant, next) = spent?;
    let (access_token, person) = issue_access_token("", &grant, state)?;
    let mut tokens = tokens(&access_token, &grant);
    if let Some(next) = next {
        tokens["refresh_token"] = json!(next);
    }
    if !faults.no_refreshed_id_token {
        let mut claims = id_token::claims(state, &faults, &grant, &person, &access_token);
        // Core 12.2: it should not have one.
        claims.as_object_mut().expect("claims").remove("nonce");
        let claims = edited(claims, &faults.edit_refreshed_claims);
        tokens["id_token"] = json!(id_token::compact(state, &faults, &claims));
    }
    Ok(edited(tokens, &faults.edit_token_response))
}

/// RFC 7009 2: success also for a token that is unknown.
pub fn revoke(seen: &Seen, state: &State) -> HttpResponse {
    if let Err(refusal) = authenticated(seen, state) {
        return refusal.into_answer();
    }
    let Some(token) = seen.form.get("token") else {
        return bad("invalid_request", "token is missing.").into_answer();
    };
    report_secret("a revoked token", token);
    let revoke_alone = state.faults().revoke_alone;
    let tokens = &mut state.memory().refresh_tokens;
    match tokens.0.get_mut(token) {
        Some(found) if revoke_alone => found.is_live = false,
        Some(found) => {
            let family = found.family.clone();
            tokens.end_family(&family);
        }
        None => (),
    }
    HttpResponse::Ok().finish()
}

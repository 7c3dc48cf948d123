//! Signing out at the provider (OpenID Connect RP-Initiated Logout 1.0, or on its own page), and back to the app.

use actix_web::HttpResponse;
use actix_web::cookie::{Cookie, SameSite};

use super::backchannel_logout;
use super::frontchannel_logout;
use super::id_token;
use super::pages;
use super::seen::{Params, SESSION_COOKIE, Seen};
use super::state::{Session, State};

pub async fn respond(seen: &Seen, state: &State) -> HttpResponse {
    let request = if seen.method == "POST" {
        &seen.form
    } else {
        &seen.query
    };
    let sid = match check(request, state) {
        Ok(sid) => sid,
        Err(reason) => return pages::refused(&reason),
    };
    let ended = end(seen, state, sid.as_deref());
    backchannel_logout::tell(state, &ended).await;
    let mut response = match request.get("post_logout_redirect_uri") {
        Some(uri) => back(uri, request.get("state")),
        None => pages::signed_out(&frontchannel_logout::addresses(state, &ended)),
    };
    let mut cookie = Cookie::build(SESSION_COOKIE, "")
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish();
    cookie.make_removal();
    response
        .add_cookie(&cookie)
        .expect("the cookie is a valid header");
    response
}

/// Judges the request before any session ends. Returns the session that the hint names.
fn check(request: &Params, state: &State) -> Result<Option<String>, String> {
    if let Some(name) = request.duplicate() {
        return Err(format!("{name} was sent more than once."));
    }
    let client_id = request.get("client_id");
    if client_id.is_some_and(|client_id| client_id != state.client_id) {
        return Err("The client_id is not registered.".into());
    }
    let hint = match request.get("id_token_hint") {
        Some(hint) => Some(
            id_token::claims_of_hint(state, hint)
                .map_err(|error| format!("The id_token_hint is not valid: {error}."))?,
        ),
        None => None,
    };
    if let Some(uri) = request.get("post_logout_redirect_uri") {
        // Without either, the address belongs to no known client (section 3).
        if hint.is_none() && client_id.is_none() {
            return Err("post_logout_redirect_uri needs an id_token_hint or a client_id.".into());
        }
        if !state
            .memory()
            .post_logout_redirect_uris
            .iter()
            .any(|known| known == uri)
        {
            return Err("The post_logout_redirect_uri is not registered.".into());
        }
    }
    let sid = hint.as_ref().and_then(|claims| claims["sid"].as_str());
    Ok(sid.map(str::to_owned))
}

/// Ends the browser's session and the one that the hint names. They differ only if the browser lost its cookie.
fn end(seen: &Seen, state: &State, sid: Option<&str>) -> Vec<Session> {
    let mut memory = state.memory();
    let ended = memory.sessions.extract_if(|key, session| {
        Some(key.as_str()) == seen.session.as_deref() || Some(session.sid.as_str()) == sid
    });
    ended.map(|(_, session)| session).collect()
}

fn back(uri: &str, state: Option<&str>) -> HttpResponse {
    let mut location = uri.to_owned();
    if let Some(state) = state {
        let mut params = Params::default();
        params.push("state", state);
        location.push(if uri.contains('?') { '&' } else { '?' });
        location.push_str(&params.encode());
    }
    HttpResponse::SeeOther()
        .insert_header(("Location", location))
        .insert_header(("Cache-Control", "no-store"))
        .finish()
}

//! The authorization endpoint (OpenID Connect Core 3.1.2).

use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::cookie::{Cookie, SameSite};

use super::faults::Acr;
use super::pages;
use super::seen::{Params, SESSION_COOKIE, Seen};
use super::state::{CodeUse, Grant, Session, State, opaque};
use super::wish::{Prompt, Refusal, Wish};

const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// Where and how to respond. This is judged before the rest of the request.
struct ReplyTo {
    redirect_uri: String,
    form_post: bool,
    state: Option<String>,
}

pub fn respond(seen: &Seen, state: &State) -> HttpResponse {
    // The page's form posts the choice with the query of the page. An app may also post the request itself.
    let posted_whole = seen.query.0.is_empty();
    let request = if posted_whole {
        &seen.form
    } else {
        &seen.query
    };
    let reply_to = match ReplyTo::find(request, state) {
        Ok(reply_to) => reply_to,
        Err(reason) => return pages::refused(reason),
    };
    let wish = match Wish::read(request) {
        Ok(wish) => wish,
        Err(refusal) => return reply_to.refuse(state, refusal),
    };
    if seen.method == "POST" && !posted_whole {
        if seen.form.get("cancel").is_some() {
            return reply_to.refuse(
                state,
                ("access_denied", "The person cancelled the sign-in."),
            );
        }
        if let Some(login) = seen.form.get("person") {
            return choose(seen, state, &reply_to, wish, login);
        }
    }
    let (now_secs, honours_acr) = (state.now_secs(), state.faults().acr == Acr::Honoured);
    match current_session(seen, state)
        .filter(|session| wish.is_content_with(session, now_secs, honours_acr))
    {
        Some(session) => reply_to.grant(state, wish, session),
        None if wish.prompt == Prompt::Never => reply_to.refuse(
            state,
            ("login_required", "No person is signed in at the provider."),
        ),
        None => pages::who_are_you(&state.memory().people, request, &state.client_id),
    }
}

/// A person has chosen: starts a session at the provider and redirects to the app.
fn choose(seen: &Seen, state: &State, reply_to: &ReplyTo, wish: Wish, login: &str) -> HttpResponse {
    let session = Session {
        login: login.to_owned(),
        sid: opaque(),
        auth_time_secs: state.now_secs(),
        acr: match &state.faults().acr {
            Acr::None => None,
            Acr::Honoured => Some(wish.acr_values.first().map_or("pwd", |acr| acr).to_owned()),
            Acr::Always(acr) => Some(acr.clone()),
        },
    };
    let key = opaque();
    {
        let mut memory = state.memory();
        if memory.person(login).is_none() {
            return pages::refused("There is no such person.");
        }
        if let Some(old) = &seen.session {
            memory.sessions.remove(old);
        }
        memory.sessions.insert(key.clone(), session.clone());
    }
    let cookie = Cookie::build(SESSION_COOKIE, key)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish();
    let mut response = reply_to.grant(state, wish, session);
    response
        .add_cookie(&cookie)
        .expect("the cookie is a valid header");
    response
}

fn current_session(seen: &Seen, state: &State) -> Option<Session> {
    let memory = state.memory();
    let session = memory.sessions.get(seen.session.as_deref()?)?;
    memory.person(&session.login)?;
    Some(session.clone())
}

impl ReplyTo {
    /// Fails with a page, never a redirect: the address itself can't be trusted yet.
    fn find(request: &Params, state: &State) -> Result<ReplyTo, &'static str> {
        if matches!(request.duplicate(), Some("client_id" | "redirect_uri")) {
            return Err("client_id and redirect_uri must be sent once.");
        }
        if request.get("client_id") != Some(&state.client_id) {
            return Err("The client_id is not registered.");
        }
        let redirect_uri = request.get("redirect_uri").unwrap_or_default().to_owned();
        if !state.memory().redirect_uris.contains(&redirect_uri) {
            return Err("The redirect_uri is not registered.");
        }
        Ok(ReplyTo {
            redirect_uri,
            form_post: request.get("response_mode") == Some("form_post"),
            state: request.get("state").map(str::to_owned),
        })
    }

    fn grant(&self, state: &State, wish: Wish, session: Session) -> HttpResponse {
        let padding = "c".repeat(state.faults().code_padding);
        let code = format!("{}{padding}", opaque());
        let grant = Grant {
            redirect_uri: self.redirect_uri.clone(),
            code_challenge: wish.code_challenge,
            nonce: wish.nonce,
            scope: wish.scope,
            session,
            expires: Instant::now() + CODE_LIFETIME,
            use_: CodeUse::Fresh,
        };
        state.memory().grants.insert(code.clone(), grant);
        let mut params = Params::default();
        params.push("code", code);
        self.send(state, params)
    }

    fn refuse(&self, state: &State, (error, description): Refusal) -> HttpResponse {
        let mut params = Params::default();
        params.push("error", error);
        params.push("error_description", description);
        self.send(state, params)
    }

    fn send(&self, state: &State, mut params: Params) -> HttpResponse {
        let faults = state.faults();
        if let Some(value) = &self.state {
            params.push("state", value);
        }
        if faults.send_iss {
            params.push("iss", &state.issuer);
        }
        if let Some(edit) = &faults.edit_redirect {
            edit(&mut params);
        }
        if self.form_post {
            return pages::form_post(&self.redirect_uri, &params);
        }
        let joint = if self.redirect_uri.contains('?') {
            '&'
        } else {
            '?'
        };
        let location = format!("{}{joint}{}", self.redirect_uri, params.encode());
        HttpResponse::SeeOther()
            .insert_header(("Location", location))
            .insert_header(("Cache-Control", "no-store"))
            .finish()
    }
}

//! `/handover`: brings a signed-in browser's session to an app. The gateway sends browsers here, and they go back with a
//! code.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use crate::accounts::audit::Stage;
use crate::gateway::decision::{Unmet, judge};
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::rules::Selected;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::gateway::visitor;
use crate::http::handlers::fetch_metadata::is_prefetch;
use crate::http::handlers::refused::refused_page;
use crate::http::handlers::sign_in::{required_by, start_step_up};
use crate::http::handlers::{no_content, redirect_to, refuse};
use crate::http::paths;
use crate::observe::request_id::RequestContext;
use crate::oidc::Requirement;
use crate::session::{HandoverError, HandoverRequest, RefusedVisit, ReturnTo, SignedIn, StepUp};

/// The name of the code in an app's query.
pub const CODE: &str = "_doorward";

/// The name of the handover request in our query.
pub const REQUEST: &str = "request";

/// The query of `/handover`.
#[derive(Deserialize)]
pub struct HandoverQuery {
    /// What the gateway sealed.
    request: Option<String>,
}

pub async fn handover(
    app: Data<App>,
    request: HttpRequest,
    query: Query<HandoverQuery>,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    if is_prefetch(request.headers()) {
        return Ok(no_content());
    }
    let access = app.access.as_ref().ok_or(Error::HandoverForged)?;
    let sealed = query.request.as_deref().unwrap_or_default();
    let (wanted, is_expired) = match app.sessions.open_handover_request(sealed) {
        Ok(wanted) => (wanted, false),
        Err(HandoverError::RequestExpired(wanted)) => (wanted, true),
        Err(_) => return Err(Error::HandoverForged),
    };
    let target = url(&wanted);
    let method = if wanted.is_post { "POST" } else { "GET" };
    let original = OriginalRequest::of_url(method, &target);
    let original = original.map_err(|_| Error::HandoverForged)?;
    let rules = access.rules.load();
    // Of an app that is gone: the host may be a stranger's by now.
    if !rules.knows_host(original.host.as_str()) {
        return Err(Error::HandoverForged);
    }
    if is_expired {
        // The app's address begins anew.
        return Ok(redirect_to(&target));
    }
    let Some(person) = person else {
        let here = address(&app, sealed);
        let here: String = byte_serialize(here.as_bytes()).collect();
        return Ok(redirect_to(&format!(
            "{}?return_to={here}",
            app.public_url.at(paths::LOGIN)
        )));
    };
    let client = RequestContext::current().and_then(|context| context.address);
    let mut name = "";
    let reason = match rules.select(&original, client) {
        Selected::Rule(rule) => {
            name = &rule.name;
            let visitor = visitor(person.session());
            let now = app.sessions.now();
            match judge(rule, &visitor, access.user_name, now) {
                Ok(None) => None,
                Ok(Some(unmet)) => match required_by(rule) {
                    // Once: then the person gets to know what is missing.
                    Some(required) if wanted.step_up != StepUp::Done => {
                        // By its own clock, the provider may find the sign-in recent enough. One whose time it did not tell
                        // may be recent: with `max_age` it tells the time.
                        let asks_again = unmet == Unmet::TooLongAgo && visitor.auth_time.is_some();
                        return step_up(&app, &request, required, asks_again, &wanted).await;
                    }
                    _ => Some(unmet.reason()),
                },
                Err(refusal) => Some(refusal.reason()),
            }
        }
        Selected::NoRule => Some("no_rule"),
        Selected::Ambiguous => Some("ambiguous_path"),
    };
    if let Some(reason) = reason {
        let host = original.host.as_str();
        app.audit
            .access_refused(person.user(), host, name, reason)
            .await;
        let path = &original.target.path;
        let refused = RefusedVisit::new(wanted.origin, path, reason);
        return refused_page(&app, &refused, Some(person.user()));
    }
    let code = app
        .sessions
        .handover_code(&request, &wanted, original.host.as_str());
    let code = code.ok_or_else(|| Error::internal("a signed-in browser has no session cookie"))?;
    let joint = match original.target.query {
        Some(_) => '&',
        None => '?',
    };
    Ok(redirect_to(&format!("{target}{joint}{CODE}={code}")))
}

/// The address of the handover with a sealed request.
fn address(app: &App, sealed: &str) -> String {
    format!("{}?{REQUEST}={sealed}", app.public_url.at(paths::HANDOVER))
}

/// Redirects to the provider, and back here afterwards.
async fn step_up(
    app: &App,
    request: &HttpRequest,
    required: Requirement,
    asks_again: bool,
    wanted: &HandoverRequest,
) -> Result<HttpResponse, Error> {
    let back = address(app, &app.sessions.after_step_up(wanted));
    match start_step_up(app, request, required, asks_again, ReturnTo::ours(back)).await {
        Ok(response) => Ok(response),
        Err(error) => Ok(refuse(app, error.at(Stage::NoAttempt)).await),
    }
}

fn url(wanted: &HandoverRequest) -> String {
    format!("{}{}", wanted.origin, wanted.target)
}

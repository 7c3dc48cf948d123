//! `/step-up`: a stronger or more recent sign-in for the session that is there (RFC 9470). What it must be is decided here,
//! by the settings or by the rule of the app that the person comes from, never by the address.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use crate::accounts::audit::Stage;
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::rules::Selected;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::fetch_metadata::is_prefetch;
use crate::http::handlers::login::return_to;
use crate::http::handlers::sign_in::{required_by, start_step_up};
use crate::http::handlers::{no_content, refuse};
use crate::observe::request_id::RequestContext;
use crate::oidc::Requirement;
use crate::session::ReturnTo;

/// The query of `/step-up`.
#[derive(Deserialize)]
pub struct StepUpQuery {
    /// Where the person wants to be afterwards.
    return_to: Option<String>,
}

pub async fn step_up(
    app: Data<App>,
    request: HttpRequest,
    query: Query<StepUpQuery>,
) -> Result<HttpResponse, Error> {
    if is_prefetch(request.headers()) {
        return Ok(no_content());
    }
    let return_to = return_to(&app, query.return_to.as_deref());
    let required = required_at(&app, &return_to).unwrap_or_else(|| app.step_up.clone());
    match start_step_up(&app, &request, required, false, return_to).await {
        Ok(response) => Ok(response),
        Err(error) => Ok(refuse(&app, error.at(Stage::NoAttempt)).await),
    }
}

/// What the rule for an address of an app requires.
fn required_at(app: &App, return_to: &ReturnTo) -> Option<Requirement> {
    let original = OriginalRequest::of_url("GET", return_to.as_str()).ok()?;
    let client = RequestContext::current().and_then(|context| context.address);
    let rules = app.access.as_ref()?.rules.load();
    match rules.select(&original, client) {
        Selected::Rule(rule) => required_by(rule),
        Selected::NoRule | Selected::Ambiguous => None,
    }
}

//! What each address that starts a sign-in does: it redirects to the provider.

use actix_web::{HttpRequest, HttpResponse};

use crate::gateway::rules::Rule;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::redirect_to;
use crate::oidc::{Attempt, Requirement};
use crate::session::ReturnTo;

/// An attempt that begins.
pub struct NewAttempt<'a> {
    /// Its secrets.
    pub attempt: Attempt,
    /// Where to go afterwards.
    pub return_to: ReturnTo,
    /// What it requires beyond what each sign-in does.
    pub step_up: Option<Requirement>,
    /// Whether the provider must ask again, even if to it the person has signed in just now.
    pub asks_again: bool,
    /// Who the person probably is.
    pub login_hint: Option<&'a str>,
}

/// Redirects to the provider with an attempt, which a cookie keeps until the person comes back.
pub async fn start_sign_in(
    app: &App,
    request: &HttpRequest,
    new: NewAttempt<'_>,
) -> Result<HttpResponse, Error> {
    let NewAttempt {
        attempt,
        return_to,
        step_up,
        asks_again,
        login_hint,
    } = new;
    let provider = app
        .provider
        .authorization_request(
            &app.http,
            &attempt,
            login_hint,
            step_up.as_ref(),
            asks_again,
        )
        .await?;
    let mut response = redirect_to(provider.as_str());
    let cookies = app
        .sessions
        .start_attempt(request, attempt, return_to, step_up);
    for cookie in cookies {
        response.add_cookie(&cookie).map_err(Error::internal)?;
    }
    Ok(response)
}

/// Redirects to the provider for a sign-in that meets `required`.
pub async fn start_step_up(
    app: &App,
    request: &HttpRequest,
    required: Requirement,
    asks_again: bool,
    return_to: ReturnTo,
) -> Result<HttpResponse, Error> {
    let new = NewAttempt {
        attempt: Attempt::new(),
        return_to,
        step_up: Some(required),
        asks_again,
        login_hint: None,
    };
    start_sign_in(app, request, new).await
}

/// What a rule requires of a sign-in, if anything.
pub fn required_by(rule: &Rule) -> Option<Requirement> {
    let requires = !rule.acr.is_empty() || rule.max_age.is_some();
    requires.then(|| Requirement {
        acr: rule.acr.clone(),
        max_age: rule.max_age,
    })
}

//! `/login`: starts a sign-in and redirects to the provider.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use crate::accounts::audit::Stage;
use crate::gateway::host::Scheme;
use crate::gateway::original_request::OriginalRequest;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::fetch_metadata::is_prefetch;
use crate::http::handlers::handover::REQUEST;
use crate::http::handlers::sign_in::{NewAttempt, start_sign_in};
use crate::http::handlers::{no_content, refuse};
use crate::http::paths;
use crate::oidc::Attempt;
use crate::session::ReturnTo;

/// The longest `login_hint` that is passed on, in bytes of its encoded form. A longer one is dropped: the response's head
/// must fit a proxy's buffer.
const LOGIN_HINT_LIMIT: usize = 256;

/// The query of `/login`.
#[derive(Deserialize)]
pub struct LoginQuery {
    /// Where the person wants to be after signing in.
    return_to: Option<String>,
    /// Who the person probably is, from a third party that starts the sign-in (OpenID Connect Core 4).
    login_hint: Option<String>,
}

pub async fn login(
    app: Data<App>,
    request: HttpRequest,
    query: Query<LoginQuery>,
) -> Result<HttpResponse, Error> {
    if is_prefetch(request.headers()) {
        return Ok(no_content());
    }
    let return_to = return_to(&app, query.return_to.as_deref());
    let hint_len = |hint: &str| byte_serialize(hint.as_bytes()).map(str::len).sum::<usize>();
    let login_hint = query.login_hint.as_deref();
    let login_hint = login_hint.filter(|hint| hint_len(hint) <= LOGIN_HINT_LIMIT);
    let new = NewAttempt {
        attempt: Attempt::new(),
        return_to,
        step_up: None,
        asks_again: false,
        login_hint,
    };
    match start_sign_in(&app, &request, new).await {
        Ok(response) => Ok(response),
        Err(error) => Ok(refuse(&app, error.at(Stage::NoAttempt)).await),
    }
}

/// Where the person wants to be after signing in: a page of ours, or an app behind the gateway; otherwise their profile.
pub fn return_to(app: &App, wanted: Option<&str>) -> ReturnTo {
    let here = |wanted| {
        ReturnTo::parse(wanted, &app.public_url, |path| {
            app.routes.may_return_to(path)
        })
    };
    wanted
        .and_then(|wanted| {
            let elsewhere = || at_an_app(app, wanted).or_else(|| handover(app, wanted));
            here(wanted).or_else(elsewhere)
        })
        .unwrap_or_else(|| ReturnTo::ours(app.public_url.at(paths::PROFILE)))
}

/// A handover, which can be longer than other addresses, since we made it.
fn handover(app: &App, wanted: &str) -> Option<ReturnTo> {
    let query = wanted.strip_prefix(&app.public_url.at(paths::HANDOVER))?;
    let sealed = query
        .strip_prefix('?')?
        .strip_prefix(REQUEST)?
        .strip_prefix('=')?;
    let request = app.sessions.open_handover_request(sealed).ok();
    request.map(|_| ReturnTo::ours(wanted.to_owned()))
}

/// The URL of an app whose host some rule names: for apps' links to sign in.
fn at_an_app(app: &App, wanted: &str) -> Option<ReturnTo> {
    let access = app.access.as_ref()?;
    let original = OriginalRequest::of_url("GET", wanted).ok()?;
    let is_safe = original.scheme == Scheme::Https || !app.public_url.is_https();
    let is_known = access.rules.load().knows_host(original.host.as_str());
    let url = original.url();
    (is_safe && is_known && url.len() <= ReturnTo::LIMIT).then(|| ReturnTo::ours(url))
}

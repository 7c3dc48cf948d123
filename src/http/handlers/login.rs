//! `/login`: starts a sign-in and redirects to the provider.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use crate::accounts::audit::Stage;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::fetch_metadata::is_prefetch;
use crate::http::handlers::{no_content, redirect_to, refuse};
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
    let wanted = query.return_to.as_deref();
    let return_to = wanted
        .and_then(|wanted| {
            ReturnTo::parse(wanted, &app.public_url, |path| {
                app.routes.may_return_to(path)
            })
        })
        .unwrap_or_else(|| ReturnTo::ours(app.public_url.at(paths::PROFILE)));
    let hint_len = |hint: &str| byte_serialize(hint.as_bytes()).map(str::len).sum::<usize>();
    let login_hint = query.login_hint.as_deref();
    let login_hint = login_hint.filter(|hint| hint_len(hint) <= LOGIN_HINT_LIMIT);
    match start_sign_in(&app, &request, Attempt::new(), return_to, login_hint).await {
        Ok(response) => Ok(response),
        Err(error) => Ok(refuse(&app, error.at(Stage::NoAttempt)).await),
    }
}

/// Redirects to the provider with `attempt`, which a cookie keeps until the person comes back.
pub async fn start_sign_in(
    app: &App,
    request: &HttpRequest,
    attempt: Attempt,
    return_to: ReturnTo,
    login_hint: Option<&str>,
) -> Result<HttpResponse, Error> {
    let provider = app
        .provider
        .authorization_request(&app.http, &attempt, login_hint)
        .await?;
    let mut response = redirect_to(provider.as_str());
    for cookie in app.sessions.start_attempt(request, attempt, return_to) {
        response.add_cookie(&cookie).map_err(Error::internal)?;
    }
    Ok(response)
}

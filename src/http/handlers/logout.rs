//! `/logout`: out here, then out at the provider.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderMap};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::{go_home, go_to, is_cross_site, is_prefetch};
use crate::http::middleware::security_headers::content_security_policy;
use crate::http::pages::{EndSessionPage, Field, LogoutPage};
use crate::oidc::EndSessionRequest;
use crate::public_url::PublicUrl;
use crate::session::{Logout, SignedIn};

/// The longest address that is a redirect, in bytes: with everything else, an answer's head stays below 3 KiB. Proxies
/// take 4 KiB or so (nginx: `proxy_buffer_size`) and answer 502 for more.
const LOCATION_LIMIT: usize = 1800;

/// `GET`: a link. Unless it is surely on a page of ours, and a person follows it, it gets a question: another site's
/// link must not sign anybody out, nor may a browser that fetches ahead.
pub async fn logout_by_link(
    app: Data<App>,
    request: HttpRequest,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    match person {
        person if is_own_navigation(request.headers(), &app.public_url) => {
            leave(&app, &request, person).await
        }
        Some(_) => app.pages.answer(StatusCode::OK, &LogoutPage {}),
        None => Ok(go_home(&app)),
    }
}

/// `POST`: the button.
pub async fn logout(
    app: Data<App>,
    request: HttpRequest,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    if is_cross_site(request.headers(), &app.public_url) {
        return Err(Error::CrossSiteSignOut);
    }
    leave(&app, &request, person).await
}

/// Ends the session, then asks the provider where to go next: whether it answers or not, the person is signed out.
/// Somebody who pressed twice is signed out already, and the browser follows the second response only.
async fn leave(
    app: &App,
    request: &HttpRequest,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    let logout = match person {
        Some(person) => sign_out(app, request, person).await?,
        None => match app.sessions.recent_logout(request).await? {
            Some(logout) => logout,
            None => return Ok(go_home(app)),
        },
    };
    let hint = logout.id_token_hint.as_ref();
    let provider = app
        .provider
        .end_session_request(&app.http, hint, &logout.state);
    let mut response = match provider.await {
        Ok(Some(provider)) => send_to(app, &provider)?,
        Ok(None) => return Ok(go_home(app)),
        // The person is out here, which is what they asked for.
        Err(cause) => {
            log::warn!("signed out here but not at the provider: {cause}");
            return Ok(go_home(app));
        }
    };
    let cookie = app.sessions.logout_cookie(&logout.state);
    response.add_cookie(&cookie).map_err(Error::internal)?;
    Ok(response)
}

async fn sign_out(app: &App, request: &HttpRequest, person: SignedIn) -> Result<Logout, Error> {
    let hint = person.id_token_hint();
    let logout = app.sessions.start_logout(request, hint).await?;
    app.sessions.sign_out(request, person).await?;
    Ok(logout)
}

/// A redirect where that fits an answer's head, else a page whose button posts the same.
fn send_to(app: &App, provider: &EndSessionRequest) -> Result<HttpResponse, Error> {
    let url = provider.url();
    if url.as_str().len() <= LOCATION_LIMIT {
        return Ok(go_to(url.as_str()));
    }
    let fields = provider.parameters().map(|(name, value)| Field {
        name,
        value: value.to_owned(),
    });
    let page = EndSessionPage {
        endpoint: provider.endpoint.to_string(),
        fields: fields.collect(),
    };
    let mut response = app.pages.answer(StatusCode::OK, &page)?;
    // Chromium applies the policy to the redirects that follow: to us, or to another provider behind this one.
    let origin = provider.endpoint.origin().ascii_serialization();
    let policy = content_security_policy(&format!("{origin} https:"));
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// Whether a person follows a link on a page of ours. Without Fetch Metadata, which browsers leave out over plain http,
/// nobody can tell.
fn is_own_navigation(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    let says = |name: &str, expected: &str| {
        let mut values = headers.get_all(name);
        values.next().is_some_and(|value| value == expected) && values.next().is_none()
    };
    says("sec-fetch-site", "same-origin")
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
        && !is_cross_site(headers, public_url)
        && !is_prefetch(headers)
}

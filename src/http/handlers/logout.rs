//! `/logout`: ends the session here, then redirects to the provider to end it there.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::fetch_metadata::{is_cross_site, is_own_navigation};
use crate::http::handlers::{redirect_home, redirect_to};
use crate::http::middleware::security_headers::content_security_policy;
use crate::http::pages::{EndSessionPage, Field, LogoutPage};
use crate::oidc::EndSessionRequest;
use crate::session::{Logout, SignedIn};

/// The longest `Location`, in bytes: with all other headers, the response's head stays below 3 KiB. A proxy's buffer has
/// 4 KiB or so (nginx: `proxy_buffer_size`); it responds 502 to a longer head.
const LOCATION_LIMIT: usize = 1800;

/// `GET`: a link. Unless a person certainly followed it on one of our own pages, the page asks first: neither another
/// site's link nor a prefetch may sign anybody out.
pub async fn logout_by_link(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Error> {
    // The provider need not be asked whether they are still welcome.
    let person = SignedIn::of(&request);
    match person {
        person if is_own_navigation(request.headers(), &app.public_url) => {
            sign_out_and_redirect(&app, &request, person).await
        }
        Some(_) => app.pages.respond(StatusCode::OK, &LogoutPage {}),
        None => Ok(redirect_home(&app)),
    }
}

/// `POST`: the button.
pub async fn logout(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Error> {
    if is_cross_site(request.headers(), &app.public_url) {
        return Err(Error::CrossSiteSignOut);
    }
    let person = SignedIn::of(&request);
    sign_out_and_redirect(&app, &request, person).await
}

/// Ends the session, then asks the provider where to go next: the person is signed out even if it does not respond.
/// After a double click the person is signed out already, but the browser follows only the second response: it gets the
/// same redirect.
pub(super) async fn sign_out_and_redirect(
    app: &App,
    request: &HttpRequest,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    let logout = match person {
        Some(person) => {
            let signed_out = app.sessions.sign_out(request, person).await;
            let mut logout = signed_out.map_err(Error::SignOut)?;
            app.refresh_tokens.revoke_later(logout.refresh_token.take());
            logout
        }
        None => match signed_out_before(app, request).await? {
            Some(logout) => logout,
            None => return Ok(redirect_home(app)),
        },
    };
    let hint = logout.id_token_hint.as_ref();
    let provider = app
        .provider
        .end_session_request(&app.http, hint, &logout.state);
    let mut response = match provider.await {
        Ok(Some(provider)) => redirect_or_post(app, &provider)?,
        Ok(None) => return Ok(redirect_home(app)),
        // The session here has ended: the person gets no error.
        Err(cause) => {
            log::warn!("signed out here but not at the provider: {cause}");
            return Ok(redirect_home(app));
        }
    };
    let cookie = app.sessions.logout_cookie(&logout.state);
    response.add_cookie(&cookie).map_err(Error::internal)?;
    Ok(response)
}

/// The sign-out of a browser whose cookie opens nothing: the session has stepped up a moment ago, and ends now, or it has ended
/// by another click.
async fn signed_out_before(app: &App, request: &HttpRequest) -> Result<Option<Logout>, Error> {
    let signed_out = app.sessions.sign_out_by_former_key(request).await;
    match signed_out.map_err(Error::SignOut)? {
        Some(mut logout) => {
            app.refresh_tokens.revoke_later(logout.refresh_token.take());
            Ok(Some(logout))
        }
        None => Ok(app.sessions.recent_logout(request).await?),
    }
}

/// A redirect if it fits a response's head, else a page whose button posts the same parameters.
fn redirect_or_post(app: &App, provider: &EndSessionRequest) -> Result<HttpResponse, Error> {
    let url = provider.url();
    if url.as_str().len() <= LOCATION_LIMIT {
        return Ok(redirect_to(url.as_str()));
    }
    let fields = provider.parameters().map(|(name, value)| Field {
        name,
        value: value.to_owned(),
    });
    let page = EndSessionPage {
        endpoint: provider.endpoint.to_string(),
        fields: fields.collect(),
    };
    let mut response = app.pages.respond(StatusCode::OK, &page)?;
    // Chromium applies the policy to the redirects that follow as well: back to us, or on to another provider.
    let origin = provider.endpoint.origin().ascii_serialization();
    let policy = content_security_policy(&format!("{origin} https:"));
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

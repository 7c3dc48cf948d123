//! `/logout`: out here, then out at the provider.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, ORIGIN};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use url::Url;

use super::{go_home, go_to};
use crate::app::App;
use crate::error::Error;
use crate::pages::LogoutPage;
use crate::random;
use crate::session::SignedIn;

/// `GET`: a link. One on another site's page must not sign anybody out, so it gets a question.
pub async fn logout_by_link(
    app: Data<App>,
    request: HttpRequest,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    match person {
        Some(_) if is_cross_site(request.headers(), &app.public_url) => {
            app.pages.answer(StatusCode::OK, &LogoutPage {})
        }
        Some(person) => sign_out(&app, person).await,
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
    match person {
        Some(person) => sign_out(&app, person).await,
        None => Ok(go_home(&app)),
    }
}

async fn sign_out(app: &App, person: SignedIn) -> Result<HttpResponse, Error> {
    let hint = person.id_token();
    app.audit.signed_out(&person.user).await;
    person.sign_out();
    let state = random::secret();
    let provider = app
        .provider
        .end_session_request(&app.http, hint.as_ref(), &state);
    match provider.await {
        Ok(Some(provider)) => {
            let mut response = go_to(provider.as_str());
            let cookie = app.sessions.begin_logout(state);
            response.add_cookie(&cookie).map_err(Error::internal)?;
            Ok(response)
        }
        Ok(None) => Ok(go_home(app)),
        // The person is out here, which is what they asked for.
        Err(cause) => {
            log::warn!("signed out here but not at the provider: {cause}");
            Ok(go_home(app))
        }
    }
}

/// Whether a page that is not ours caused this request (Fetch Metadata; `Origin`, RFC 6454).
/// Sibling domains are not ours. A request that says neither comes from no browser of today.
fn is_cross_site(headers: &HeaderMap, public_url: &Url) -> bool {
    let ours = public_url.origin().ascii_serialization();
    let mut fetch_sites = headers.get_all("sec-fetch-site");
    let mut origins = headers.get_all(ORIGIN);
    let foreign_site = fetch_sites.any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    let foreign_origin = origins.any(|origin| origin.as_bytes() != ours.as_bytes());
    foreign_site || foreign_origin
}

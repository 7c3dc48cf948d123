//! `/logout`: out here, then out at the provider.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderValue, ORIGIN};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use url::Url;

use super::{go_home, go_to, is_prefetch};
use crate::app::App;
use crate::error::Error;
use crate::pages::LogoutPage;
use crate::random;
use crate::session::SignedIn;

/// `GET`: a link. Unless it is surely on a page of ours, and a person follows it, it gets a question: another site's
/// link must not sign anybody out, nor may a browser that fetches ahead.
pub async fn logout_by_link(
    app: Data<App>,
    request: HttpRequest,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    match person {
        Some(person) if is_own_navigation(request.headers(), &app.public_url) => {
            sign_out(&app, person).await
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

/// Whether a person follows a link on a page of ours. Without Fetch Metadata, which browsers leave out over plain http,
/// nobody can tell.
fn is_own_navigation(headers: &HeaderMap, public_url: &Url) -> bool {
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

/// Whether a page that is not ours caused this request (Fetch Metadata; `Origin`, RFC 6454).
/// Sibling domains are not ours. A request that says neither comes from no browser of today.
fn is_cross_site(headers: &HeaderMap, public_url: &Url) -> bool {
    let ours = public_url.origin().ascii_serialization();
    let fetch_sites: Vec<&[u8]> = headers
        .get_all("sec-fetch-site")
        .map(HeaderValue::as_bytes)
        .collect();
    // Where a proxy adds `no-referrer` to our pages, browsers send `null` with our own forms.
    let is_hidden = |origin: &HeaderValue| origin == "null" && fetch_sites == [b"same-origin"];
    let foreign_site = fetch_sites
        .iter()
        .any(|site| !matches!(*site, b"same-origin" | b"none"));
    let mut origins = headers.get_all(ORIGIN);
    let foreign_origin = origins.any(|origin| origin != ours.as_str() && !is_hidden(origin));
    foreign_site || foreign_origin
}

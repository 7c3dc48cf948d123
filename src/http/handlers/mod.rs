//! What a person can ask for: one file for each address, thin.

pub mod assets;
pub mod callback;
pub mod health;
pub mod home;
pub mod login;
pub mod logout;
pub mod profile;
mod signed_in;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderMap, HeaderValue, LOCATION, ORIGIN};

use crate::accounts::reason::Reason;
use crate::http::app::App;
use crate::http::error::Refused;
use crate::http::error::refusals::Refusal;
use crate::http::paths;
use crate::public_url::PublicUrl;

/// Keeps the event of a failed sign-in, and answers with its error.
async fn refuse(app: &App, Refused { error, stage }: Refused) -> HttpResponse {
    // Whatever else ends a sign-in is not meant to.
    let reason = Refusal::of(&error).reason.unwrap_or(Reason::Internal);
    app.audit.sign_in_failed(stage, reason).await;
    HttpResponse::from_error(error)
}

/// Sends the browser to the home page.
fn go_home(app: &App) -> HttpResponse {
    go_to(&app.public_url.at(paths::HOME))
}

/// Whether the browser only fetches ahead what a person may want: nothing may happen by it. `Sec-Purpose` is the
/// standard's name (Fetch, 3.2), the others are those of older browsers.
fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"]
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .any(|value| {
            let value = value.as_bytes().to_ascii_lowercase();
            let mut words = value.split(|byte| matches!(byte, b';' | b',' | b' '));
            words.any(|word| matches!(word, b"prefetch" | b"prerender" | b"preview"))
        })
}

/// Whether a page that is not ours caused this request (Fetch Metadata; `Origin`, RFC 6454).
/// Sibling domains are not ours. A request that says neither comes from no browser of today.
fn is_cross_site(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
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
    let foreign_origin = origins.any(|origin| origin != public_url.origin() && !is_hidden(origin));
    foreign_site || foreign_origin
}

/// Whether a form of a page of ours posts this, for sure: browsers of today name the origin with each POST.
fn is_own_form(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    headers.contains_key(ORIGIN) && !is_cross_site(headers, public_url)
}

/// For a prefetch of what must not happen by one: the browser asks again when the person really comes.
fn nothing() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// Sends the browser to `location` with a GET, whatever the request was (RFC 9110, 15.4.4).
fn go_to(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .finish()
}

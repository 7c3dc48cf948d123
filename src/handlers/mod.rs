//! What a person can ask for: one file for each address, thin.

pub mod assets;
pub mod callback;
pub mod home;
pub mod login;
pub mod logout;
pub mod ops;
pub mod profile;

pub use ops::Readiness;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderMap, LOCATION};

use crate::app::App;
use crate::paths;

/// Sends the browser to the home page.
fn go_home(app: &App) -> HttpResponse {
    go_to(&app.base.at(paths::HOME))
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

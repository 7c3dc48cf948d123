//! What a person can ask for: one file for each address, thin.

pub mod assets;
pub mod callback;
pub mod home;
pub mod login;
pub mod logout;
pub mod ops;
pub mod profile;

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;

use crate::app::App;
use crate::paths;

/// Sends the browser to the home page.
fn go_home(app: &App) -> HttpResponse {
    go_to(&app.base.at(paths::HOME))
}

/// Sends the browser to `location` with a GET, whatever the request was (RFC 9110, 15.4.4).
fn go_to(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .finish()
}

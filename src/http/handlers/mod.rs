//! The handlers, one file for each address. A handler calls the other rooms and holds no rule of its own.

pub mod assets;
pub mod auth;
pub mod backchannel_logout;
pub mod callback;
mod ended_by_provider;
mod fetch_metadata;
pub mod frontchannel_logout;
pub mod handover;
pub mod health;
pub mod home;
pub mod jwks;
pub mod login;
pub mod logout;
mod posted;
pub mod profile;
pub mod refused;
pub mod sessions;
mod sign_in;
mod signed_in;
pub mod step_up;
pub mod universal_logout;

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;

use crate::accounts::reason::Reason;
use crate::http::app::App;
use crate::http::error::Refused;
use crate::http::error::refusals::Refusal;
use crate::http::paths;

/// Records a failed sign-in in the audit, and responds with its error.
async fn refuse(app: &App, Refused { error, stage }: Refused) -> HttpResponse {
    // An error without a reason should not end a sign-in: if one does, that is a bug.
    let reason = Refusal::of(&error).reason.unwrap_or(Reason::Internal);
    app.audit.sign_in_failed(stage, reason).await;
    HttpResponse::from_error(error)
}

/// Redirects to the home page.
fn redirect_home(app: &App) -> HttpResponse {
    redirect_to(&app.public_url.at(paths::HOME))
}

/// The response to a prefetch of a route that must not act on one: the browser asks again when the person opens it.
fn no_content() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// Redirects to `location`, with a GET whatever the method of the request was (RFC 9110, 15.4.4).
fn redirect_to(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .finish()
}

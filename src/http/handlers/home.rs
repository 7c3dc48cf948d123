//! `/`: the home page, which is also where the provider sends people back to after signing out.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::redirect_home;
use crate::http::pages::LoginPage;
use crate::session::SignedIn;

#[derive(Deserialize)]
/// The query of `/`.
pub struct HomeQuery {
    /// Sent by the provider after a sign-out there (RP-Initiated Logout 1.0, 3).
    state: Option<String>,
}

pub async fn home(
    app: Data<App>,
    request: HttpRequest,
    query: Query<HomeQuery>,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    if let Some(state) = &query.state {
        let mut response = redirect_home(&app);
        match app.sessions.finish_logout(&request, state) {
            Some(removal) => response.add_cookie(&removal).map_err(Error::internal)?,
            None => log::info!("post-logout redirect with an unknown state"),
        }
        return Ok(response);
    }
    match person {
        Some(person) => {
            let page = LoginPage {
                signed_in: true,
                name: person.user().name.clone(),
            };
            app.pages.respond(StatusCode::OK, &page)
        }
        None => Ok(app.pages.signed_out()),
    }
}

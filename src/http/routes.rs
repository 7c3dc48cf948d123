//! THE TABLE: path, verbs, handler. Nothing else decides what is reachable.

use actix_web::guard::{Any, Get, Head, Post};
use actix_web::http::header::ALLOW;
use actix_web::web::{ServiceConfig, resource, route, scope};
use actix_web::{HttpResponse, Resource};

use crate::http::handlers::{assets, callback, health, home, login, logout, profile};
use crate::http::paths::{
    ASSET, CALLBACK, HEALTHZ, HOME, LOGIN, LOGOUT, NO_ROUTE, PROFILE, READYZ, ROUTES,
};
use crate::observe::metrics;
use crate::oidc::ResponseMode;
use crate::public_url::PublicUrl;

/// The table, below the path of `PUBLIC_URL`. Whoever probes the process need not know that path.
pub fn below(public_url: &PublicUrl, mode: ResponseMode) -> impl FnOnce(&mut ServiceConfig) {
    metrics::know_routes(ROUTES.into_iter().chain([NO_ROUTE]));
    move |app| match public_url.base().is_empty() {
        true => table(app, mode),
        false => {
            let without_slash = page("").route(read().to(home::home));
            app.service(page(HEALTHZ).route(read().to(health::healthz)))
                .service(page(READYZ).route(read().to(health::readyz)))
                .service(
                    scope(public_url.base())
                        .service(without_slash)
                        .configure(|app| table(app, mode)),
                );
        }
    }
}

#[rustfmt::skip]
fn table(app: &mut ServiceConfig, mode: ResponseMode) {
    app.service(page(HOME).route(read().to(home::home)))
       .service(page(LOGIN).route(read().to(login::login)))
       .service(match mode {
            ResponseMode::Query => link_only(CALLBACK).route(link().to(callback::callback)),
            ResponseMode::FormPost => act(CALLBACK).route(link().to(callback::callback))
                                                   .route(form().to(callback::callback_by_post)),
       })
       .service(page(PROFILE).route(read().to(profile::profile)))
       .service(act(LOGOUT).route(link().to(logout::logout_by_link))
                           .route(form().to(logout::logout)))
       .service(page(HEALTHZ).route(read().to(health::healthz)))
       .service(page(READYZ).route(read().to(health::readyz)))
       .service(page(ASSET).route(read().to(assets::asset)));
}

/// Something to look at.
fn page(path: &str) -> Resource {
    answering(path, "GET, HEAD")
}

/// Something that happens: HEAD must not make it happen.
fn act(path: &str) -> Resource {
    answering(path, "GET, POST")
}

/// Something that happens by a link alone: whatever is posted there changes nothing.
fn link_only(path: &str) -> Resource {
    answering(path, "GET")
}

fn read() -> actix_web::Route {
    route().guard(Any(Get()).or(Head()))
}

fn link() -> actix_web::Route {
    route().guard(Get())
}

fn form() -> actix_web::Route {
    route().guard(Post())
}

/// A 405 names the verbs that would have been right (RFC 9110, 15.5.6).
fn answering(path: &str, verbs: &'static str) -> Resource {
    resource(path).default_service(route().to(move || async move {
        HttpResponse::MethodNotAllowed()
            .insert_header((ALLOW, verbs))
            .finish()
    }))
}

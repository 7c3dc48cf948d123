//! THE TABLE: path, verbs, handler. Nothing else decides what is reachable.

use actix_web::guard::{Any, Get, Head, Post};
use actix_web::http::header::ALLOW;
use actix_web::web::{ServiceConfig, resource, route};
use actix_web::{HttpResponse, Resource};

use crate::handlers::{assets, callback, home, login, logout, ops, profile};

pub const HOME: &str = "/";
pub const LOGIN: &str = "/login";
pub const CALLBACK: &str = "/authorization-code/callback";
pub const PROFILE: &str = "/profile";
pub const LOGOUT: &str = "/logout";

#[rustfmt::skip]
pub fn table(app: &mut ServiceConfig) {
    app.service(get(HOME).route(read().to(home::home)))
       .service(get(LOGIN).route(read().to(login::login)))
       .service(get(CALLBACK).route(read().to(callback::callback)))
       .service(get(PROFILE).route(read().to(profile::profile)))
       .service(get_and_post(LOGOUT).route(read().to(logout::logout_by_link))
                                    .route(write().to(logout::logout)))
       .service(get("/healthz").route(read().to(ops::healthz)))
       .service(get("/readyz").route(read().to(ops::readyz)))
       .service(get("/assets/{file}").route(read().to(assets::asset)));
}

fn read() -> actix_web::Route {
    route().guard(Any(Get()).or(Head()))
}

fn write() -> actix_web::Route {
    route().guard(Post())
}

fn get(path: &str) -> Resource {
    answering(path, "GET, HEAD")
}

fn get_and_post(path: &str) -> Resource {
    answering(path, "GET, HEAD, POST")
}

/// A 405 names the verbs that would have been right (RFC 9110, 15.5.6).
fn answering(path: &str, verbs: &'static str) -> Resource {
    resource(path).default_service(route().to(move || async move {
        HttpResponse::MethodNotAllowed()
            .insert_header((ALLOW, verbs))
            .finish()
    }))
}

//! `/.well-known/jwks.json`: the keys with which apps verify what the gateway signs (RFC 7517, 5).

use actix_web::HttpResponse;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use serde::Serialize;

use crate::http::app::App;
use crate::session::PublicKey;

#[derive(Serialize)]
struct KeySet {
    keys: Vec<PublicKey>,
}

pub async fn jwks(app: Data<App>) -> HttpResponse {
    if app.access.as_ref().is_none_or(|it| it.tokens.is_none()) {
        return HttpResponse::NotFound().finish();
    }
    let keys = app.sessions.identity_keys();
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/jwk-set+json"))
        // A new key signs after SESSION_KEY_DELAY, which is as long as this.
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(KeySet { keys })
}

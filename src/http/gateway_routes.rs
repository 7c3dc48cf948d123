//! The table of the gateway's routes. They are at an address of their own, which visitors can't reach.

use actix_web::web::{self, ServiceConfig, to};

use super::gateway::EXT_AUTHZ;
use super::handlers::{auth, health};
use super::paths::{HEALTHZ, READYZ};

/// The table of the gateway's routes.
pub fn routes(app: &mut ServiceConfig) {
    app.route("/auth/forward", to(auth::forward))
        .route("/auth/request", to(auth::request))
        .route(EXT_AUTHZ, to(auth::ext_authz))
        .route("/auth/ext-authz/{path:.*}", to(auth::ext_authz))
        .route(HEALTHZ, web::get().to(health::healthz))
        .route(READYZ, web::get().to(health::readyz));
}

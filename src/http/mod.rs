//! The room that knows actix-web: the table of routes, the middleware, a handler for each address, and the pages.

pub mod app;
pub mod asking;
pub mod error;
pub mod gateway;
pub mod gateway_routes;
pub mod handlers;
pub mod identity_tokens;
pub mod middleware;
pub mod pages;
pub mod paths;
pub mod readiness;
pub mod refresh_tokens;
pub mod revocations;
pub mod route;
pub mod routes;
pub mod shutdown;

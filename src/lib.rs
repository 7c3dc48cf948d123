//! Doorward: the front door of a web app. It sends people to an OpenID provider to sign in, checks
//! what comes back, keeps their user record, shows them who they are, and signs them out again.
//!
//! Start with [`server`], then `routes`, then a handler.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

/// What the handlers of one worker need.
mod app;
/// Who came in, who did not and why.
mod audit;
/// How much of a request is read.
mod budget;
/// Who asks, behind which proxies.
pub mod client;
/// The one clock.
pub mod clock;
/// The command line.
pub mod commands;
/// Diesel: people and sessions in Postgres or SQLite.
pub mod db;
/// What went wrong: status, the visitor's words, the log line.
mod error;
/// Outermost: error pages, security headers, access log.
mod front;
/// The door of the fuzz targets.
#[cfg(fuzzing)]
pub mod fuzzing;
/// One file for each address.
mod handlers;
/// What `benches/pieces.rs` measures of the inside.
#[cfg(feature = "inside")]
pub mod inside {
    pub use crate::oidc::door::*;
    pub use crate::pages::{Claim, LoginPage, Pages, ProfilePage};
    pub use crate::paths::Base;
    pub use crate::session::ReturnTo;
    pub use crate::session::door::Keys;
}
/// Asks how a Doorward of this machine is.
pub mod health;
/// HTTP/1.1, and no other version, on any kind of socket.
mod http1;
/// Where it listens.
pub mod listen;
/// What is counted and timed, for Prometheus.
mod metrics;
/// The protocol, a file for each step.
pub mod oidc;
/// Tera: one typed struct for each page.
mod pages;
/// The addresses that are named more than once.
mod paths;
/// Values nobody can guess.
pub mod random;
/// How often one address may sign in.
mod rate_limit;
/// Files that are read again when they change.
pub mod reload;
/// Secrets that are replaced without a restart.
mod rotation;
/// The table of routes.
mod routes;
/// `/metrics`, at an address of its own.
mod scrape;
/// How it is put together, and the order in which a request passes through it.
pub mod server;
/// Who is signed in.
mod session;
/// The environment.
pub mod settings;
/// Stopping so that nobody notices.
pub mod shutdown;
/// Logging.
pub mod telemetry;
/// TLS without a proxy.
pub mod tls;
/// The request that is being handled, for log lines and audit events.
pub mod trace;
/// What the visitor reads when something went wrong.
mod words;

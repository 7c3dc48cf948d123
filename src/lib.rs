//! Doorward: the front door of a web app. It sends people to an OpenID provider to sign in, checks
//! what comes back, keeps their user record, shows them who they are, and signs them out again.
//!
//! Each module is a room of the house. A room uses only the rooms below it; `tests/it/arrows.rs` holds the list.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

/// What happens to people and their sessions, each act one transaction with its audit event.
pub mod accounts;
/// The one clock.
pub mod clock;
/// The command line.
pub mod commands;
/// Diesel: rows and queries in Postgres or SQLite.
pub mod db;
/// Durations as people write them.
pub mod duration;
/// Access rules: who may pass to which app.
pub mod gateway;
/// All that knows actix-web: routes, middleware, handlers, pages.
mod http;
/// What the benchmarks and the fuzz targets reach.
#[cfg(any(test, fuzzing, feature = "internals"))]
pub mod internals;
/// Log lines, request ids, metrics.
pub mod observe;
/// OpenID Connect: Doorward as a relying party.
pub mod oidc;
/// `PUBLIC_URL`: where browsers reach Doorward.
pub mod public_url;
/// Values nobody can guess.
pub mod random;
/// The process: how it is put together, where it listens, how it stops.
pub mod server;
/// This browser: its cookies, its attempts to sign in, its session.
mod session;
/// The environment.
pub mod settings;
/// Threads that may block.
pub mod threads;

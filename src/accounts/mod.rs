//! What happens to people and their sessions: each action is one transaction with its audit event. Knows neither the web
//! framework nor the protocol.

pub mod audit;
pub mod block;
pub mod browser;
pub mod delete;
pub mod end;
pub mod purge;
pub mod reason;
pub mod sign_in;
mod transaction;

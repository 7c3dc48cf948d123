//! What a request passes through before its handler.

pub mod client_address;
pub mod front;
pub mod rate_limit;
pub mod request_limits;

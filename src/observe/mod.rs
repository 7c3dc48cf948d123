//! Log lines, request ids and metrics. This room uses no other.

pub mod logging;
pub(crate) mod metrics;
pub mod request_id;

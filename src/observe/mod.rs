//! What operators see: log lines, the id of a request, metrics. Knows nobody else.

pub mod logging;
pub(crate) mod metrics;
pub mod request_id;

//! How long the provider took, for the metrics.

use std::time::Instant;

use super::fetch::{Answer, FetchError};
use crate::metrics::{self, Endpoint, Outcome};

/// Times `call`, which asks for `endpoint`.
pub async fn timed(
    endpoint: Endpoint,
    call: impl Future<Output = Result<Answer, FetchError>>,
) -> Result<Answer, FetchError> {
    let began = Instant::now();
    let answer = call.await;
    let outcome = match &answer {
        Ok(answer) if answer.status == 200 => Outcome::Ok,
        Ok(_) | Err(FetchError::Status { .. }) => Outcome::Refused,
        Err(FetchError::Timeout) => Outcome::Timeout,
        Err(FetchError::Connection(_) | FetchError::Body(_)) => Outcome::Unreachable,
    };
    metrics::provider_request(endpoint, outcome, began.elapsed());
    answer
}

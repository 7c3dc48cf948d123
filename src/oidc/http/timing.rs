//! How long the provider took, for the metrics.

use std::time::Instant;

use crate::observe::metrics::{self, Endpoint, Outcome};
use crate::oidc::http::response::{Answer, FetchError};

/// Times `call`, which asks for `endpoint`.
pub async fn timed(
    endpoint: Endpoint,
    call: impl Future<Output = Result<Answer, FetchError>>,
) -> Result<Answer, FetchError> {
    let began = Instant::now();
    let answer = call.await;
    metrics::provider_request(endpoint, outcome(&answer), began.elapsed());
    answer
}

fn outcome(answer: &Result<Answer, FetchError>) -> Outcome {
    match answer {
        Ok(answer) if answer.status == 200 => Outcome::Ok,
        Ok(_) | Err(FetchError::Status { .. }) => Outcome::Refused,
        Err(FetchError::Timeout) => Outcome::Timeout,
        Err(FetchError::Connection(_) | FetchError::Certificate(_) | FetchError::Body(_)) => {
            Outcome::Unreachable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_with_status_200_is_well() {
        let answered = |status| Ok(Answer::read(status, |_| None, Vec::new()));
        for (answer, expected) in [
            (answered(200), Outcome::Ok),
            (answered(204), Outcome::Refused),
            (answered(500), Outcome::Refused),
            (Err(FetchError::Timeout), Outcome::Timeout),
            (Err(FetchError::Body(String::new())), Outcome::Unreachable),
        ] {
            assert_eq!(outcome(&answer), expected);
        }
    }
}

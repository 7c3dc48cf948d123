//! Commands that are not part of the WebDriver standard, so fantoccini does not know them.

use std::time::Duration;

use serde_json::Value;

use super::Browser;

/// For a driver whose machine is busy, with a log of many pages.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Browser {
    /// The value that chromedriver answers.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/{path}", self.session_url);
        let mut answer = awc::Client::default()
            .post(url)
            .timeout(TIMEOUT)
            .send_json(body)
            .await
            .unwrap_or_else(|error| panic!("chromedriver's {path}: {error}"));
        let mut answer: Value = answer
            .json()
            .limit(64 << 20)
            .await
            .expect("chromedriver answers in JSON");
        answer["value"].take()
    }
}

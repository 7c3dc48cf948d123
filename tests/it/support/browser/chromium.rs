//! Commands that are not part of the WebDriver standard, so fantoccini does not know them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Browser, Look};

/// For a driver whose machine is busy, with a log of many pages.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Browser {
    /// The tab shows its pages so from now on. It can't switch scripts on or off, or make a mouse of a finger.
    pub async fn look_as(&self, look: Look) {
        let scheme = if look.dark { "dark" } else { "light" };
        let scheme = json!({ "name": "prefers-color-scheme", "value": scheme });
        let media = json!({ "features": [scheme] });
        self.devtools("Emulation.setEmulatedMedia", &media).await;
        let (width, height) = (look.width, look.height);
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics)
            .await;
    }

    /// A command of the DevTools protocol.
    async fn devtools(&self, command: &str, params: &Value) {
        let body = json!({ "cmd": command, "params": params });
        let answer = self.post("goog/cdp/execute", &body).await;
        assert!(answer.get("error").is_none(), "{command}: {answer}");
    }

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

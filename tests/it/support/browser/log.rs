//! What chromedriver's logs say: the addresses that were asked for, and the errors of the console.

use serde_json::{Value, json};

use super::Browser;

#[derive(Default)]
pub(super) struct Seen {
    requested_urls: Vec<String>,
    /// The `Referer` of each of them.
    referers: Vec<Option<String>>,
    console_errors: Vec<String>,
}

impl Browser {
    /// Every address that pages in any tab have asked for since the start, redirects included.
    pub async fn requested_urls(&self) -> Vec<String> {
        for entry in self.log("performance").await {
            let entry: Value =
                serde_json::from_str(text_of(&entry["message"])).expect("the log is JSON");
            let message = &entry["message"];
            if message["method"] == "Network.requestWillBeSent" {
                let url = text_of(&message["params"]["request"]["url"]);
                // The rest is Chromium's own (chrome:) or in the page itself (data:).
                if url.starts_with("http") || url.starts_with("ws") {
                    let referer = &message["params"]["request"]["headers"]["Referer"];
                    let mut seen = self.seen.lock().unwrap();
                    seen.requested_urls.push(url.to_owned());
                    let referer = referer.as_str().filter(|referer| !referer.is_empty());
                    seen.referers.push(referer.map(str::to_owned));
                }
            }
        }
        self.seen.lock().unwrap().requested_urls.clone()
    }

    /// What each request for an address with `part` in it said of the page that it came from.
    pub async fn referers_for(&self, part: &str) -> Vec<Option<String>> {
        let urls = self.requested_urls().await;
        let seen = self.seen.lock().unwrap();
        let pairs = urls.into_iter().zip(seen.referers.iter().cloned());
        pairs
            .filter(|(url, _)| url.contains(part))
            .map(|(_, referer)| referer)
            .collect()
    }

    /// Errors that the console of any tab has shown since the start: violations of the Content-Security-Policy,
    /// exceptions, answers of 400 and more.
    pub async fn console_errors(&self) -> Vec<String> {
        for entry in self.log("browser").await {
            if entry["level"] == "SEVERE" {
                self.seen
                    .lock()
                    .unwrap()
                    .console_errors
                    .push(text_of(&entry["message"]).to_owned());
            }
        }
        self.seen.lock().unwrap().console_errors.clone()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        match self.post("se/log", &json!({ "type": kind })).await {
            Value::Array(entries) => entries,
            error => panic!("chromedriver has no log {kind}: {error}"),
        }
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

//! A page may be replaced by the next one at any moment, while a command is at work on it.

use std::fmt::Display;
use std::time::{Duration, Instant};

use fantoccini::Client;
use fantoccini::error::CmdError;

use super::Browser;

/// How long a page may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const POLL: Duration = Duration::from_millis(20);

/// What chromedriver says of a page that is being replaced; Chromium's own words are in between.
const REPLACED: [&str; 12] = [
    "aborted by navigation",
    "loader has changed",
    "does not belong to the document",
    "detached",
    "execution context",
    "Cannot find context",
    "uniqueContextId not found",
    "node with given id",
    "loading status",
    "Not attached to an active page",
    "navigated or closed",
    "ERR_ABORTED",
];

impl Browser {
    /// Does it until it is done: what is not there yet may come, and a page that is replaced is followed by another.
    /// So it may be done twice.
    pub(super) async fn patiently<T>(
        &self,
        doing: &str,
        command: impl AsyncFn(&Client) -> Result<T, CmdError>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match command(&self.client).await {
                Ok(value) => return value,
                Err(error) if may_come(&error) && Instant::now() < deadline => {}
                Err(error) => self.fail(doing, &error).await,
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Where a test fails, it says what the browser showed, if the browser can tell.
    pub(super) async fn fail(&self, doing: &str, error: &dyn Display) -> ! {
        let url = match self.client.current_url().await {
            Ok(url) => url.to_string(),
            Err(error) => format!("an unknown address ({error})"),
        };
        let page = match self.client.source().await {
            Ok(source) => source,
            Err(error) => format!("The page can't be read: {error}"),
        };
        panic!("{doing} at {url}: {error}\n{page}")
    }
}

fn may_come(error: &CmdError) -> bool {
    error.is_no_such_element() || error.is_no_such_frame() || is_passing(error)
}

/// Whether the command met a page that was being replaced. chromedriver says so in errors of several kinds, also in ones
/// that the standard does not know.
pub(super) fn is_passing(error: &CmdError) -> bool {
    let words = error.to_string();
    error.is_stale_element_reference() || REPLACED.iter().any(|part| words.contains(part))
}

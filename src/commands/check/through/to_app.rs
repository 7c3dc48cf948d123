//! Requests that should reach the app.

use super::app::{App, Reached};
use super::front::{Front, NoResponse};
use super::lines::Proxy;
use crate::random;

/// What the made-up headers say.
pub(super) const MADE_UP: &str = "doorward-check";

/// What became of a request.
pub(super) enum Sent {
    /// What the app got.
    Reached(Proxy, Reached),
    /// How the proxy rejected the request.
    Rejected(String),
    /// Why it is not known whether the app gets it.
    Not(String),
}

/// Sends a request with these lines of headers.
pub(super) fn send(front: &Front, app: &App, headers: &str) -> Sent {
    let mark = format!("doorward-check={}", random::secret());
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\nConnection: close\r\n{headers}\r\n",
        front.target(&mark),
        front.host()
    );
    match front.send(request.as_bytes()) {
        Err(NoResponse::Closed(why)) => Sent::Rejected(why),
        Err(NoResponse::Failed(why)) => Sent::Not(why),
        Ok(answer) if (400..500).contains(&answer.status) => {
            Sent::Rejected(format!("a request gets status {}", answer.status))
        }
        Ok(answer) if answer.status != 200 => {
            Sent::Not(format!("a request gets status {}", answer.status))
        }
        Ok(answer) => match app.reached_by(&mark) {
            Some(reached) => Sent::Reached(Proxy::of(&answer), reached),
            None => Sent::Not(format!(
                "a request gets status 200, and did not come to {}",
                app.addr
            )),
        },
    }
}

//! Requests and responses that are longer than usual, and bodies.

use super::lines;
use super::protected::{Gate, TAB};
use super::reply::Reply;
use crate::commands::check::report::Finding;

/// Longer than the buffers of nginx are without a setting.
const LONG_LOCATION: usize = 6000;

impl Gate<'_> {
    /// Doorward refuses a request that announces a body.
    pub(super) fn body(&self) -> Finding {
        let headers = format!("Content-Type: text/plain\r\nContent-Length: 14\r\n{TAB}");
        let sent = self.send(
            "POST",
            &self.target(0),
            self.front.host(),
            headers.as_bytes(),
            "doorward-check",
        );
        match sent {
            Err(no_response) => Finding::unknown("body", no_response.why()),
            Ok((_, Reply::SignIn { .. })) => Finding::ok("body", "no body goes to Doorward"),
            Ok((_, Reply::Status(status @ (405 | 411 | 413)))) => {
                Finding::unknown("body", format!("the proxy rejects a POST with status {status}"))
            }
            Ok((_, reply)) => self.fault(
                "body",
                format!("a request with a body gets {}: the proxy announces the body to Doorward, which refuses that", reply.in_words()),
                &lines::BODY,
            ),
        }
    }

    /// A person with many groups, or a long address, makes Doorward's response long.
    pub(super) fn long_redirect(&self) -> Finding {
        let sent = self.send(
            "GET",
            &self.target(LONG_LOCATION),
            self.front.host(),
            TAB.as_bytes(),
            "",
        );
        match sent {
            Err(no_response) => Finding::unknown("long_redirect", no_response.why()),
            Ok((_, Reply::SignIn { length, .. })) if length >= LONG_LOCATION => {
                Finding::ok("long_redirect", format!("a redirect of {LONG_LOCATION} bytes arrives"))
            }
            Ok((_, Reply::SignIn { .. })) => {
                let why = "Doorward made no long redirect: the server has another SESSION_KEY or version";
                Finding::unknown("long_redirect", why)
            }
            Ok((_, reply)) => self.fault(
                "long_redirect",
                format!("a redirect of {LONG_LOCATION} bytes becomes {}: people with many groups will see that too", reply.in_words()),
                &lines::BUFFERS,
            ),
        }
    }

    /// Three cookies of 3 kB: browsers have a limit of 4 kB for each.
    pub(super) fn long_cookie(&self) -> Finding {
        const WHAT: &str = "a request with 9 kB of cookies";
        let one = |number: usize| format!("doorward_check_{number}={}", "x".repeat(3000));
        let headers = format!("Cookie: {}; {}; {}\r\n{TAB}", one(0), one(1), one(2));
        match self.get(headers.as_bytes()) {
            Err(no_response) => Finding::unknown("long_cookie", no_response.why()),
            Ok((_, Reply::SignIn { .. })) => {
                Finding::ok("long_cookie", format!("{WHAT} is served"))
            }
            Ok((_, reply)) if reply.is_rejection() => Finding::ok(
                "long_cookie",
                format!(
                    "{WHAT} is rejected with {}: whoever has so many for this host sees that",
                    reply.in_words()
                ),
            ),
            Ok((_, reply)) => self.fault(
                "long_cookie",
                format!("{WHAT} gets {}", reply.in_words()),
                &lines::LONG_REQUESTS,
            ),
        }
    }
}

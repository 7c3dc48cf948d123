//! Whether a client can choose what Doorward is asked about.

use std::net::IpAddr;

use super::front::{Answer, NoResponse};
use super::lines;
use super::protected::{Gate, TAB};
use super::reply::Reply;
use crate::commands::check::report::Finding;
use crate::session::HandoverRequest;

/// A host that no rule names and nobody has (RFC 6761, 6.4).
const MADE_UP_HOST: &str = "doorward-check.invalid";

/// An address of a documentation (RFC 5737).
pub(super) const MADE_UP_CLIENT: &str = "203.0.113.77";

impl Gate<'_> {
    /// The proxy chooses the app by the request line (RFC 9112, 3.2.2), so Doorward must be asked about that host.
    pub(super) fn absolute_form(&self) -> Finding {
        let target = format!("{}{}", self.front.origin(), self.target(0));
        let sent = self.send("GET", &target, MADE_UP_HOST, TAB.as_bytes(), "");
        self.hosts(
            "absolute_form",
            "a request line with a host, and another one in Host,",
            sent,
        )
    }

    fn hosts(
        &self,
        check: &'static str,
        what: &str,
        sent: Result<(Answer, Reply), NoResponse>,
    ) -> Finding {
        let reply = match sent {
            Ok((_, reply)) => reply,
            Err(no_response) => return self.unanswered(check, what, no_response),
        };
        let is_this_app = |origin: &str| origin == self.front.origin();
        match &reply {
            Reply::SignIn { asked: Some(asked), .. } if is_this_app(&asked.origin) => {
                Finding::ok(check, format!("{what} leads to the rules of the line's host"))
            }
            Reply::SignIn { asked: None, .. } => {
                Finding::unknown(check, format!("{what} gets the sign-in of a host that can't be told without the SESSION_KEY"))
            }
            Reply::SignIn { .. } | Reply::Refused(_) => self.fault(
                check,
                format!(
                    "{what} gets {}: Doorward is asked about the host in Host, and the app of the line's host is served, so one app's rules open another app",
                    reply.in_words()
                ),
                &lines::ADDRESS,
            ),
            Reply::Status(400..=499) => {
                Finding::ok(check, format!("{what} is rejected with {}", reply.in_words()))
            }
            _ => Finding::unknown(check, format!("{what} gets {}", reply.in_words())),
        }
    }

    pub(super) fn two_hosts(&self) -> Finding {
        const WHAT: &str = "a request with two Host lines";
        let headers = format!("Host: {MADE_UP_HOST}\r\n{TAB}");
        match self.get(headers.as_bytes()) {
            Err(no_response) => self.unanswered("two_hosts", WHAT, no_response),
            Ok((_, reply)) if reply.is_rejection() => {
                let message = format!("{WHAT} is rejected with {}", reply.in_words());
                Finding::ok("two_hosts", message)
            }
            Ok((_, reply)) => self.fault(
                "two_hosts",
                format!(
                    "{WHAT} gets {}: Doorward and the app may read different ones",
                    reply.in_words()
                ),
                &lines::TWO_HOSTS,
            ),
        }
    }

    /// What some proxy sets for Doorward, and this one passes on if it does not set it.
    pub(super) fn client_headers(&self) -> Finding {
        const WHAT: &str = "made-up X-Forwarded-* and X-Original-* headers";
        const REQUEST: &str = "a request with made-up X-Forwarded-* and X-Original-* headers";
        let scheme = if self.front.is_https() {
            "http"
        } else {
            "https"
        };
        let headers = format!(
            "X-Forwarded-Host: {MADE_UP_HOST}\r\nX-Forwarded-Uri: /made-up\r\nX-Forwarded-Method: GET\r\n\
             X-Forwarded-Proto: {scheme}\r\nX-Forwarded-Port: 1\r\nX-Original-Method: GET\r\n\
             X-Original-URL: {}://{MADE_UP_HOST}/made-up\r\nForwarded: host={MADE_UP_HOST};proto={scheme}\r\n{TAB}",
            if self.front.is_https() {
                "https"
            } else {
                "http"
            }
        );
        let reply = match self.get(headers.as_bytes()) {
            Ok((_, reply)) => reply,
            Err(no_response) => return self.unanswered("client_headers", REQUEST, no_response),
        };
        let is_same = |asked: &HandoverRequest| {
            asked.origin == self.front.origin() && !asked.target.starts_with("/made-up")
        };
        match &reply {
            Reply::SignIn { asked: Some(asked), .. } if is_same(asked) => {
                Finding::ok("client_headers", format!("{WHAT} change nothing"))
            }
            Reply::SignIn { asked: None, .. } => {
                Finding::unknown("client_headers", format!("what {WHAT} change can't be told without the SESSION_KEY"))
            }
            reply if reply.is_rejection() => {
                Finding::ok("client_headers", format!("{WHAT} are rejected with {}", reply.in_words()))
            }
            reply => self.fault(
                "client_headers",
                format!("Doorward believes {WHAT} of a client, who gets {}: anybody can choose the rule", reply.in_words()),
                &lines::ADDRESS,
            ),
        }
    }

    pub(super) fn client_addr(&self) -> Finding {
        let with = |value: &[u8]| {
            let headers = [b"X-Forwarded-For: ", value, b"\r\n", TAB.as_bytes()].concat();
            self.get(&headers)
        };
        let seen = |sent: Result<(Answer, Reply), NoResponse>| match sent {
            Ok((_, Reply::SignIn { seen, .. })) => Ok(seen),
            Ok((_, reply)) => Err(reply.in_words()),
            Err(no_response) => Err(no_response.why()),
        };
        let plain = match seen(self.get(TAB.as_bytes())) {
            Ok(Some(plain)) => plain,
            Ok(None) => {
                let why = "whom Doorward takes for the client can't be told: the server has another SESSION_KEY or version";
                return Finding::unknown("client_addr", why);
            }
            Err(why) => return Finding::unknown("client_addr", why),
        };
        let made_up: Option<IpAddr> = MADE_UP_CLIENT.parse().ok();
        let spoofed = seen(with(MADE_UP_CLIENT.as_bytes()));
        let odd = seen(with(b"\xff"));
        match (spoofed, odd) {
            (Ok(Some(client)), _) if client == made_up => self.fault(
                "client_addr",
                "Doorward believes the X-Forwarded-For that a client makes up: rules with networks, RATE_LIMIT and the log are the client's choice",
                &lines::CLIENT,
            ),
            (_, Ok(Some(client))) if client != plain => self.fault(
                "client_addr",
                "a byte 0xFF in a client's X-Forwarded-For hides its address from Doorward, so that it is in no network of any rule",
                &lines::CLIENT,
            ),
            _ => {
                let plain = plain.map_or("nobody".to_owned(), |plain| plain.to_string());
                let message = format!("Doorward sees this machine as {plain}, whatever it writes into X-Forwarded-For");
                Finding::ok("client_addr", message)
            }
        }
    }
}

//! An address that needs a sign-in: what Doorward is told, and what comes back to the browser.

use super::front::{Answer, Front, NoResponse};
use super::lines::{Line, Proxy};
use super::reply::Reply;
use crate::commands::check::report::Finding;
use crate::public_url::PublicUrl;
use crate::session::{PROBE, Prober};

/// The checks after the first one.
const CHECKS: [&str; 8] = [
    "script",
    "absolute_form",
    "two_hosts",
    "client_headers",
    "client_addr",
    "body",
    "long_redirect",
    "long_cookie",
];

/// A tab.
pub(super) const TAB: &str =
    "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

/// Runs the checks of an address that needs a sign-in.
pub fn check(front: &Front, public_url: &PublicUrl, prober: Option<&Prober>) -> Vec<Finding> {
    let mut gate = Gate {
        front,
        public_url,
        prober,
        proxy: Proxy::Unknown,
    };
    let (mut findings, is_gate) = gate.sign_in();
    if !is_gate {
        let why = "needs the redirect to the sign-in";
        findings.extend(CHECKS.map(|check| Finding::unknown(check, why)));
        return findings;
    }
    findings.extend([
        gate.script(),
        gate.absolute_form(),
        gate.two_hosts(),
        gate.client_headers(),
        gate.client_addr(),
        gate.body(),
        gate.long_redirect(),
        gate.long_cookie(),
    ]);
    findings
}

/// An address that needs a sign-in.
pub(super) struct Gate<'a> {
    pub(super) front: &'a Front,
    pub(super) public_url: &'a PublicUrl,
    prober: Option<&'a Prober>,
    pub(super) proxy: Proxy,
}

impl Gate<'_> {
    /// The address with a probe that asks for a redirect of this length.
    pub(super) fn target(&self, length: usize) -> String {
        let probe = self.prober.map_or("0".to_owned(), |it| it.probe(length));
        self.front.target(&format!("{PROBE}={probe}"))
    }

    pub(super) fn get(&self, headers: &[u8]) -> Result<(Answer, Reply), NoResponse> {
        self.send("GET", &self.target(0), self.front.host(), headers, "")
    }

    pub(super) fn send(
        &self,
        method: &str,
        target: &str,
        host: &str,
        headers: &[u8],
        body: &str,
    ) -> Result<(Answer, Reply), NoResponse> {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        let request = [head.as_bytes(), headers, b"\r\n", body.as_bytes()].concat();
        let answer = self.front.send(&request)?;
        let reply = Reply::of(&answer, self.public_url, self.prober);
        Ok((answer, reply))
    }

    /// A request that should be rejected has no response.
    pub(super) fn unanswered(
        &self,
        check: &'static str,
        what: &str,
        no_response: NoResponse,
    ) -> Finding {
        match no_response {
            NoResponse::Closed(why) => Finding::ok(check, format!("{what} is rejected: {why}")),
            NoResponse::Failed(why) => Finding::unknown(check, format!("{what} gets {why}")),
        }
    }

    pub(super) fn fault(
        &self,
        check: &'static str,
        message: impl Into<String>,
        line: &Line,
    ) -> Finding {
        Finding::fault(check, message, self.proxy.fix(line))
    }
}

//! What the log, the metrics and the audit say about a check.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::decision::Decision;
use crate::gateway::kind::Kind;
use crate::gateway::malformed::Malformed;
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::rules::{Allow, Rule};
use crate::observe::metrics;
use crate::session::CachedSession;

/// Of the log lines.
const TARGET: &str = "doorward::gateway";

/// How a check ended: a label in metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The request goes on, as somebody's.
    Allowed,
    /// The request goes on, as anybody's.
    Public,
    /// A handover is done.
    Arrived,
    /// The browser is sent to sign in.
    SignIn,
    /// Somebody must sign in, and the browser can't be sent there.
    Unauthenticated,
    /// The request does not go on.
    Refused,
    /// The proxy's description of the request is not acceptable.
    Malformed,
    /// Somebody else than a trusted proxy asked.
    Untrusted,
    /// We failed.
    #[default]
    Error,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 9] = [
        Outcome::Allowed,
        Outcome::Public,
        Outcome::Arrived,
        Outcome::SignIn,
        Outcome::Unauthenticated,
        Outcome::Refused,
        Outcome::Malformed,
        Outcome::Untrusted,
        Outcome::Error,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::Public => "public",
            Outcome::Arrived => "arrived",
            Outcome::SignIn => "sign_in",
            Outcome::Unauthenticated => "unauthenticated",
            Outcome::Refused => "refused",
            Outcome::Malformed => "malformed",
            Outcome::Untrusted => "untrusted",
            Outcome::Error => "error",
        }
    }

    /// Allowed requests are many and no news.
    fn level(self) -> log::Level {
        match self {
            Outcome::Allowed | Outcome::Public => log::Level::Debug,
            _ => log::Level::Info,
        }
    }
}

/// The name of the rule by which a request does not go on, and why. The name is empty if no rule fits, and there is no
/// refusal where signing in may help.
pub fn refusal<'r>(decision: &Decision<'r>) -> Option<(&'r str, &'static str)> {
    match decision {
        Decision::Refused(rule, refusal) => {
            let name = rule.map_or("", |rule| &rule.name);
            Some((name, refusal.reason()))
        }
        Decision::Allowed(_)
        | Decision::Preflight(_)
        | Decision::NeedsSignIn(..)
        | Decision::NeedsStepUp(..) => None,
    }
}

/// What is known of a check. Never a query, a code or a cookie.
#[derive(Default)]
pub struct Record {
    outcome: Outcome,
    reason: &'static str,
    /// What is wrong with the proxy's description.
    pub fault: Option<Malformed>,
    method: String,
    url: String,
    rule: String,
    /// The session that the browser has.
    pub visit: Option<Arc<CachedSession>>,
}

impl Record {
    /// How the check ended, and why; the reason may be empty.
    pub fn set(&mut self, outcome: Outcome, reason: &'static str) {
        (self.outcome, self.reason) = (outcome, reason);
    }

    /// What was asked for. Call it when the outcome is known: what is not logged is not kept.
    pub fn of_request(&mut self, original: &OriginalRequest<'_>) {
        if self.is_logged() {
            self.method = original.method.to_owned();
            self.url = format!("{}{}", original.origin(), original.target.path);
        }
    }

    fn is_logged(&self) -> bool {
        log::log_enabled!(target: TARGET, self.outcome.level())
    }

    /// The rule that decided.
    pub fn rule(&mut self, rule: &Rule) {
        self.rule.clone_from(&rule.name);
    }

    /// The request goes on by `rule`.
    pub fn allowed(&mut self, rule: &Rule) {
        let outcome = match rule.allow {
            Allow::Public => Outcome::Public,
            _ => Outcome::Allowed,
        };
        self.set(outcome, "");
        if self.is_logged() {
            self.rule(rule);
        }
    }

    /// Counts and logs the check.
    pub fn write(&self, kind: Kind, took: Duration) {
        metrics::gateway_check(kind as usize, self.outcome as usize, took);
        if !self.is_logged() {
            return;
        }
        let user_id = self.visit.as_ref().map(|visit| visit.user.id.as_str());
        let mut line = format!("{} {}", kind.name(), self.outcome.name());
        for (name, value) in [
            ("reason", self.reason),
            ("method", &self.method),
            ("url", &self.url),
            ("rule", &self.rule),
            ("user", user_id.unwrap_or_default()),
        ] {
            if !value.is_empty() {
                line.push_str(&format!(
                    " {name}={}",
                    crate::observe::logging::Quoted(value)
                ));
            }
        }
        if let Some(fault) = self.fault {
            line.push_str(&format!(": {fault}"));
        }
        log::log!(target: TARGET, self.outcome.level(), "{line} in {} ms", took.as_millis());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metrics are found by these numbers.
    #[test]
    fn kinds_and_outcomes_are_listed_in_their_order() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
        }
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at);
        }
    }
}

//! Asking the provider again, and giving refresh tokens back.

use prometheus::{IntCounterVec, Opts, Registry};

use crate::observe::metrics::{FITTING, METRICS, add};

/// What came of asking the provider again about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recheck {
    /// The person is still welcome.
    Welcome,
    /// They are not: the session ended.
    NotWelcome,
    /// Its ID token is not of this sign-in: the session ended.
    RefreshRefused,
    /// Its own session is over: ours ended, too.
    SessionOver,
    /// It did not answer, or refused us: the session goes on within the grace.
    Unanswered,
    /// The same beyond the grace: the session ended.
    Overdue,
    /// The session had ended meanwhile.
    Gone,
    /// The database did not record the answer.
    NotRecorded,
    /// There is no refresh token: the person is sent through the provider.
    Browser,
}

impl Recheck {
    const ALL: [Recheck; 9] = [
        Recheck::Welcome,
        Recheck::NotWelcome,
        Recheck::RefreshRefused,
        Recheck::SessionOver,
        Recheck::Unanswered,
        Recheck::Overdue,
        Recheck::Gone,
        Recheck::NotRecorded,
        Recheck::Browser,
    ];

    fn name(self) -> &'static str {
        match self {
            Recheck::Welcome => "welcome",
            Recheck::NotWelcome => "not_welcome",
            Recheck::RefreshRefused => "refresh_refused",
            Recheck::SessionOver => "session_over",
            Recheck::Unanswered => "unanswered",
            Recheck::Overdue => "overdue",
            Recheck::Gone => "gone",
            Recheck::NotRecorded => "not_recorded",
            Recheck::Browser => "browser",
        }
    }
}

pub struct RecheckMetrics {
    rechecks: IntCounterVec,
    revocations: IntCounterVec,
}

impl RecheckMetrics {
    pub fn new(registry: &Registry) -> RecheckMetrics {
        let rechecks = IntCounterVec::new(
            Opts::new(
                "doorward_rechecks_total",
                "Sessions that the provider was asked about again, by outcome.",
            ),
            &["outcome"],
        );
        let revocations = IntCounterVec::new(
            Opts::new(
                "doorward_token_revocations_total",
                "Refresh tokens that were to be revoked at the provider, since their person ended the session, by outcome.",
            ),
            &["outcome"],
        );
        RecheckMetrics {
            rechecks: add(registry, rechecks.expect(FITTING)),
            revocations: add(registry, revocations.expect(FITTING)),
        }
    }
}

/// Exports each outcome, and each of these reasons of ended sessions, from the start, with counts of zero.
pub fn know_rechecks(reasons: &[&'static str]) {
    for outcome in Recheck::ALL {
        let rechecks = &METRICS.recheck.rechecks;
        rechecks.with_label_values(&[outcome.name()]);
    }
    for outcome in ["ok", "failed"] {
        METRICS.recheck.revocations.with_label_values(&[outcome]);
    }
    for reason in reasons {
        super::sessions_revoked(reason, 0);
    }
}

/// The provider was asked again.
pub fn rechecked(outcome: Recheck) {
    let rechecks = &METRICS.recheck.rechecks;
    rechecks.with_label_values(&[outcome.name()]).inc();
}

/// The provider was told to revoke a refresh token.
pub fn token_revoked(is_ok: bool) {
    let outcome = if is_ok { "ok" } else { "failed" };
    let revocations = &METRICS.recheck.revocations;
    revocations.with_label_values(&[outcome]).inc();
}

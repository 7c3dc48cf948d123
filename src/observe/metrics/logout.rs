//! Sessions that the provider ends, or their person.

use prometheus::{IntCounterVec, Opts, Registry};

use crate::observe::metrics::{FITTING, METRICS, add};

pub struct LogoutMetrics {
    requests: IntCounterVec,
    revoked: IntCounterVec,
}

impl LogoutMetrics {
    pub fn new(registry: &Registry) -> LogoutMetrics {
        let requests = IntCounterVec::new(
            Opts::new(
                "doorward_logout_requests_total",
                "Requests of the provider to end sessions, by channel and outcome.",
            ),
            &["channel", "outcome"],
        );
        let revoked = IntCounterVec::new(
            Opts::new(
                "doorward_sessions_revoked_total",
                "Sessions that this process ended and their person did not sign out of, by reason.",
            ),
            &["reason"],
        );
        LogoutMetrics {
            requests: add(registry, requests.expect(FITTING)),
            revoked: add(registry, revoked.expect(FITTING)),
        }
    }
}

/// Exports each channel and reason from the start, with counts of zero. `person` is the reason of a person's own doing.
pub fn know_logouts(channels: &[&'static str], person: &'static str) {
    METRICS.logout.revoked.with_label_values(&[person]);
    for channel in channels {
        METRICS.logout.revoked.with_label_values(&[channel]);
        for outcome in ["accepted", "refused", "failed"] {
            METRICS
                .logout
                .requests
                .with_label_values(&[channel, outcome]);
        }
    }
}

/// The provider, or somebody else, asked to end sessions: "accepted", "refused" or "failed". Both labels are constants.
pub fn logout_request(channel: &'static str, outcome: &'static str) {
    let requests = &METRICS.logout.requests;
    requests.with_label_values(&[channel, outcome]).inc();
}

/// So many sessions were ended, for this reason, which is a constant.
pub fn sessions_revoked(reason: &'static str, count: usize) {
    let revoked = METRICS.logout.revoked.with_label_values(&[reason]);
    revoked.inc_by(count as u64);
}

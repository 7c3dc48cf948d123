//! When the provider is asked again about a session.

use std::time::Duration as StdDuration;

use time::{Duration, OffsetDateTime};

use super::stored::Stored;
use crate::db::Session;
use crate::settings;

/// How often the provider is asked.
pub struct RecheckRules {
    /// How old its word may be.
    pub every: Duration,
    /// For how long sessions go on without an answer.
    pub grace: Duration,
}

impl RecheckRules {
    /// Those of the settings, if the provider is ever asked.
    pub fn of(settings: &settings::Sessions) -> Option<RecheckRules> {
        let seconds = |of: StdDuration| Duration::try_from(of).unwrap_or(Duration::MAX);
        (!settings.recheck.is_zero()).then(|| RecheckRules {
            every: seconds(settings.recheck),
            grace: seconds(settings.recheck_grace),
        })
    }

    /// When the provider is asked about this session, as of `now`. A time that is further ahead than its word may be old is
    /// of a longer `SESSION_RECHECK` than today's, or of a clock that was ahead: then it is asked now.
    pub fn of_row(&self, session: &Session, stored: &Stored, now: OffsetDateTime) -> Recheck {
        let utc = |at: time::PrimitiveDateTime| at.assume_utc();
        let at = session
            .recheck_at
            .map_or(session.created_at.assume_utc() + self.every, utc);
        Recheck {
            at: if at - now > self.every { now } else { at },
            claimed_until: session.recheck_claimed_until.map(utc),
            has_refresh_token: stored.refresh_token.is_some(),
        }
    }
}

/// When the provider is asked about a session.
#[derive(Clone, Copy, Debug)]
pub struct Recheck {
    /// When its word is too old, in UTC.
    pub at: OffsetDateTime,
    /// Until when nobody else asks, in UTC, if somebody has asked since it was.
    pub claimed_until: Option<OffsetDateTime>,
    /// Whether there is something to ask with.
    pub has_refresh_token: bool,
}

/// Whether the provider's word about a session is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is not, or somebody else asks.
    No,
    /// It is to be asked with the refresh token.
    Refresh,
    /// It is to be asked through the browser, since there is no refresh token.
    Browser,
}

impl Recheck {
    /// Whether the word is too old by now.
    pub fn due(&self, now: OffsetDateTime) -> Due {
        if now < self.at {
            Due::No
        } else if !self.has_refresh_token {
            Due::Browser
        } else if self.claimed_until.is_some_and(|until| now < until) {
            Due::No
        } else {
            Due::Refresh
        }
    }
}

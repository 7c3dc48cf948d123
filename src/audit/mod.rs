//! The audit of sign-ins: who came in, who did not and why. Each event goes to the log, and to the
//! database unless strangers could fill it.

pub mod reason;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use crate::clock::Clock;
use crate::db::{self, AuditEvent, Db, Event, User};
use crate::error::Error;
use crate::metrics;

/// How many failed sign-ins a minute are kept by each process, of those where the provider vouched
/// for nobody yet: anybody can begin an attempt and make it fail.
const UNKNOWN_PER_MINUTE: u32 = 60;

/// Keeps the events.
pub struct Audit {
    db: Db,
    issuer: String,
    retention: Duration,
    clock: Clock,
    /// The minute, and how many were kept in it.
    unknown: Mutex<(i64, u32)>,
}

/// How far a sign-in got before it failed.
#[derive(Default)]
pub struct Progress {
    /// Whether this browser began an attempt here.
    pub has_attempt: bool,
    /// Whom a verified ID token named.
    pub subject: Option<String>,
}

impl Audit {
    /// Events of people for whom `issuer` vouches, kept for `retention`.
    pub fn new(db: Db, issuer: String, retention: Duration, clock: Clock) -> Audit {
        metrics::know_reasons(reason::ALL.iter().copied());
        Audit {
            db,
            issuer,
            retention,
            clock,
            unknown: Mutex::default(),
        }
    }

    /// Somebody did not get in. A made-up callback, with no attempt of ours behind it, is only
    /// logged and counted: it would be an easy way to fill a database.
    pub async fn sign_in_failed(&self, progress: Progress, error: &Error) {
        let reason = reason::of(error);
        metrics::sign_in_failed(reason);
        let now = self.clock.now();
        let is_known = progress.subject.is_some();
        let event = AuditEvent {
            issuer: is_known.then(|| self.issuer.clone()),
            subject: progress.subject,
            user_id: match error {
                Error::Blocked { user_id } => Some(user_id.clone()),
                _ => None,
            },
            ..AuditEvent::new(Event::SignInFailed, now).because(reason)
        };
        // Nobody is to wait a second time for a database that is away.
        let is_away = matches!(error, Error::Database(_));
        if !progress.has_attempt {
            event.log();
        } else if !is_away && (is_known || self.may_keep_another(now)) {
            self.keep(event).await;
        } else {
            metrics::audit_event_lost();
            event.log();
        }
    }

    /// Somebody signed out. They are out even if that can't be kept.
    pub async fn signed_out(&self, user: &User) {
        let event = AuditEvent::new(Event::SignOut, self.clock.now());
        self.keep(event.about(user)).await;
    }

    /// Keeps an event that does not depend on being kept.
    async fn keep(&self, event: AuditEvent) {
        let kept = event.clone();
        let create = self
            .db
            .run(move |connection| AuditEvent::create(connection, &kept));
        if let Err(cause) = create.await {
            metrics::audit_event_lost();
            log::error!("the following audit event is not in the database: {cause}");
            event.log();
        }
    }

    fn may_keep_another(&self, now: OffsetDateTime) -> bool {
        let minute = now.unix_timestamp() / 60;
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if unknown.0 != minute {
            *unknown = (minute, 0);
        }
        unknown.1 += 1;
        unknown.1 <= UNKNOWN_PER_MINUTE
    }

    /// Removes the events that are older than the retention; how many.
    pub async fn purge(&self) -> Result<usize, db::Error> {
        let until = self.clock.now() - self.retention;
        let mut purged = 0;
        loop {
            let some = self
                .db
                .run(move |connection| AuditEvent::purge(connection, until));
            match some.await? {
                0 => return Ok(purged),
                some => purged += some,
            }
        }
    }
}

//! Audit events outside a transaction: failed sign-ins, duplicate cookies, and what happens at apps. Each is logged, and kept in the database
//! unless strangers could fill it.

mod allowance;
mod refusals;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::accounts::end::{Channel, NOT_WELCOME, PERSON, REFRESH_REFUSED};
use crate::accounts::purge::{self, PurgeError};
use crate::accounts::reason::Reason;
use crate::clock::Clock;
use crate::db::{AuditEvent, Db, Event, Expiring, User};
use crate::observe::metrics;
use crate::observe::request_id::RequestContext;
use allowance::Allowance;
use refusals::Refusals;

/// The reason of a logout request that could not be acted on.
pub const DATABASE: &str = "database";

/// Keeps the events.
pub struct Audit {
    db: Db,
    issuer: String,
    retention: Duration,
    clock: Clock,
    /// Limits failures before the provider has named a person.
    unknown: Mutex<Allowance>,
    /// Limits events of duplicate cookies.
    planted: Mutex<Allowance>,
    /// Limits events of people who are refused at apps.
    refusals: Refusals,
    /// Limits events of logout requests that are refused.
    logouts: Mutex<Allowance>,
}

/// How far a sign-in got before it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is no login attempt of this browser: any client can make up such a callback.
    NoAttempt,
    /// This browser started a login attempt. The person is not known yet.
    Attempt,
    /// A verified ID token names this subject.
    Identified {
        /// `sub`.
        subject: String,
    },
    /// The person has a row in the database.
    Known {
        /// `sub`.
        subject: String,
        /// Our id.
        user_id: String,
    },
}

impl Stage {
    /// Subject and user id, as far as they are known.
    fn person(self) -> (Option<String>, Option<String>) {
        match self {
            Stage::NoAttempt | Stage::Attempt => (None, None),
            Stage::Identified { subject } => (Some(subject), None),
            Stage::Known { subject, user_id } => (Some(subject), Some(user_id)),
        }
    }
}

impl Audit {
    /// Events of people of `issuer`, kept for `retention`.
    pub fn new(db: Db, issuer: String, retention: Duration, clock: Clock) -> Audit {
        metrics::know_reasons(Reason::ALL.iter().map(|reason| reason.name()));
        metrics::know_logouts(&Channel::ALL.map(Channel::name), PERSON);
        metrics::know_rechecks(&[NOT_WELCOME, REFRESH_REFUSED]);
        Audit {
            db,
            issuer,
            retention,
            clock,
            unknown: Mutex::default(),
            planted: Mutex::default(),
            refusals: Refusals::default(),
            logouts: Mutex::default(),
        }
    }

    /// A sign-in failed at `stage`. At [`Stage::NoAttempt`] it is only logged and counted, since any client could fill
    /// the database with these.
    pub async fn sign_in_failed(&self, stage: Stage, reason: Reason) {
        metrics::sign_in_failed(reason.name());
        self.tell_dropped().await;
        let has_attempt = stage != Stage::NoAttempt;
        let (subject, user_id) = stage.person();
        let is_identified = subject.is_some();
        let event = AuditEvent {
            issuer: is_identified.then(|| self.issuer.clone()),
            subject,
            user_id,
            ..AuditEvent::new(Event::SignInFailed, self.clock.now()).because(reason.name())
        };
        // The request has already waited once for a database that is not available.
        let may_be_kept = reason != Reason::Database;
        if !has_attempt {
            event.log();
        } else if may_be_kept && (is_identified || self.may_keep_another(&self.unknown)) {
            self.keep(event).await;
        } else {
            metrics::audit_event_lost();
            event.log();
        }
    }

    /// One of our cookies was sent twice. Any client can send that, and an affected browser does so with each request.
    pub async fn cookies_planted(&self) {
        self.tell_dropped().await;
        let event = AuditEvent::new(Event::CookiesPlanted, self.clock.now());
        if self.may_keep_another(&self.planted) {
            self.keep(event).await;
        } else {
            metrics::audit_event_lost();
            event.log();
        }
    }

    /// A request to end sessions was refused. Anybody can send such a request.
    pub async fn logout_refused(&self, reason: &'static str) {
        self.tell_dropped().await;
        let event = AuditEvent::new(Event::LogoutRefused, self.clock.now()).because(reason);
        // The request has already waited once for a database that is not available.
        if reason != DATABASE && self.may_keep_another(&self.logouts) {
            self.keep(event).await;
        } else {
            metrics::audit_event_lost();
            event.log();
        }
    }

    /// The session of `user` came to the app at `host`.
    pub async fn app_entered(&self, user: &User, host: &str) {
        let event = AuditEvent::new(Event::AppEntered, self.clock.now());
        self.keep(event.about(user).at_app(host)).await;
    }

    /// `user` was refused at the app at `host` by the rule of this name, which is empty if there is none. The first time in
    /// an hour is an event.
    pub async fn access_refused(&self, user: &User, host: &str, rule: &str, reason: &'static str) {
        let now = self.clock.now();
        if self.refusals.is_first(now.unix_timestamp(), &user.id, rule) {
            let event = AuditEvent::new(Event::AccessRefused, now).because(reason);
            self.keep(event.about(user).at_app(host)).await;
        }
    }

    /// Logs an event, and keeps it. It has happened, whether the database keeps it or not. Logged first, so that it is in the
    /// log once, even if the query succeeds after nobody waits for it any more.
    async fn keep(&self, event: AuditEvent) {
        event.log();
        let create = self
            .db
            .run(move |connection| AuditEvent::create(connection, std::slice::from_ref(&event)));
        if let Err(cause) = create.await {
            metrics::audit_event_lost();
            // `db` has logged that queries fail.
            log::debug!("an audit event is not in the database: {cause}");
        }
    }

    fn may_keep_another(&self, allowance: &Mutex<Allowance>) -> bool {
        let address = RequestContext::current().and_then(|context| context.address);
        lock(allowance).take(self.minute(), address)
    }

    /// Records how many events of the past minutes were only logged.
    async fn tell_dropped(&self) {
        for (allowance, dropped) in [
            (&self.unknown, Event::SignInFailed),
            (&self.planted, Event::CookiesPlanted),
            (&self.logouts, Event::LogoutRefused),
        ] {
            let occurrences = lock(allowance).take_dropped(self.minute());
            if let Some(occurrences) = occurrences {
                let event = AuditEvent::new(Event::EventsDropped, self.clock.now());
                let event = event.because(dropped.name()).times(occurrences);
                self.keep(event.of_no_request()).await;
            }
        }
    }

    fn minute(&self) -> i64 {
        self.clock.now().unix_timestamp() / 60
    }

    /// Removes the events that are older than the retention, and returns how many.
    ///
    /// # Errors
    /// No event is removed if the clock may be wrong.
    pub async fn purge(&self) -> Result<usize, PurgeError> {
        self.tell_dropped().await;
        let until = self.clock.now() - self.retention;
        purge::check(&self.db, Expiring::AuditEvents, until, &self.clock).await?;
        let purge = move |connection: &mut _| AuditEvent::purge(connection, until);
        Ok(self.db.run_until_none(purge).await?)
    }
}

fn lock(allowance: &Mutex<Allowance>) -> MutexGuard<'_, Allowance> {
    allowance.lock().unwrap_or_else(PoisonError::into_inner)
}

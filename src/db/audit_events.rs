//! What happened at the door: one row for each event, kept for as long as `AUDIT_RETENTION` says.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::schema::audit_events;
use super::{AnyConnection, DeletedSession, User, timestamp};
use crate::observe::logging::Quoted;
use crate::observe::request_id::RequestContext;

/// How many rows one statement clears away, so that none takes long.
const PURGE_AT_ONCE: i64 = 10_000;

/// What can happen. The names are for machines too: they do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody signed in.
    SignIn,
    /// Somebody wanted to sign in and did not get in.
    SignInFailed,
    /// So many events that strangers can cause were not kept, since they were too many; the reason names them.
    EventsDropped,
    /// Somebody signed out.
    SignOut,
    /// A cookie of ours came twice: somebody else set one of them.
    CookiesPlanted,
    /// A session ended by itself.
    SessionExpired,
    /// A session ended because its browser signed in again.
    SessionReplaced,
    /// A person was here for the first time.
    UserCreated,
    /// An administrator shut a person out.
    UserBlocked,
    /// An administrator let a person in again.
    UserUnblocked,
    /// An administrator deleted a person.
    UserDeleted,
    /// An administrator ended a session.
    SessionRevoked,
}

impl Event {
    /// All of them.
    pub const ALL: [Event; 12] = [
        Event::SignIn,
        Event::SignInFailed,
        Event::EventsDropped,
        Event::SignOut,
        Event::CookiesPlanted,
        Event::SessionExpired,
        Event::SessionReplaced,
        Event::UserCreated,
        Event::UserBlocked,
        Event::UserUnblocked,
        Event::UserDeleted,
        Event::SessionRevoked,
    ];

    /// Its name, in the log and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Event::SignIn => "sign_in",
            Event::SignInFailed => "sign_in_failed",
            Event::EventsDropped => "events_dropped",
            Event::SignOut => "sign_out",
            Event::CookiesPlanted => "cookies_planted",
            Event::SessionExpired => "session_expired",
            Event::SessionReplaced => "session_replaced",
            Event::UserCreated => "user_created",
            Event::UserBlocked => "user_blocked",
            Event::UserUnblocked => "user_unblocked",
            Event::UserDeleted => "user_deleted",
            Event::SessionRevoked => "session_revoked",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_events)]
pub struct AuditEvent {
    /// In the order of time.
    pub id: String,
    /// When, in UTC.
    pub occurred_at: PrimitiveDateTime,
    /// What: the name of an [`Event`].
    pub event: String,
    /// Whom it is about, where they have a row.
    pub user_id: Option<String>,
    /// Who vouches for them.
    pub issuer: Option<String>,
    /// Their name there.
    pub subject: Option<String>,
    /// Why, where there are several ways: a word that does not change.
    pub reason: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// The request that it came of.
    pub request_id: Option<String>,
    /// How many it stands for, where that is not one.
    pub occurrences: Option<i32>,
}

/// Which events are asked for; all of what is said must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// About one of these people; nothing is about everybody.
    pub people: Vec<Person>,
    /// The name of an [`Event`].
    pub event: Option<String>,
    /// Not before.
    pub since: Option<OffsetDateTime>,
}

/// A person, as events name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// By our id.
    Id(String),
    /// By issuer and subject.
    Subject(String, String),
}

impl AuditEvent {
    /// `event`, now, of the request that is being handled, if any is.
    pub fn new(event: Event, now: OffsetDateTime) -> AuditEvent {
        let context = RequestContext::current();
        AuditEvent {
            id: new_id(now),
            occurred_at: timestamp(now),
            event: event.name().to_owned(),
            user_id: None,
            issuer: None,
            subject: None,
            reason: None,
            address: context.and_then(|context| Some(context.address?.to_string())),
            request_id: context.map(|context| context.id.to_string()),
            occurrences: None,
        }
    }

    /// The same, about `user`.
    pub fn about(self, user: &User) -> AuditEvent {
        AuditEvent {
            user_id: Some(user.id.clone()),
            issuer: Some(user.issuer.clone()),
            subject: Some(user.subject.clone()),
            ..self
        }
    }

    /// The same, about the person of `session`.
    pub(crate) fn about_session(self, session: &DeletedSession) -> AuditEvent {
        AuditEvent {
            user_id: Some(session.user_id.clone()),
            issuer: Some(session.issuer.clone()),
            subject: Some(session.subject.clone()),
            ..self
        }
    }

    /// The same, with a reason.
    pub fn because(self, reason: &'static str) -> AuditEvent {
        AuditEvent {
            reason: Some(reason.to_owned()),
            ..self
        }
    }

    /// The same, standing for so many.
    pub fn times(self, occurrences: u32) -> AuditEvent {
        AuditEvent {
            occurrences: Some(i32::try_from(occurrences).unwrap_or(i32::MAX)),
            ..self
        }
    }

    /// The same, whatever request happens to be handled.
    pub fn of_no_request(self) -> AuditEvent {
        AuditEvent {
            address: None,
            request_id: None,
            ..self
        }
    }

    /// Adds events to the database. They are logged by the caller, after the commit.
    pub(crate) fn create(connection: &mut AnyConnection, events: &[AuditEvent]) -> QueryResult<()> {
        let insert = diesel::insert_into(audit_events::table);
        match (events, connection) {
            // The usual case. Diesel keeps this one prepared.
            ([event], connection) => insert.values(event).execute(connection),
            (events, AnyConnection::Postgres(postgres)) => insert.values(events).execute(postgres),
            (events, AnyConnection::Sqlite(sqlite)) => insert.values(events).execute(sqlite),
        }
        .map(drop)
    }

    /// Writes the event to the log alone.
    pub fn log(&self) {
        let line = Line(self);
        log::info!(
            target: "doorward::audit",
            event = self.event.as_str(),
            user_id = self.user_id.as_deref(),
            issuer = self.issuer.as_deref(),
            subject = self.subject.as_deref(),
            reason = self.reason.as_deref(),
            address = self.address.as_deref(),
            occurrences = self.occurrences;
            "{line}"
        );
    }

    /// The events that `filter` lets through, the latest first, at most `limit`.
    pub fn find(
        connection: &mut AnyConnection,
        filter: &AuditFilter,
        limit: i64,
    ) -> QueryResult<Vec<AuditEvent>> {
        let mut query = audit_events::table
            .select(AuditEvent::as_select())
            .order(audit_events::id.desc())
            .limit(limit)
            .into_boxed();
        for person in &filter.people {
            query = match person {
                Person::Id(id) => query.or_filter(audit_events::user_id.eq(id)),
                Person::Subject(issuer, subject) => query.or_filter(
                    audit_events::subject
                        .eq(subject)
                        .and(audit_events::issuer.eq(issuer)),
                ),
            };
        }
        if let Some(event) = &filter.event {
            query = query.filter(audit_events::event.eq(event));
        }
        if let Some(since) = filter.since {
            query = query.filter(audit_events::id.ge(id_at(since)));
        }
        query.load(connection)
    }

    /// Removes some of the events from before `until`; how many. To be called again until there are
    /// none.
    pub fn purge(connection: &mut AnyConnection, until: OffsetDateTime) -> QueryResult<usize> {
        let old = audit_events::table
            .filter(audit_events::id.lt(id_at(until)))
            .order(audit_events::id)
            .limit(PURGE_AT_ONCE)
            .select(audit_events::id);
        let ids: Vec<String> = old.load(connection)?;
        match (ids.first(), ids.last()) {
            (Some(first), Some(last)) => {
                diesel::delete(audit_events::table.filter(audit_events::id.between(first, last)))
                    .execute(connection)
            }
            _ => Ok(0),
        }
    }
}

/// How ids of that time begin.
fn id_at(time: OffsetDateTime) -> String {
    let micros = time.unix_timestamp_nanos() / 1000;
    format!("{:016x}", micros.max(0))
}

/// An id of that time. Events of one microsecond are in the order in which this process noticed
/// them, and those of another process are never the same.
fn new_id(time: OffsetDateTime) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let random = u32::from_ne_bytes(crate::random::bytes());
    format!("{}{count:08x}{random:08x}", id_at(time))
}

/// An event for people: its name, then what is known.
struct Line<'a>(&'a AuditEvent);

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let event = self.0;
        f.write_str(&event.event)?;
        for (name, value) in [
            ("reason", &event.reason),
            ("user", &event.user_id),
            ("issuer", &event.issuer),
            ("subject", &event.subject),
            ("address", &event.address),
        ] {
            if let Some(value) = value {
                write!(f, " {name}={}", Quoted(value))?;
            }
        }
        match event.occurrences {
            Some(occurrences) => write!(f, " occurrences={occurrences}"),
            None => Ok(()),
        }
    }
}

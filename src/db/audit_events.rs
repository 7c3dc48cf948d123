//! Audit events: one row each, kept for `AUDIT_RETENTION`.

mod line;

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::purge::PURGE_AT_ONCE;
use super::schema::audit_events;
use super::{AnyConnection, DeletedSession, Event, User, timestamp};
use crate::observe::request_id::RequestContext;
use line::Line;

/// How many rows one statement adds: each has eleven parameters, and Postgres takes 65,535 in all.
const CREATE_AT_ONCE: usize = 500;

/// An event that happened.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_events)]
pub struct AuditEvent {
    /// Its id, which sorts by time.
    pub id: String,
    /// When it happened, in UTC.
    pub occurred_at: PrimitiveDateTime,
    /// What happened: the name of an [`Event`].
    pub event: String,
    /// The person's id, if they have a row.
    pub user_id: Option<String>,
    /// The person's issuer.
    pub issuer: Option<String>,
    /// The person's subject at the issuer.
    pub subject: Option<String>,
    /// Why, if there can be several reasons: an identifier that does not change.
    pub reason: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// The id of the request that caused it.
    pub request_id: Option<String>,
    /// How many events it stands for, if not one.
    pub occurrences: Option<i32>,
    /// The host of the app that it is about.
    pub app: Option<String>,
}

/// Which events to list. All conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// About one of these people; empty means everybody.
    pub people: Vec<Person>,
    /// The name of an [`Event`].
    pub event: Option<String>,
    /// Not before this time.
    pub since: Option<OffsetDateTime>,
}

/// A person as events name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// By our id.
    Id(String),
    /// By issuer and subject.
    Subject(String, String),
}

impl AuditEvent {
    /// An event of now, caused by the current request if there is one.
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
            app: None,
        }
    }

    /// Sets the person.
    pub fn about(self, user: &User) -> AuditEvent {
        AuditEvent {
            user_id: Some(user.id.clone()),
            issuer: Some(user.issuer.clone()),
            subject: Some(user.subject.clone()),
            ..self
        }
    }

    /// Sets the person to the one whose session it was.
    pub(crate) fn about_session(self, session: &DeletedSession) -> AuditEvent {
        AuditEvent {
            user_id: Some(session.user_id.clone()),
            issuer: session.issuer.clone(),
            subject: session.subject.clone(),
            ..self
        }
    }

    /// Sets the reason.
    pub fn because(self, reason: &'static str) -> AuditEvent {
        AuditEvent {
            reason: Some(reason.to_owned()),
            ..self
        }
    }

    /// Sets the app, by its host.
    pub fn at_app(self, host: &str) -> AuditEvent {
        AuditEvent {
            app: Some(host.to_owned()),
            ..self
        }
    }

    /// Sets how many events it stands for.
    pub fn times(self, occurrences: u32) -> AuditEvent {
        AuditEvent {
            occurrences: Some(i32::try_from(occurrences).unwrap_or(i32::MAX)),
            ..self
        }
    }

    /// Clears what [`AuditEvent::new`] took from the current request.
    pub fn of_no_request(self) -> AuditEvent {
        AuditEvent {
            address: None,
            request_id: None,
            ..self
        }
    }

    /// Adds events to the database. The caller logs them, after the commit.
    pub(crate) fn create(connection: &mut AnyConnection, events: &[AuditEvent]) -> QueryResult<()> {
        let insert = || diesel::insert_into(audit_events::table);
        // The usual case. Diesel keeps this one prepared.
        if let [event] = events {
            return insert().values(event).execute(connection).map(drop);
        }
        for some in events.chunks(CREATE_AT_ONCE) {
            match connection {
                AnyConnection::Postgres(postgres) => insert().values(some).execute(postgres),
                AnyConnection::Sqlite(sqlite) => insert().values(some).execute(sqlite),
            }?;
        }
        Ok(())
    }

    /// Writes the event to the log.
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
            app = self.app.as_deref(),
            occurrences = self.occurrences;
            "{line}"
        );
    }

    /// Lists the events that match `filter`, the latest first, at most `limit`.
    pub fn list(
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

    /// Deletes some of the events before `until` and returns how many. Call it again until it returns zero.
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

/// The prefix of all ids of that time.
pub(super) fn id_at(time: OffsetDateTime) -> String {
    let micros = time.unix_timestamp_nanos() / 1000;
    format!("{:016x}", micros.max(0))
}

/// A new id of that time. Events of one microsecond sort in the order in which this process made them; the random part keeps
/// the ids of several processes apart.
fn new_id(time: OffsetDateTime) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let random = u32::from_ne_bytes(crate::random::bytes());
    format!("{}{count:08x}{random:08x}", id_at(time))
}

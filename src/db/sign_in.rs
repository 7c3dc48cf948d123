//! Signing in: the person brought up to date or created, a session, and its audit event; all of it, or nothing that
//! opens a door.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel::sql_types::{Bool, Nullable, Text, Timestamp};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::schema::users;
use super::{AnyConnection, AuditEvent, Event, NewSession, NewUser, Session, User, timestamp};

/// What came of a sign-in.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    /// A session.
    SignedIn(User),
    /// None: the person is blocked.
    Blocked(User),
}

impl User {
    /// Brings the person up to date or creates them, and begins `session`. Somebody who is blocked gets none and is
    /// left as they are.
    pub fn sign_in(
        connection: &mut AnyConnection,
        new: &NewUser,
        session: &NewSession,
        now: OffsetDateTime,
    ) -> QueryResult<Begun> {
        match connection {
            AnyConnection::Postgres(_) => sign_in_on_postgres(connection, new, session, now),
            AnyConnection::Sqlite(_) => connection
                .transaction(|connection| sign_in_on_sqlite(connection, new, session, now)),
        }
    }
}

/// Each statement by itself, since a transaction would be two more round trips. Of two first sign-ins at once, the
/// slower one is told of a unique violation and finds what the faster one created.
fn sign_in_on_postgres(
    connection: &mut AnyConnection,
    new: &NewUser,
    session: &NewSession,
    now: OffsetDateTime,
) -> QueryResult<Begun> {
    if let Some(user) = all_at_once(connection, new, session, now)? {
        return Ok(Begun::SignedIn(user));
    }
    match create(connection, new, now) {
        Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => (),
        created => drop(created?),
    }
    match all_at_once(connection, new, session, now)? {
        Some(user) => Ok(Begun::SignedIn(user)),
        None => User::get(connection, &new.issuer, &new.subject)?
            .map(Begun::Blocked)
            .ok_or(QueryError::NotFound),
    }
}

/// In one transaction, which nobody else's can come between once the UPDATE has begun.
fn sign_in_on_sqlite(
    connection: &mut AnyConnection,
    new: &NewUser,
    session: &NewSession,
    now: OffsetDateTime,
) -> QueryResult<Begun> {
    let at = timestamp(now);
    let known: Option<User> = Update { new, at }.get_result(connection).optional()?;
    let user = match known {
        Some(user) => user,
        None => match User::get(connection, &new.issuer, &new.subject)? {
            Some(blocked) => return Ok(Begun::Blocked(blocked)),
            None => create(connection, new, now)?,
        },
    };
    Session::create(connection, session, &user, now)?;
    let event = AuditEvent::new(Event::SignIn, now).about(&user);
    AuditEvent::create(connection, &event)?;
    Ok(Begun::SignedIn(user))
}

fn create(connection: &mut AnyConnection, new: &NewUser, now: OffsetDateTime) -> QueryResult<User> {
    let user = User::create(connection, new, now)?;
    let event = AuditEvent::new(Event::UserCreated, now).about(&user);
    AuditEvent::create(connection, &event)?;
    Ok(user)
}

/// Signs in somebody who was here before and is not blocked; nobody else.
fn all_at_once(
    connection: &mut AnyConnection,
    new: &NewUser,
    session: &NewSession,
    now: OffsetDateTime,
) -> QueryResult<Option<User>> {
    let event = AuditEvent::new(Event::SignIn, now);
    let at = timestamp(now);
    let all = AllAtOnce {
        update: Update { new, at },
        session,
        event: &event,
    };
    let user: Option<User> = all.get_result(connection).optional()?;
    if let Some(user) = &user {
        event.about(user).log();
    }
    Ok(user)
}

type Backend = <AnyConnection as Connection>::Backend;

/// The UPDATE that every sign-in does. Diesel prepares an UPDATE anew each time, since what it sets may differ from
/// time to time. What this one sets never differs, so it is written by hand and kept prepared.
struct Update<'a> {
    new: &'a NewUser,
    at: PrimitiveDateTime,
}

impl QueryFragment<Backend> for Update<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let NewUser {
            issuer,
            subject,
            name,
            email,
            email_verified,
        } = self.new;
        out.push_sql("UPDATE users SET name = ");
        out.push_bind_param::<Nullable<Text>, _>(name)?;
        out.push_sql(", email = ");
        out.push_bind_param::<Nullable<Text>, _>(email)?;
        out.push_sql(", email_verified = ");
        out.push_bind_param::<Bool, _>(email_verified)?;
        out.push_sql(", last_sign_in_at = ");
        out.push_bind_param::<Timestamp, _>(&self.at)?;
        out.push_sql(" WHERE issuer = ");
        out.push_bind_param::<Text, _>(issuer)?;
        out.push_sql(" AND subject = ");
        out.push_bind_param::<Text, _>(subject)?;
        out.push_sql(" AND blocked_at IS NULL RETURNING ");
        QueryFragment::<Backend>::walk_ast(&users::all_columns, out)
    }
}

/// The UPDATE, and the session and the event of whom it found, as one statement: one round trip, and no transaction
/// that could stay open. To SQLite, which knows no such statement, there are no round trips.
///
/// The UPDATE locks the person's row, so that [`User::block`] either comes first and is seen, or waits and then ends
/// this session.
struct AllAtOnce<'a> {
    update: Update<'a>,
    session: &'a NewSession,
    event: &'a AuditEvent,
}

impl QueryFragment<Backend> for AllAtOnce<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let Update { at, .. } = &self.update;
        let NewSession { key_hash, state } = self.session;
        let AuditEvent {
            id,
            occurred_at,
            event,
            address,
            request_id,
            ..
        } = self.event;
        out.push_sql("WITH person AS (");
        self.update.walk_ast(out.reborrow())?;
        out.push_sql(
            "), session AS (INSERT INTO sessions (user_id, key_hash, state, created_at, \
             last_seen_at) SELECT id, ",
        );
        out.push_bind_param::<Text, _>(key_hash)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(state)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamp, _>(at)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamp, _>(at)?;
        out.push_sql(
            " FROM person), event AS (INSERT INTO audit_events (user_id, issuer, subject, id, \
             occurred_at, event, address, request_id) SELECT id, issuer, subject, ",
        );
        out.push_bind_param::<Text, _>(id)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamp, _>(occurred_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(event)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(address)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(request_id)?;
        out.push_sql(" FROM person) SELECT * FROM person");
        Ok(())
    }
}

impl QueryId for Update<'_> {
    type QueryId = Update<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryId for AllAtOnce<'_> {
    type QueryId = AllAtOnce<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Update<'_> {
    type SqlType = users::SqlType;
}

impl Query for AllAtOnce<'_> {
    type SqlType = users::SqlType;
}

impl<Conn> RunQueryDsl<Conn> for Update<'_> {}
impl<Conn> RunQueryDsl<Conn> for AllAtOnce<'_> {}

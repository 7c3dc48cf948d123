//! Signing in: the person brought up to date or created, a session, and its audit event; all of it, or nothing that
//! opens a door.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel::sql_types::{Bool, Nullable, Text, Timestamp};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::db::schema::users;
use crate::db::single_use::{SingleUse, is_used};
use crate::db::{AnyConnection, AuditEvent, Event, NewSession, NewUser, Session, User, timestamp};

/// What came of a sign-in.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    /// A session.
    SignedIn(User),
    /// None: the person is blocked.
    Blocked(User),
    /// None: the attempt was used before.
    Used,
}

impl User {
    /// Brings the person up to date or creates them, and begins `session`, for which `attempt` is used up. Somebody who
    /// is blocked gets none and is left as they are, and so is whoever comes with an attempt that was used before.
    pub fn sign_in(
        connection: &mut AnyConnection,
        new: &NewUser,
        session: &NewSession,
        attempt: &SingleUse,
        now: OffsetDateTime,
    ) -> QueryResult<Begun> {
        let sign_in = SignIn {
            new,
            session,
            attempt,
            now,
        };
        match connection {
            AnyConnection::Postgres(_) => match sign_in.on_postgres(connection) {
                Err(cause) if is_used(&cause) => Ok(Begun::Used),
                begun => begun,
            },
            AnyConnection::Sqlite(_) => sign_in.on_sqlite(connection),
        }
    }
}

struct SignIn<'a> {
    new: &'a NewUser,
    session: &'a NewSession,
    attempt: &'a SingleUse,
    now: OffsetDateTime,
}

impl SignIn<'_> {
    /// Each statement by itself, since a transaction would be two more round trips. Who is not signed in by the first
    /// is asked for before they are created, so that who is blocked is no error in Postgres's log.
    fn on_postgres(&self, connection: &mut AnyConnection) -> QueryResult<Begun> {
        if let Some(user) = self.all_at_once(connection)? {
            return Ok(Begun::SignedIn(user));
        }
        match self.known(connection)? {
            Some(user) if user.blocked_at.is_some() => return Ok(Begun::Blocked(user)),
            // Created or unblocked this moment.
            Some(_) => (),
            None => match self.create(connection) {
                // Of two first sign-ins at once, the slower one finds what the faster one created.
                Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => (),
                created => created?.1.log(),
            },
        }
        match self.all_at_once(connection)? {
            Some(user) => Ok(Begun::SignedIn(user)),
            None => self
                .known(connection)?
                .map(Begun::Blocked)
                .ok_or(QueryError::NotFound),
        }
    }

    /// In one transaction, which nobody else's can come between once it has begun to write.
    fn on_sqlite(&self, connection: &mut AnyConnection) -> QueryResult<Begun> {
        let mut events = Vec::new();
        let begun = connection.transaction(|connection| {
            if !self.attempt.create(connection)? {
                return Ok(Begun::Used);
            }
            let known: Option<User> = self.update().get_result(connection).optional()?;
            let user = match known {
                Some(user) => user,
                None => match self.known(connection)? {
                    Some(blocked) => return Ok(Begun::Blocked(blocked)),
                    None => {
                        let (user, event) = self.create(connection)?;
                        events.push(event);
                        user
                    }
                },
            };
            Session::create(connection, self.session, &user, self.now)?;
            let event = AuditEvent::new(Event::SignIn, self.now).about(&user);
            AuditEvent::insert(connection, &event)?;
            events.push(event);
            QueryResult::Ok(Begun::SignedIn(user))
        })?;
        // After the commit: until then it has not happened.
        events.iter().for_each(AuditEvent::log);
        Ok(begun)
    }

    fn known(&self, connection: &mut AnyConnection) -> QueryResult<Option<User>> {
        User::get(connection, &self.new.issuer, &self.new.subject)
    }

    /// The event is kept, and to be logged.
    fn create(&self, connection: &mut AnyConnection) -> QueryResult<(User, AuditEvent)> {
        let user = User::create(connection, self.new, self.now)?;
        let event = AuditEvent::new(Event::UserCreated, self.now).about(&user);
        AuditEvent::insert(connection, &event)?;
        Ok((user, event))
    }

    /// Signs in somebody who was here before and is not blocked; nobody else.
    fn all_at_once(&self, connection: &mut AnyConnection) -> QueryResult<Option<User>> {
        let event = AuditEvent::new(Event::SignIn, self.now);
        let all = AllAtOnce {
            update: self.update(),
            session: self.session,
            attempt: self.attempt,
            event: &event,
        };
        let user: Option<User> = all.get_result(connection).optional()?;
        if let Some(user) = &user {
            event.about(user).log();
        }
        Ok(user)
    }

    fn update(&self) -> Update<'_> {
        let at = timestamp(self.now);
        Update { new: self.new, at }
    }
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

/// The UPDATE, and the session, the use of the attempt and the event of whom it found, as one statement: one round trip, and no transaction
/// that could stay open. To SQLite, which knows no such statement, there are no round trips.
///
/// The UPDATE locks the person's row, so that [`User::block`] either comes first and is seen, or waits and then ends
/// this session.
struct AllAtOnce<'a> {
    update: Update<'a>,
    session: &'a NewSession,
    attempt: &'a SingleUse,
    event: &'a AuditEvent,
}

impl QueryFragment<Backend> for AllAtOnce<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let Update { at, .. } = &self.update;
        let NewSession { key_hash, state } = self.session;
        let SingleUse { hash, expires_at } = self.attempt;
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
        out.push_sql(" FROM person), used AS (INSERT INTO single_use (hash, expires_at) SELECT ");
        out.push_bind_param::<Text, _>(hash)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamp, _>(expires_at)?;
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

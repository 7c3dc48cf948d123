//! The people: one row for each (issuer, subject).

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::locking::{Contended, Locking};
use super::schema::users;
use super::{AnyConnection, timestamp};

/// A person who has signed in at least once.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = users)]
pub struct User {
    /// Ours: random, never changes.
    pub id: String,
    /// Who vouches for the person.
    pub issuer: String,
    /// The person's name at the issuer: never reassigned, unlike an email.
    pub subject: String,
    /// The full name, where the provider tells one.
    pub name: Option<String>,
    /// The email, where the provider tells one.
    pub email: Option<String>,
    /// Whether the provider says that the email is this person's.
    pub email_verified: bool,
    /// The first sign-in, in UTC.
    pub created_at: PrimitiveDateTime,
    /// The latest sign-in, in UTC.
    pub last_sign_in_at: PrimitiveDateTime,
    /// Since when the person may not sign in, in UTC.
    pub blocked_at: Option<PrimitiveDateTime>,
}

/// What the provider said of the person who signs in.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// `iss` of the verified ID token.
    pub issuer: String,
    /// `sub` of the verified ID token.
    pub subject: String,
    /// Cleaned for display.
    pub name: Option<String>,
    /// Cleaned for display.
    pub email: Option<String>,
    /// False unless the provider says otherwise.
    pub email_verified: bool,
}

impl User {
    /// The person that `issuer` calls `subject`.
    pub fn get(
        connection: &mut AnyConnection,
        issuer: &str,
        subject: &str,
    ) -> QueryResult<Option<User>> {
        users::table
            .filter(users::issuer.eq(issuer).and(users::subject.eq(subject)))
            .select(User::as_select())
            .first(connection)
            .optional()
    }

    /// Adds a person; a unique violation when somebody else was faster.
    pub(crate) fn create(
        connection: &mut AnyConnection,
        new: &NewUser,
        now: OffsetDateTime,
    ) -> QueryResult<User> {
        let user = User {
            id: crate::random::id(),
            issuer: new.issuer.clone(),
            subject: new.subject.clone(),
            name: new.name.clone(),
            email: new.email.clone(),
            email_verified: new.email_verified,
            created_at: timestamp(now),
            last_sign_in_at: timestamp(now),
            blocked_at: None,
        };
        diesel::insert_into(users::table)
            .values((
                users::id.eq(&user.id),
                users::issuer.eq(&user.issuer),
                users::subject.eq(&user.subject),
                users::name.eq(&user.name),
                users::email.eq(&user.email),
                users::email_verified.eq(user.email_verified),
                users::created_at.eq(user.created_at),
                users::last_sign_in_at.eq(user.last_sign_in_at),
            ))
            .execute(connection)?;
        Ok(user)
    }

    /// Locks the person's row until the transaction ends, if it is there.
    pub(crate) fn lock(connection: &mut AnyConnection, id: &str) -> QueryResult<()> {
        let row = users::table.find(id).select(users::id);
        let locked: Option<String> = Locking::new(connection, Contended::Wait, row)
            .get_result(connection)
            .optional()?;
        drop(locked);
        Ok(())
    }

    /// Sets or clears the time since when a person may not sign in. Returns whether they could before, or could not.
    pub(crate) fn update_blocked_at(
        connection: &mut AnyConnection,
        id: &str,
        blocked_at: Option<OffsetDateTime>,
    ) -> QueryResult<bool> {
        let one = diesel::update(users::table.find(id));
        let set = users::blocked_at.eq(blocked_at.map(timestamp));
        let rows = match blocked_at {
            Some(_) => one
                .filter(users::blocked_at.is_null())
                .set(set)
                .execute(connection)?,
            None => one
                .filter(users::blocked_at.is_not_null())
                .set(set)
                .execute(connection)?,
        };
        Ok(rows == 1)
    }

    /// Deletes the person. Returns whether they were there.
    pub(crate) fn delete(connection: &mut AnyConnection, id: &str) -> QueryResult<bool> {
        diesel::delete(users::table.find(id))
            .execute(connection)
            .map(|rows| rows == 1)
    }
}

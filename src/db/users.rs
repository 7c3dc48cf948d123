//! The people: one row for each (issuer, subject).

mod signed_out;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::groups::Groups;
use super::locking::{Contended, Locking};
use super::schema::users;
use super::{AnyConnection, Page, timestamp};

diesel::define_sql_function! {
    /// Both databases lower ASCII in the same way.
    fn lower(text: Nullable<Text>) -> Nullable<Text>;
}

/// Which people a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserFilter {
    /// All of them.
    All,
    /// Those who may not sign in.
    Blocked,
}

/// A person who has signed in at least once.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = users)]
pub struct User {
    /// Our id: random, never changes.
    pub id: String,
    /// The issuer that identifies the person.
    pub issuer: String,
    /// The person's identifier at the issuer. It is never reassigned, unlike an email.
    pub subject: String,
    /// The full name, if the provider sends one.
    pub name: Option<String>,
    /// The email, if the provider sends one.
    pub email: Option<String>,
    /// Whether the provider says that the email is this person's.
    pub email_verified: bool,
    /// The first sign-in, in UTC.
    pub created_at: PrimitiveDateTime,
    /// The latest sign-in, in UTC.
    pub last_sign_in_at: PrimitiveDateTime,
    /// Since when the person may not sign in, in UTC.
    pub blocked_at: Option<PrimitiveDateTime>,
    /// The groups that the provider says the person is in, as of the latest sign-in.
    pub groups: Groups,
    /// The name that the person goes by at the provider. Another person may get it later.
    pub preferred_username: Option<String>,
}

/// The provider's claims about the person who signs in.
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
    /// As the provider wrote them.
    pub groups: Groups,
    /// As the provider wrote it, without control characters.
    pub preferred_username: Option<String>,
}

impl NewUser {
    /// The email, as it is compared.
    pub(crate) fn email_key(&self) -> Option<String> {
        self.email.as_deref().map(email_key)
    }
}

/// An email in lower case: `lower` of SQLite knows only ASCII.
pub(crate) fn email_key(email: &str) -> String {
    email.to_lowercase()
}

impl User {
    /// Gets the person with this id.
    pub fn get_by_id(connection: &mut AnyConnection, id: &str) -> QueryResult<Option<User>> {
        users::table
            .find(id)
            .select(User::as_select())
            .get_result(connection)
            .optional()
    }

    /// Lists the people with this email, whatever the case of its letters. An email is neither unique nor always the same
    /// person's.
    pub fn list_by_email(
        connection: &mut AnyConnection,
        email: &str,
        limit: i64,
    ) -> QueryResult<Vec<User>> {
        users::table
            .filter(lower(users::email).eq(lower(email)))
            .order(users::id)
            .limit(limit)
            .select(User::as_select())
            .load(connection)
    }

    /// Lists a page of people.
    pub fn list(
        connection: &mut AnyConnection,
        filter: UserFilter,
        page: Page,
    ) -> QueryResult<Vec<User>> {
        let mut query = users::table
            .order(users::id)
            .limit(page.limit)
            .select(User::as_select())
            .into_boxed();
        if filter == UserFilter::Blocked {
            query = query.filter(users::blocked_at.is_not_null());
        }
        if let Some(after) = page.after {
            query = query.filter(users::id.gt(after));
        }
        query.load(connection)
    }

    /// Gets the person with this subject at `issuer`.
    pub fn get(
        connection: &mut AnyConnection,
        issuer: &str,
        subject: &str,
    ) -> QueryResult<Option<User>> {
        users::table
            .filter(users::issuer.eq(issuer).and(users::subject.eq(subject)))
            .select(User::as_select())
            .get_result(connection)
            .optional()
    }

    /// Adds a person.
    ///
    /// # Errors
    /// A unique violation if another sign-in has just added them.
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
            groups: new.groups.clone(),
            preferred_username: new.preferred_username.clone(),
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
                users::groups.eq(user.groups.to_column()),
                users::preferred_username.eq(&user.preferred_username),
                users::email_key.eq(new.email_key()),
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

    /// Sets or clears the time since when a person may not sign in. Returns whether that changed anything.
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

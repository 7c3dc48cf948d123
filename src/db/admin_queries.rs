//! Looking people and sessions up, for administration: page by page, since there may be millions.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use time::PrimitiveDateTime;

use crate::db::schema::{sessions, users};
use crate::db::{AnyConnection, User};

diesel::define_sql_function! {
    /// Both databases lower ASCII alike.
    fn lower(text: Nullable<Text>) -> Nullable<Text>;
}

/// Which part of a list: by id, so that a page costs the same wherever it is.
pub struct Page {
    /// The last id of the page before.
    pub after: Option<String>,
    /// How many at most.
    pub limit: i64,
}

/// Whom a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Everybody.
    Everybody,
    /// Those who may not sign in.
    Blocked,
}

/// A session, without what it holds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct SessionEntry {
    /// The row's key, a hash of the cookie's secret: it opens nothing.
    #[diesel(column_name = key_hash)]
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// The sign-in, in UTC.
    pub created_at: PrimitiveDateTime,
    /// The latest request, in UTC, to the minute.
    pub last_seen_at: PrimitiveDateTime,
}

impl User {
    /// The person with this id.
    pub fn by_id(connection: &mut AnyConnection, id: &str) -> QueryResult<Option<User>> {
        users::table
            .find(id)
            .select(User::as_select())
            .first(connection)
            .optional()
    }

    /// Those with this email, in whatever case; `limit` at most. An email is not unique, nor
    /// always the same person's.
    pub fn by_email(
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

    /// A page of people.
    pub fn list(connection: &mut AnyConnection, whom: Whom, page: Page) -> QueryResult<Vec<User>> {
        let mut query = users::table
            .order(users::id)
            .limit(page.limit)
            .select(User::as_select())
            .into_boxed();
        if whom == Whom::Blocked {
            query = query.filter(users::blocked_at.is_not_null());
        }
        if let Some(after) = page.after {
            query = query.filter(users::id.gt(after));
        }
        query.load(connection)
    }
}

impl SessionEntry {
    /// A page of sessions, of everybody or of the person with this id.
    pub fn list(
        connection: &mut AnyConnection,
        user_id: Option<String>,
        page: Page,
    ) -> QueryResult<Vec<SessionEntry>> {
        let mut query = sessions::table
            .order(sessions::key_hash)
            .limit(page.limit)
            .select(SessionEntry::as_select())
            .into_boxed();
        if let Some(user_id) = user_id {
            query = query.filter(sessions::user_id.eq(user_id));
        }
        if let Some(after) = page.after {
            query = query.filter(sessions::key_hash.gt(after));
        }
        query.load(connection)
    }

    /// How many sessions the person with this id has.
    pub fn count(connection: &mut AnyConnection, user_id: &str) -> QueryResult<i64> {
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .count()
            .get_result(connection)
    }

    /// Whose the session is, if there is one.
    pub fn user(connection: &mut AnyConnection, id: &str) -> QueryResult<Option<User>> {
        sessions::table
            .find(id)
            .inner_join(users::table)
            .select(User::as_select())
            .first(connection)
            .optional()
    }

    /// Ends a session; whether there was one.
    pub fn end(connection: &mut AnyConnection, id: &str) -> QueryResult<bool> {
        diesel::delete(sessions::table.find(id))
            .execute(connection)
            .map(|rows| rows == 1)
    }
}

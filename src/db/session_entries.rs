//! Sessions as an administrator sees them, without their content.

use diesel::dsl::exists;
use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::schema::sessions;
use super::{AnyConnection, Page};

/// A session without its state.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct SessionEntry {
    /// The row's key: a hash of the cookie's secret, which opens nothing.
    #[diesel(column_name = key_hash)]
    pub id: String,
    /// The person's id.
    pub user_id: String,
    /// The sign-in, in UTC.
    pub created_at: PrimitiveDateTime,
    /// The latest request, in UTC, to the minute.
    pub last_seen_at: PrimitiveDateTime,
}

impl SessionEntry {
    /// Lists a page of sessions: all of them, or those of one person.
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

    /// Counts a person's sessions.
    pub fn count(connection: &mut AnyConnection, user_id: &str) -> QueryResult<i64> {
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .count()
            .get_result(connection)
    }

    /// Whether there are sessions, expired ones included.
    pub fn any(connection: &mut AnyConnection) -> QueryResult<bool> {
        diesel::select(exists(sessions::table.select(sessions::key_hash))).get_result(connection)
    }
}

//! Sessions as an administrator sees them, without their content.

use diesel::dsl::exists;
use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::schema::sessions;
use super::sessions::names;
use super::{AnyConnection, Page, timestamp};

/// A session without its state.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct SessionEntry {
    /// The row's key: a hash of the cookie's secret, which opens nothing. A step-up changes it.
    pub key_hash: String,
    first_key_hash: Option<String>,
    /// The person's id.
    pub user_id: String,
    /// The sign-in, in UTC.
    pub created_at: PrimitiveDateTime,
    /// The latest request, in UTC, to the minute.
    pub last_seen_at: PrimitiveDateTime,
    /// The client's address at the sign-in, if it could be told.
    pub address: Option<String>,
    /// What the browser called itself at the sign-in.
    pub user_agent: Option<String>,
}

/// Sessions of one person that have not expired.
pub struct Living {
    /// The person's id.
    pub user_id: String,
    /// The key hash of the session that is listed first.
    pub first: String,
    /// Others are idle.
    pub seen_after: OffsetDateTime,
    /// Others have reached the absolute timeout.
    pub created_after: OffsetDateTime,
    /// Others than those that end at the provider after this time are over.
    pub now: OffsetDateTime,
}

impl SessionEntry {
    /// What it is called by for as long as it lives: the hash of its first key.
    pub fn id(&self) -> &str {
        self.first_key_hash.as_ref().unwrap_or(&self.key_hash)
    }

    /// Lists a page of sessions: all of them, or those of one person. The order is that of their keys, which has an index.
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
            let last: Option<String> = sessions::table
                .filter(names(&after))
                .select(sessions::key_hash)
                .first(connection)
                .optional()?;
            query = query.filter(sessions::key_hash.gt(last.unwrap_or(after)));
        }
        query.load(connection)
    }

    /// Lists up to `limit` sessions of a person, those that were seen last.
    pub fn list_living(
        connection: &mut AnyConnection,
        living: &Living,
        limit: usize,
    ) -> QueryResult<Vec<SessionEntry>> {
        let goes_on = sessions::ends_at
            .is_null()
            .or(sessions::ends_at.gt(timestamp(living.now)));
        sessions::table
            .filter(sessions::user_id.eq(&living.user_id))
            .filter(sessions::last_seen_at.gt(timestamp(living.seen_after)))
            .filter(sessions::created_at.gt(timestamp(living.created_after)))
            .filter(goes_on)
            .order((
                sessions::key_hash.eq(&living.first).desc(),
                sessions::last_seen_at.desc(),
                sessions::key_hash,
            ))
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(SessionEntry::as_select())
            .load(connection)
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

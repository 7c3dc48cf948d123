//! What sessions are called by: their key hashes, and those that they had before.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use time::OffsetDateTime;

use super::Session;
use crate::db::locking::{Contended, Locking};
use crate::db::schema::sessions;
use crate::db::{AnyConnection, timestamp};

diesel::define_sql_function! {
    /// The first one that there is.
    fn coalesce(first: Nullable<Text>, second: Text) -> Text;
}

/// A session by its names.
#[derive(Queryable)]
pub(crate) struct Named {
    /// Its key hash.
    pub key_hash: String,
    /// The person's id.
    pub user_id: String,
    former_key_hash: Option<String>,
    first_key_hash: Option<String>,
}

impl Named {
    /// As [`names`].
    pub fn is_named(&self, key_hash: &str) -> bool {
        let before = [&self.former_key_hash, &self.first_key_hash];
        self.key_hash == key_hash || before.iter().any(|it| it.as_deref() == Some(key_hash))
    }
}

/// A session has not expired if it was seen and began after these times, in UTC.
#[derive(Clone, Copy, Debug)]
pub struct LiveSince {
    /// The idle timeout ago.
    pub seen: OffsetDateTime,
    /// The absolute timeout ago.
    pub begun: OffsetDateTime,
}

impl Session {
    /// The sessions that one of these key hashes names and that have not expired by `now`, from new to old. Locks them.
    pub(crate) fn list_named(
        connection: &mut AnyConnection,
        key_hashes: Vec<&str>,
        since: LiveSince,
        now: OffsetDateTime,
    ) -> QueryResult<Vec<Named>> {
        if key_hashes.is_empty() {
            return Ok(Vec::new());
        }
        let named = sessions::key_hash
            .nullable()
            .eq_any(key_hashes.clone())
            .or(sessions::former_key_hash.eq_any(key_hashes.clone()))
            .or(sessions::first_key_hash.eq_any(key_hashes));
        let is_later = sessions::ends_at.gt(timestamp(now));
        let named = sessions::table
            .filter(named)
            .filter(sessions::last_seen_at.gt(timestamp(since.seen)))
            .filter(sessions::created_at.gt(timestamp(since.begun)))
            .filter(sessions::ends_at.is_null().or(is_later))
            .order(sessions::created_at.desc())
            .select((
                sessions::key_hash,
                sessions::user_id,
                sessions::former_key_hash,
                sessions::first_key_hash,
            ));
        Locking::new(connection, Contended::Wait, named).load(connection)
    }

    /// Whether `id` names the session that this key hash names; `None` if that has ended.
    pub fn is_same(
        connection: &mut AnyConnection,
        key_hash: &str,
        id: &str,
    ) -> QueryResult<Option<bool>> {
        let named: Option<Named> = sessions::table
            .filter(names(key_hash))
            .select((
                sessions::key_hash,
                sessions::user_id,
                sessions::former_key_hash,
                sessions::first_key_hash,
            ))
            .first(connection)
            .optional()?;
        Ok(named.map(|named| named.is_named(id)))
    }
}

/// Whether this key hash names a session: the session has it, or had it before its latest step-up, or at first. The keys of
/// before open nothing. But whoever still names the session by one means this session: a request is older than the
/// step-up, and the first one is the session's id. On Postgres, a statement that waited for the step-up to be committed
/// finds the row by it as well.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn names<'a>(key_hash: &'a str) -> _ {
    sessions::key_hash
        .eq(key_hash)
        .or(sessions::former_key_hash.eq(key_hash))
        .or(sessions::first_key_hash.eq(key_hash))
}

/// What a session is called by for as long as it lives: the hash of its first key.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn id() -> _ {
    coalesce(sessions::first_key_hash, sessions::key_hash)
}

//! Sessions by several keys at once.

use diesel::prelude::*;

use super::Session;
use crate::db::AnyConnection;
use crate::db::locking::{Contended, Locking};
use crate::db::schema::sessions;

/// A session by its names.
#[derive(Queryable)]
pub(crate) struct Named {
    /// Its key hash.
    pub key_hash: String,
    /// The person's id.
    pub user_id: String,
    former_key_hash: Option<String>,
}

impl Named {
    /// Whether it has this key hash, or had it before its latest step-up.
    pub fn is_named(&self, key_hash: &str) -> bool {
        self.key_hash == key_hash || self.former_key_hash.as_deref() == Some(key_hash)
    }
}

impl Session {
    /// The sessions that have one of these key hashes or had it before, from new to old. Locks them.
    pub(crate) fn list_named(
        connection: &mut AnyConnection,
        key_hashes: Vec<&str>,
    ) -> QueryResult<Vec<Named>> {
        if key_hashes.is_empty() {
            return Ok(Vec::new());
        }
        let named = sessions::key_hash
            .nullable()
            .eq_any(key_hashes.clone())
            .or(sessions::former_key_hash.eq_any(key_hashes));
        let named = sessions::table
            .filter(named)
            .order(sessions::created_at.desc())
            .select((
                sessions::key_hash,
                sessions::user_id,
                sessions::former_key_hash,
            ));
        Locking::new(connection, Contended::Wait, named).load(connection)
    }
}

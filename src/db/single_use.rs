//! Values that may be used once, across all processes.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::purge::PURGE_AT_ONCE;
use super::schema::single_use;
use super::{AnyConnection, timestamp};

/// The kind of a value: equal values of two kinds are different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The state of a login attempt.
    Attempt,
    /// The code that brings a session to an app's host.
    HandoverCode,
    /// The issuer and the `jti` of a logout token.
    LogoutToken,
    /// The issuer and the `jti` of the bearer token of a global token revocation.
    RevocationToken,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Attempt => "attempt",
            Kind::HandoverCode => "handover_code",
            Kind::LogoutToken => "logout_token",
            Kind::RevocationToken => "revocation_token",
        }
    }
}

/// A record that a value was used. The row holds a hash, so reading it gives nothing away.
#[derive(Clone, Debug, PartialEq, Eq, Insertable)]
#[diesel(table_name = single_use)]
pub struct SingleUse {
    /// A hash of kind and value.
    pub hash: String,
    /// When the value expires in any case, in UTC.
    pub expires_at: PrimitiveDateTime,
}

impl SingleUse {
    /// A record that `value`, which expires at `expires_at`, was used.
    pub fn new(kind: Kind, value: &str, expires_at: OffsetDateTime) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(kind.name().as_bytes());
        hash.update(b"\0");
        hash.update(value.as_bytes());
        SingleUse {
            hash: URL_SAFE_NO_PAD.encode(hash.finish()),
            expires_at: timestamp(expires_at),
        }
    }

    /// Adds the record and returns whether this is the first use. On Postgres, a second use aborts the transaction.
    pub fn create(&self, connection: &mut AnyConnection) -> QueryResult<bool> {
        match self.insert(connection) {
            Err(cause) if is_used(&cause) => Ok(false),
            created => created.map(|()| true),
        }
    }

    /// Adds the record.
    ///
    /// # Errors
    /// [`is_used`] knows that of a second use.
    pub(crate) fn insert(&self, connection: &mut AnyConnection) -> QueryResult<()> {
        diesel::insert_into(single_use::table)
            .values(self)
            .execute(connection)
            .map(drop)
    }

    /// Adds the record, and returns the key hash that was noted at this value before its use.
    ///
    /// # Errors
    /// As [`SingleUse::insert`].
    pub(crate) fn take(&self, connection: &mut AnyConnection) -> QueryResult<Option<String>> {
        let noted: Option<Option<String>> = diesel::delete(single_use::table.find(&self.hash))
            .filter(single_use::key_hash.is_not_null())
            .returning(single_use::key_hash)
            .get_result(connection)
            .optional()?;
        self.insert(connection)?;
        Ok(noted.flatten())
    }

    /// Notes `key_hash` at those of these values that were not used yet, in place of what was noted there before.
    pub(crate) fn note(
        connection: &mut AnyConnection,
        values: Vec<&SingleUse>,
        key_hash: &str,
    ) -> QueryResult<()> {
        let hashes = || values.iter().map(|value| value.hash.as_str());
        let known = || single_use::table.filter(single_use::hash.eq_any(Vec::from_iter(hashes())));
        diesel::delete(known().filter(single_use::key_hash.is_not_null())).execute(connection)?;
        let used: Vec<String> = known().select(single_use::hash).load(connection)?;
        let unused = values.iter().filter(|value| !used.contains(&value.hash));
        let noted = unused.map(|value| (*value, single_use::key_hash.eq(key_hash)));
        let noted = Vec::from_iter(noted);
        if noted.is_empty() {
            return Ok(());
        }
        let insert = || diesel::insert_into(single_use::table);
        // Diesel has no statement for several rows that fits both.
        match connection {
            AnyConnection::Postgres(postgres) => insert().values(noted).execute(postgres),
            AnyConnection::Sqlite(sqlite) => insert().values(noted).execute(sqlite),
        }
        .map(drop)
    }

    /// Deletes the record, so that the value may be used again.
    pub(crate) fn delete(&self, connection: &mut AnyConnection) -> QueryResult<()> {
        diesel::delete(single_use::table.find(&self.hash))
            .execute(connection)
            .map(drop)
    }

    /// Deletes some of the records that expired before `now` and returns how many. Call it again until it returns zero.
    pub fn purge(connection: &mut AnyConnection, now: OffsetDateTime) -> QueryResult<usize> {
        let expired = single_use::table
            .filter(single_use::expires_at.lt(timestamp(now)))
            .limit(PURGE_AT_ONCE)
            .select(single_use::hash);
        let hashes: Vec<String> = expired.load(connection)?;
        diesel::delete(single_use::table.filter(single_use::hash.eq_any(hashes)))
            .execute(connection)
    }
}

/// Whether a statement failed because the value was used before.
pub(crate) fn is_used(cause: &QueryError) -> bool {
    match cause {
        QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, what) => {
            // SQLite names the table in the message only.
            what.table_name() == Some("single_use") || what.message().contains("single_use.hash")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_the_whole_value() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let hash = |value: &str| SingleUse::new(Kind::Attempt, value, now).hash;
        assert_eq!(hash("state"), hash("state"));
        assert_eq!(hash("state").len(), 43);
        assert_ne!(hash("state"), hash("state~1"));
    }
}

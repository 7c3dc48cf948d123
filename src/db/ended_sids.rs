//! What the provider has ended within the last hour: its sessions, and people whom nobody here knew.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use time::OffsetDateTime;

use super::purge::PURGE_AT_ONCE;
use super::schema::ended_sids;
use super::{AnyConnection, precise};

/// A session at the provider that it has ended, by a hash of its `sid`. Sign-ins that began before are void.
///
/// Somebody who is signed out and not known yet has no row in `users` that could say so: their first sign-in may be under
/// way. So they are recorded here, by a hash of their subject or email.
pub struct EndedSid;

/// What the provider ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedKind {
    /// A session at the provider, by its `sid`.
    Sid,
    /// All sessions of a person, by their subject.
    Subject,
    /// All sessions of people with an email, in lower case.
    Email,
}

impl EndedKind {
    /// What an issuer comes after, which begins with `http`: so no two kinds have a hash in common.
    fn prefix(self) -> &'static str {
        match self {
            EndedKind::Sid => "",
            EndedKind::Subject => "sub\n",
            EndedKind::Email => "email\n",
        }
    }

    /// The hash of what `issuer` calls `name`.
    pub fn hash(self, issuer: &str, name: &str) -> String {
        let mut hash = Context::new(&SHA256);
        for part in [self.prefix(), issuer, "\n", name] {
            hash.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(hash.finish())
    }
}

impl EndedSid {
    /// Records that what has this hash ended at `now`. On Postgres, this waits for the sign-ins that are being
    /// written, which it can't see, and those that come later wait for this transaction and see it. So a session either
    /// is there to be deleted by the next statement, or does not start.
    pub(crate) fn record(
        connection: &mut AnyConnection,
        sid_hash: &str,
        now: OffsetDateTime,
    ) -> QueryResult<()> {
        if let AnyConnection::Postgres(postgres) = connection {
            postgres.batch_execute("LOCK TABLE ended_sids IN ACCESS EXCLUSIVE MODE")?;
        }
        let ended_at = ended_sids::ended_at.eq(precise(now));
        let known = diesel::update(ended_sids::table.find(sid_hash)).set(ended_at);
        if known.execute(connection)? == 0 {
            diesel::insert_into(ended_sids::table)
                .values((ended_sids::sid_hash.eq(sid_hash), ended_at))
                .execute(connection)?;
        }
        Ok(())
    }

    /// Whether something with one of these hashes ended after `began_at`, or at that time.
    pub(crate) fn is_ended_since(
        connection: &mut AnyConnection,
        hashes: &[&str],
        began_at: OffsetDateTime,
    ) -> QueryResult<bool> {
        let ended: Option<String> = ended_sids::table
            .filter(ended_sids::sid_hash.eq_any(hashes))
            .filter(ended_sids::ended_at.ge(precise(began_at)))
            .select(ended_sids::sid_hash)
            .first(connection)
            .optional()?;
        Ok(ended.is_some())
    }

    /// Deletes some of those that ended before `until` and returns how many. Call it again until it returns zero.
    ///
    /// No index on `ended_at`: measured on Postgres 15 with 300,000 rows, which is 83 ends a second for an hour, finding none
    /// takes 35 to 50 ms instead of 0.05, once in ten minutes. Deleting them all takes 1.5 to 2 s with and without it, since
    /// deleting 10,000 by their hash takes 34 ms anyway.
    pub fn purge(connection: &mut AnyConnection, until: OffsetDateTime) -> QueryResult<usize> {
        let old = ended_sids::table
            .filter(ended_sids::ended_at.lt(precise(until)))
            .limit(PURGE_AT_ONCE)
            .select(ended_sids::sid_hash);
        let hashes: Vec<String> = old.load(connection)?;
        diesel::delete(ended_sids::table.filter(ended_sids::sid_hash.eq_any(hashes)))
            .execute(connection)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_hash_is_of_kind_issuer_and_name() {
        let kinds = [EndedKind::Sid, EndedKind::Subject, EndedKind::Email];
        let mut hashes = BTreeSet::new();
        for kind in kinds {
            for issuer in ["https://a.example", "https://b.example"] {
                for name in ["one", "two"] {
                    let hash = kind.hash(issuer, name);
                    assert_eq!(hash, kind.hash(issuer, name));
                    assert!(hashes.insert(hash), "{kind:?} {issuer} {name}");
                }
            }
        }
    }
}

//! People end sessions of their own, on a page that lists them.

use diesel::QueryResult;
use time::OffsetDateTime;

use super::Why;
use crate::accounts::transaction::transaction;
use crate::db::{AnyConnection, DeletedSession, Session, User};

/// Which of their sessions a person ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// The one that this key hash names, if it is theirs.
    One(String),
    /// Some of the others than that one. Do it again until it ends none.
    SomeOthers(String),
    /// The same. Sign-ins of the person that began before this time, or then, are void.
    SomeOthersAndSignIns(String, OffsetDateTime),
}

/// Ends sessions of the person with this id, with one audit event for each, and returns those that it ended.
///
/// # Errors
/// Nothing has changed.
pub fn end_by_person(
    connection: &mut AnyConnection,
    user_id: &str,
    own: &Own,
    now: OffsetDateTime,
) -> QueryResult<Vec<DeletedSession>> {
    transaction(connection, |transaction| {
        // The person's row before their sessions: see `delete`.
        match own {
            Own::One(_) => (),
            Own::SomeOthers(_) => User::lock(transaction, user_id)?,
            Own::SomeOthersAndSignIns(_, void_until) => {
                User::update_signed_out_at(transaction, user_id, *void_until)?;
            }
        }
        let ended = match own {
            Own::One(key_hash) => {
                let one = Session::delete_of(transaction, user_id, key_hash)?;
                Vec::from_iter(one)
            }
            Own::SomeOthers(but) | Own::SomeOthersAndSignIns(but, _) => {
                Session::delete_others(transaction, user_id, but)?
            }
        };
        if !ended.is_empty() {
            let events = ended.iter().map(|session| Why::Person.event(session, now));
            transaction.record_all(events.collect())?;
        }
        Ok(ended)
    })
}

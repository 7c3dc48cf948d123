//! The one way in which a session ends: its row is deleted and an audit event is written, in one transaction.

mod by_person;
mod by_provider;
mod sign_out;

use std::time::Duration;

use diesel::QueryResult;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::transaction::{Transaction, transaction};
use crate::db::{AnyConnection, AuditEvent, DeletedSession, Event, Session, User};
pub use by_person::{Own, end_by_person};
pub use by_provider::{ByProvider, Ended, Whose, end_by_provider};
pub use sign_out::sign_out;

/// Which sessions end.
pub enum Which {
    /// The session that this key hash names: it has it, or had it before it stepped up.
    One(String),
    /// The session with this key hash, unless it was seen after that time.
    OneUnseenSince(String, OffsetDateTime),
    /// The session with this key hash, unless the provider has answered about it since that round.
    OneInRound(String, i32),
    /// Some of the sessions of the person with this id. Call it again until it returns none: there may be too many for one
    /// transaction, which would take longer than anybody waits for the database.
    SomeOf(String),
    /// Some of the sessions that were not seen since that time. Call it again until it returns none.
    SomeUnseenSince(OffsetDateTime),
    /// Some of the sessions that were over at the provider by that time. Call it again until it returns none.
    SomeOverBy(OffsetDateTime),
}

/// Why sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The person signed out: see [`sign_out`].
    SignOut,
    /// The same browser signed in again.
    Replaced,
    /// They were not used for the idle timeout, reached the absolute one, or are over at the provider.
    Expired {
        /// For how long a session may be unused.
        idle_timeout: Duration,
    },
    /// An administrator revoked them.
    Revoked,
    /// An administrator blocked the person.
    Blocked,
    /// An administrator deleted the person.
    Deleted,
    /// The person ended them, perhaps in another browser: see [`end_by_person`].
    Person,
    /// The provider ended them: see [`end_by_provider`].
    Provider(Channel),
    /// The provider was asked again and does not welcome the person any more.
    NotWelcome,
    /// The provider was asked again, and its ID token is not of this sign-in.
    RefreshRefused,
    /// The provider was asked again, and says that its own session is over.
    ProviderSessionOver,
    /// The provider was asked again and has not answered for too long.
    RecheckOverdue,
}

/// The name in audit events of an end that the person wanted.
pub const PERSON: &str = "person";

/// How the provider says that sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// OpenID Connect Back-Channel Logout 1.0.
    Back,
    /// OpenID Connect Front-Channel Logout 1.0.
    Front,
    /// Global token revocation, Okta's Universal Logout.
    Universal,
}

impl Channel {
    /// All of them.
    pub const ALL: [Channel; 3] = [Channel::Back, Channel::Front, Channel::Universal];

    /// Its name in audit events.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Back => "back_channel",
            Channel::Front => "front_channel",
            Channel::Universal => "universal_logout",
        }
    }
}

/// The reason in the audit of [`Why::NotWelcome`].
pub const NOT_WELCOME: &str = "provider";

/// The reason in the audit of [`Why::RefreshRefused`].
pub const REFRESH_REFUSED: &str = "refresh_refused";

/// The reason in the audit of a session that is over at the provider.
const PROVIDER_SESSION_OVER: &str = "provider_session_over";

impl Why {
    fn event(self, session: &DeletedSession, now: OffsetDateTime) -> AuditEvent {
        let event = |event| AuditEvent::new(event, now).about_session(session);
        match self {
            Why::SignOut => event(Event::SignOut),
            Why::Replaced => event(Event::SessionReplaced),
            Why::Expired { idle_timeout } => {
                event(Event::SessionExpired).because(expiry(session, idle_timeout, now))
            }
            Why::Revoked => event(Event::SessionRevoked),
            Why::Blocked => event(Event::SessionRevoked).because("user_blocked"),
            Why::Deleted => event(Event::SessionRevoked).because("user_deleted"),
            Why::Person => event(Event::SessionRevoked).because(PERSON),
            Why::Provider(channel) => event(Event::SessionRevoked).because(channel.name()),
            Why::NotWelcome => event(Event::SessionRevoked).because(NOT_WELCOME),
            Why::RefreshRefused => event(Event::SessionRevoked).because(REFRESH_REFUSED),
            Why::ProviderSessionOver => event(Event::SessionExpired).because(PROVIDER_SESSION_OVER),
            Why::RecheckOverdue => event(Event::SessionExpired).because("recheck_overdue"),
        }
    }
}

/// The reason in the audit of a session that expired by `now`.
fn expiry(session: &DeletedSession, idle_timeout: Duration, now: OffsetDateTime) -> &'static str {
    let idle_at = session.last_seen_at.assume_utc() + idle_timeout;
    match session.ends_at.map(PrimitiveDateTime::assume_utc) {
        Some(ends_at) if ends_at <= now.min(idle_at) => PROVIDER_SESSION_OVER,
        _ if idle_at <= now => "idle_timeout",
        _ => "absolute_timeout",
    }
}

/// Ends sessions and returns those that it ended, so that the caller can invalidate its caches. If several callers end the
/// same session at once, exactly one of them ends it.
///
/// # Errors
/// No session has ended.
pub fn end(
    connection: &mut AnyConnection,
    which: &Which,
    why: Why,
    now: OffsetDateTime,
) -> QueryResult<Vec<DeletedSession>> {
    transaction(connection, |transaction| {
        end_within(transaction, which, why, now)
    })
}

/// [`end`] as a part of another transaction.
pub(super) fn end_within(
    transaction: &mut Transaction<'_>,
    which: &Which,
    why: Why,
    now: OffsetDateTime,
) -> QueryResult<Vec<DeletedSession>> {
    let ended = delete(transaction, which)?;
    if !ended.is_empty() {
        let events = ended.iter().map(|session| why.event(session, now));
        transaction.record_all(events.collect())?;
    }
    Ok(ended)
}

/// Code that locks both a person and their sessions locks the person first, so that no two transactions deadlock.
fn delete(connection: &mut AnyConnection, which: &Which) -> QueryResult<Vec<DeletedSession>> {
    match which {
        Which::One(key_hash) => Session::delete(connection, key_hash, None).map(Vec::from_iter),
        Which::OneUnseenSince(key_hash, since) => {
            Session::delete(connection, key_hash, Some(*since)).map(Vec::from_iter)
        }
        Which::OneInRound(key_hash, round) => {
            Session::delete_in_round(connection, key_hash, *round).map(Vec::from_iter)
        }
        Which::SomeOf(user_id) => {
            User::lock(connection, user_id)?;
            Session::delete_of_user(connection, user_id)
        }
        Which::SomeUnseenSince(since) => Session::delete_unseen(connection, *since),
        Which::SomeOverBy(now) => Session::delete_over(connection, *now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_session_is_idle_from_the_end_of_its_idle_time() {
        let now = datetime!(2026-01-01 12:00 UTC);
        for (last_seen_at, ends_at, expected) in [
            (datetime!(2026-01-01 11:00), None, "idle_timeout"),
            (datetime!(2026-01-01 11:00:01), None, "absolute_timeout"),
            (
                datetime!(2026-01-01 11:00),
                Some(datetime!(2026-01-01 12:00)),
                "provider_session_over",
            ),
            (
                datetime!(2026-01-01 10:59),
                Some(datetime!(2026-01-01 12:00)),
                "idle_timeout",
            ),
            (
                datetime!(2026-01-01 11:59),
                Some(datetime!(2026-01-01 12:00)),
                "provider_session_over",
            ),
            (
                datetime!(2026-01-01 11:59),
                Some(datetime!(2026-01-01 12:01)),
                "absolute_timeout",
            ),
        ] {
            let session = DeletedSession {
                key_hash: String::new(),
                user_id: String::new(),
                issuer: None,
                subject: None,
                last_seen_at,
                ends_at,
                state: None,
            };
            let hour = Duration::from_secs(3600);
            assert_eq!(
                expiry(&session, hour, now),
                expected,
                "{last_seen_at} {ends_at:?}"
            );
        }
    }
}

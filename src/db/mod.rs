//! People, sessions and audit events in Postgres or SQLite, through Diesel: the pool, the rows and the queries. Knows
//! neither the web framework nor the protocol.

mod audit_events;
pub mod backup;
mod blocking;
mod capabilities;
mod clock;
mod condition;
mod conflict;
mod connection;
mod connections;
mod database_url;
mod deadline;
mod ended_sids;
mod error;
mod event;
mod expiring;
mod file_identity;
mod groups;
mod last_write;
mod locking;
mod migrations;
mod page;
mod pool;
mod pooled;
mod postgres;
mod postgres_url;
mod purge;
#[expect(missing_docs, reason = "the diesel CLI writes it")]
pub mod schema;
mod session_entries;
mod sessions;
mod sign_outs;
pub mod single_use;
pub(crate) mod sql_file;
mod sqlite;
mod sqlite_file;
mod sqlite_lock;
mod sqlite_users;
mod trouble;
mod users;

use time::{OffsetDateTime, PrimitiveDateTime};

pub use audit_events::{AuditEvent, AuditFilter, Person};
pub use condition::{Condition, MissingRights};
pub(crate) use conflict::retried;
pub use connection::AnyConnection;
pub(crate) use connection::LockWait;
pub use database_url::DatabaseUrl;
pub(crate) use ended_sids::{EndedKind, EndedSid};
pub use error::Error;
pub(crate) use error::is_closed;
pub use event::Event;
pub use expiring::{Expired, Expiring, was_used_between};
pub use groups::Groups;
pub(crate) use locking::take_turns;
pub use page::Page;
pub use pool::Db;
pub use session_entries::{Living, SessionEntry};
pub use sessions::{Claimed, Concluded, DeletedSession, LiveSince, NewSession, Session};
pub use sign_outs::SignOut;
pub use single_use::{Kind, SingleUse};
pub use sqlite_lock::wait_until_readable;
pub(crate) use users::email_key;
pub use users::{NewUser, User, UserFilter};

/// A `TIMESTAMP` of both databases: UTC, in whole seconds so that both compare alike.
pub(crate) fn timestamp(at: OffsetDateTime) -> PrimitiveDateTime {
    let at = at.to_offset(time::UtcOffset::UTC);
    PrimitiveDateTime::new(at.date(), at.time().truncate_to_second())
}

/// The same in whole microseconds, for what is compared within a second.
pub(crate) fn precise(at: OffsetDateTime) -> PrimitiveDateTime {
    let at = at.to_offset(time::UtcOffset::UTC);
    PrimitiveDateTime::new(at.date(), at.time().truncate_to_microsecond())
}

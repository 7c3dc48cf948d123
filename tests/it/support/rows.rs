//! What a test finds in the database.

use diesel::prelude::*;
use diesel::sql_types::{Integer, Text, Timestamp};
use time::PrimitiveDateTime;

use super::TestApp;

/// A session.
#[derive(Debug, PartialEq, QueryableByName)]
pub struct SessionRow {
    #[diesel(sql_type = Text)]
    pub key_hash: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = Timestamp)]
    pub created_at: PrimitiveDateTime,
    #[diesel(sql_type = Integer)]
    pub recheck_round: i32,
}

/// The only session that there is.
pub fn session(app: &TestApp) -> SessionRow {
    let query = "SELECT key_hash, state, created_at, recheck_round FROM sessions";
    let mut rows: Vec<SessionRow> = app.storage().rows(query);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

/// How many audit events there are of this kind.
pub fn events(app: &TestApp, event: &str) -> i64 {
    let query = "SELECT COUNT(*) AS n FROM audit_events WHERE event =";
    app.storage().number(&format!("{query} '{event}'"))
}

/// How many of them have this reason.
pub fn events_because(app: &TestApp, event: &str, reason: &str) -> i64 {
    app.storage().number(&format!(
        "SELECT COUNT(*) AS n FROM audit_events WHERE event = '{event}' AND reason = '{reason}'"
    ))
}

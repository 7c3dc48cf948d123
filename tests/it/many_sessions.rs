//! A person with more sessions than one statement has room for: a monitor that signs in each minute, or an attacker with
//! somebody's password. Blocking them must not fail for that.

use crate::on_both;
use crate::support::process::{DOORWARD, Process};

/// Ten columns of an event each are more than the 65,535 parameters that a statement on Postgres may have.
const MANY: i64 = 10_000;

on_both! {
    async fn whoever_has_many_sessions_can_be_blocked_deleted_and_signed_out(app: TestApp) {
        let storage = app.storage();
        for (arguments, reason) in [
            (["sessions", "revoke", "--user"], ""),
            (["users", "block", "--"], "user_blocked"),
            (["users", "delete", "--"], "user_deleted"),
        ] {
            app.visitor().sign_in("ada").await;
            storage.execute(&format!(
                "INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at) \
                 WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) \
                 SELECT 'hash-' || i, id, 'sealed', created_at, created_at FROM n, users"
            ));
            assert_eq!(storage.sessions(), MANY);
            let variables = [("DATABASE_URL", storage.url.as_str()), ("SESSION_CACHE", "0")];
            let arguments = [&arguments[..], &["ada@example.com"]].concat();
            let (code, printed) = Process::start(DOORWARD, &arguments, &variables).ends();
            assert_eq!(code, Some(0), "{printed}");
            assert_eq!(storage.sessions(), 0);
            let events = storage.number(&format!(
                "SELECT COUNT(*) AS n FROM audit_events \
                 WHERE event = 'session_revoked' AND COALESCE(reason, '') = '{reason}'"
            ));
            assert_eq!(events, MANY, "{arguments:?}");
            storage.execute("UPDATE users SET blocked_at = NULL");
        }
    }
}

mod slow {
    use super::MANY;
    use crate::support::process::{DOORWARD, Process};
    use crate::support::{Database, TestApp};

    /// All of them together take longer than anybody waits for the database: a slow disk, or many more sessions.
    #[actix_web::test]
    async fn a_database_that_is_slow_to_end_them_keeps_nobody_in() {
        let app = TestApp::spawn_on(Database::Postgres);
        let storage = app.storage();
        app.visitor().sign_in("ada").await;
        storage.execute(&format!(
            "INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at)
                 SELECT 'hash-' || i, id, 'sealed', created_at, created_at
                 FROM generate_series(2, {MANY}) AS i, users;
             CREATE FUNCTION slow() RETURNS trigger AS
                 'BEGIN PERFORM pg_sleep(0.0008); RETURN OLD; END' LANGUAGE plpgsql;
             CREATE TRIGGER slow BEFORE DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION slow()"
        ));
        let variables = [("DATABASE_URL", &*storage.url), ("SESSION_CACHE", "0")];
        let block = ["users", "block", "ada@example.com"];
        let (code, printed) = Process::start(DOORWARD, &block, &variables).ends();
        assert_eq!(code, Some(0), "{printed}");
        let ended = format!("Sessions ended: {MANY}.");
        assert!(printed.contains(&ended), "{printed}");
        assert_eq!(storage.sessions(), 0);
    }
}

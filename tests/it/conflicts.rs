//! Transactions that Postgres gives up because another one is in the way: nobody notices.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use futures_util::future::join_all;

use crate::support::process::{DOORWARD, Process};
use crate::support::{Database, TestApp};

/// An operator may have set it for the whole database. Browsers of one person then write to the same row at once.
#[actix_web::test]
async fn sign_ins_and_sign_outs_at_once_succeed_under_serializable_isolation() {
    let app = TestApp::spawn_with(Database::Postgres, &[("SESSION_CACHE", "0")]);
    let storage = app.storage();
    let name = storage.url.rsplit('/').next().unwrap();
    storage.execute(&format!(
        "ALTER DATABASE {name} SET default_transaction_isolation = serializable;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = '{name}' AND pid <> pg_backend_pid();"
    ));
    // A connection that was in use a moment ago is not tested: each one may turn out to be closed once.
    let mut answers = Vec::new();
    while answers.last() != Some(&303) {
        assert!(answers.len() < 10, "{answers:?}");
        answers.push(app.visitor().sign_in("grace").await.status);
    }
    storage.execute("DELETE FROM sessions; DELETE FROM audit_events");
    let browsers: Vec<_> = (0..8).map(|_| app.visitor()).collect();
    for round in 1..=3 {
        let callbacks = join_all(browsers.iter().map(|it| it.callback_for("ada"))).await;
        let sign_ins = browsers.iter().zip(&callbacks);
        for answer in join_all(sign_ins.map(|(it, callback)| it.get(callback))).await {
            assert_eq!(answer.location(), "/profile", "{answer:?}");
        }
        for answer in join_all(browsers.iter().map(|it| it.get("/profile"))).await {
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        for answer in join_all(browsers.iter().map(|it| it.post("/logout", ""))).await {
            assert_eq!(answer.status, 303, "{answer:?}");
        }
        for event in ["sign_in", "sign_out"] {
            let count = format!("SELECT COUNT(*) AS n FROM audit_events WHERE event = '{event}'");
            assert_eq!(storage.number(&count), 8 * round, "{event}");
        }
        assert_eq!(storage.sessions(), 0);
    }
}

mod slow {
    use super::*;

    /// Postgres notices after a second, and gives up one of the two.
    #[actix_web::test]
    async fn a_deadlock_is_tried_again() {
        let app = TestApp::spawn_on(Database::Postgres);
        app.visitor().sign_in("ada").await;
        let storage = app.storage();
        let mut other = PgConnection::establish(&storage.url).unwrap();
        // So it is not this one that notices.
        let hold = "SET deadlock_timeout = '1min'; BEGIN; SELECT 1 FROM sessions FOR UPDATE";
        other.batch_execute(hold).unwrap();

        let variables = [("DATABASE_URL", &*storage.url), ("SESSION_CACHE", "0")];
        let block = ["users", "block", "ada@example.com"];
        let mut block = Process::start(DOORWARD, &block, &variables);
        let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        // It has locked the person, and waits for the session.
        while storage.number(waiting) == 0 {
            assert!(
                storage.number("SELECT COUNT(*) AS n FROM sessions") == 1,
                "{}",
                block.printed()
            );
        }
        other
            .batch_execute("SELECT 1 FROM users FOR UPDATE; COMMIT")
            .unwrap();
        let (code, printed) = block.ends();
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.contains("Sessions ended: 1."), "{printed}");
        let deadlocks =
            "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(storage.number(deadlocks), 1);
        let blocked = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'user_blocked'";
        assert_eq!(storage.number(blocked), 1);
    }
}

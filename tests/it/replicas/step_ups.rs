//! A session gets another key at one process, and ends at another one in the same moment: signed out means out.

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use diesel::connection::SimpleConnection;
use futures_util::future::join;
use serde_json::json;

use super::ended_by_provider::{form, post, with_sid};
use super::{Replicas, at, login};
use crate::support::app::Storage;
use crate::support::people::email;
use crate::support::process::{DOORWARD, PATIENCE, Process};
use crate::support::{Database, Visitor};

/// How the session ends. Whoever ends it knows it by the key of before, or by its person.
#[derive(Clone, Copy, Debug)]
enum End {
    SignOut,
    Everywhere,
    Elsewhere,
    AnotherBrowser,
    OthersOfAnotherBrowser,
    BackChannel,
    Revoke,
    Block,
    SignInAgain,
}

/// With how many sessions the person, who has two, has left.
const ENDS: [(End, i64); 9] = [
    (End::SignOut, 1),
    (End::Everywhere, 0),
    (End::Elsewhere, 1),
    (End::AnotherBrowser, 1),
    (End::OthersOfAnotherBrowser, 1),
    (End::BackChannel, 1),
    (End::Revoke, 1),
    (End::Block, 0),
    (End::SignInAgain, 2),
];

/// Waits until so many queries wait for a lock.
async fn until_waiting(storage: &Storage, count: i64) {
    let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let deadline = Instant::now() + PATIENCE;
    while storage.number(waiting) < count {
        assert!(Instant::now() < deadline, "{count} never wait");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Runs a command that ends sessions.
async fn run(storage: &Storage, command: &[&str]) {
    let variables = [
        ("DATABASE_URL", storage.url.as_str()),
        ("SESSION_CACHE", "0"),
    ];
    let process = Process::start(DOORWARD, command, &variables);
    let deadline = Instant::now() + PATIENCE;
    while !process.printed().contains("Sessions ended: ") {
        assert!(Instant::now() < deadline, "{}", process.printed());
        sleep(Duration::from_millis(5)).await;
    }
}

/// A browser at this process, past nginx, and the path of its next callback.
async fn at_callback(replicas: &Replicas, browser: &Visitor, path: &str, person: &str) -> String {
    let provider = browser.begin(path).await;
    let callback = browser.choose(&provider, person).await;
    callback.replacen(&replicas.url, "", 1)
}

mod slow {
    use super::*;

    /// The end waits until the step-up is committed, and then finds another key.
    #[actix_web::test]
    async fn a_session_that_ends_while_it_steps_up_has_ended() {
        let storage = Storage::new(Database::Postgres);
        let replicas = Replicas::start(&storage.url);
        for (nth, (end, left)) in ENDS.into_iter().enumerate() {
            storage.execute("DELETE FROM sessions");
            let person = login(nth);
            let sid = format!("raced-{nth}");
            with_sid(&replicas, sid.clone());
            let somebody = at(replicas.addrs[0], &replicas.url, "");
            let callback = at_callback(&replicas, &somebody, "/login", &person).await;
            assert_eq!(somebody.get(&callback).await.location(), "/profile");
            let id = storage.text("SELECT key_hash AS what FROM sessions");
            with_sid(&replicas, format!("other-{nth}"));
            let other = at(replicas.addrs[1], &replicas.url, "");
            let callback = at_callback(&replicas, &other, "/login", &person).await;
            assert_eq!(other.get(&callback).await.location(), "/profile");

            with_sid(&replicas, sid.clone());
            let step_up = "/step-up?return_to=/profile?x";
            let callback = at_callback(&replicas, &somebody, step_up, &person).await;
            let [_, before, _] = replicas.at_each(&somebody);
            let again = at_callback(&replicas, &before, "/login", &person).await;
            let mut lock = storage.connect();
            let hold = format!("BEGIN; SELECT 1 FROM sessions WHERE key_hash = '{id}' FOR UPDATE");
            lock.batch_execute(&hold).unwrap();
            let ending = async {
                match end {
                    End::SignOut => {
                        let out = before.post("/logout", "").await;
                        assert!(out.location().contains("id_token_hint="), "{out:?}");
                    }
                    End::Everywhere => {
                        let out = before.post("/sessions/end-all", "").await;
                        assert!(out.location().contains("/end_session?"), "{out:?}");
                    }
                    End::Elsewhere => {
                        let ended = before.post("/sessions/end-others", "").await;
                        assert_eq!(ended.status, 303, "{ended:?}");
                    }
                    End::AnotherBrowser => {
                        let form = format!("session={id}");
                        let ended = other.post("/sessions/end", &form).await;
                        assert_eq!(ended.status, 303, "{ended:?}");
                    }
                    End::OthersOfAnotherBrowser => {
                        let ended = other.post("/sessions/end-others", "").await;
                        assert_eq!(ended.status, 303, "{ended:?}");
                    }
                    End::BackChannel => {
                        let form = form(&replicas, &sid, &json!({"sid": sid}));
                        assert_eq!(post(&replicas, 1, &form).await.status, 200);
                    }
                    End::Revoke => run(&storage, &["sessions", "revoke", &id]).await,
                    End::Block => run(&storage, &["users", "block", &email(nth)]).await,
                    End::SignInAgain => {
                        let answer = before.get(&again).await;
                        assert_eq!(answer.location(), "/profile", "{answer:?}");
                    }
                }
            };
            let race = async {
                until_waiting(&storage, 1).await;
                let commit = async {
                    until_waiting(&storage, 2).await;
                    lock.batch_execute("COMMIT").unwrap();
                };
                join(ending, commit).await;
            };
            let (stepped_up, ()) = join(somebody.get(&callback), race).await;
            assert_eq!(stepped_up.location(), "/profile?x", "{end:?}");
            // Who ends the others goes on.
            let goes_on = matches!(end, End::Elsewhere);
            assert_eq!(somebody.is_signed_in().await, goes_on, "{end:?}");
            assert_eq!(storage.sessions(), left, "{end:?}");
        }
    }
}

//! A session ends in one way: before the provider is asked, with one audit event, and only if that is committed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::on_both;
use crate::support::app::Storage;
use crate::support::process::{DOORWARD, Process, free_addr, provider_for};
use crate::support::provider::{Canned, Endpoint, Provider, demo_people};
use crate::support::{Answer, Database, TestApp, Visitor, log};

/// The events in the database, as `event subject reason`, oldest first, without those of failed sign-ins.
fn events(storage: &Storage) -> Vec<String> {
    storage.texts(
        "SELECT event || ' ' || COALESCE(subject, '-') || ' ' || COALESCE(reason, '-') AS what \
         FROM audit_events WHERE event <> 'sign_in_failed' ORDER BY id",
    )
}

pub fn same_cookies(from: &Visitor, to: Visitor) -> Visitor {
    for (name, value) in from.app_cookies() {
        to.set_app_cookie(&name, &value);
    }
    to
}

/// A Doorward that can be killed, and its provider.
struct Killable {
    addr: SocketAddr,
    url: String,
    provider: Provider,
    storage: Storage,
    doorward: Option<Process>,
}

impl Killable {
    fn start(database: Database) -> Killable {
        let addr = free_addr();
        let url = format!("http://{addr}");
        let mut killable = Killable {
            addr,
            provider: provider_for(&url, demo_people()),
            url,
            storage: Storage::new(database),
            doorward: None,
        };
        killable.start_again();
        killable
    }

    fn start_again(&mut self) {
        let variables = [
            ("OIDC_ISSUER", self.provider.issuer()),
            ("PUBLIC_URL", self.url.clone()),
            ("DATABASE_URL", self.storage.url.clone()),
        ];
        let variables = variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let mut doorward = Process::doorward(self.addr, &variables);
        doorward.answers(self.addr);
        self.doorward = Some(doorward);
    }

    fn kill(&mut self) {
        self.doorward.take().unwrap().kill();
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(&self.url)
    }
}

on_both! {
    async fn a_sign_out_is_true_while_the_provider_hangs_and_after_kill_9(database: Database) {
        let mut killable = Killable::start(database);
        let ada = killable.visitor();
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        let thief = same_cookies(&ada, killable.visitor());
        killable.kill();
        let never = Canned::json(200, &serde_json::json!({})).late(Duration::from_secs(3600));
        killable.provider.faults(|faults| {
            faults.canned.insert(Endpoint::Discovery, never);
        });
        killable.start_again();
        let (ada, thief) = (ada.reconnected(), thief.reconnected());
        assert!(thief.is_signed_in().await);

        let is_out = async {
            // Doorward gives the provider up after ten seconds.
            let deadline = Instant::now() + Duration::from_secs(8);
            while killable.storage.sessions() > 0 {
                assert!(Instant::now() < deadline, "the session goes on");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(!thief.is_signed_in().await);
        };
        tokio::select! {
            biased;
            answer = ada.post("/logout", "") => panic!("the provider hangs, and yet: {answer:?}"),
            () = is_out => (),
        }
        killable.kill();
        killable.provider.faults(|faults| faults.canned.clear());
        killable.start_again();
        assert!(!thief.reconnected().is_signed_in().await);
        assert_eq!(events(&killable.storage)[2..], ["sign_out 00uada -"]);
    }

    async fn a_sign_out_that_was_answered_survives_kill_9(database: Database) {
        let mut killable = Killable::start(database);
        let ada = killable.visitor();
        ada.sign_in("ada").await;
        let thief = same_cookies(&ada, killable.visitor());
        assert_eq!(ada.post("/logout", "").await.status, 303);
        killable.kill();
        killable.start_again();
        assert!(!thief.reconnected().is_signed_in().await);
        assert_eq!(events(&killable.storage)[2..], ["sign_out 00uada -"]);
    }
}

on_both! {
    async fn of_many_sign_outs_at_once_one_is_an_event(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let tabs: Vec<_> = (0..8).map(|_| same_cookies(&ada, app.visitor())).collect();
        let answers = join_all(tabs.iter().map(|tab| tab.post("/logout", ""))).await;
        assert!(answers.iter().all(|answer| answer.status == 303));
        assert_eq!(events(app.storage())[2..], ["sign_out 00uada -"]);
        let lines = |answer: &Answer| {
            let id = answer.header("x-request-id").unwrap();
            log::lines_with(&format!("doorward::audit [{id}]: sign_out")).len()
        };
        assert_eq!(answers.iter().map(lines).sum::<usize>(), 1);
    }

    async fn a_session_that_a_sign_in_replaces_has_its_event(app: TestApp) {
        let browser = app.visitor();
        browser.sign_in("ada").await;
        let thief = same_cookies(&browser, app.visitor());
        let back = browser.sign_in("grace").await;
        assert_eq!(app.storage().sessions(), 1);
        assert!(!thief.is_signed_in().await);
        assert_eq!(
            events(app.storage())[2..],
            ["user_created 00ugrace -", "sign_in 00ugrace -", "session_replaced 00uada -"]
        );
        let id = back.header("x-request-id").unwrap();
        let lines = log::lines_with(&format!("doorward::audit [{id}]: session_replaced"));
        assert!(lines.len() == 1 && lines[0].contains("subject=00uada"), "{lines:?}");

        // A known person too.
        browser.sign_in("ada").await;
        assert_eq!(events(app.storage())[5..], ["sign_in 00uada -", "session_replaced 00ugrace -"]);
        assert_eq!(app.storage().sessions(), 1);
        assert!(browser.is_signed_in().await);
    }

    /// Whoever ends several sessions leaves an event for each.
    async fn each_session_that_an_administrator_ends_has_its_event(app: TestApp) {
        for (arguments, reason) in [
            (["sessions", "revoke", "--user"], "-"),
            (["users", "block", "--"], "user_blocked"),
            (["users", "delete", "--"], "user_deleted"),
        ] {
            for _ in 0..3 {
                assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
            }
            command(app.storage(), &[&arguments[..], &["ada@example.com"]].concat(), 0);
            assert_eq!(app.storage().sessions(), 0);
            let revoked = format!("session_revoked 00uada {reason}");
            let count = events(app.storage()).iter().filter(|event| **event == revoked).count();
            assert_eq!(count, 3, "{arguments:?}: {:?}", events(app.storage()));
            if reason == "user_blocked" {
                command(app.storage(), &["users", "unblock", "ada@example.com"], 0);
            }
        }
    }
}

fn command(storage: &Storage, arguments: &[&str], expected_code: i32) {
    let variables = [
        ("DATABASE_URL", storage.url.as_str()),
        ("SESSION_CACHE", "0"),
    ];
    let (code, printed) = Process::start(DOORWARD, arguments, &variables).ends();
    assert_eq!(code, Some(expected_code), "{arguments:?}: {printed}");
}

/// From now on each statement succeeds, and no commit does that adds, changes or removes a person or adds or removes a
/// session. A commit of events alone does.
fn fail_at_commit(storage: &Storage, database: Database) {
    let what = [
        ("users", "INSERT"),
        ("users", "UPDATE"),
        ("users", "DELETE"),
        ("sessions", "INSERT"),
        ("sessions", "DELETE"),
    ];
    match database {
        Database::Sqlite => {
            storage.execute(
                "CREATE TABLE whole (id INTEGER PRIMARY KEY); \
                 CREATE TABLE part (id INTEGER REFERENCES whole (id) DEFERRABLE INITIALLY DEFERRED)",
            );
            for (table, verb) in what {
                storage.execute(&format!(
                    "CREATE TRIGGER fail_{table}_{verb} AFTER {verb} ON {table} \
                     BEGIN INSERT INTO part VALUES (7); END"
                ));
            }
        }
        Database::Postgres => {
            storage.execute(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql \
                 AS $$ BEGIN RAISE EXCEPTION 'no commit today'; END $$",
            );
            for (table, verb) in what {
                storage.execute(&format!(
                    "CREATE CONSTRAINT TRIGGER fail_{table}_{verb} AFTER {verb} ON {table} \
                     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()"
                ));
            }
        }
    }
}

on_both! {
    async fn what_is_not_committed_is_no_event_in_the_log_or_in_the_database(database: Database) {
        let settings = [("SESSION_IDLE_TIMEOUT", "1h"), ("SESSION_CACHE", "0")];
        let app = TestApp::spawn_with(database, &settings);
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let thief = same_cookies(&ada, app.visitor());
        let before = events(app.storage());
        fail_at_commit(app.storage(), database);

        let did_not_happen = |act: &str, answer: Option<&Answer>| {
            assert_eq!(events(app.storage()), before, "{act}");
            assert_eq!((app.storage().users(), app.storage().sessions()), (1, 1), "{act}");
            let blocked = "SELECT COUNT(*) AS n FROM users WHERE blocked_at IS NOT NULL";
            assert_eq!(app.storage().number(blocked), 0, "{act}");
            let Some(answer) = answer else { return };
            assert_eq!(answer.status, 503, "{act}");
            let id = answer.header("x-request-id").unwrap();
            let lines = log::lines_with(&format!("doorward::audit [{id}]"));
            assert!(lines.iter().all(|line| line.contains("sign_in_failed")), "{act}: {lines:?}");
        };
        let (new, known) = (app.visitor(), app.visitor());
        did_not_happen("a first sign-in", Some(&new.sign_in("grace").await));
        did_not_happen("a sign-in", Some(&known.sign_in("ada").await));
        did_not_happen("a first sign-in that replaces", Some(&ada.sign_in("grace").await));
        did_not_happen("a sign-in that replaces", Some(&ada.sign_in("ada").await));
        did_not_happen("a sign-out", Some(&ada.post("/logout", "").await));
        assert!(thief.is_signed_in().await, "the page said so");
        for arguments in [
            ["sessions", "revoke", "--user"],
            ["users", "block", "--"],
            ["users", "delete", "--"],
        ] {
            command(app.storage(), &[&arguments[..], &["ada@example.com"]].concat(), 1);
            did_not_happen(arguments[1], None);
        }
        app.clock.shift(time::Duration::hours(2));
        did_not_happen("an expiry", Some(&thief.get("/profile").await));
    }
}

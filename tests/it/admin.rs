//! `doorward users` and `doorward sessions`, beside a running Doorward.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use doorward::accounts::block::{block, unblock};
use doorward::accounts::sign_in::{Former, SignIn, SignInOutcome};
use doorward::db::{AnyConnection, Groups, Kind, LiveSince, NewSession, NewUser, SingleUse, User};
use doorward::random;
use serde_json::Value;
use time::OffsetDateTime;

use crate::on_both;
use crate::support::app::Storage;
use crate::support::process::{DOORWARD, PATIENCE, Process};
use crate::support::provider::Person;
use crate::support::{Database, TestApp, log};

/// What a command prints, and that it ends with this code.
fn run(storage: &Storage, arguments: &[&str], expected_code: i32) -> String {
    let variables = [("DATABASE_URL", storage.url.as_str())];
    let (code, printed) = Process::start(DOORWARD, arguments, &variables).ends();
    assert_eq!(code, Some(expected_code), "{arguments:?}: {printed}");
    assert!(!printed.contains("panicked"), "{printed}");
    printed
}

fn json(storage: &Storage, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&run(storage, &arguments, 0)).unwrap()
}

fn json_lines(storage: &Storage, arguments: &[&str]) -> Vec<Value> {
    let arguments = [arguments, &["--json"]].concat();
    let printed = run(storage, &arguments, 0);
    let documents = printed.lines().filter(|line| line.starts_with('{'));
    documents
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The person that `users show` printed.
fn user(connection: &mut AnyConnection, person: &Value) -> User {
    let id = person["id"].as_str().unwrap();
    User::get_by_id(connection, id).unwrap().unwrap()
}

/// Signs in the person that `users show` printed, without the provider.
fn sign_in(connection: &mut AnyConnection, person: &Value) -> QueryResult<SignInOutcome> {
    let text = |name: &str| person[name].as_str().unwrap().to_owned();
    let person = NewUser {
        issuer: text("issuer"),
        subject: text("subject"),
        name: Some(text("name")),
        email: Some(text("email")),
        email_verified: true,
        groups: Groups::default(),
        preferred_username: None,
    };
    let session = NewSession {
        key_hash: random::secret(),
        state: "sealed".to_owned(),
        ..NewSession::default()
    };
    let now = OffsetDateTime::now_utc();
    let new = SignIn {
        person,
        session,
        others: Vec::new(),
        attempt: SingleUse::new(Kind::Attempt, &random::secret(), now),
        former: Former::None,
        began_at: now,
        now,
        since: LiveSince {
            seen: now - time::Duration::HOUR,
            begun: now - time::Duration::HOUR,
        },
    };
    doorward::accounts::sign_in::sign_in(connection, &new)
}

on_both! {
    async fn a_person_is_named_by_id_by_email_or_by_issuer_and_subject(app: TestApp) {
        app.visitor().sign_in("ada").await;
        app.visitor().sign_in("noname").await;
        let issuer = app.provider.issuer();
        let ada = json(app.storage(), &["users", "show", "ADA@example.com"]);
        let id = ada["id"].as_str().unwrap();
        assert_eq!(ada["sessions"], 1);
        assert_eq!(ada["blocked_at"], Value::Null);
        assert!(OffsetDateTime::parse(ada["created_at"].as_str().unwrap(), &time::format_description::well_known::Rfc3339).is_ok());
        assert_eq!(json(app.storage(), &["users", "show", id]), ada);
        assert_eq!(json(app.storage(), &["users", "show", &issuer, "00uada"]), ada);
        // An id that begins with a hyphen, before and after an option.
        app.storage().execute("DELETE FROM sessions; UPDATE users SET id = '-json' WHERE subject = '00uada'");
        assert_eq!(json(app.storage(), &["users", "show", "-json"])["id"], "-json");
        let shown = run(app.storage(), &["users", "show", "--json", "-json"], 0);
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["id"], "-json");

        let shown = run(app.storage(), &["users", "show", &issuer, "00unoname"], 0);
        assert!(shown.contains("\nname           -\nemail          -\n") && shown.contains("\nblocked        no\nsessions       0\n"), "{shown}");
        for nobody in [&["nobody"][..], &["nobody@example.com"], &[&issuer], &[&issuer, "nobody"], &["00uada"], &[""]] {
            for command in ["show", "block", "unblock", "delete"] {
                let said = run(app.storage(), &[&["users", command], nobody].concat(), 1);
                assert!(said.starts_with("There is no person "), "{said}");
            }
        }
        assert_eq!(app.storage().users(), 2);
    }

    async fn an_email_of_two_people_names_neither(app: TestApp) {
        app.provider.add_person(Person::new("eve", "00ueve").claim("email", "Ada@Example.com"));
        let (ada, eve) = (app.visitor(), app.visitor());
        ada.sign_in("ada").await;
        eve.sign_in("eve").await;
        for command in ["show", "block", "delete"] {
            let said = run(app.storage(), &["users", command, "ada@example.com"], 1);
            assert!(said.starts_with("2 people have the email ada@example.com. Name one by id: "), "{said}");
        }
        run(app.storage(), &["sessions", "revoke", "--user", "ada@example.com"], 1);
        assert!(ada.is_signed_in().await && eve.is_signed_in().await);
    }

    async fn a_session_of_somebody_blocked_opens_nothing_even_if_it_were_there(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.storage().execute("UPDATE users SET blocked_at = '2026-01-01 00:00:00'");
        assert_eq!(app.storage().sessions(), 1);
        assert!(!ada.is_signed_in().await);
    }
}

on_both! {
    /// Whichever comes first: afterwards a blocked person has no session.
    async fn blocking_and_signing_in_at_once_leave_no_session(database: Database) {
        let app = TestApp::spawn_on(database);
        app.visitor().sign_in("ada").await;
        let person = json(app.storage(), &["users", "show", "ada@example.com"]);
        let (mut signing, mut blocking) = (app.storage().connect(), app.storage().connect());
        let user = user(&mut blocking, &person);
        for _ in 0..50 {
            unblock(&mut blocking, &user, OffsetDateTime::now_utc()).unwrap();
            let start = Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..4 {
                        sign_in(&mut signing, &person).unwrap();
                    }
                });
                start.wait();
                block(&mut blocking, &user, OffsetDateTime::now_utc()).unwrap();
            });
            assert_eq!(app.storage().sessions(), 0);
        }
    }

    async fn a_database_that_is_not_up_to_date_is_told(database: Database) {
        let storage = Storage::new(database);
        if database == Database::Sqlite {
            std::fs::write(&storage.url, "").unwrap();
        }
        let said = run(&storage, &["users", "list"], 1);
        assert!(said.starts_with("these migrations are pending: "), "{said}");
        assert!(said.contains("2026-11-22-000003_block_users") && said.contains("diesel migration run"), "{said}");
    }
}

/// Until a statement waits for a lock.
fn wait_for_a_waiter(storage: &Storage) {
    let deadline = Instant::now() + PATIENCE;
    let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while storage.number(waiting) == 0 {
        assert!(Instant::now() < deadline, "nobody waits");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[actix_web::test]
async fn on_postgres_a_sign_in_waits_for_a_block_under_way_and_is_refused() {
    let app = TestApp::spawn_on(Database::Postgres);
    app.visitor().sign_in("ada").await;
    let person = json(app.storage(), &["users", "show", "ada@example.com"]);
    let mut blocking = PgConnection::establish(&app.storage().url).unwrap();
    AnsiTransactionManager::begin_transaction(&mut blocking).unwrap();
    blocking
        .batch_execute("UPDATE users SET blocked_at = now(); DELETE FROM sessions")
        .unwrap();
    std::thread::scope(|scope| {
        let begun = scope.spawn(|| {
            let mut signing = app.storage().connect();
            sign_in(&mut signing, &person)
        });
        wait_for_a_waiter(app.storage());
        AnsiTransactionManager::commit_transaction(&mut blocking).unwrap();
        assert!(matches!(
            begun.join().unwrap(),
            Ok(SignInOutcome::Blocked(_))
        ));
    });
    assert_eq!(app.storage().sessions(), 0);
}

#[actix_web::test]
async fn on_postgres_a_block_waits_for_a_sign_in_under_way_and_ends_it() {
    let app = TestApp::spawn_on(Database::Postgres);
    app.visitor().sign_in("ada").await;
    let person = json(app.storage(), &["users", "show", "ada@example.com"]);
    let mut signing = app.storage().connect();
    let user = user(&mut signing, &person);
    std::thread::scope(|scope| {
        signing
            .transaction::<_, diesel::result::Error, _>(|signing| {
                assert!(matches!(
                    sign_in(signing, &person)?,
                    SignInOutcome::SignedIn(_)
                ));
                let blocked = scope.spawn(|| {
                    let mut blocking = app.storage().connect();
                    block(&mut blocking, &user, OffsetDateTime::now_utc())
                });
                wait_for_a_waiter(app.storage());
                Ok(blocked)
            })
            .map(|blocked| assert_eq!(blocked.join().unwrap().unwrap().len(), 2))
            .unwrap();
    });
    assert_eq!(app.storage().sessions(), 0);
}

mod slow {
    use super::*;

    #[test]
    fn a_database_file_that_is_missing_is_not_made() {
        let mut doorward = Process::start(DOORWARD, &["users", "list"], &[]);
        let said = doorward.gives_up();
        assert!(
            said.contains("doorward.db: there is no such file")
                && said.contains("Check DATABASE_URL"),
            "{said}"
        );
        assert_eq!(doorward.files(), [""; 0]);
    }

    on_both! {
        async fn who_is_blocked_is_out_at_the_next_request_and_comes_in_again_when_unblocked(app: TestApp) {
            let (ada, again, grace) = (app.visitor(), app.visitor(), app.visitor());
            ada.sign_in("ada").await;
            again.sign_in("ada").await;
            grace.sign_in("grace").await;

            let said = run(app.storage(), &["users", "block", "ada@example.com"], 0);
            assert_eq!(said, "Ada Lovelace <ada@example.com> is blocked and signed out. Sessions ended: 2.\n");
            assert!(!ada.is_signed_in().await && !again.is_signed_in().await);
            assert!(grace.is_signed_in().await);
            assert_eq!(app.storage().sessions(), 1);

            let begun = app.visitor();
            for visitor in [&ada, &begun] {
                let answer = visitor.sign_in("ada").await;
                let sentence = "Your account has been blocked here, so you are not signed in.";
                assert_eq!(answer.refusal(), (403, sentence.to_owned()));
                assert!(!visitor.is_signed_in().await);
                let lines = log::errors_of(&answer);
                assert_eq!(lines.len(), 1, "{lines:?}");
                let cause = " is blocked (GET /authorization-code/callback 403); `doorward users unblock PERSON` lets them";
                assert!(lines[0].contains(cause), "{}", lines[0]);
            }
            let updated = "SELECT COUNT(*) AS n FROM users WHERE last_sign_in_at > blocked_at";
            assert_eq!((app.storage().sessions(), app.storage().number(updated)), (1, 0));

            let said = run(app.storage(), &["users", "unblock", "ada@example.com"], 0);
            assert_eq!(said, "Ada Lovelace <ada@example.com> can sign in again.\n");
            assert!(!ada.is_signed_in().await, "an old session stays ended");
            assert_eq!(ada.sign_in("ada").await.location(), "/profile");
            assert!(ada.is_signed_in().await);
            assert_eq!(app.storage().users(), 2);
            let said = run(app.storage(), &["users", "unblock", "ada@example.com"], 0);
            assert_eq!(said, "Ada Lovelace <ada@example.com> was not blocked.\n");
        }

        async fn who_is_blocked_in_the_middle_of_a_sign_in_does_not_get_in(app: TestApp) {
            app.visitor().sign_in("ada").await;
            let url = app.storage().url.clone();
            app.provider.faults(|faults| {
                faults.edit_userinfo = Some(Box::new(move |_| {
                    let variables = [("DATABASE_URL", url.as_str())];
                    let mut block = Process::start(DOORWARD, &["users", "block", "ada@example.com"], &variables);
                    assert_eq!(block.ends().0, Some(0));
                }));
            });
            let ada = app.visitor();
            assert_eq!(ada.sign_in("ada").await.status, 403);
            assert!(!ada.is_signed_in().await);
            assert_eq!(app.storage().sessions(), 0);
        }

        async fn who_is_deleted_is_out_at_the_next_request_and_comes_back_as_somebody_new(app: TestApp) {
            let (ada, grace) = (app.visitor(), app.visitor());
            ada.sign_in("ada").await;
            grace.sign_in("grace").await;
            let before = json(app.storage(), &["users", "show", "ada@example.com"]);

            let gone = json(app.storage(), &["users", "delete", "ada@example.com"]);
            assert_eq!((&gone["deleted"]["id"], &gone["sessions_ended"]), (&before["id"], &Value::from(1)));
            assert!(!ada.is_signed_in().await && grace.is_signed_in().await);
            assert_eq!((app.storage().users(), app.storage().sessions()), (1, 1));
            run(app.storage(), &["users", "show", "ada@example.com"], 1);

            assert_eq!(ada.sign_in("ada").await.location(), "/profile");
            let after = json(app.storage(), &["users", "show", "ada@example.com"]);
            assert_ne!(before["id"], after["id"]);
            assert_eq!(before["subject"], after["subject"]);

            run(app.storage(), &["users", "block", "ada@example.com"], 0);
            let said = run(app.storage(), &["users", "delete", "ada@example.com"], 0);
            assert_eq!(
                said,
                "Ada Lovelace <ada@example.com> is deleted and signed out. Sessions ended: 0. At their next sign-in they are \
                 a new person, not blocked.\n"
            );
        }

        async fn a_session_is_revoked_by_its_id_or_all_by_their_person(app: TestApp) {
            let (one, two, grace) = (app.visitor(), app.visitor(), app.visitor());
            one.sign_in("ada").await;
            let sessions = json_lines(app.storage(), &["sessions", "list"]);
            let id = sessions[0]["id"].as_str().unwrap();
            two.sign_in("ada").await;
            grace.sign_in("grace").await;

            assert_eq!(json_lines(app.storage(), &["sessions", "list"]).len(), 3);
            let of_ada = json_lines(app.storage(), &["sessions", "list", "--user", "ada@example.com"]);
            assert_eq!(of_ada.len(), 2);
            assert!(of_ada.iter().all(|session| session["user_id"] == sessions[0]["user_id"]));
            for value in one.app_cookies().values() {
                let listed = run(app.storage(), &["sessions", "list"], 0);
                assert!(!listed.contains(value.as_str()), "an id is not the cookie");
            }

            assert_eq!(run(app.storage(), &["sessions", "revoke", id], 0), "Sessions ended: 1.\n");
            assert!(!one.is_signed_in().await && two.is_signed_in().await && grace.is_signed_in().await);
            let said = run(app.storage(), &["sessions", "revoke", id], 1);
            assert!(said.starts_with(&format!("There is no session {id}: ")), "{said}");

            let issuer = app.provider.issuer();
            let ended = json(app.storage(), &["sessions", "revoke", "--user", &issuer, "00uada"]);
            assert_eq!(ended["sessions_ended"], 1);
            assert!(!two.is_signed_in().await && grace.is_signed_in().await);
            run(app.storage(), &["sessions", "revoke"], 2);
            run(app.storage(), &["sessions", "revoke", id, "--user", "ada@example.com"], 2);
        }

        async fn lists_come_page_by_page(app: TestApp) {
            for number in 0..7 {
                let login = format!("p{number}");
                app.provider.add_person(Person::new(&login, &login));
                app.visitor().sign_in(&login).await;
            }
            app.storage().execute("UPDATE users SET issuer = '\u{1b}[2J'");
            let all = json_lines(app.storage(), &["users", "list"]);
            assert_eq!(all.len(), 7);
            for what in ["users", "sessions"] {
                let (mut found, mut after) = (Vec::new(), String::new());
                loop {
                    let page = json_lines(app.storage(), &[what, "list", "--limit", "3", &format!("--after={after}")]);
                    let Some(last) = page.last() else { break };
                    assert!(page.len() <= 3);
                    after = last["id"].as_str().unwrap().to_owned();
                    found.extend(page);
                }
                assert_eq!(found, json_lines(app.storage(), &[what, "list"]));
                assert_eq!(found.len(), 7);
            }
            let listed = run(app.storage(), &["users", "list", "--limit=3"], 0);
            assert!(listed.contains(&format!("There may be more: --after={}", all[2]["id"].as_str().unwrap())), "{listed}");
            assert!(!listed.contains('\u{1b}'), "{listed:?}");
            run(app.storage(), &["users", "list", "--limit", "0"], 2);

            let blocked = all[4]["id"].as_str().unwrap();
            run(app.storage(), &["users", "block", blocked], 0);
            let listed = json_lines(app.storage(), &["users", "list", "--blocked"]);
            assert_eq!(listed.len(), 1);
            assert_eq!(listed[0]["id"], blocked);
            assert!(listed[0]["blocked_at"].is_string());
        }
    }
}

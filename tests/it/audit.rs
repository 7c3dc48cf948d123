//! Audit events: sign-ins, failures and their reasons, sign-outs, and what administrators did.

use awc::http::Method;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use futures_util::future::join_all;

use crate::on_both;
use crate::support::process::{DOORWARD, Process, complete, free_addr};
use crate::support::{Database, TestApp, Visitor, log};

#[derive(Debug, QueryableByName, PartialEq)]
struct Kept {
    #[diesel(sql_type = Text)]
    event: String,
    #[diesel(sql_type = Nullable<Text>)]
    subject: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    request_id: Option<String>,
}

/// The rows, oldest first.
fn kept(app: &TestApp) -> Vec<Kept> {
    let query = "SELECT event, subject, reason, request_id FROM audit_events ORDER BY id";
    app.storage().rows(query)
}

fn events(app: &TestApp) -> Vec<(String, Option<String>, Option<String>)> {
    let kept = kept(app).into_iter();
    kept.map(|kept| (kept.event, kept.subject, kept.reason))
        .collect()
}

fn event(
    name: &str,
    subject: Option<&str>,
    reason: Option<&str>,
) -> (String, Option<String>, Option<String>) {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    (name.to_owned(), owned(subject), owned(reason))
}

/// A parameter of a URL, as it is written there.
fn query_value(url: &str, name: &str) -> String {
    let (_, rest) = url.split_once(&format!("{name}=")).expect("the parameter");
    rest.split('&').next().unwrap().to_owned()
}

on_both! {
    async fn coming_in_and_going_out_are_kept(app: TestApp) {
        let ada = app.visitor();
        let back = ada.sign_in("ada").await;
        let out = ada.post("/logout", "").await;
        let ada_ = Some("00uada");
        assert_eq!(
            events(&app),
            [event("user_created", ada_, None), event("sign_in", ada_, None), event("sign_out", ada_, None)]
        );
        let ids: Vec<_> = kept(&app).into_iter().map(|kept| kept.request_id.unwrap()).collect();
        let (back, out) = (back.header("x-request-id").unwrap(), out.header("x-request-id").unwrap());
        assert_eq!(ids, [back, back, out]);
        let known = "SELECT COUNT(*) AS n FROM audit_events a JOIN users u ON u.id = a.user_id \
                     AND u.issuer = a.issuer AND a.address = '127.0.0.1'";
        assert_eq!(app.storage().number(known), 3);
    }

    async fn the_log_tells_the_same(app: TestApp) {
        let ada = app.visitor();
        let back = ada.sign_in("ada").await;
        let id = back.header("x-request-id").unwrap();
        let lines = log::lines_with(&format!("INFO doorward::audit [{id}]: "));
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains(": user_created user="), "{lines:?}");
        assert!(lines[1].contains(": sign_in user="), "{lines:?}");
        for field in [" event=sign_in", " subject=00uada", " address=127.0.0.1"] {
            assert!(lines[1].contains(field), "{lines:?}");
        }
    }

    async fn a_refusal_is_kept_with_its_reason(app: TestApp) {
        let ada = app.visitor();
        let authorization_request = ada.begin("/login").await;
        let state = authorization_request.split("state=").nth(1).unwrap();
        let state = state.split('&').next().unwrap();
        let callback = format!("/authorization-code/callback?state={state}&error=access_denied");
        assert_eq!(ada.get(&callback).await.status, 403);
        assert_eq!(events(&app), [event("sign_in_failed", None, Some("access_denied"))]);
    }

    async fn a_refusal_of_somebody_the_provider_vouched_for_names_them(app: TestApp) {
        app.provider.faults(|faults| {
            faults.edit_userinfo = Some(Box::new(|userinfo| userinfo["sub"] = "another".into()));
        });
        assert_eq!(app.visitor().sign_in("ada").await.status, 403);
        assert_eq!(events(&app), [event("sign_in_failed", Some("00uada"), Some("userinfo_subject"))]);
    }

    async fn a_session_that_nobody_used_is_over_once(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.clock.shift(time::Duration::hours(9));
        for _ in 0..2 {
            assert!(!ada.is_signed_in().await);
        }
        let expired = event("session_expired", Some("00uada"), Some("idle_timeout"));
        assert_eq!(events(&app)[2..], [expired]);
    }

    async fn it_is_over_once_however_many_tabs_notice_it(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.clock.shift(time::Duration::hours(9));
        let tabs = (0..16).map(|_| ada.get("/profile"));
        for answer in join_all(tabs).await {
            assert_eq!(answer.location(), "/login?return_to=%2Fprofile");
        }
        assert_eq!(events(&app).len(), 3, "{:?}", events(&app));
    }

    async fn a_session_that_is_too_old_is_over_however_much_it_is_used(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        for _ in 0..23 {
            app.clock.shift(time::Duration::hours(7));
            assert!(ada.is_signed_in().await);
        }
        app.clock.shift(time::Duration::hours(7));
        assert!(!ada.is_signed_in().await);
        let expired = event("session_expired", Some("00uada"), Some("absolute_timeout"));
        assert_eq!(events(&app)[2..], [expired]);
    }

    /// No sign-in is without an event.
    async fn without_its_event_there_is_no_sign_in(app: TestApp) {
        let known = app.visitor();
        known.sign_in("ada").await;
        app.storage().execute("DROP TABLE audit_events");
        for person in ["ada", "grace"] {
            let visitor = app.visitor();
            assert_eq!(visitor.sign_in(person).await.status, 503);
            assert!(!visitor.is_signed_in().await);
        }
        assert_eq!(app.storage().sessions(), 1);
    }

    /// Whoever wants to go must not be kept.
    async fn a_sign_out_needs_no_event(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.storage().execute("DROP TABLE audit_events");
        let out = ada.post("/logout", "").await;
        assert_eq!(out.status, 303);
        assert!(!ada.is_signed_in().await);
        let id = out.header("x-request-id").unwrap();
        assert_eq!(log::lines_with(&format!("doorward::audit [{id}]: sign_out")).len(), 1);
    }

    /// By hand here; by a process that runs: `faults::clock`.
    async fn what_is_over_is_cleared_away_and_its_events_are_kept_no_longer_than_wanted(app: TestApp) {
        for person in ["ada", "grace"] {
            app.visitor().sign_in(person).await;
        }
        app.storage().execute(
            "UPDATE sessions SET last_seen_at = '2020-01-01 00:00:00';
             UPDATE audit_events SET id = '000' || substr(id, 1, 29) WHERE event = 'user_created';",
        );
        let variables = complete(free_addr(), &[("DATABASE_URL", &app.storage().url)]);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (code, printed) = Process::start(DOORWARD, &["purge", "--yes"], &variables).ends();
        assert_eq!((code, printed.as_str()), (Some(0), "Deleted: 2 sessions, 2 audit events.\n"));
        assert_eq!((app.storage().sessions(), kept(&app).len()), (0, 4));
        let mut events = events(&app);
        events.sort();
        let idle = Some("idle_timeout");
        let expired = |subject| event("session_expired", Some(subject), idle);
        assert_eq!(events[..2], [expired("00uada"), expired("00ugrace")]);
        assert_eq!(events[2..], [event("sign_in", Some("00uada"), None), event("sign_in", Some("00ugrace"), None)]);
    }

    /// It costs nothing to make a callback up: the log and the metrics have it.
    async fn what_strangers_make_up_fills_no_table(app: TestApp) {
        let stranger = app.visitor();
        for made_up in ["", "?code=x", "?code=x&state=y", "?error=access_denied&state=y", "?code=a&code=b"] {
            let answer = stranger.get(&format!("/authorization-code/callback{made_up}")).await;
            let id = answer.header("x-request-id").unwrap().to_owned();
            if answer.status != 303 {
                let lines = log::lines_with(&format!("doorward::audit [{id}]: sign_in_failed"));
                assert_eq!(lines.len(), 1, "{made_up}");
            }
        }
        assert_eq!(events(&app), []);
    }

    /// Anybody can begin an attempt and make it fail, again and again.
    async fn of_strangers_attempts_that_fail_ten_a_minute_and_network_are_kept(app: TestApp) {
        let stranger = app.visitor();
        let authorization_request = stranger.begin("/login").await;
        let state = authorization_request.split("state=").nth(1).unwrap();
        let state = state.split('&').next().unwrap();
        let callback = format!("/authorization-code/callback?state={state}&error=server_error");
        let cookies = stranger.app_cookies();
        // At the beginning of a minute, so that it does not end meanwhile.
        let second = i64::from(app.clock.now().second());
        app.clock.shift(time::Duration::seconds(60 - second));
        for _ in 0..70 {
            for (name, value) in &cookies {
                stranger.set_app_cookie(name, value);
            }
            assert_eq!(stranger.get(&callback).await.status, 502);
        }
        assert_eq!(kept(&app).len(), 10);
        app.clock.shift(time::Duration::MINUTE);
        for (name, value) in &cookies {
            stranger.set_app_cookie(name, value);
        }
        stranger.get(&callback).await;
        let events = events(&app);
        assert_eq!(events.len(), 12, "another minute, another ten, and what was dropped");
        assert_eq!(events[10], event("events_dropped", None, Some("sign_in_failed")));
        assert_eq!(kept(&app)[10].request_id, None, "of many requests");
        assert_eq!(app.storage().number("SELECT CAST(occurrences AS BIGINT) AS n FROM audit_events WHERE event = 'events_dropped'"), 60);
    }
}

on_both! {
    /// An attacker makes sign-ins fail as often as possible; another person's failure is kept.
    async fn one_network_keeps_no_other_peoples_failures_out(database: Database) {
        let variables = [("TRUSTED_PROXIES", "127.0.0.0/8")];
        let app = TestApp::spawn_with(database, &variables);
        let second = i64::from(app.clock.now().second());
        app.clock.shift(time::Duration::seconds(60 - second));
        let fail = async |visitor: &Visitor, address: &str| {
            let state = query_value(&visitor.begin("/login").await, "state");
            let callback = format!("/authorization-code/callback?state={state}&error=server_error");
            let headers = [("X-Forwarded-For", address)];
            let answer = visitor.send(Method::GET, &callback, &headers, "").await;
            assert_eq!(answer.status, 502);
        };
        let (hostile, other) = (app.visitor(), app.visitor());
        for number in 0..61 {
            fail(&hostile, &format!("198.51.100.{number}")).await;
        }
        fail(&other, "203.0.113.7").await;
        fail(&other, "unknown").await;
        let of = |address: &str| {
            let query = format!("SELECT COUNT(*) AS n FROM audit_events WHERE address {address}");
            app.storage().number(&query)
        };
        assert_eq!(of("LIKE '198.51.100.%'"), 10);
        assert_eq!(of("= '203.0.113.7'"), 1);
        assert_eq!(of("IS NULL"), 1);
    }
}

/// What `doorward audit` prints, as one line of `event subject reason` for each event.
fn asked(app: &TestApp, arguments: &[&str]) -> Vec<String> {
    let arguments = [&["audit", "--json"], arguments].concat();
    let variables = [("DATABASE_URL", app.storage().url.as_str())];
    let (code, printed) = Process::start(DOORWARD, &arguments, &variables).ends();
    assert_eq!(code, Some(0), "{arguments:?}: {printed}");
    let lines = printed.lines().filter(|line| line.starts_with('{'));
    let events = lines.map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let rfc3339 = time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::parse(event["time"].as_str().unwrap(), &rfc3339).unwrap();
        let word = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word("event"), word("subject"), word("reason"))
    });
    events.collect()
}

on_both! {
    async fn the_events_are_asked_for_by_person_by_name_and_by_time(app: TestApp) {
        let (ada, grace) = (app.visitor(), app.visitor());
        ada.sign_in("ada").await;
        grace.sign_in("grace").await;
        grace.post("/logout", "").await;
        let of_ada = ["user_created 00uada -", "sign_in 00uada -"];
        let of_grace = ["user_created 00ugrace -", "sign_in 00ugrace -", "sign_out 00ugrace -"];

        assert_eq!(asked(&app, &[]), [&of_ada[..], &of_grace].concat());
        assert_eq!(asked(&app, &["--user", "ada@example.com"]), of_ada);
        assert_eq!(asked(&app, &["--user", &app.provider.issuer(), "00ugrace"]), of_grace);
        assert_eq!(asked(&app, &["--event", "sign_out"]), of_grace[2..]);
        assert_eq!(asked(&app, &["--user", "ada@example.com", "--event", "sign_out"]), [""; 0]);
        assert_eq!(asked(&app, &["--limit", "1"]), of_grace[2..], "the latest");
        assert_eq!(asked(&app, &["--since", "1h"]).len(), 5);
        assert_eq!(asked(&app, &["--since", "2999-01-01"]), [""; 0]);
    }
}

/// `CREATE INDEX` locks its table against writes for as long as it takes.
#[actix_web::test]
async fn on_postgres_a_sign_out_waits_for_no_index_of_the_events() {
    let app = TestApp::spawn_on(Database::Postgres);
    let ada = app.signed_in("ada").await;
    let mut administrator = PgConnection::establish(&app.storage().url).unwrap();
    administrator
        .batch_execute("BEGIN; CREATE INDEX by_address ON audit_events (address)")
        .unwrap();
    let out = ada.post("/logout", "").await;
    assert_eq!((out.status, app.storage().sessions()), (303, 0));
    assert!(!ada.is_signed_in().await);
    let id = out.header("x-request-id").unwrap();
    let lines = log::lines_with(&format!("doorward::audit [{id}]: sign_out"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    let again = ada.post("/logout", "").await;
    assert_eq!(again.location(), out.location(), "a second click");
}

/// Each way of failing has its word, all the way from the provider to the table.
#[actix_web::test]
async fn the_reason_says_what_went_wrong() {
    let app = TestApp::spawn();
    for (edit, reason) in [
        ("iss", "id_token_issuer"),
        ("aud", "id_token_audience"),
        ("nonce", "id_token_nonce"),
    ] {
        app.provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(move |claims| {
                claims[edit] = "https://another.example".into();
            }));
        });
        assert_eq!(app.visitor().sign_in("ada").await.status, 403);
        let latest = events(&app).pop().unwrap();
        assert_eq!(latest, event("sign_in_failed", None, Some(reason)));
    }
}

/// The session has perhaps ended. There is nothing to try on that connection, and its end is the cause that counts.
#[actix_web::test]
async fn on_postgres_a_connection_that_ends_during_a_sign_out_is_named_as_the_cause() {
    let app = TestApp::spawn_on(Database::Postgres);
    let ada = app.signed_in("ada").await;
    let mut holder = PgConnection::establish(&app.storage().url).unwrap();
    holder
        .batch_execute("BEGIN; SELECT 1 FROM sessions FOR UPDATE")
        .unwrap();
    let cut = async {
        let waits = "FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting = format!("SELECT COUNT(*) AS n {waits}");
        while app.storage().number(&waiting) == 0 {
            actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let terminate = format!("SELECT pg_terminate_backend(pid) {waits}");
        app.storage().execute(&terminate);
    };
    let (out, ()) = futures_util::future::join(ada.post("/logout", ""), cut).await;
    assert_eq!(out.status, 503, "{out:?}");
    assert!(out.body.contains("You may still be signed in"), "{out:?}");
    let id = out.header("x-request-id").unwrap();
    let lines = log::lines_with(&format!("db::trouble [{id}]: "));
    let cause = "terminating connection due to administrator command";
    assert!(lines.iter().any(|line| line.contains(cause)), "{lines:?}");
    holder.batch_execute("COMMIT").unwrap();
    assert!(ada.is_signed_in().await);
}

mod slow {
    use super::*;

    /// Nor of what a second click needs, and not of both: the answer comes before anybody gets an error.
    #[actix_web::test]
    async fn on_postgres_a_sign_out_waits_for_no_index_and_the_log_says_so_once() {
        let app = TestApp::spawn_on(Database::Postgres);
        let mut people = Vec::new();
        for login in ["ada", "grace", "ada"] {
            people.push(app.signed_in(login).await);
        }
        let mut administrator = PgConnection::establish(&app.storage().url).unwrap();
        administrator
            .batch_execute("BEGIN; LOCK TABLE audit_events, sign_outs IN SHARE MODE")
            .unwrap();
        let outs = join_all(people.iter().map(|it| it.post("/logout", ""))).await;
        assert_eq!(app.storage().sessions(), 0);
        let mut told = [0, 0];
        for out in outs {
            assert_eq!(out.status, 303, "{out:?}");
            let id = out.header("x-request-id").unwrap();
            let lines = log::lines_with(&format!("[{id}]: "));
            let count = |text| lines.iter().filter(|line| line.contains(text)).count();
            assert_eq!(count("]: sign_out "), 1, "{lines:?}");
            told[0] += count("audit events of sign-outs are only in the log");
            told[1] += count("won't reach the provider");
        }
        // None, if another test has caused it in the same minute.
        assert!(told.iter().all(|&lines| lines <= 1), "{told:?}");
    }

    on_both! {
        async fn what_an_administrator_does_is_kept_and_outlives_the_person(app: TestApp) {
            app.visitor().sign_in("ada").await;
            let command = |arguments: &[&str]| {
                let variables = [("DATABASE_URL", app.storage().url.as_str())];
                let (code, printed) = Process::start(DOORWARD, arguments, &variables).ends();
                assert_eq!(code, Some(0), "{printed}");
                printed
            };
            let show = command(&["users", "show", "ada@example.com", "--json"]);
            let show: serde_json::Value = serde_json::from_str(show.trim()).unwrap();
            let id = show["id"].as_str().unwrap();
            command(&["sessions", "revoke", "--user", "ada@example.com"]);
            command(&["users", "block", "ada@example.com"]);
            assert_eq!(app.visitor().sign_in("ada").await.status, 403);
            command(&["users", "unblock", "ada@example.com"]);
            command(&["users", "unblock", "ada@example.com"]);
            command(&["users", "delete", "ada@example.com"]);
            let all = [
                "user_created 00uada -",
                "sign_in 00uada -",
                "session_revoked 00uada -",
                "user_blocked 00uada -",
                "sign_in_failed 00uada blocked",
                "user_unblocked 00uada -",
                "user_deleted 00uada -",
            ];
            assert_eq!(asked(&app, &["--user", id]), all);
            assert_eq!(asked(&app, &["--user", &app.provider.issuer(), "00uada"]), all);
        }
    }
}

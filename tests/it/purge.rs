//! Expired rows, and whether they are deleted: not while the clock may be wrong.

use std::time::Instant;

use doorward::accounts::purge::doubt;
use doorward::clock::{Clock, Reading};
use doorward::db::Expiring;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::on_both;
use crate::support::process::{DOORWARD, Process, with_clock};
use crate::support::{Database, TestApp};

/// Why a purge of both tables deletes nothing, if so. Sessions last for 8 hours, and events for 90 days.
fn doubts(app: &TestApp) -> [Option<String>; 2] {
    let (mut connection, now) = (app.storage().connect(), app.clock.now());
    [
        (Expiring::Sessions, now - Duration::hours(8)),
        (Expiring::AuditEvents, now - Duration::days(90)),
    ]
    .map(|(table, until)| {
        let doubt = doubt(&mut connection, table, until, &app.clock);
        doubt.unwrap().map(|doubt| doubt.to_string())
    })
}

/// What the command prints with all settings of `app`.
fn purge(app: &TestApp, starter: &[&str], arguments: &[&str]) -> String {
    let variables = app.variables.iter();
    let variables: Vec<_> = variables
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")])
        .collect();
    let command = [starter, &[DOORWARD, "purge"], arguments].concat();
    let (code, printed) = Process::start(command[0], &command[1..], &variables).ends();
    assert_eq!(code, Some(0), "{arguments:?}: {printed}");
    printed
}

on_both! {
    async fn what_expired_long_ago_is_kept_until_somebody_signs_in(app: TestApp) {
        app.signed_in("ada").await;
        app.signed_in("grace").await;
        app.clock.shift(Duration::hours(23));
        assert_eq!(doubts(&app), [None, None], "sessions that expire one by one");

        app.clock.shift(Duration::days(100));
        let shows = app.clock.now().date();
        for (doubt, rows) in doubts(&app).into_iter().zip(["2 of 2 sessions", "4 of 4 audit events"]) {
            let doubt = doubt.unwrap();
            let begin = format!("{rows} have expired by the clock, which shows {shows} ");
            assert!(doubt.starts_with(&begin), "{doubt}");
            let why = "They are not deleted yet, because nobody has signed in for a day by that clock. ";
            assert!(doubt.contains(why) && doubt.ends_with("`doorward purge --yes`"), "{doubt}");
        }

        // The failures of those who try are no sign that the clock is right.
        let refused = app.visitor().sign_in("ada").await;
        assert_eq!(refused.status, 403, "the ID token has expired: {}", refused.body);
        assert!(doubts(&app).iter().all(Option::is_some));

        let shift = Duration::days(100) + Duration::hours(23);
        app.provider.faults(|faults| faults.edit_claims = Some(Box::new(move |claims| {
            for time in ["exp", "iat", "auth_time"] {
                claims[time] = json!(claims[time].as_i64().unwrap_or_default() + shift.whole_seconds());
            }
        })));
        let ada = app.signed_in("ada").await;
        assert_eq!(doubts(&app), [None, None]);
        ada.post("/logout", "").await;
        assert_eq!(doubts(&app), [None, None], "she has been here");

        // Rows of a clock that was ahead confirm nothing.
        app.clock.shift(Duration::days(-50));
        assert!(doubts(&app)[0].is_some());
    }

    async fn half_of_the_rows_may_go(app: TestApp) {
        for person in ["ada", "grace"] {
            app.signed_in(person).await;
            app.clock.shift(Duration::days(3));
            app.provider.faults(|faults| faults.edit_claims = Some(Box::new(move |claims| {
                for time in ["exp", "iat", "auth_time"] {
                    claims[time] = json!(claims[time].as_i64().unwrap_or_default() + Duration::days(3).whole_seconds());
                }
            })));
        }
        let (mut connection, now) = (app.storage().connect(), app.clock.now());
        for (days_ago, is_refused) in [(4, false), (2, true)] {
            let until = now - Duration::days(days_ago);
            let doubt = doubt(&mut connection, Expiring::Sessions, until, &app.clock);
            assert_eq!(doubt.unwrap().is_some(), is_refused, "{days_ago}");
        }
    }

    async fn by_hand_what_has_expired_is_shown_first(app: TestApp) {
        app.signed_in("ada").await;
        app.signed_in("grace").await;
        let shown = purge(&app, &[], &[]);
        assert!(shown.starts_with("The clock shows "), "{shown}");
        let counts = " UTC. Expired: 0 of 2 sessions, 0 of 4 audit events.\nNothing was deleted: `doorward purge --yes` does that.\n";
        assert!(shown.ends_with(counts), "{shown}");
        assert_eq!(purge(&app, &[], &["--yes"]), "Deleted: 0 sessions, 0 audit events.\n");

        // Long ago, as if the clock was wrong.
        let ada = "WHERE user_id = (SELECT id FROM users WHERE subject = '00uada')";
        app.storage().execute(&format!(
            "UPDATE sessions SET last_seen_at = '2026-01-01 00:00:00' {ada};
             UPDATE audit_events SET id = '0' || substr(id, 2, 2) || '0' || substr(id, 5) {ada} AND event = 'sign_in'"
        ));
        let shown: Value = serde_json::from_str(&purge(&app, &[], &["--json"])).unwrap();
        assert_eq!(shown["sessions"], json!({"expired": 1, "of": 2}));
        assert_eq!(shown["audit_events"], json!({"expired": 1, "of": 4}));
        assert!(shown["time"].as_str().unwrap().ends_with('Z'), "{shown}");
        assert_eq!(app.storage().sessions(), 2);
        let deleted: Value = serde_json::from_str(&purge(&app, &[], &["--json", "--yes"])).unwrap();
        assert_eq!(deleted, json!({"deleted": {"sessions": 1, "audit_events": 1}}));
        assert_eq!(app.storage().sessions(), 1);
        let expired = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'session_expired'";
        assert_eq!(app.storage().number(expired), 1);
    }

    async fn by_hand_it_goes_by_the_databases_clock(app: TestApp) {
        app.signed_in("ada").await;
        let ahead = with_clock("+100d");
        let shown = purge(&app, &ahead.each_ref().map(String::as_str), &[]);
        let on_postgres = app.variables["DATABASE_URL"].starts_with("postgres");
        let counts = match on_postgres {
            true => "Expired: 0 of 1 sessions, 0 of 2 audit events.",
            false => "Expired: 1 of 1 sessions, 2 of 2 audit events.",
        };
        assert!(shown.contains(counts), "{shown}");
    }
}

/// Then one of the two is wrong, and what has just expired by the database's has perhaps not.
#[actix_web::test]
async fn while_the_clocks_of_the_database_and_the_host_contradict_each_other_no_row_goes() {
    let app = TestApp::spawn_on(Database::Postgres);
    for person in ["ada", "grace", "grace"] {
        app.signed_in(person).await;
    }
    let nine_hours_ago = "UPDATE sessions SET last_seen_at = last_seen_at - interval '9 hours'
        WHERE user_id = (SELECT id FROM users WHERE subject = '00uada')";
    app.storage().execute(nine_hours_ago);
    let mut connection = app.storage().connect();
    let now = OffsetDateTime::now_utc();
    for (ahead, is_refused) in [(0, false), (59, false), (61, true), (-61, true)] {
        let shown = now + Duration::minutes(ahead);
        let clock = Clock::default().following(Reading::answered(shown, Instant::now()));
        let until = now - Duration::hours(8);
        let doubt = doubt(&mut connection, Expiring::Sessions, until, &clock).unwrap();
        assert_eq!(doubt.is_some(), is_refused, "{ahead}: {doubt:?}");
    }
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn a_giant_table_is_counted_up_to_a_million() {
        let app = TestApp::spawn_on(Database::Postgres);
        app.storage().execute(
            "INSERT INTO audit_events (id, occurred_at, event)
             SELECT '0001' || lpad(i::text, 28, '0'), '2001-01-01', 'sign_in'
             FROM generate_series(1, 1000001) AS i",
        );
        let shown = purge(&app, &[], &[]);
        let expected = "0 of 0 sessions, 1000000 or more of 1000000 or more audit events.";
        assert!(shown.contains(expected), "{shown}");
        assert!(doubts(&app)[1].is_some());
    }
}

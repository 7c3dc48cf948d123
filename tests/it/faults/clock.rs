//! A process or a Postgres whose clock is wrong, by `faketime`.

use std::net::SocketAddr;

use diesel::prelude::*;
use doorward::accounts::purge::doubt;
use doorward::clock::Clock;
use doorward::db::{AnyConnection, DatabaseUrl, Db, Expiring};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Service, number, start};
use crate::support::app::Storage;
use crate::support::people::login;
use crate::support::postgres::OwnPostgres;
use crate::support::process::{DOORWARD, Process, complete, free_addr, with_clock};
use crate::support::{Database, Visitor};

/// Another process beside the one of `service`, with its clock shifted.
fn sibling(service: &Service, shift: &str) -> (Process, SocketAddr) {
    let addr = free_addr();
    let url = format!("http://{}", service.addr);
    let mut sibling = start(
        &with_clock(shift).each_ref().map(String::as_str),
        addr,
        &service.provider,
        &service.database,
        &[("PUBLIC_URL", &url)],
    );
    sibling.answers(addr);
    (sibling, addr)
}

/// The same browser at another process.
fn at(addr: SocketAddr, service: &Service, browser: &Visitor) -> Visitor {
    let visitor = Visitor::new(&format!("http://{addr}"));
    let visitor = visitor.for_site(&format!("http://{}", service.addr));
    visitor.set_app_cookie("doorward", &browser.app_cookies()["doorward"]);
    visitor
}

/// What `doorward check` prints on a host with its clock shifted.
fn check(service: &Service, shift: &str) -> String {
    let variables = complete(
        service.addr,
        &[
            ("DATABASE_URL", &service.database),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ],
    );
    let variables = variables.iter();
    let variables: Vec<_> = variables
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let starter = with_clock(shift);
    let starter = starter.each_ref().map(String::as_str);
    let command = [&starter[1..], &[DOORWARD, "check"]].concat();
    Process::start(starter[0], &command, &variables).ends().1
}

/// The time of the first line that contains `text`.
fn logged_at(printed: &str, text: &str) -> OffsetDateTime {
    let line = printed.lines().find(|line| line.contains(text)).unwrap();
    let (time, _) = line.split_once(' ').unwrap();
    OffsetDateTime::parse(time, &Rfc3339).unwrap()
}

fn sessions(database: &str) -> i64 {
    number(database, "SELECT COUNT(*) AS n FROM sessions")
}

/// All but failures.
fn events(database: &str) -> i64 {
    let query = "SELECT COUNT(*) AS n FROM audit_events WHERE event <> 'sign_in_failed'";
    number(database, query)
}

#[actix_web::test]
async fn on_postgres_a_process_with_a_wrong_clock_agrees_with_the_others() {
    for (shift, warning, found) in [
        (
            "+100d",
            "the database's clock is 8640000 s behind this host's",
            "the database's is 8640000 s behind ours",
        ),
        (
            "-100d",
            "the database's clock is 8640000 s ahead of this host's",
            "the database's is 8640000 s ahead of ours",
        ),
    ] {
        let storage = Storage::new(Database::Postgres);
        let service = Service::start(&storage.url);
        let (ada, grace) = (service.visitor(), service.visitor());
        ada.sign_in(&login(0)).await;
        grace.sign_in(&login(1)).await;
        // The next request of each is recorded.
        storage.execute("UPDATE sessions SET last_seen_at = last_seen_at - interval '2 minutes'");
        let (wrong, addr) = sibling(&service, shift);
        let printed = wrong.says(warning);
        assert!(printed.contains(" WARN "), "{printed}");

        let (ada_there, grace_there) = (at(addr, &service, &ada), at(addr, &service, &grace));
        assert!(ada_there.is_signed_in().await, "{shift}");
        let seen = "SELECT COUNT(*) AS n FROM sessions WHERE last_seen_at
            BETWEEN timezone('UTC', now()) - interval '1 minute' AND timezone('UTC', now())";
        assert_eq!(storage.number(seen), 1, "{shift}");
        assert!(grace_there.is_signed_in().await, "{shift}");
        grace_there.post("/logout", "").await;
        // Within a minute, as the other process sees it.
        let again = grace.post("/logout", "").await;
        assert!(again.location().contains("id_token_hint="), "{again:?}");
        let recorded = "SELECT COUNT(*) AS n FROM audit_events WHERE occurred_at
            NOT BETWEEN timezone('UTC', now()) - interval '1 minute' AND timezone('UTC', now())";
        assert_eq!(storage.number(recorded), 0, "{shift}");
        assert_eq!(
            (sessions(&service.database), events(&service.database)),
            (1, 5)
        );

        // ID tokens are checked by the clock of the process.
        let somebody = Visitor::new(&format!("http://{addr}"));
        let somebody = somebody.for_site(&format!("http://{}", service.addr));
        let callback = somebody.callback_for(&login(2)).await;
        let (_, target) = callback.split_once("/authorization-code").unwrap();
        let refused = somebody.get(&format!("/authorization-code{target}")).await;
        assert_eq!(refused.status, 403, "{shift}: {}", refused.body);
        wrong.says("check both clocks");

        drop(wrong);
        assert!(ada.is_signed_in().await, "{shift}");

        let report = check(&service, shift);
        let line = format!(
            "warning     db_clock       {found}. Fix: set the clocks of both hosts by NTP."
        );
        assert!(report.contains(&line), "{report}");
    }
}

#[actix_web::test]
async fn on_sqlite_a_start_with_a_wrong_clock_deletes_nothing() {
    for shift in ["+100d", "-100d"] {
        let storage = Storage::new(Database::Sqlite);
        let mut service = Service::start(&storage.url);
        let ada = service.visitor();
        ada.sign_in(&login(0)).await;
        let before = (sessions(&storage.url), events(&storage.url));
        assert_eq!(before, (1, 2));

        service.doorward.kill();
        let (wrong, addr) = sibling(&service, shift);
        let there = at(addr, &service, &ada);
        assert_eq!(
            there.get("/profile").await.location(),
            "/login?return_to=%2Fprofile"
        );
        let cookie = there.app_cookies();
        assert_eq!(
            cookie["doorward"],
            ada.app_cookies()["doorward"],
            "the browser keeps it"
        );
        drop(wrong);

        service.restart();
        assert_eq!(
            (sessions(&storage.url), events(&storage.url)),
            before,
            "{shift}"
        );
        assert!(ada.is_signed_in().await, "{shift}");
    }
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn a_postgres_whose_clock_is_ahead_signs_nobody_out_for_good() {
        let mut postgres = OwnPostgres::start();
        let mut service = Service::start(&postgres.url());
        let (ada, grace) = (service.visitor(), service.visitor());
        ada.sign_in(&login(0)).await;
        service.visitor().sign_in(&login(2)).await;
        let (kept, cookies) = (sessions(&service.database), ada.app_cookies());
        service.doorward.kill();
        postgres.stop();
        postgres.start_again_with_clock("+100d");
        service.restart();
        let ada = ada.reconnected();
        let warning = "the database's clock is 8640000 s ahead of this host's";
        service.doorward.says(warning);
        assert!(!ada.is_signed_in().await);
        assert_eq!(ada.app_cookies(), cookies);
        let grace = grace.reconnected();
        grace.sign_in(&login(1)).await;
        assert!(grace.is_signed_in().await, "by the database's clock");

        // She has signed in, but by the clock of this host.
        let db = Db::new(DatabaseUrl::parse(&service.database, &|_| None).unwrap());
        let reading = db.read_clock_blocking().unwrap().unwrap();
        let clock = Clock::default().following(reading);
        let mut connection =
            AnyConnection::Postgres(PgConnection::establish(&service.database).unwrap());
        for (table, days) in [(Expiring::Sessions, 1), (Expiring::AuditEvents, 90)] {
            let until = clock.now() - time::Duration::days(days);
            let doubt = doubt(&mut connection, table, until, &clock).unwrap();
            let doubt = doubt.map(|doubt| doubt.to_string());
            // To the second, and both clocks go on.
            let why = [8_639_999, 8_640_000, 8_640_001].map(|secs| {
                format!("because the database's clock and this host's are {secs} s apart. ")
            });
            assert!(
                doubt
                    .as_ref()
                    .is_some_and(|it| why.iter().any(|why| it.contains(why))),
                "{table:?}: {doubt:?}"
            );
        }
        drop(connection);

        service.doorward.kill();
        postgres.stop();
        postgres.start_again_with_clock("+0");
        service.restart();
        let (ada, grace) = (ada.reconnected(), grace.reconnected());
        assert!(ada.is_signed_in().await);
        assert!(!grace.is_signed_in().await, "her session is of the future");
        assert_eq!(sessions(&service.database), kept + 1);
    }

    /// Their time runs 15 times as fast: the first purge comes after five minutes.
    #[actix_web::test]
    async fn the_first_purge_is_refused_if_the_clock_is_ahead_and_else_is_not() {
        let mut purging = Vec::new();
        for (database, shift, expected, left) in [
            (
                Database::Sqlite,
                "+100d x15",
                "2 of 2 audit events have expired by the clock",
                (1, 2),
            ),
            (Database::Sqlite, "+10h x15", "session_expired", (0, 3)),
            (Database::Postgres, "+0 x15", "session_expired", (0, 3)),
        ] {
            let storage = Storage::new(database);
            let mut service = Service::start(&storage.url);
            service.visitor().sign_in(&login(0)).await;
            service.doorward.kill();
            if database == Database::Postgres {
                storage.execute(
                    "UPDATE sessions SET last_seen_at = last_seen_at - interval '10 hours'",
                );
            }
            let quick = with_clock(shift);
            let quick = quick.each_ref().map(String::as_str);
            let process = start(&quick, free_addr(), &service.provider, &storage.url, &[]);
            process.says("listening at");
            purging.push((storage, service, process, expected, left));
        }
        for (storage, _service, process, expected, left) in purging {
            let printed = process.says(expected);
            let refused = printed.contains("1 of 1 sessions have expired by the clock");
            assert_eq!(refused, left == (1, 2), "{printed}");
            let found = (sessions(&storage.url), events(&storage.url));
            assert_eq!(found, left, "{expected}: {printed}");
            let waited = logged_at(&printed, expected) - logged_at(&printed, "listening at");
            assert!(waited.whole_seconds() >= 299, "{printed}");
        }
    }
}

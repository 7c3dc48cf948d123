//! A Postgres that does not respond: its packets are lost, its machine is frozen, its tables are locked. Nobody waits for
//! long, and all is well when it is back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use futures_util::future::{join, join_all};
use serde_json::Value;

use crate::faults::{LIMIT, MEASURING, NO_DATABASE_WITHIN, Service, is_back, number, until};
use crate::support::app::Storage;
use crate::support::network::{self, Firewall};
use crate::support::people::{login, person};
use crate::support::postgres::OwnPostgres;
use crate::support::process::{DOORWARD, Process, complete, free_addr, get, provider_for};
use crate::support::provider::Provider;
use crate::support::{Database, Visitor};

/// How soon `/readyz` answers, on a busy machine: it waits for two seconds, a page for six.
const PROBED_WITHIN: Duration = Duration::from_secs(5);

/// How soon pages are served again.
const BACK_WITHIN: Duration = Duration::from_secs(15);

/// A Doorward that asks its database at each request, and people who are signed in.
struct Watched {
    postgres: OwnPostgres,
    doorward: Process,
    addr: SocketAddr,
    people: Vec<Visitor>,
    provider: Provider,
}

impl Watched {
    async fn start() -> Watched {
        let postgres = OwnPostgres::start();
        let addr = free_addr();
        let url = format!("http://{addr}");
        let provider = provider_for(&url, (0..40).map(person).collect());
        let variables = [
            ("OIDC_ISSUER", provider.issuer()),
            ("PUBLIC_URL", url.clone()),
            ("DATABASE_URL", postgres.url()),
            ("SESSION_CACHE", "0".to_owned()),
        ];
        let variables = variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let mut doorward = Process::doorward(addr, &variables);
        doorward.answers(addr);
        let mut watched = Watched {
            postgres,
            doorward,
            addr,
            people: Vec::new(),
            provider,
        };
        watched.open_all_connections().await;
        watched
    }

    /// Signs twelve people in at once, so that the pool opens all of its ten connections.
    async fn open_all_connections(&mut self) {
        let url = self.postgres.url();
        let mut locked = PgConnection::establish(&url).unwrap();
        let lock = "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE";
        locked.batch_execute(lock).unwrap();
        self.people = (0..12).map(|_| self.visitor()).collect();
        let sign_ins = self.people.iter().enumerate();
        let sign_ins = sign_ins.map(async |(number, visitor)| {
            let answer = visitor.sign_in(&login(number)).await;
            assert!(is_back(&answer), "{answer:?}");
        });
        let release = async {
            let waiting =
                "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
            until("ten connections", Duration::from_secs(5), async || {
                number(&url, waiting) == 10
            })
            .await;
            locked.batch_execute("COMMIT").unwrap();
        };
        join(join_all(sign_ins), release).await;
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(&format!("http://{}", self.addr))
    }

    /// Asks for everything at once, by browsers, probes and commands. Each gets an answer, whatever it is, in time.
    async fn assert_that_nobody_waits(&self, what: &str) {
        let commands = [
            &["users", "list"][..],
            &["users", "show", "0@example.com"],
            &["sessions", "list"],
            &["audit"],
            &["check"],
            &["healthcheck"],
        ];
        let commands = commands.map(|arguments| self.command(arguments));
        let newcomers: Vec<_> = (20..23).map(|_| self.visitor()).collect();
        let callbacks = newcomers.iter().zip(20..);
        let callbacks =
            callbacks.map(async |(visitor, number)| visitor.callback_for(&login(number)).await);
        let callbacks = join_all(callbacks).await;
        let asked = Instant::now();
        let in_time = |who: &str| {
            let took = asked.elapsed();
            assert!(
                took < NO_DATABASE_WITHIN,
                "{what}: {who} waited for {took:?}"
            );
        };
        let pages = self.people[1..].iter().map(async |visitor| {
            visitor.get("/profile").await;
            in_time("a page");
        });
        let sign_ins = newcomers
            .iter()
            .zip(&callbacks)
            .map(async |(visitor, callback)| {
                visitor.get(callback).await;
                in_time("a sign-in");
            });
        let sign_out = async {
            self.people[0].post("/logout", "").await;
            in_time("a sign-out");
        };
        let probe = async {
            self.visitor().get("/readyz").await;
            let took = asked.elapsed();
            assert!(took < PROBED_WITHIN, "{what}: /readyz took {took:?}");
        };
        let all = join(
            join(join_all(pages), join_all(sign_ins)),
            join(sign_out, probe),
        );
        timeout(LIMIT, all).await.expect("an end");
        for (mut command, arguments) in commands {
            command.ends();
            in_time(&arguments);
        }
    }

    fn command(&self, arguments: &[&str]) -> (Process, String) {
        let (url, issuer) = (self.postgres.url(), self.provider.issuer());
        let variables = complete(
            self.addr,
            &[("DATABASE_URL", &url), ("OIDC_ISSUER", &issuer)],
        );
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let process = Process::start(DOORWARD, arguments, &variables);
        (process, arguments.join(" "))
    }

    /// Waits for a page of somebody who is signed in. Each attempt has an answer in time.
    async fn assert_that_pages_are_served_again(&self, since: Instant) {
        for visitor in &self.people[1..] {
            loop {
                let asked = Instant::now();
                let answer = visitor.get("/profile").await;
                assert!(asked.elapsed() < NO_DATABASE_WITHIN, "{answer:?}");
                if answer.status == 200 {
                    break;
                }
                assert!(since.elapsed() < BACK_WITHIN, "{answer:?}");
            }
        }
        let answer = Visitor::new(&format!("http://{}", self.addr))
            .sign_in("p30")
            .await;
        assert!(is_back(&answer), "{answer:?}");
        let ready = get(self.addr, "/readyz").unwrap();
        assert!(ready.ends_with("database: ok\n"), "{ready}");
    }

    /// The lines that were logged since `printed` had `already` bytes, without those of the audit and of each request.
    fn logged(&self, already: usize) -> Vec<String> {
        let printed = self.doorward.printed();
        let lines = printed[already..].lines();
        lines
            .filter(|line| !line.contains("doorward::access") && !line.contains("doorward::audit"))
            .map(str::to_owned)
            .collect()
    }
}

/// What a firewall or NAT does that drops the state of idle connections: they stay open, and all packets are lost. New ones
/// work.
#[actix_web::test]
async fn ten_connections_that_a_firewall_forgot_hold_nobody_for_long() {
    let _measuring = MEASURING.lock().await;
    if !network::is_own(
        "faults::slow::silence::ten_connections_that_a_firewall_forgot_hold_nobody_for_long",
    ) {
        return;
    }
    let mut watched = Watched::start().await;
    let firewall = Firewall::before(watched.postgres.port());

    // Everybody comes at once.
    assert!(firewall.forget() >= 10);
    let since = Instant::now();
    watched.assert_that_nobody_waits("forgotten").await;
    watched.assert_that_pages_are_served_again(since).await;

    // One person at a time, who would get one dead connection after the other.
    watched.open_all_connections().await;
    assert!(firewall.forget() >= 10);
    watched
        .assert_that_pages_are_served_again(Instant::now())
        .await;

    // Nobody but a probe, which does not wait for the answer.
    watched.open_all_connections().await;
    assert!(firewall.forget() >= 10);
    let since = Instant::now();
    let probe = Visitor::new(&format!("http://{}", watched.addr));
    loop {
        let answer = timeout(Duration::from_secs(1), probe.get("/readyz")).await;
        if answer.is_ok_and(|answer| answer.status == 200) {
            break;
        }
        let printed = watched.doorward.printed();
        assert!(since.elapsed() < BACK_WITHIN, "{printed}");
    }
}

#[actix_web::test]
async fn nobody_waits_for_a_postgres_that_hangs_and_the_log_says_so_in_few_lines() {
    let _measuring = MEASURING.lock().await;
    if !network::is_own(
        "faults::slow::silence::nobody_waits_for_a_postgres_that_hangs_and_the_log_says_so_in_few_lines",
    ) {
        return;
    }
    for fault in ["frozen", "cut off"] {
        let watched = Watched::start().await;
        let firewall = Firewall::before(watched.postgres.port());
        let already = watched.doorward.printed().len();
        let frozen = (fault == "frozen").then(|| watched.postgres.freeze());
        if frozen.is_none() {
            firewall.lose_all();
        }
        // Twice: the second time, ten queries hang already.
        watched.assert_that_nobody_waits(fault).await;
        watched.assert_that_nobody_waits(fault).await;
        drop(frozen);
        firewall.heal();
        watched
            .assert_that_pages_are_served_again(Instant::now())
            .await;
        until("the end in the log", BACK_WITHIN, async || {
            get(watched.addr, "/readyz");
            watched
                .doorward
                .printed()
                .contains("the database is back: ")
        })
        .await;
        let lines = watched.logged(already);
        let said = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
        let causes = said("the database did not respond within 2 s")
            + said("no free database connection within 2 s");
        assert_eq!(causes, 2, "{lines:#?}");
        assert_eq!(said("/readyz answers 503: "), 1, "{lines:#?}");
        assert_eq!(said("queries have waited for up to "), 1, "{lines:#?}");
        assert_eq!(said("/readyz answers 200 again: "), 1, "{lines:#?}");
        assert_eq!(said("the database is back: "), 1, "{lines:#?}");
        assert_eq!(lines.len(), 4, "{lines:#?}");
    }
}

#[actix_web::test]
async fn nobody_waits_for_a_locked_table_and_the_server_gives_up_too() {
    let _measuring = MEASURING.lock().await;
    let watched = Watched::start().await;
    let url = watched.postgres.url();
    for table in ["sessions", "users", "audit_events"] {
        let mut locked = PgConnection::establish(&url).unwrap();
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        locked.batch_execute(&lock).unwrap();
        watched.assert_that_nobody_waits(table).await;
        let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity \
                       WHERE wait_event_type = 'Lock' AND now() - query_start > INTERVAL '5 s'";
        assert_eq!(number(&url, waiting), 0, "{table}");
        drop(locked);
        watched
            .assert_that_pages_are_served_again(Instant::now())
            .await;
    }
}

/// Whoever waits for the query stops after six seconds, and the server works on.
#[actix_web::test]
async fn an_event_that_is_kept_when_nobody_waits_any_more_is_logged_once() {
    let storage = Storage::new(Database::Postgres);
    let url = format!("{}?options=-c%20statement_timeout%3D20s", storage.url);
    let service = Service::start(&url);
    let visitor = service.visitor();
    let callback = visitor.callback_for(&login(0)).await;
    storage.execute(
        "CREATE FUNCTION slow() RETURNS trigger AS
             'BEGIN PERFORM pg_sleep(7); RETURN NEW; END' LANGUAGE plpgsql;
         CREATE TRIGGER slow BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let wrong = |claims: &mut Value| claims["iss"] = "https://another.example".into();
    let faults = |edit| service.provider.faults(|faults| faults.edit_claims = edit);
    faults(Some(Box::new(wrong)));
    let refused = visitor.get(&callback).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let kept = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'sign_in_failed'";
    until("the event", Duration::from_secs(10), async || {
        storage.number(kept) == 1
    })
    .await;
    storage.execute("DROP TRIGGER slow ON audit_events");
    faults(None);
    assert!(is_back(&service.visitor().sign_in(&login(1)).await));
    let printed = service.doorward.says("user_created");
    let logged = printed.matches("sign_in_failed reason=id_token_issuer");
    assert_eq!(logged.count(), 1, "{printed}");
}

//! Databases that are there and do not do what they should: they never answer, or take no writes any more.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::app::Storage;
use crate::support::process::{Process, free_addr, get, provider_for};
use crate::support::provider::demo_people;
use crate::support::{Database, TestApp, Visitor};

/// The longest wait for a page, whatever the database does.
const NO_DATABASE_WITHIN: Duration = Duration::from_secs(7);

/// Stands before a Postgres and hands everything on, unless it is told to keep it to itself: no connection ends, and
/// nothing comes.
struct Relay {
    addr: SocketAddr,
    is_silent: Arc<AtomicBool>,
}

impl Relay {
    fn before(postgres: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let is_silent = Arc::new(AtomicBool::new(false));
        let shared = is_silent.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(postgres) else {
                    continue;
                };
                hand_on(
                    client.try_clone().unwrap(),
                    server.try_clone().unwrap(),
                    shared.clone(),
                );
                hand_on(server, client, shared.clone());
            }
        });
        Relay { addr, is_silent }
    }

    fn is_silent(&self, is_so: bool) {
        self.is_silent.store(is_so, Ordering::SeqCst);
    }
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, is_silent: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            while is_silent.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// The server that was the first of a cluster goes on answering as a standby.
#[actix_web::test]
async fn after_a_failover_no_connection_stays_where_nothing_is_written() {
    let app = TestApp::spawn_on(Database::Postgres);
    let storage = app.storage();
    let name = storage.url.rsplit('/').next().unwrap();
    storage.execute(&format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = '{name}' AND pid <> pg_backend_pid();"
    ));
    let refused = app.visitor().sign_in("ada").await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    storage.execute(&format!(
        "SET TRANSACTION READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only;"
    ));
    // Each of ten connections at most finds out by itself.
    for _ in 0..10 {
        if app.visitor().sign_in("ada").await.header("location") == Some("/profile") {
            return;
        }
    }
    panic!("writes still go to the standby");
}

mod slow {
    use super::*;

    /// A frozen machine, a firewall that forgot a connection: libpq alone would wait for a quarter of an hour, and every
    /// probe that comes meanwhile would keep its connection to us.
    #[actix_web::test]
    async fn a_database_that_never_answers_holds_nobody_and_comes_back() {
        let storage = Storage::new(Database::Postgres);
        let (_, place) = storage.url.rsplit_once('@').unwrap();
        let (place, _) = place.split_once('/').unwrap();
        let relay = Relay::before(place.parse().unwrap());
        let through_relay = storage.url.replace(place, &relay.addr.to_string());
        let addr = free_addr();
        let url = format!("http://{addr}");
        let provider = provider_for(&url, demo_people());
        let variables = [
            ("OIDC_ISSUER", provider.issuer()),
            ("PUBLIC_URL", url.clone()),
            ("DATABASE_URL", through_relay),
            ("SESSION_CACHE", "0".to_owned()),
        ];
        let variables = variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let mut doorward = Process::doorward(addr, &variables);
        doorward.answers(addr);
        let ada = Visitor::new(&url);
        ada.sign_in("ada").await;

        relay.is_silent(true);
        let asked = Instant::now();
        let probes = [(); 30].map(|()| std::thread::spawn(move || get(addr, "/readyz").unwrap()));
        let profile = ada.get("/profile").await;
        assert_eq!(profile.status, 503, "{}", profile.body);
        for probe in probes {
            let answer = probe.join().unwrap();
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        }
        assert!(
            asked.elapsed() < NO_DATABASE_WITHIN,
            "{:?}",
            asked.elapsed()
        );
        // That one query has no answer, or that no connection is free: all have waited for the same one.
        let printed = doorward.printed();
        let cause = "/readyz answers 503: ";
        assert_eq!(printed.matches(cause).count(), 1, "{printed}");
        let why = [
            "no free database connection within 2 s",
            "the database did not respond within 2 s",
        ];
        let is_said = why
            .iter()
            .any(|why| printed.contains(&format!("{cause}{why}")));
        assert!(is_said, "{printed}");

        relay.is_silent(false);
        let deadline = Instant::now() + NO_DATABASE_WITHIN;
        while !get(addr, "/readyz").unwrap().ends_with("database: ok\n") {
            assert!(Instant::now() < deadline, "{}", doorward.printed());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(ada.get("/profile").await.status, 200);
    }
}

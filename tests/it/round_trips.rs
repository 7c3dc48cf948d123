//! How often Postgres is asked: counted on the way, by what libpq sends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::app::Storage;
use crate::support::{Database, TestApp};

/// Stands before Postgres and counts round trips.
struct Counter {
    url: String,
    count: Arc<AtomicUsize>,
}

impl Counter {
    fn before(postgres: &str) -> Counter {
        let mut url = url::Url::parse(postgres).unwrap();
        let postgres = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port()))
            .unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        // The thread ends with the process; each connection ends when either side does.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&postgres).unwrap());
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass_on(from, to));
                let counted = counted.clone();
                std::thread::spawn(move || count_and_pass_on(client, server, &counted));
            }
        });
        Counter {
            url: url.into(),
            count,
        }
    }

    /// How many round trips since the last time.
    fn take(&self) -> usize {
        self.count.swap(0, Ordering::SeqCst)
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// Messages have a type, a length that counts itself, and a body; those before the connection has
/// begun have no type (PostgreSQL, Message Formats). One round trip ends with Sync or is a Query.
fn count_and_pass_on(mut from: TcpStream, mut to: TcpStream, count: &AtomicUsize) {
    const PROTOCOL_3: [u8; 4] = [0, 3, 0, 0];
    let mut has_begun = false;
    let mut pass_one = || -> std::io::Result<()> {
        let mut head = vec![0; if has_begun { 5 } else { 4 }];
        from.read_exact(&mut head)?;
        let len = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap());
        let mut body = vec![0; len as usize - 4];
        from.read_exact(&mut body)?;
        if has_begun && matches!(head[0], b'S' | b'Q') {
            count.fetch_add(1, Ordering::SeqCst);
        }
        has_begun |= body.starts_with(&PROTOCOL_3);
        to.write_all(&[head, body].concat())
    };
    while pass_one().is_ok() {}
    let _ = to.shutdown(Shutdown::Both);
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn a_session_is_one_round_trip_and_for_a_moment_none() {
        let storage = Storage::new(Database::Postgres);
        let counter = Counter::before(&storage.url);
        for (session_cache, expected) in [("0", 1), ("1m", 0)] {
            let settings = [
                ("DATABASE_URL", counter.url.as_str()),
                ("SESSION_CACHE", session_cache),
            ];
            let app = TestApp::spawn_with(Database::Postgres, &settings);
            let ada = app.visitor();
            ada.sign_in("ada").await;
            // Statements are prepared, and what is remembered is.
            for _ in 0..20 {
                ada.get("/profile").await;
            }
            counter.take();
            assert_eq!(ada.get("/profile").await.status, 200);
            assert_eq!(counter.take(), expected, "SESSION_CACHE={session_cache}");
            assert_eq!(app.visitor().get("/").await.status, 200);
            assert_eq!(counter.take(), 0, "a person who is signed out");
        }
    }

    #[actix_web::test]
    async fn a_sign_in_of_somebody_known_is_one_round_trip() {
        let storage = Storage::new(Database::Postgres);
        let counter = Counter::before(&storage.url);
        let settings = [("DATABASE_URL", counter.url.as_str())];
        let app = TestApp::spawn_with(Database::Postgres, &settings);
        // Until each connection has prepared its statements.
        for _ in 0..20 {
            app.visitor().sign_in("ada").await;
        }
        counter.take();
        assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
        assert_eq!(counter.take(), 1);
    }
    /// One loads the session. One begins the transaction, one is the statement, one commits.
    #[actix_web::test]
    async fn a_sign_out_is_four_round_trips() {
        let storage = Storage::new(Database::Postgres);
        let counter = Counter::before(&storage.url);
        let settings = [("DATABASE_URL", counter.url.as_str())];
        let app = TestApp::spawn_with(Database::Postgres, &settings);
        let sign_out = async || {
            let ada = app.signed_in("ada").await;
            counter.take();
            assert_eq!(ada.post("/logout", "").await.status, 303);
            counter.take()
        };
        // Until each connection has prepared its statements.
        for _ in 0..20 {
            sign_out().await;
        }
        assert_eq!(sign_out().await, 4);
    }
}

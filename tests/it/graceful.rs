//! Stopping and restarting without a failed request: real processes, real signals, a real nginx.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::rt::System;

use crate::support::app::Storage;
use crate::support::nginx::Nginx;
use crate::support::process::{PATIENCE, Process, free_addr, get, provider_for};
use crate::support::provider::demo_people;
use crate::support::{Database, Visitor};

#[test]
fn asked_to_stop_it_says_so_and_serves_on_for_the_delay() {
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[("SHUTDOWN_DELAY", "5m")]);
    doorward.answers(addr);
    assert!(get(addr, "/readyz").unwrap().starts_with("HTTP/1.1 200"));
    doorward.signal("TERM");
    doorward.says("/readyz now answers 503");
    let unready = get(addr, "/readyz").unwrap();
    assert!(
        unready.starts_with("HTTP/1.1 503") && unready.ends_with("\r\n\r\nstopping\n"),
        "{unready}"
    );
    assert!(get(addr, "/healthz").unwrap().starts_with("HTTP/1.1 200"));
    let home = ask(addr, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let home = read_all(home);
    assert!(
        home.starts_with("HTTP/1.1 200") && home.contains("login-button"),
        "{home}"
    );
    assert!(
        home.contains("connection: close"),
        "a client that keeps its connection is told to close it"
    );
    // An impatient client retries.
    doorward.signal("TERM");
    let (code, printed) = doorward.ends();
    assert_eq!(code, Some(0), "{printed}");
}

/// A provider that accepts a request and responds on command.
pub struct Hesitant(TcpListener);

impl Hesitant {
    pub fn new() -> (Hesitant, String) {
        let listener = TcpListener::bind(free_addr()).unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        (Hesitant(listener), issuer)
    }

    pub fn is_asked(&self) -> TcpStream {
        let (mut request, _) = self.0.accept().unwrap();
        assert_ne!(request.read(&mut [0; 1024]).unwrap(), 0);
        request
    }
}

fn ask(addr: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn read_all(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

const LOGIN: &str = "GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn what_does_not_end_in_time_is_given_up_and_the_exit_code_is_zero_all_the_same() {
    let (provider, issuer) = Hesitant::new();
    let addr = free_addr();
    let variables = [("OIDC_ISSUER", issuer.as_str()), ("SHUTDOWN_TIMEOUT", "1s")];
    let mut doorward = Process::doorward(addr, &variables);
    doorward.answers(addr);
    let under_way = ask(addr, LOGIN);
    let _request = provider.is_asked();
    let asked = Instant::now();
    doorward.signal("TERM");
    let (code, printed) = doorward.ends();
    assert_eq!(code, Some(0), "{printed}");
    let took = asked.elapsed();
    assert!((1..5).contains(&took.as_secs()), "{took:?}");
    let cut_off = "requests that were cut off after 1 s (SHUTDOWN_TIMEOUT): 1\n";
    assert!(printed.contains(cut_off), "{printed}");
    assert_eq!(read_all(under_way), "");
}

/// People who sign in, look and sign out, one after the other, until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn on(url: &str) -> Load {
        let (stop, rounds) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let threads = (0..4)
            .map(|_| {
                let (stop, rounds, url) = (stop.clone(), rounds.clone(), url.to_owned());
                std::thread::spawn(move || {
                    System::new().block_on(async {
                        while !stop.load(Ordering::Relaxed) {
                            round(&url).await;
                            rounds.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                })
            })
            .collect();
        Load {
            stop,
            rounds,
            threads,
        }
    }

    /// Waits until so many more have come and gone.
    fn goes_on(&self, more: usize) {
        let enough = self.rounds.load(Ordering::Relaxed) + more;
        let deadline = Instant::now() + PATIENCE;
        while self.rounds.load(Ordering::Relaxed) < enough {
            let failed = self.threads.iter().any(JoinHandle::is_finished);
            assert!(
                !failed && Instant::now() < deadline,
                "somebody met an error"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn ends(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("nobody met an error");
        }
        self.rounds.load(Ordering::Relaxed)
    }
}

async fn round(url: &str) {
    let ada = Visitor::new(url);
    assert_eq!(ada.get("/").await.status, 200);
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    for _ in 0..3 {
        let profile = ada.get("/profile").await;
        assert_eq!(
            profile.text("claim-name").as_deref(),
            Some("Ada Lovelace"),
            "{}",
            profile.body
        );
    }
    let out = ada.post("/logout", "").await;
    assert!(
        out.location().contains("/end_session?"),
        "{}",
        out.location()
    );
}

mod slow {
    use super::*;

    #[test]
    fn what_is_under_way_is_finished_and_nothing_new_is_accepted() {
        for signal in ["TERM", "INT"] {
            let (provider, issuer) = Hesitant::new();
            let addr = free_addr();
            let mut doorward = Process::doorward(addr, &[("OIDC_ISSUER", &issuer)]);
            doorward.answers(addr);
            let under_way = ask(addr, LOGIN);
            let mut request = provider.is_asked();
            doorward.signal(signal);
            let deadline = Instant::now() + PATIENCE;
            while TcpStream::connect(addr).is_ok() {
                assert!(Instant::now() < deadline, "it goes on accepting");
            }
            // The framework looks once a second whether the time is up.
            std::thread::sleep(Duration::from_millis(2500));
            request
                .write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
            let answer = read_all(under_way);
            assert!(
                answer.starts_with("HTTP/1.1 502") && answer.ends_with("</html>\n"),
                "{answer}"
            );
            let (code, printed) = doorward.ends();
            assert_eq!(code, Some(0), "{printed}");
        }
    }

    #[test]
    fn a_restart_of_each_in_turn_behind_nginx_loses_no_request() {
        let storage = Storage::new(Database::Postgres);
        let nginx_addr = free_addr();
        let url = format!("http://{nginx_addr}");
        let provider = provider_for(&url, demo_people());
        let issuer = provider.issuer();
        let variables = [
            ("OIDC_ISSUER", issuer.as_str()),
            ("PUBLIC_URL", &url),
            ("DATABASE_URL", &storage.url),
            ("TRUSTED_PROXIES", "127.0.0.0/8"),
            ("SHUTDOWN_DELAY", "1s"),
            ("RUST_LOG", "warn"),
        ];
        let addrs = [free_addr(), free_addr()];
        let mut doorwards = addrs.map(|addr| Process::doorward(addr, &variables));
        for (doorward, addr) in doorwards.iter_mut().zip(addrs) {
            doorward.answers(addr);
        }
        // It meets closed doors and broken connections, and mends them by asking the other one.
        let _nginx = Nginx::start(nginx_addr, &addrs.map(|addr| addr.to_string()));

        let load = Load::on(&url);
        load.goes_on(8);
        for _ in 0..2 {
            for (doorward, addr) in doorwards.iter_mut().zip(addrs) {
                doorward.signal("TERM");
                let (code, printed) = doorward.ends();
                assert_eq!(code, Some(0), "{printed}");
                // Everybody is served by the other one.
                load.goes_on(8);
                *doorward = Process::doorward(addr, &variables);
                doorward.answers(addr);
                load.goes_on(8);
            }
        }
        let rounds = load.ends();
        println!("{rounds} people, 4 restarts, no error");
        for doorward in &doorwards {
            assert_eq!(doorward.printed(), "", "nothing went wrong inside either");
        }
        assert_eq!(storage.sessions(), 0);
    }
}

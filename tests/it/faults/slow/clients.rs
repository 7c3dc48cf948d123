//! Clients that never finish a request, and clients with made-up cookies.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use actix_web::rt::time::{sleep, timeout};
use doorward::random;

use crate::faults::{
    LIMIT, MEASURING, NO_RECORDS, Service, assert_page, assert_unhindered, is_back, many,
};
use crate::support::Database;
use crate::support::app::Storage;
use crate::support::postgres::OwnPostgres;

/// What a client that takes its time got until it was cut, and when that was.
struct SlowClient {
    stream: TcpStream,
    cut: Option<Duration>,
    got: Vec<u8>,
}

impl SlowClient {
    fn new(addr: SocketAddr, beginning: &str) -> SlowClient {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        SlowClient {
            stream,
            cut: None,
            got: Vec::new(),
        }
    }

    /// Sends one more byte, if the connection is still open.
    fn send(&mut self, byte: &[u8], since: Instant) {
        if self.cut.is_some() {
            return;
        }
        let _ = self.stream.write(byte);
        let mut bytes = [0; 1024];
        match self.stream.read(&mut bytes) {
            Err(cause) if cause.kind() == std::io::ErrorKind::WouldBlock => (),
            Ok(count) if count > 0 => self.got.extend_from_slice(&bytes[..count]),
            _ => self.cut = Some(since.elapsed()),
        }
    }
}

#[actix_web::test]
async fn clients_that_never_come_to_an_end_keep_nobody_out() {
    let _measuring = MEASURING.lock().await;
    let storage = Storage::new(Database::Sqlite);
    let service = Service::start(&storage.url);
    let somebody = service.visitor();
    assert!(is_back(&somebody.sign_in("p0").await));
    let began = Instant::now();
    let mut headers: Vec<_> = (0..300)
        .map(|_| {
            SlowClient::new(
                service.addr,
                "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
            )
        })
        .collect();
    let announce = "POST /authorization-code/callback HTTP/1.1\r\nHost: localhost\r\n\
                    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000\r\n\r\n";
    let mut bodies: Vec<_> = (0..50)
        .map(|_| SlowClient::new(service.addr, announce))
        .collect();
    while headers.iter().any(|client| client.cut.is_none()) {
        assert!(began.elapsed() < Duration::from_secs(12), "not cut");
        for client in &mut headers {
            client.send(b"x", began);
        }
        for client in &mut bodies {
            client.send(b"", began);
        }
        let second = Instant::now() + Duration::from_secs(1);
        while Instant::now() < second {
            assert_unhindered(&service, &somebody).await;
            sleep(Duration::from_millis(50)).await;
        }
    }
    for client in &headers {
        let cut = client.cut.unwrap();
        assert!(cut > Duration::from_secs(4), "{cut:?}");
        let got = String::from_utf8_lossy(&client.got);
        assert!(got.is_empty() || got.starts_with("HTTP/1.1 408"), "{got}");
    }
    assert!(is_back(&service.visitor().sign_in("p1").await));
}

#[actix_web::test]
async fn made_up_cookies_cost_no_query() {
    let mut postgres = OwnPostgres::start();
    let service = Service::start(&postgres.url());
    let somebody = service.visitor();
    assert!(is_back(&somebody.sign_in("p0").await));
    let real = somebody.app_cookies()["doorward"].clone();
    postgres.stop();
    let asked = Instant::now();
    let asking = many(2000, 16, async |number| {
        let made_up = match number % 5 {
            0 => random::secret(),
            // The shape of ours: a signature of 44 characters, then the value.
            1 => format!("{}={}", random::secret(), random::secret()),
            2 => format!("{}{}", &real[..real.len() - 43], random::secret()),
            3 => real[..number % real.len()].to_owned(),
            _ => format!("{real}{number}"),
        };
        let visitor = service.visitor();
        visitor.set_app_cookie("doorward", &made_up);
        let home = visitor.get("/").await;
        assert_eq!(home.status, 200, "{made_up}");
        assert!(home.has("login-button"));
    });
    timeout(LIMIT, asking).await.expect("an end");
    assert!(
        asked.elapsed() < Duration::from_secs(40),
        "{:?}",
        asked.elapsed()
    );
    assert_page(&somebody.get("/").await, 503, NO_RECORDS);
}

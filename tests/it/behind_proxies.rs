//! The client's address in the access log, and which headers of a proxy are trusted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use awc::http::Method;

use crate::support::nginx::Nginx;
use crate::support::process::{PATIENCE, Process, free_addr, get};
use crate::support::{Database, TestApp, log};

/// What the access log says of a request for a path of its own with these headers.
async fn logged(variables: &[(&str, &str)], headers: &[(&str, &str)]) -> String {
    let app = TestApp::spawn_with(Database::Sqlite, variables);
    let path = format!("/{}", doorward::random::id());
    app.visitor().send(Method::GET, &path, headers, "").await;
    let lines = log::lines_with(&format!("GET {path} 404"));
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    line.split_whitespace().nth(3).unwrap().to_owned()
}

#[actix_web::test]
async fn a_trusted_proxy_says_for_whom_it_asks() {
    let trusted = ("TRUSTED_PROXIES", "127.0.0.0/8");
    let claim = ("X-Forwarded-For", "203.0.113.9, 198.51.100.7");
    assert_eq!(logged(&[trusted], &[claim]).await, "198.51.100.7");
    let forwarded = ("CLIENT_ADDR_HEADER", "forwarded");
    let claim = ("Forwarded", "for=\"[2001:db8::7]:80\"");
    assert_eq!(logged(&[trusted, forwarded], &[claim]).await, "2001:db8::7");
}

#[actix_web::test]
async fn anybody_else_is_who_they_are() {
    let claims = [
        ("X-Forwarded-For", "198.51.100.7"),
        ("Forwarded", "for=198.51.100.7"),
    ];
    assert_eq!(logged(&[], &claims).await, "127.0.0.1");
    let others = [("TRUSTED_PROXIES", "10.0.0.0/8 unix")];
    assert_eq!(logged(&others, &claims).await, "127.0.0.1");
}

/// Sends these bytes after the request line, on a connection of its own; the whole answer.
fn ask(mut stream: impl Read + Write, path: &str, headers: &[u8]) -> String {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
    request.extend_from_slice(headers);
    request.extend_from_slice(b"Connection: close\r\n\r\n");
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn status(answer: &str) -> &str {
    answer.split_whitespace().nth(1).unwrap_or_default()
}

fn request_id(answer: &str) -> &str {
    let mut lines = answer.lines();
    lines
        .find_map(|line| line.strip_prefix("x-request-id: "))
        .unwrap_or_else(|| panic!("{answer}"))
}

/// Whatever the visitor wrote stands to the left of the address that the proxy added.
#[test]
fn bytes_that_are_no_text_hide_no_address_and_lift_no_limit() {
    let addr = free_addr();
    let variables = [("TRUSTED_PROXIES", "127.0.0.0/8"), ("RATE_LIMIT", "2")];
    let mut doorward = Process::doorward(addr, &variables);
    doorward.answers(addr);
    let login = |headers: &[u8]| {
        let answer = ask(connect(addr), "/login", headers);
        status(&answer).to_owned()
    };
    // 502, since the provider is away: it was asked.
    for header in [
        &b"X-Forwarded-For: \xff, 198.51.100.7\r\n"[..],
        b"X-Forwarded-For: 10.0.0.1\xff\x80\r\nX-Forwarded-For: 198.51.100.7\r\n",
    ] {
        assert_eq!(login(header), "502");
    }
    doorward.says("198.51.100.7 GET /login 502");
    for header in [
        &b"X-Forwarded-For: \xff, 198.51.100.7\r\n"[..],
        b"X-Forwarded-For: \xe2\x80\x83,198.51.100.7\t\r\n",
        b"X-Forwarded-For: 198.51.100.7\r\n",
    ] {
        assert_eq!(login(header), "429");
    }
    assert_eq!(login(b"X-Forwarded-For: \xff, 198.51.100.8\r\n"), "502");

    // Clients without a known address share one allowance.
    let unknown: [&[u8]; 4] = [
        b"X-Forwarded-For: 198.51.100.9, \xff\r\n",
        b"X-Forwarded-For: unknown\r\n",
        b"X-Forwarded-For:\r\n",
        b"X-Forwarded-For: 198.51.100.9, \xe2\x80\x83127.0.0.1\r\n",
    ];
    let statuses = unknown.map(login);
    assert_eq!(statuses, ["502", "502", "429", "429"]);
    doorward.says("- GET /login 502");
    assert_eq!(login(b"X-Forwarded-For: 198.51.100.10\r\n"), "502");
}

#[test]
fn behind_a_unix_socket_that_is_not_trusted_all_share_one_allowance() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listen_addr = format!("unix:{}", socket.display());
    let variables = [("LISTEN_ADDR", listen_addr.as_str()), ("RATE_LIMIT", "2")];
    let doorward = Process::doorward(free_addr(), &variables);
    doorward.says(&format!("listening at {listen_addr}"));
    doorward.says("all clients behind a Unix socket share one RATE_LIMIT");
    let statuses = [1, 2, 3].map(|number| {
        let header = format!("X-Forwarded-For: 198.51.100.{number}\r\n");
        let stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        status(&ask(stream, "/login", header.as_bytes())).to_owned()
    });
    assert_eq!(statuses, ["502", "502", "429"]);
}

/// As `docs/operations.md` sets it up.
#[test]
fn through_nginx_a_visitor_chooses_neither_their_address_nor_the_requests_id() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listen_addr = format!("unix:{}", socket.display());
    let variables = [
        ("LISTEN_ADDR", listen_addr.as_str()),
        ("TRUSTED_PROXIES", "unix"),
        ("TRUST_REQUEST_ID", "true"),
        ("RATE_LIMIT", "2"),
    ];
    let doorward = Process::doorward(free_addr(), &variables);
    doorward.says(&format!("listening at {listen_addr}"));
    let nginx_addr = free_addr();
    let _nginx = Nginx::start(nginx_addr, std::slice::from_ref(&listen_addr));
    let hostile = [
        &b"X-Forwarded-For: \xff\r\nX-Request-Id: forged\r\n"[..],
        b"X-Forwarded-For: 198.51.100.7\r\nX-Request-Id: forged\r\nX-Request-Id: again\r\n",
        b"X-Forwarded-For: \xff, \xff\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
    ];
    let answers = hostile.map(|headers| ask(connect(nginx_addr), "/login", headers));
    let statuses = answers.each_ref().map(|answer| status(answer));
    assert_eq!(statuses, ["502", "502", "429"]);
    let ids = answers.each_ref().map(|answer| request_id(answer));
    for id in ids {
        let is_of_nginx = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_of_nginx && !id.starts_with("4bf92f35"), "{id}");
        doorward.says(&format!("[{id}]: 127.0.0.1 GET /login"));
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
}

/// nginx, Caddy and Traefik hand on what visitors send unless they are told otherwise.
#[test]
fn a_proxy_names_the_request_only_where_a_setting_says_that_it_does() {
    let trusted = ("TRUSTED_PROXIES", "127.0.0.0/8");
    let told = ("TRUST_REQUEST_ID", "true");
    for (variables, believed) in [
        (&[trusted, told][..], true),
        (&[trusted], false),
        (&[trusted, ("TRUST_REQUEST_ID", "false")], false),
        (&[told], false),
    ] {
        let addr = free_addr();
        let mut doorward = Process::doorward(addr, variables);
        doorward.answers(addr);
        let id = |headers: &[u8]| {
            let answer = ask(connect(addr), "/", headers);
            request_id(&answer).to_owned()
        };
        let traceparent =
            b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
        assert_eq!(id(b"X-Request-Id: edge-1\r\n") == "edge-1", believed);
        assert_eq!(
            id(traceparent) == "4bf92f3577b34da6a3ce929d0e0e4736",
            believed
        );
        // One of the two is not the proxy's.
        let twice = id(b"X-Request-Id: edge-1\r\nX-Request-Id: edge-2\r\n");
        assert!(!twice.starts_with("edge"), "{twice}");
    }
}

/// It would make every visitor the one who says truly who asks.
#[test]
fn networks_of_everybody_are_a_fault_at_start() {
    for everybody in [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8, 0.0.0.0/0",
        "128.0.0.0/1",
        "2000::/3",
    ] {
        let variables = [("TRUSTED_PROXIES", everybody)];
        let printed = Process::doorward(free_addr(), &variables).gives_up();
        assert!(
            printed.contains("\n  TRUSTED_PROXIES has a network so large that strangers are in it"),
            "{printed}"
        );
    }
}

/// Probes come every few seconds; strangers come as often as they like.
#[test]
fn readiness_is_asked_of_the_database_once_a_second_at_most() {
    let (addr, metrics_addr) = (free_addr(), free_addr());
    let metrics = metrics_addr.to_string();
    let mut doorward = Process::doorward(addr, &[("METRICS_ADDR", &metrics)]);
    doorward.answers(addr);
    let queries = || {
        let metrics = get(metrics_addr, "/metrics").unwrap();
        let mut lines = metrics.lines();
        let count = "doorward_database_query_duration_seconds_count{outcome=\"ok\"} ";
        let count = lines.find_map(|line| line.strip_prefix(count));
        count.unwrap().parse::<u64>().unwrap()
    };
    let (before, began) = (queries(), Instant::now());
    for _ in 0..200 {
        let ready = ask(connect(addr), "/readyz", b"");
        assert!(ready.ends_with("\r\n\r\ndatabase: ok\n"), "{ready}");
    }
    let asked = queries() - before;
    // Clearing away what is old, at the start, may be among them.
    let at_most = began.elapsed().as_secs() + 1 + 4;
    assert!((1..=at_most).contains(&asked), "{asked} of {at_most}");
}

//! What no browser and no proxy sends.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::support::{Browser, Gateway};
use crate::support::Database;
use crate::support::process::PATIENCE;

/// Browsers never send such a preflight, and to an app that reads the override it would be another request.
#[actix_web::test]
async fn a_preflight_that_overrides_its_method_does_not_pass() {
    let gateway = Gateway::start(Database::Sqlite);
    let eve = Browser::new(&gateway);
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let headers = [
            ("origin", "https://spa.test"),
            ("access-control-request-method", "GET"),
            (name, "GET"),
        ];
        let preflight = eve.ask("OPTIONS", "http://metrics.test/", &headers).await;
        assert_eq!(preflight.status, 401, "{name}");
    }
}

/// caddyserver/caddy#5430
#[actix_web::test]
async fn a_websocket_handshake_gets_a_plain_answer() {
    let gateway = Gateway::start(Database::Sqlite);
    for upgrade in ["websocket", "h2c"] {
        let mut stream = TcpStream::connect(&gateway.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "GET /auth/forward HTTP/1.1\r\nHost: wiki.test\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nX-Forwarded-Method: GET\r\n\
             X-Forwarded-Proto: http\r\nX-Forwarded-Host: wiki.test\r\nX-Forwarded-Uri: /healthz\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        // Another request on this connection would be taken for the WebSocket's.
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(!answer.contains("\r\nupgrade:"), "{answer}");
    }
}

/// What no proxy should send. The host of an absolute-form line would be another one than `Host`.
#[actix_web::test]
async fn odd_request_lines_and_frames_of_a_proxy_are_rejected() {
    let gateway = Gateway::start(Database::Sqlite);
    let forward = "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: wiki.test\r\n\
                   X-Forwarded-Uri: /healthz\r\n";
    for (line, headers, status) in [
        ("GET /auth/forward", "", 200),
        ("GET /auth/forward", "Content-Length: 0\r\n", 200),
        ("GET /auth/forward", "Transfer-Encoding: gzip\r\n", 400),
        ("GET /auth/forward", "X: a\r\n Y: b\r\n", 400),
        ("GET /auth/forward", "Host: wiki.test\r\n", 400),
        ("GET /auth/ext-authz/healthz", "", 200),
        ("GET /auth/%65xt-authz/healthz", "", 400),
        ("GET /auth/ext-authz/../forward", "", 401),
        ("GET /auth/ext-authzhealthz", "", 404),
        ("GET /auth/ext-authz", "", 400),
        // The app would read another path than we do (GHSA-pxq7).
        ("GET /auth/ext-authz/healthz#/../x", "", 400),
        ("GET /auth/ext-authz/healthz?a#b", "", 400),
        ("GET /auth/ext-authz/#", "", 400),
        // And some end the path at an encoded one: a rule is for `/healthz` alone.
        ("GET /auth/ext-authz/healthz%23", "", 403),
        ("GET http://wiki.test/auth/ext-authz/healthz", "", 400),
        ("GET http://metrics.test/auth/ext-authz/healthz", "", 400),
    ] {
        let mut stream = TcpStream::connect(&gateway.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: wiki.test\r\nConnection: close\r\n{headers}{}\r\n",
            forward
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let found: Vec<&str> = answer.split(' ').collect();
        assert_eq!(found[1], status.to_string(), "{line} {headers:?}");
    }
}

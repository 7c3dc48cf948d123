//! Requests that no page of ours makes: where they lead, what they are answered, and what every answer carries.

mod cookies;
mod headers;
mod pages;
mod return_to;
mod routes;
mod sign_out;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use url::Url;

use crate::support::TestApp;
use crate::support::visitor::Answer;

const HTTPS: &str = "https://app.example.com";

const UNREADABLE: &str = "Your browser sent something that we can't read.";

/// The head and the body of an answer, for requests that no client would send. It is read while the request is still
/// being written, as browsers do: the server may answer, and want no more, before it has read all of it.
pub fn raw(app: &TestApp, request: &[u8]) -> String {
    let port = Url::parse(&app.url).unwrap().port().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut answer = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| (&stream).write_all(request));
        let mut part = [0; 4096];
        while let Ok(len @ 1..) = (&stream).read(&mut part) {
            answer.extend_from_slice(&part[..len]);
            if is_whole(&answer) {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    });
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether all has come that `Content-Length` promises.
fn is_whole(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse::<usize>().unwrap())
}

/// A raw `GET` with these cookies.
pub fn raw_get(app: &TestApp, path: &str, cookies: &[u8]) -> String {
    let mut request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: ")
            .into_bytes();
    request.extend_from_slice(cookies);
    request.extend_from_slice(b"\r\n\r\n");
    raw(app, &request)
}

async fn refused(answer: Answer, status: u16, sentence: &str) {
    assert_eq!(answer.refusal(), (status, sentence.to_owned()));
}

/// What every answer carries, of whatever kind.
fn has_security_headers(answer: &Answer, https: bool) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "style-src 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    for loose in ["unsafe-inline", "unsafe-eval", "script-src", " *", "data:"] {
        assert!(!policy.contains(loose), "{policy}");
    }
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    // An error page can be at an address that holds a code: its style sheet's request must not tell.
    let referrer_policy = match answer.status {
        400.. => "no-referrer",
        _ => "same-origin",
    };
    assert_eq!(answer.header("referrer-policy"), Some(referrer_policy));
    assert_eq!(
        answer.header("cross-origin-opener-policy"),
        Some("same-origin")
    );
    assert_eq!(
        answer.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
    let permissions = answer.header("permissions-policy").unwrap_or_default();
    for feature in ["camera", "geolocation", "microphone", "payment", "usb"] {
        assert!(
            permissions.contains(&format!("{feature}=()")),
            "{permissions}"
        );
    }
    assert_eq!(
        answer.header("strict-transport-security"),
        https.then_some("max-age=31536000")
    );
    assert_eq!(answer.header("server"), None);
    assert_eq!(answer.header("x-powered-by"), None);
}

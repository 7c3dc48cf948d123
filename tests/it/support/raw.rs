//! Requests that no client would send, byte by byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use url::Url;

use super::TestApp;

/// A connection to the app that waits for 20 s at most.
pub fn connect(app: &TestApp) -> TcpStream {
    let port = Url::parse(&app.url).unwrap().port().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    stream
}

/// The head and the body of an answer, for requests that no client would send. It is read while the request is still
/// being written, as browsers do: the server may answer, and want no more, before it has read all of it.
pub fn raw(app: &TestApp, request: &[u8]) -> String {
    let stream = connect(app);
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

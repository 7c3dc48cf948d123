//! The app behind a proxy. It tells what it was asked, takes uploads, and speaks as an event stream and as a WebSocket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::prelude::{BASE64_STANDARD, Engine};

use crate::support::process::PATIENCE;

/// The first and the last event of `/events`.
pub const EVENTS: [&str; 2] = ["data: first\n\n", "data: last\n\n"];

/// RFC 6455, 1.3.
const WEBSOCKET_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const FINAL_TEXT: u8 = 0x81;

pub struct App {
    pub addr: SocketAddr,
    more_events: mpsc::Sender<()>,
}

impl App {
    pub fn start() -> App {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (more_events, asked_for) = mpsc::channel();
        let asked_for = Arc::new(Mutex::new(asked_for));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked_for = asked_for.clone();
                std::thread::spawn(move || while serve(&stream, &asked_for).is_some() {});
            }
        });
        App { addr, more_events }
    }

    /// An event stream that has begun goes on to its end.
    pub fn end_events(&self) {
        self.more_events.send(()).unwrap();
    }
}

/// One request; nothing if the connection is at its end.
fn serve(stream: &TcpStream, asked_for: &Mutex<mpsc::Receiver<()>>) -> Option<()> {
    let head = read_head(stream)?;
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    };
    let to_websocket = header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    if let Some(key) = header("sec-websocket-key").filter(|_| to_websocket) {
        return websocket(stream, key);
    }
    let path = head.split([' ', '?']).nth(1)?;
    if path.ends_with("/events") {
        return events(stream, asked_for);
    }
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    // Not kept: it may be large.
    let read = std::io::copy(&mut stream.take(length), &mut std::io::sink()).ok()?;
    let seen = head.to_lowercase().replace('&', "&amp;");
    let seen = seen.replace('<', "&lt;");
    let body =
        format!("<!doctype html><title>App</title><pre id=\"seen\">{seen}body: {read}</pre>");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    write(stream, answer.as_bytes())
}

fn write(mut stream: &TcpStream, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).ok()
}

/// Up to the empty line. Bytes beyond UTF-8 are replaced.
pub fn read_head(mut stream: impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// The last event comes only when somebody has seen the first.
fn events(stream: &TcpStream, asked_for: &Mutex<mpsc::Receiver<()>>) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    write(stream, format!("{head}{}", EVENTS[0]).as_bytes())?;
    let asked_for = asked_for.lock().unwrap().recv_timeout(PATIENCE);
    asked_for.ok()?;
    write(stream, EVENTS[1].as_bytes())?;
    stream.shutdown(std::net::Shutdown::Both).ok()?;
    None
}

/// What belongs to a key (RFC 6455, 4.2.2).
pub fn websocket_accept(key: &str) -> String {
    let hashed = format!("{key}{WEBSOCKET_GUID}");
    BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, hashed.as_bytes()))
}

/// Sends each frame back.
fn websocket(stream: &TcpStream, key: &str) -> Option<()> {
    let accept = websocket_accept(key);
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket";
    let head = format!("{head}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
    write(stream, head.as_bytes())?;
    loop {
        let text = read_frame(stream)?;
        write(stream, &frame(&text, None))?;
    }
}

/// A short frame of text (RFC 6455, 5.2); clients mask theirs.
pub fn frame(text: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 126);
    let Some(mask) = mask else {
        return [&[FINAL_TEXT, length], text].concat();
    };
    let masked = text.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
    [&[FINAL_TEXT, 0x80 | length], &mask[..]]
        .concat()
        .into_iter()
        .chain(masked)
        .collect()
}

/// The text of a short frame; nothing for any other, and at the end.
pub fn read_frame(mut stream: &TcpStream) -> Option<Vec<u8>> {
    let mut begin = [0; 2];
    stream.read_exact(&mut begin).ok()?;
    if begin[0] != FINAL_TEXT {
        return None;
    }
    let mut mask = [0; 4];
    if begin[1] & 0x80 != 0 {
        stream.read_exact(&mut mask).ok()?;
    }
    let mut text = vec![0; usize::from(begin[1] & 0x7f)];
    stream.read_exact(&mut text).ok()?;
    let mask = mask.into_iter().cycle();
    Some(text.into_iter().zip(mask).map(|(a, b)| a ^ b).collect())
}

/// The example of RFC 6455, 1.3, and that of 5.7.
#[test]
fn a_websocket_is_spoken_as_its_standard_says() {
    let accept = websocket_accept("dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let masked = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(frame(b"Hello", Some([0x37, 0xfa, 0x21, 0x3d])), masked);
}

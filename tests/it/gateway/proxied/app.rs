//! The app behind a proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// An app that tells what it was asked, with `Content-Length` bytes of body.
pub fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || while answer_one(&stream).is_some() {});
        }
    });
    addr
}

fn answer_one(mut stream: &TcpStream) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    let length: u64 = length.map_or(0, |length| length.parse().unwrap());
    let read = std::io::copy(&mut stream.take(length), &mut std::io::sink()).ok()?;
    let escaped = head.replace('&', "&amp;").replace('<', "&lt;");
    let body =
        format!("<!doctype html><title>App</title><pre id=\"seen\">{escaped}body: {read}</pre>");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).ok()
}

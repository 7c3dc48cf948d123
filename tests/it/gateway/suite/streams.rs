//! What takes longer than a request usually does.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::client::{Client, FETCH, header, location};
use crate::gateway::proxied::app::{EVENTS, frame, read_frame, read_head};
use crate::gateway::proxied::{Proxied, Proxy, status};
use crate::support::process::PATIENCE;

const UPLOAD: u64 = 100 << 20;

/// With the key of RFC 6455, 1.3.
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-Fetch-Mode: websocket\r\n";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub async fn uploads_websockets_and_event_streams_pass_for_who_is_signed_in(proxy: Proxy) {
    let proxied = Proxied::start(proxy);
    let (mut ada, mut nobody) = (Client::default(), Client::default());
    ada.enter(&proxied.url("wiki", "/"), "ada");

    let upload = proxied.url("wiki", "/upload");
    let response = send_zeros(&ada, &upload, UPLOAD);
    assert!(response.contains(&format!("body: {UPLOAD}<")), "{response}");
    assert!(response.contains("remote-email: ada@example.com"));
    assert_eq!(status(&nobody.send("PUT", &upload, FETCH, "x")), 401);

    let events = proxied.url("wiki", "/events");
    assert_eq!(status(&nobody.fetch(&events)), 401);
    let mut stream = ada.begin("GET", &events, "Accept: text/event-stream\r\n", 0);
    // The app sends no more before this one has arrived.
    let begin = read_until(&mut stream, EVENTS[0]);
    assert_eq!(status(&begin), 200, "{begin}");
    proxied.behind.as_ref().unwrap().end_events();
    read_until(&mut stream, EVENTS[1]);

    let socket = proxied.url("wiki", "/socket");
    // The connection stays open for another request.
    let handshake = |client: &Client| {
        let stream = client.begin("GET", &socket, HANDSHAKE, 0);
        let head = read_head(&stream).expect("a response");
        (stream, head)
    };
    assert_eq!(status(&handshake(&nobody).1), 401);
    let (open, head) = handshake(&ada);
    assert_eq!(status(&head), 101, "{head}");
    assert_eq!(
        header(&head, "sec-websocket-accept"),
        Some(ACCEPT),
        "{head}"
    );
    echoes(&open, "before");
    // It was checked when it began, and stays open. The next one does not open.
    let signed_out = ada.send("POST", &proxied.url("auth", "/logout"), "", "");
    assert_eq!(status(&signed_out), 303, "{signed_out}");
    echoes(&open, "after");
    assert_eq!(status(&handshake(&ada).1), 401);
    assert!(location(&ada.open(&proxied.url("wiki", "/"))).contains("/handover?"));
}

/// Puts so many bytes to `url`, and keeps none of them.
fn send_zeros(client: &Client, url: &str, length: u64) -> String {
    let mut stream = client.begin("PUT", url, FETCH, length);
    let sent = std::io::copy(&mut std::io::repeat(0).take(length), &mut stream);
    assert_eq!(sent.unwrap(), length);
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    // A proxy may cut it into chunks, but not within an event.
    while !read.ends_with(end.as_bytes()) {
        let length = stream.read(&mut byte).expect("more of the stream");
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&byte);
    }
    String::from_utf8(read).unwrap()
}

fn echoes(mut stream: &TcpStream, text: &str) {
    let mask = Some([1, 2, 3, 4]);
    stream.write_all(&frame(text.as_bytes(), mask)).unwrap();
    let echo = read_frame(stream).expect("a frame");
    assert_eq!(String::from_utf8(echo).unwrap(), text);
}

/// An app that took the connection for HTTP/2 could be asked for anything on it, by whoever may ask for one public page: the
/// proxy only passes the bytes on.
pub async fn no_upgrade_but_to_a_websocket_reaches_the_app(proxy: Proxy) {
    let proxied = Proxied::start(proxy);
    for upgrade in [
        "h2c",
        "H2C",
        "h2c, websocket",
        "websocket, h2c",
        "websocket\r\nUpgrade: h2c",
        "h2c\r\nUpgrade: websocket",
    ] {
        // No key: the app answers this as any other request, but HAProxy adds one.
        let request = format!(
            "GET /public HTTP/1.1\r\nHost: wiki.localhost:{}\r\nConnection: close\r\n\
             Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nUpgrade: {upgrade}\r\n\r\n",
            proxied.port
        );
        let mut stream = TcpStream::connect(("127.0.0.1", proxied.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = read_head(&stream).unwrap_or_default();
        if status(&answer) != 101 {
            let _ = stream.read_to_string(&mut answer);
        }
        let upgrades = answer.lines().filter(|line| line.starts_with("upgrade:"));
        let is_plain =
            upgrades.clone().all(|line| line == "upgrade: websocket") && upgrades.count() < 2;
        assert!(
            is_plain && matches!(status(&answer), 101 | 200 | 400 | 403),
            "{upgrade:?}: {answer}"
        );
    }
}

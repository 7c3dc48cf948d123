//! This command in place of the app: it notes the heads of its own requests, and lets nobody else read anything.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

/// How long a request may be on its way through the proxy.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest head that is read.
const HEAD_LIMIT: u64 = 64 << 10;

/// The app's address, listened at.
pub struct App {
    /// Where it listens.
    pub addr: SocketAddr,
    heads: Receiver<Vec<u8>>,
}

/// What reached the app: names in lower case, with their values.
pub struct Reached(Vec<(String, String)>);

impl App {
    /// Listens at `addr` until the process ends.
    ///
    /// # Errors
    /// Why that can't be.
    pub fn listen(addr: SocketAddr) -> Result<App, String> {
        let listener = TcpListener::bind(addr)
            .map_err(|cause| format!("can't listen at {addr} in place of the app: {cause}"))?;
        let (found, heads) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let found = found.clone();
                std::thread::spawn(move || answer(&stream, &found));
            }
        });
        Ok(App { addr, heads })
    }

    /// The request whose target has this text; nothing if it does not come.
    pub fn reached_by(&self, mark: &str) -> Option<Reached> {
        loop {
            let head = self.heads.recv_timeout(PATIENCE).ok()?;
            let head = String::from_utf8_lossy(&head).into_owned();
            let mut lines = head.split("\r\n");
            if lines.next().is_some_and(|line| line.contains(mark)) {
                let headers = lines.filter_map(|line| line.split_once(':'));
                let named = |(name, value): (&str, &str)| {
                    (name.to_ascii_lowercase(), value.trim().to_owned())
                };
                return Some(Reached(headers.map(named).collect()));
            }
        }
    }
}

fn answer(mut stream: &TcpStream, found: &Sender<Vec<u8>>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut head = Vec::new();
    let mut bytes = std::io::BufReader::new(stream.take(HEAD_LIMIT)).bytes();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(bytes.next()?.ok()?);
    }
    found.send(head).ok()?;
    let body = "Doorward checks the proxy. The app is back in a moment.\n";
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(response.as_bytes()).ok()
}

impl Reached {
    /// All values of this header, which is in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(it, _)| it == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The names of the headers that have this text in their value.
    pub fn named_with(&self, text: &str) -> Vec<&str> {
        let with = self.0.iter().filter(|(_, value)| value.contains(text));
        with.map(|(name, _)| name.as_str()).collect()
    }
}

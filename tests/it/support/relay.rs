//! Between Doorward and the provider: it hands each request on and says the answer again in another manner, as other
//! servers and firewalls do.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::visitor;

/// How the answer is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// HTTP/1.1, and the connection is kept.
    Kept,
    /// HTTP/1.0, and the connection is closed.
    Http10,
    /// HTTP/1.0 without a length: the body ends where the connection does.
    Http10WithoutLength,
    /// HTTP/1.0 with `Connection: keep-alive`, and the connection is kept.
    Http10Kept,
    /// HTTP/1.0, and the connection stays open, but for nothing: the next request on it is not answered.
    Http10Deaf,
    /// HTTP/1.1, and the connection is closed at once, of which the answer says nothing.
    SilentClose,
    /// The same after a pause.
    SilentCloseLater,
    /// The same when the next request has come.
    SilentCloseWhenAsked,
    /// HTTP/1.1 with `Connection: close` and without a length.
    CloseWithoutLength,
    /// `100 Continue` and two `103 Early Hints` first.
    EarlyHints,
    /// Half of the body, then nothing more.
    CutBody,
    /// Half of the chunks, then nothing more, though what came is a whole document.
    CutChunks,
    /// The connection is closed without an answer, the first time too.
    NoAnswer,
    /// Sends an unsolicited second response, which must not be read as the next one on this connection.
    Surplus,
    /// Interim answers, more than anybody needs.
    EndlessHints,
    /// Headers, more than anybody needs.
    HugeHead,
}

/// It stops when it is dropped.
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    manner: Mutex<Manner>,
    connections: AtomicUsize,
    /// First line and headers of each request.
    heads: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Relay {
    pub fn start(listener: TcpListener, manner: Manner, provider: u16) -> Relay {
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            connections: AtomicUsize::new(0),
            heads: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if of_thread.stop.load(Ordering::SeqCst) {
                    break;
                }
                of_thread.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&of_thread);
                std::thread::spawn(move || serve(stream, provider, &shared));
            }
        });
        Relay {
            port,
            shared,
            thread: Some(thread),
        }
    }

    pub fn behaves(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// First line and headers of each request so far.
    pub fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        visitor::leads_nowhere(self.port);
        self.shared.stop.store(true, Ordering::SeqCst);
        // A connection wakes the thread up.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, provider: u16, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_nodelay(true)?;
    let mut client = BufReader::new(stream);
    for nth in 0.. {
        let (head, body) = read_request(&mut client)?;
        let manner = *shared.manner.lock().unwrap();
        let is_deaf = matches!(manner, Manner::SilentCloseWhenAsked | Manner::Http10Deaf);
        if manner == Manner::NoAnswer || nth > 0 && is_deaf {
            break;
        }
        shared.heads.lock().unwrap().push(head.clone());
        let answer = ask(provider, &head, &body)?;
        let (message, is_kept) = said(manner, &answer);
        client.get_mut().write_all(&message)?;
        if !is_kept {
            if manner == Manner::SilentCloseLater {
                std::thread::sleep(Duration::from_millis(3));
            }
            break;
        }
    }
    Ok(())
}

fn read_request(client: &mut impl BufRead) -> io::Result<(String, Vec<u8>)> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let start = head.len();
        if client.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = head[start..].trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    Ok((head.trim_end().to_owned(), body))
}

/// The provider's response.
struct Answered {
    /// Such as `200 OK`.
    status: String,
    /// Without those of the connection and of the length.
    headers: String,
    body: Vec<u8>,
}

fn ask(provider: u16, head: &str, body: &[u8]) -> io::Result<Answered> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, provider))?;
    server.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(server, "{head}\r\nConnection: close\r\n\r\n")?;
    server.write_all(body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or(io::ErrorKind::InvalidData)?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let (first, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    let hop = ["connection:", "content-length:", "transfer-encoding:"];
    let headers = headers.lines().filter(|line| {
        let line = line.to_ascii_lowercase();
        !hop.iter().any(|name| line.starts_with(name))
    });
    Ok(Answered {
        status: first.split_once(' ').unwrap_or_default().1.to_owned(),
        headers: headers.map(|line| format!("{line}\r\n")).collect(),
        body: answer[end + 4..].to_vec(),
    })
}

/// The bytes of the answer, and whether the connection stays open.
fn said(manner: Manner, answer: &Answered) -> (Vec<u8>, bool) {
    let Answered {
        status,
        headers,
        body,
    } = answer;
    let length = format!("Content-Length: {}\r\n", body.len());
    let whole = |start: &str, more: &str| {
        let mut message = format!("{start} {status}\r\n{headers}{more}\r\n").into_bytes();
        message.extend(body);
        message
    };
    match manner {
        Manner::Kept | Manner::SilentCloseWhenAsked => (whole("HTTP/1.1", &length), true),
        Manner::Http10 => (whole("HTTP/1.0", &length), false),
        Manner::Http10WithoutLength => (whole("HTTP/1.0", ""), false),
        Manner::Http10Kept => {
            let more = format!("{length}Connection: Keep-Alive\r\n");
            (whole("HTTP/1.0", &more), true)
        }
        Manner::Http10Deaf => (whole("HTTP/1.0", &length), true),
        Manner::SilentClose | Manner::SilentCloseLater => (whole("HTTP/1.1", &length), false),
        Manner::CloseWithoutLength => (whole("HTTP/1.1", "Connection: close\r\n"), false),
        Manner::EarlyHints => {
            let hint = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
            let mut message = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
            message.extend(hint.repeat(2).into_bytes());
            message.extend(whole("HTTP/1.1", &length));
            (message, true)
        }
        Manner::CutBody => {
            let mut message = whole("HTTP/1.1", &length);
            message.truncate(message.len() - body.len() / 2);
            (message, false)
        }
        Manner::CutChunks => {
            let chunked = "Transfer-Encoding: chunked\r\n";
            let mut message = format!(
                "HTTP/1.1 {status}\r\n{headers}{chunked}\r\n{:x}\r\n",
                body.len()
            )
            .into_bytes();
            message.extend(body);
            message.extend(b"\r\n");
            (message, false)
        }
        Manner::NoAnswer => (Vec::new(), false),
        Manner::Surplus => {
            let mut message = whole("HTTP/1.1", &length);
            message.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            (message, true)
        }
        Manner::EndlessHints => {
            let hint = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
            (hint.repeat(100_000).into_bytes(), false)
        }
        Manner::HugeHead => {
            let more = format!("{length}X-More: {}\r\n", "x".repeat(200_000));
            (whole("HTTP/1.1", &more), false)
        }
    }
}

//! A small HTTP client that costs little beside what it measures: one kept connection, answers with `Content-Length`.

use std::io::{Read, Write};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A kept connection, with the cookies of one browser.
pub struct Browser {
    addr: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
    cookies: Cookies,
}

/// Names and values.
pub type Cookies = Vec<(String, String)>;

pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body_len: usize,
}

impl Browser {
    pub async fn new(addr: SocketAddr) -> Browser {
        Browser {
            addr,
            stream: connect(addr).await,
            buffer: Vec::with_capacity(16 * 1024),
            cookies: Vec::new(),
        }
    }

    pub async fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target).await
    }

    /// `POST` of an empty form, as the sign-out button does.
    pub async fn post(&mut self, target: &str) -> Answer {
        self.request("POST", target).await
    }

    async fn request(&mut self, method: &str, target: &str) -> Answer {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.addr);
        if method == "POST" {
            request.push_str("Content-Length: 0\r\n");
        }
        request.push_str(&self.cookie_line());
        request.push_str("\r\n");
        self.send(&request).await
    }

    /// The header line with its cookies, if it has any.
    pub fn cookie_line(&self) -> String {
        let mut line = String::new();
        for (at, (name, value)) in self.cookies.iter().enumerate() {
            line.push_str(if at == 0 { "Cookie: " } else { "; " });
            line.push_str(name);
            line.push('=');
            line.push_str(value);
        }
        if !line.is_empty() {
            line.push_str("\r\n");
        }
        line
    }

    /// A whole request without a body.
    pub async fn send(&mut self, request: &str) -> Answer {
        self.stream
            .write_all(request.as_bytes())
            .await
            .expect("the server reads");
        self.answer().await
    }

    async fn answer(&mut self) -> Answer {
        self.buffer.clear();
        loop {
            let read = self
                .stream
                .read_buf(&mut self.buffer)
                .await
                .expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            let mut headers = [httparse::EMPTY_HEADER; 40];
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response.parse(&self.buffer).expect("HTTP/1.1");
            let httparse::Status::Complete(head_len) = parsed else {
                continue;
            };
            let mut answer = Answer {
                status: response.code.expect("a complete head has a status"),
                location: None,
                body_len: 0,
            };
            let mut set = Vec::new();
            for header in response.headers.iter() {
                let value = str::from_utf8(header.value).expect("ASCII");
                match header.name {
                    name if name.eq_ignore_ascii_case("content-length") => {
                        answer.body_len = value.parse().expect("a number");
                    }
                    name if name.eq_ignore_ascii_case("location") => {
                        answer.location = Some(value.to_owned());
                    }
                    name if name.eq_ignore_ascii_case("set-cookie") => set.push(value.to_owned()),
                    _ => (),
                }
            }
            while self.buffer.len() < head_len + answer.body_len {
                let read = self
                    .stream
                    .read_buf(&mut self.buffer)
                    .await
                    .expect("the rest comes");
                assert!(read > 0, "the server closed the connection");
            }
            for cookie in set {
                self.keep(&cookie);
            }
            return answer;
        }
    }

    fn keep(&mut self, cookie: &str) {
        let pair = cookie.split(';').next().unwrap_or_default();
        let (name, value) = pair.split_once('=').expect("a cookie");
        self.cookies.retain(|(known, _)| known != name);
        if !cookie.contains("Max-Age=0") {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    /// A whole sign-in of `subject`: `/login`, what the provider would do at once, and back.
    pub async fn sign_in(&mut self, subject: &str) {
        let there = self.get("/login").await.location.expect("/login redirects");
        let there = url::Url::parse(&there).expect("the authorization endpoint");
        let parameter = |wanted: &str| {
            let mut pairs = there.query_pairs();
            let found = pairs.find(|(name, _)| name == wanted);
            found
                .expect("the authorization request has it")
                .1
                .into_owned()
        };
        let (state, nonce) = (parameter("state"), parameter("nonce"));
        let back = format!("/authorization-code/callback?code={subject}~{nonce}&state={state}");
        let answer = self.get(&back).await;
        assert_eq!(
            answer.location.as_deref(),
            Some("/profile"),
            "status {}",
            answer.status
        );
    }

    /// As somebody who was never here; gives the cookies that there were.
    pub fn forget_cookies(&mut self) -> Cookies {
        std::mem::take(&mut self.cookies)
    }

    pub fn remember_cookies(&mut self, cookies: Cookies) {
        self.cookies = cookies;
    }
}

async fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).await.expect("the server listens");
    stream.set_nodelay(true).expect("TCP has it");
    stream
}

/// One request on a connection of its own.
pub fn blocking_get(addr: SocketAddr, target: &str) -> String {
    let mut stream = std::net::TcpStream::connect(addr).expect("the server listens");
    let request = format!("GET {target} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .expect("the server reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server answers");
    answer
}

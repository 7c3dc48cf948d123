//! A browser without a screen, before a proxy. Every name that it is sent to leads to this machine.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use url::{Position, Url};

use crate::gateway::proxied::status;
use crate::support::process::PATIENCE;
use crate::support::secrets;

pub const NAVIGATION: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
pub const FETCH: &str = "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n";

/// The value of the first header of this name in a response.
pub fn header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let head = response.split("\r\n\r\n").next().unwrap_or_default();
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// Where a response redirects to.
pub fn location(response: &str) -> &str {
    header(response, "location").unwrap_or_else(|| panic!("no redirect: {response}"))
}

#[derive(Default)]
pub struct Client {
    /// By host and port.
    jar: BTreeMap<String, BTreeMap<String, String>>,
}

impl Client {
    /// The response as it comes. `headers` are whole lines.
    pub fn send(&mut self, method: &str, url: &str, headers: &str, body: &str) -> String {
        let mut stream = self.begin(method, url, headers, body.len() as u64);
        stream.write_all(body.as_bytes()).unwrap();
        let mut response = Vec::new();
        // Whoever answers early may end the connection before all is read.
        let _ = stream.read_to_end(&mut response);
        let response = String::from_utf8_lossy(&response).into_owned();
        self.keep(url, &response);
        response
    }

    /// Sends a head that announces so many bytes.
    pub fn begin(&self, method: &str, url: &str, headers: &str, length: u64) -> TcpStream {
        let url = Url::parse(url).unwrap();
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}");
        if !headers.contains("Connection: ") {
            head.push_str("Connection: close\r\n");
        }
        if length > 0 || method == "POST" {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        let cookies = self.jar.get(host).into_iter().flatten();
        let cookies = cookies.map(|(name, value)| format!("{name}={value}"));
        let cookies = Vec::from_iter(cookies).join("; ");
        if !cookies.is_empty() {
            head.push_str(&format!("Cookie: {cookies}\r\n"));
        }
        let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        stream
    }

    /// A tab opens `url`.
    pub fn open(&mut self, url: &str) -> String {
        self.send("GET", url, NAVIGATION, "")
    }

    pub fn fetch(&mut self, url: &str) -> String {
        self.send("GET", url, FETCH, "")
    }

    /// The tab goes on where `response` sends it, signing in as `person` at the provider: the last address and the response
    /// there. Without a person, nobody must be asked to sign in.
    pub fn follow(&mut self, response: &str, person: Option<&str>) -> (String, String) {
        let (mut url, mut response) = (String::new(), response.to_owned());
        for _ in 0..12 {
            if !(300..400).contains(&status(&response)) {
                return (url, response);
            }
            // From Doorward, also without an origin.
            let next = location(&response);
            url = match Url::parse(&url) {
                Ok(base) => base.join(next).unwrap().into(),
                Err(_) => next.to_owned(),
            };
            response = match url.contains("/authorize?") {
                true => {
                    let person = person.expect("somebody who signs in");
                    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
                    self.send("POST", &url, form, &format!("person={person}"))
                }
                false => self.open(&url),
            };
        }
        panic!("a redirect loop at {url}");
    }

    /// A tab opens `url` and goes on, signing in where it is asked.
    pub fn enter(&mut self, url: &str, person: &str) -> (String, String) {
        let response = self.open(url);
        match status(&response) {
            200 => (url.to_owned(), response),
            _ => self.follow(&response, Some(person)),
        }
    }

    fn keep(&mut self, url: &str, response: &str) {
        let url = Url::parse(url).unwrap();
        let host = url[Position::BeforeHost..Position::AfterPort].to_owned();
        let jar = self.jar.entry(host).or_default();
        let head = response.split("\r\n\r\n").next().unwrap_or_default();
        for (name, cookie) in head.lines().filter_map(|line| line.split_once(": ")) {
            if !name.eq_ignore_ascii_case("set-cookie") {
                continue;
            }
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            secrets::register("a cookie", value);
            match cookie.to_ascii_lowercase().contains("max-age=0") {
                true => jar.remove(name),
                false => jar.insert(name.to_owned(), value.to_owned()),
            };
        }
    }
}

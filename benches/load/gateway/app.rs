//! An app behind the gateway, the people who enter it, and the requests that describe theirs.

use std::net::SocketAddr;

use crate::Bench;
use crate::client::Browser;
use crate::process::{Process, free_addr};

pub const HOST: &str = "wiki.test";

/// Who asks, and how.
#[derive(Clone, Copy)]
pub enum Asks {
    /// A proxy, at `/auth/forward`.
    Forward,
    /// nginx, at `/auth/request`.
    Request,
    /// A browser, through nginx.
    Browser,
}

/// Doorward with a gateway.
pub struct Gateway {
    pub process: Process,
    pub addr: SocketAddr,
}

impl Gateway {
    /// With an app on `host` that everybody may enter who is signed in: by the last of so many rules.
    pub fn start(
        bench: &Bench,
        name: &str,
        host: &str,
        rules: usize,
        more: &[(&str, &str)],
    ) -> Gateway {
        let rule = |at: usize| {
            let path = if at + 1 == rules {
                "/".to_owned()
            } else {
                format!("/part-{at}")
            };
            format!(
                "[[rule]]\nname = '{at}'\nhosts = ['{host}']\npaths = ['{path}']\nallow = 'signed-in'\n"
            )
        };
        let file = bench.folder.0.join(format!("{name}.toml"));
        std::fs::write(&file, (0..rules).map(rule).collect::<String>()).expect("it is our folder");
        let addr = free_addr();
        let settings = [
            ("GATEWAY_ADDR", addr.to_string()),
            ("RULES_FILE", file.display().to_string()),
            ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        ];
        let settings = settings.iter().map(|(name, value)| (*name, &**value));
        let settings: Vec<_> = settings.chain(more.iter().copied()).collect();
        let process = bench.doorward(&bench.sqlite(&format!("{name}.db")), &settings);
        Gateway { process, addr }
    }

    /// Signs `subject` in and brings the session to the app: the line with its cookie.
    pub async fn enter(
        &self,
        browsers: &mut (Browser, Browser),
        subject: &str,
        asks: Asks,
        host: &str,
    ) -> String {
        let (at_doorward, at_app) = browsers;
        at_doorward.forget_cookies();
        at_app.forget_cookies();
        at_doorward.sign_in(subject).await;
        let answer = at_app.send(&head(asks, host, "/", "navigate", "")).await;
        let there = answer.location.expect("somebody must sign in");
        let public = format!("http://{}", self.process.addr);
        let there = there.strip_prefix(&public).expect("it is Doorward's");
        let back = at_doorward.get(there).await.location.expect("a code");
        let target = back
            .strip_prefix(&format!("http://{host}"))
            .expect("it is the app's");
        let cookies = at_app.cookie_line();
        at_app.forget_cookies();
        at_app
            .send(&head(asks, host, target, "navigate", &cookies))
            .await;
        let cookie = at_app.cookie_line();
        assert!(cookie.starts_with("Cookie: doorward-app"), "{cookie}");
        cookie
    }
}

/// So many people enter the app: the line with the cookie of each.
pub async fn enter_each(
    gateway: &Gateway,
    addr: SocketAddr,
    asks: Asks,
    host: &str,
    count: usize,
) -> Vec<String> {
    let mut cookies = Vec::new();
    let public = gateway.process.addr;
    let mut browsers = (Browser::new(public).await, Browser::new(addr).await);
    for number in 0..count {
        let subject = format!("visitor-{number}");
        cookies.push(gateway.enter(&mut browsers, &subject, asks, host).await);
    }
    cookies
}

/// A request as a proxy makes it of a browser's, or the browser's own.
pub fn head(asks: Asks, host: &str, target: &str, mode: &str, cookies: &str) -> String {
    let (own_target, described) = match asks {
        Asks::Forward => (
            "/auth/forward",
            format!(
                "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: {host}\r\nX-Forwarded-Uri: {target}\r\n"
            ),
        ),
        Asks::Request => (
            "/auth/request",
            format!("X-Original-Method: GET\r\nX-Original-URL: http://{host}{target}\r\n"),
        ),
        Asks::Browser => (target, String::new()),
    };
    let address = match asks {
        Asks::Browser => "",
        Asks::Forward | Asks::Request => "X-Forwarded-For: 192.0.2.7\r\n",
    };
    format!(
        "GET {own_target} HTTP/1.1\r\nHost: {host}\r\n{described}{address}\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
         Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
         Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n\
         Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Site: none\r\n{cookies}\r\n"
    )
}

/// The same request for the floor's page of so many bytes.
pub fn at_floor(request: &str, size: usize) -> String {
    let (_, rest) = request.split_once(" HTTP/1.1").expect("it is a request");
    format!("GET /page/{size} HTTP/1.1{rest}")
}

//! A real proxy before Doorward, its gateway and an app, with the configuration that a document in `docs/proxies/` shows.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use tempfile::TempDir;

use crate::support::process::{PATIENCE, free_addr};
use crate::support::watchdog::Watchdog;
use crate::support::{Database, TestApp};

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    Nginx,
    Caddy,
    Haproxy,
}

impl Proxy {
    fn document(self) -> &'static str {
        match self {
            Proxy::Nginx => include_str!("../../../docs/proxies/nginx.md"),
            Proxy::Caddy => include_str!("../../../docs/proxies/caddy.md"),
            Proxy::Haproxy => include_str!("../../../docs/proxies/haproxy.md"),
        }
    }

    /// The configuration between the fences of the document.
    fn documented(self) -> &'static str {
        let (_, rest) = self.document().split_once("```").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        rest.split_once("```").unwrap().0
    }

    /// Starts it in a folder of its own, as one process that stays where the watchdog finds it.
    fn script(self) -> &'static str {
        match self {
            Proxy::Nginx => r#"mkdir -p temp && exec nginx -e stderr -p "$PWD/" -c conf"#,
            Proxy::Haproxy => "exec haproxy -db -f conf",
            Proxy::Caddy => {
                r#"HOME=$PWD XDG_DATA_HOME=$PWD exec caddy run --adapter caddyfile --config conf"#
            }
        }
    }

    /// What the document leaves to the reader, and over http at other ports, as it says for those.
    fn configuration(self, front: SocketAddr) -> String {
        let port = front.port();
        match self {
            Proxy::Nginx => {
                let configuration = self
                    .documented()
                    .replace("listen 443 ssl;", &format!("listen {front};"))
                    .replace("$host$request_uri", &format!("$host:{port}$request_uri"))
                    .replace("wiki.example.com", "wiki.localhost metrics.localhost");
                let lines = configuration
                    .lines()
                    .filter(|line| !line.contains("ssl_certificate"));
                let configuration = lines.collect::<Vec<_>>().join("\n");
                format!(
                    "daemon off; master_process off; pid nginx.pid; error_log stderr warn; events {{ worker_connections 512; }}\n\
                     http {{ access_log off; client_max_body_size 200m; client_body_temp_path temp/body; proxy_temp_path temp/proxy; \
                     fastcgi_temp_path temp/f; uwsgi_temp_path temp/u; scgi_temp_path temp/s;\n{configuration}\n}}"
                )
            }
            Proxy::Haproxy => {
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy/doorward.lua");
                self.documented()
                    .replace("/etc/haproxy/doorward.lua", script)
                    .replace(
                        "bind :443 ssl crt /etc/haproxy/tls.pem alpn h2,http/1.1",
                        &format!("bind {front}"),
                    )
                    .replace("X-Forwarded-Proto https", "X-Forwarded-Proto http")
                    .replace("-i auth.example.com", &format!("-i auth.localhost:{port}"))
            }
            Proxy::Caddy => {
                let configuration = self
                    .documented()
                    .replace(
                        "https://wiki.example.com",
                        &format!("http://wiki.localhost:{port}, http://metrics.localhost:{port}"),
                    )
                    .replace(
                        "https://auth.example.com",
                        &format!("http://auth.localhost:{port}"),
                    );
                format!(
                    "{{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}}\n{configuration}"
                )
            }
        }
    }

    /// What it responds while Doorward is away.
    pub fn status_without_doorward(self) -> u16 {
        match self {
            Proxy::Nginx => 500,
            Proxy::Caddy => 502,
            Proxy::Haproxy => 503,
        }
    }
}

/// An app that tells what it was asked, with `Content-Length` bytes of body.
fn start_app() -> SocketAddr {
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

/// At one port: `auth.localhost`, `wiki.localhost`, and what is open to
/// nobody but Grace, `metrics.localhost`.
pub struct Proxied {
    pub app: TestApp,
    pub port: u16,
    pub proxy: Proxy,
    running: Watchdog,
    _folder: TempDir,
}

impl Proxied {
    pub fn start(proxy: Proxy) -> Proxied {
        // Where browsers find `*.localhost`.
        let front = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let gateway = free_addr();
        let port = front.port();
        let rules = format!(
            "[[rule]]\nname='open'\nhosts=['wiki.localhost:{port}']\npaths=['/public']\nallow='public'\n\
             [[rule]]\nname='wiki'\nhosts=['wiki.localhost:{port}']\nallow='signed-in'\n\
             [[rule]]\nname='metrics'\nhosts=['metrics.localhost:{port}']\nemails=['grace@example.com']\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        std::fs::write(&file, rules).unwrap();
        let public_url = format!("http://auth.localhost:{port}");
        let app = TestApp::spawn_with(
            Database::Sqlite,
            &[
                ("PUBLIC_URL", &public_url),
                ("GATEWAY_ADDR", &gateway.to_string()),
                ("RULES_FILE", file.to_str().unwrap()),
                ("TRUSTED_PROXIES", "127.0.0.1"),
                ("SESSION_CACHE", "0"),
            ],
        );
        let doorward = url::Url::parse(&app.url).unwrap().port().unwrap();
        let app_addr = start_app();
        let configuration = proxy
            .configuration(front)
            .replace("127.0.0.1:9091", &gateway.to_string())
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{doorward}"))
            .replace("127.0.0.1:3000", &app_addr.to_string())
            .replace("auth.example.com", "auth.localhost");
        let program = ["sh".as_ref(), "-c".as_ref(), proxy.script().as_ref()];
        let mut running = Watchdog::new("proxy", "TERM", None, &program);
        std::fs::write(running.folder().join("conf"), configuration).unwrap();
        running.start("");
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(front).is_err() {
            assert!(
                !running.ended() && Instant::now() < deadline,
                "{proxy:?}: {}",
                running.output()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Proxied {
            app,
            port,
            proxy,
            running,
            _folder: folder,
        }
    }

    pub fn is_running(&self) -> bool {
        !self.running.ended()
    }

    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}.localhost:{}{path}", self.port)
    }

    /// What the proxy answers to these bytes; `HOST` in them is the wiki's.
    pub fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = request.replace("HOST", &format!("wiki.localhost:{}", self.port));
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn get(&self, path: &str, headers: &str) -> String {
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n{headers}\r\n"
        ))
    }
}

pub fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

pub const SPOOFED: &str = "Remote-User: eve\r\nRemote-Name: eve\r\nRemote-Email: eve\r\nRemote-Groups: admins\r\n\
                       X-Auth-Request-User: eve\r\nX-Auth-Request-Preferred-Username: eve\r\nX-Auth-Request-Email: eve\r\n\
                       X-Auth-Request-Groups: admins\r\nRemote_User: eve\r\nX_Auth_Request_User: eve\r\n\
                       X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 10.0.0.1\r\n\
                       X-Original-URL: http://evil.test/public\r\nX-Original-Method: GET\r\n";

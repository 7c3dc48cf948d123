//! A real nginx, with the configuration of `docs/proxies/nginx.md`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use tempfile::TempDir;

use crate::support::browser::{Browser, Look};
use crate::support::process::{PATIENCE, free_addr};
use crate::support::watchdog::Watchdog;
use crate::support::{Database, TestApp};

const SCRIPT: &str = r#"mkdir -p temp && exec nginx -e stderr -p "$PWD/" -c nginx.conf"#;

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

/// The configuration between the fences of the document.
fn documented() -> String {
    let document = include_str!("../../../docs/proxies/nginx.md");
    let (_, rest) = document.split_once("```nginx\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// nginx before Doorward, its gateway and an app, at one port: `auth.localhost`, `wiki.localhost`, and what is open to
/// nobody but Grace, `metrics.localhost`.
struct Proxied {
    app: TestApp,
    port: u16,
    nginx: Watchdog,
    _folder: TempDir,
}

impl Proxied {
    fn start() -> Proxied {
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
        // Over http and at other ports, as the document says for those.
        let configuration = documented()
            .replace("127.0.0.1:9091", &gateway.to_string())
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{doorward}"))
            .replace("127.0.0.1:3000", &app_addr.to_string())
            .replace("listen 443 ssl;", &format!("listen {front};"))
            .replace("$host$request_uri", &format!("$host:{port}$request_uri"))
            .replace("auth.example.com", "auth.localhost")
            .replace("wiki.example.com", "wiki.localhost metrics.localhost");
        let lines = configuration
            .lines()
            .filter(|line| !line.contains("ssl_certificate"));
        let configuration = lines.collect::<Vec<_>>().join("\n");
        let configuration = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr warn; events {{ worker_connections 512; }}\n\
             http {{ access_log off; client_max_body_size 200m; client_body_temp_path temp/body; proxy_temp_path temp/proxy; \
             fastcgi_temp_path temp/f; uwsgi_temp_path temp/u; scgi_temp_path temp/s;\n{configuration}\n}}"
        );
        let program = ["sh".as_ref(), "-c".as_ref(), SCRIPT.as_ref()];
        let mut nginx = Watchdog::new("nginx", "QUIT", None, &program);
        std::fs::write(nginx.folder().join("nginx.conf"), configuration).unwrap();
        nginx.start("");
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(front).is_err() {
            assert!(
                !nginx.ended() && Instant::now() < deadline,
                "nginx: {}",
                nginx.output()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Proxied {
            app,
            port,
            nginx,
            _folder: folder,
        }
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}.localhost:{}{path}", self.port)
    }

    /// What nginx answers to these bytes; `HOST` in them is the wiki's.
    fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = request.replace("HOST", &format!("wiki.localhost:{}", self.port));
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str, headers: &str) -> String {
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n{headers}\r\n"
        ))
    }
}

fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

const SPOOFED: &str = "Remote-User: eve\r\nRemote-Name: eve\r\nRemote-Email: eve\r\nRemote-Groups: admins\r\n\
                       X-Auth-Request-User: eve\r\nX-Auth-Request-Preferred-Username: eve\r\nX-Auth-Request-Email: eve\r\n\
                       X-Auth-Request-Groups: admins\r\nRemote_User: eve\r\nX_Auth_Request_User: eve\r\n\
                       X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 10.0.0.1\r\n\
                       X-Original-URL: http://evil.test/public\r\nX-Original-Method: GET\r\n";

mod slow {
    use super::*;

    #[actix_web::test]
    async fn in_a_browser_one_sign_in_opens_each_app_and_a_refusal_says_why() {
        let proxied = Proxied::start();
        let browser = Browser::start(Look::DESKTOP).await;
        let deep = proxied.url("wiki", "/reports?x=1&y=%2F");
        browser.goto(&deep).await;
        browser.click("#person-ada").await;
        let seen = browser.text("#seen").await;
        assert_eq!(browser.url().await.as_str(), deep);
        assert!(seen.contains("get /reports?x=1&y=%2f http/1.1"), "{seen}");
        assert!(seen.contains("remote-email: ada@example.com"), "{seen}");
        assert!(seen.contains("host: wiki.localhost"), "{seen}");
        // Signed in already: the other app says at once that it is not for her.
        browser.goto(&proxied.url("metrics", "/")).await;
        let sentence = browser.text("#refused-sentence").await;
        assert!(sentence.contains("not open to you"), "{sentence}");
        assert!(
            browser
                .text("#refused-person")
                .await
                .contains("ada@example.com")
        );
        // Signing out on that page closes the wiki.
        browser.click("#logout-button").await;
        browser.text("#login-button").await;
        browser.goto(&proxied.url("wiki", "/")).await;
        browser.text("#person-ada").await;
    }

    #[actix_web::test]
    async fn what_clients_write_reaches_neither_the_rules_nor_the_app() {
        let proxied = Proxied::start();
        let public = proxied.get("/public", SPOOFED);
        assert_eq!(status(&public), 200, "{public}");
        for line in ["eve", "admins", "evil.test", "10.0.0.1"] {
            let app_sees: Vec<&str> = public.lines().filter(|it| it.contains(line)).collect();
            // What nginx only passes on is the app's own affair.
            let own = app_sees.iter().all(|it| it.starts_with("x-original-"));
            assert!(own, "{line}: {app_sees:?}");
        }
        for path in [
            "/public/../x",
            "/public/%2e%2e/x",
            "/public/..%2fx",
            "/public/..;/x",
            "/public/%252e%252e/x",
            "//public",
            "/PUBLIC",
            "/%70ublic",
            "/public;x",
        ] {
            let answer = proxied.get(path, "Accept: text/html\r\n");
            assert_eq!(status(&answer), 303, "{path}: {answer}");
            assert!(answer.contains("/refused?why="), "{path}: {answer}");
            assert_eq!(status(&proxied.get(path, "")), 403, "{path}");
        }
        // The host of an absolute-form request line counts, also for nginx: no rule is borrowed.
        let borrowed = proxied.raw(&format!(
            "GET http://metrics.localhost:{}/public HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
            proxied.port
        ));
        assert_eq!(status(&borrowed), 401, "{borrowed}");
    }

    #[actix_web::test]
    async fn a_script_gets_401_and_nobody_gets_in_while_doorward_is_away() {
        let mut proxied = Proxied::start();
        let script = proxied.get("/api", "Sec-Fetch-Mode: cors\r\n");
        assert_eq!(status(&script), 401);
        assert!(
            script.contains("WWW-Authenticate: Doorward realm="),
            "{script}"
        );
        assert!(!script.to_lowercase().contains("set-cookie"), "{script}");
        let tab = proxied.get("/page", "Accept: text/html\r\n");
        assert_eq!(status(&tab), 303);
        assert!(tab.contains("Location: http://auth.localhost"), "{tab}");
        assert_eq!(
            tab.matches("Set-Cookie: doorward-pending-0").count(),
            1,
            "{tab}"
        );
        assert!(tab.contains("Cache-Control: no-store"), "{tab}");
        let body = "x".repeat(3 << 20);
        let posted = proxied.raw(&format!(
            "POST /public HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        assert!(
            posted.contains(&format!("body: {}", body.len())),
            "{posted}"
        );
        proxied.app.stop();
        for path in ["/public", "/"] {
            assert_eq!(
                status(&proxied.get(path, "Accept: text/html\r\n")),
                500,
                "{path}"
            );
        }
        assert!(!proxied.nginx.ended());
    }
}

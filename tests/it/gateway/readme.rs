//! *Put it in front of your app* in the README: its lines for nginx, its rules and its commands.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::support::Gateway;
use crate::support::Database;
use crate::support::browser::{Browser, Look};
use crate::support::postgres::free_port;
use crate::support::process::{DOORWARD, PATIENCE, Process, complete, free_addr, get};
use crate::support::watchdog::Watchdog;

const README: &str = include_str!("../../../README.md");

/// The first block of this language.
fn block(language: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// The command with these words: its variables, and its arguments for Doorward.
fn command(words: &str) -> (Vec<(&'static str, &'static str)>, Vec<&'static str>) {
    let line = README
        .lines()
        .find(|line| line.starts_with("    RULES_FILE=") && line.contains(words))
        .expect(words);
    let (variables, arguments) = line.trim().split_once(" cargo run").unwrap();
    let variables = variables.split(' ').map(|it| it.split_once('=').unwrap());
    let arguments = arguments.split(' ').filter(|it| !matches!(*it, "" | "--"));
    (variables.collect(), arguments.collect())
}

#[test]
fn the_commands_of_the_readme_work() {
    let files = [("rules.toml", block("toml"))];
    let (variables, arguments) = command("rules test");
    let (code, printed) = Process::start_beside(DOORWARD, &arguments, &variables, &files).ends();
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("ada@example.com: allowed."), "{printed}");

    let (mut variables, arguments) = command("GATEWAY_ADDR");
    let (addr, gateway) = (free_addr(), free_addr().to_string());
    for (name, value) in &mut variables {
        if *name == "GATEWAY_ADDR" {
            *value = gateway.clone().leak();
        }
    }
    let variables = complete(addr, &variables);
    let variables: Vec<_> = variables
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let mut doorward = Process::start_beside(DOORWARD, &arguments, &variables, &files);
    doorward.answers(gateway.parse().unwrap());
    let answer = get(gateway.parse().unwrap(), "/auth/request").unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

mod slow {
    use super::*;

    /// An app of one file, behind nginx with the README's lines.
    struct Wiki {
        gateway: Gateway,
        addr: SocketAddr,
        _nginx: Watchdog,
    }

    impl Wiki {
        fn start() -> Wiki {
            // Where browsers find `*.localhost`.
            let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let host = format!("wiki.localhost:{}", addr.port());
            let rules = block("toml").replace("wiki.example.com", &host);
            let gateway = Gateway::start_with(Database::Sqlite, &rules, &[]);
            let lines = block("nginx")
                .replace("127.0.0.1:9091", &gateway.addr)
                .replace(
                    "$host$request_uri",
                    &format!("$host:{}$request_uri", addr.port()),
                );
            assert_eq!(block("nginx").lines().count(), 10);
            let script = r#"mkdir -p temp && exec nginx -e stderr -p "$PWD/" -c conf"#;
            let program = ["sh".as_ref(), "-c".as_ref(), script.as_ref()];
            let mut nginx = Watchdog::new("nginx", "QUIT", None, &program);
            let conf = format!(
                "daemon off; master_process off; pid nginx.pid; error_log stderr warn; events {{ }}\n\
                 http {{ access_log off; default_type text/html; client_body_temp_path temp/body; proxy_temp_path temp/proxy;\n\
                 fastcgi_temp_path temp/f; uwsgi_temp_path temp/u; scgi_temp_path temp/s;\n\
                 server {{ listen {addr}; server_name wiki.localhost;\n{lines}\nlocation / {{ root app; }}\n}} }}"
            );
            let app = nginx.folder().join("app");
            std::fs::create_dir(&app).unwrap();
            std::fs::write(
                app.join("index.html"),
                "<!doctype html><title>W</title><h1 id=wiki>Wiki</h1>",
            )
            .unwrap();
            std::fs::write(nginx.folder().join("conf"), conf).unwrap();
            nginx.start("");
            let deadline = Instant::now() + PATIENCE;
            while TcpStream::connect(addr).is_err() {
                assert!(
                    !nginx.ended() && Instant::now() < deadline,
                    "{}",
                    nginx.output()
                );
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            Wiki {
                gateway,
                addr,
                _nginx: nginx,
            }
        }

        fn status(&self, headers: &str) -> u16 {
            let port = self.addr.port();
            let request = format!(
                "GET / HTTP/1.1\r\nHost: wiki.localhost:{port}\r\nConnection: close\r\n{headers}\r\n"
            );
            let mut stream = TcpStream::connect(self.addr).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer.split(' ').nth(1).unwrap().parse().unwrap()
        }
    }

    #[actix_web::test]
    async fn ten_lines_of_nginx_guard_an_app() {
        let wiki = Wiki::start();
        let url = format!("http://wiki.localhost:{}/", wiki.addr.port());
        assert_eq!(wiki.status("Sec-Fetch-Mode: cors\r\n"), 401);
        assert_eq!(wiki.status("Accept: text/html\r\n"), 303);
        let browser = Browser::start(Look::DESKTOP).await;
        browser.goto(&url).await;
        browser.click("#person-noname").await;
        let sentence = browser.text("#refused-sentence").await;
        assert!(sentence.contains("not open to you"), "{sentence}");
        browser.click("#logout-button").await;
        browser.wait_for("#login-button").await;
        browser.goto(&url).await;
        browser.click("#person-ada").await;
        assert_eq!(browser.text("#wiki").await, "Wiki");
        assert_eq!(browser.url().await.as_str(), url);
        browser
            .goto(&format!("{}/logout", wiki.gateway.app.url))
            .await;
        browser.click("#logout-button").await;
        browser.wait_for("#login-button").await;
        browser.goto(&url).await;
        browser.wait_for("#person-ada").await;
    }
}

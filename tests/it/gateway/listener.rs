//! Where the gateway listens: Unix sockets, TLS, and connections that are kept.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::support::{Gateway, RULES};
use crate::listening;
use crate::support::Database;
use crate::support::process::{PATIENCE, Process, free_addr, rules_file};

/// A public page of the wiki.
const FORWARD: &str = "GET /auth/forward HTTP/1.1\r\nHost: doorward\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\n\
                       X-Forwarded-Host: wiki.test\r\nX-Forwarded-Uri: /healthz\r\n\r\n";

/// The head of the answer to `request`.
fn ask(mut stream: impl Read + Write, request: &str) -> io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte)? {
            0 => break,
            _ => head.push(byte[0]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn ask_at(socket: &Path) -> String {
    let stream = UnixStream::connect(socket).and_then(|stream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        ask(&stream, FORWARD)
    });
    stream.unwrap_or_default()
}

fn wait_for_an_answer(socket: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while !ask_at(socket).starts_with("HTTP/1.1 200") {
        assert!(
            Instant::now() < deadline,
            "nothing answers: {}",
            ask_at(socket)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_gateway_at_a_unix_socket_answers_whatever_happens_to_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let rules = rules_file(RULES);
    let socket = folder.path().join("gateway");
    let gateway_addr = format!("unix:{}", socket.display());
    let start = |proxies: &str| {
        let variables = [
            ("GATEWAY_ADDR", gateway_addr.as_str()),
            ("RULES_FILE", &rules.path),
            ("TRUSTED_PROXIES", proxies),
        ];
        Process::doorward(free_addr(), &variables)
    };
    let printed = start("127.0.0.1").gives_up();
    let expected =
        "must name the proxies that ask at GATEWAY_ADDR (`unix` if that is a Unix socket)";
    assert!(printed.contains(expected), "{printed}");

    let mut doorward = start("unix");
    doorward.says(&format!("the gateway listens at {gateway_addr}"));
    wait_for_an_answer(&socket);
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    for _ in 0..2 {
        std::fs::remove_file(&socket).unwrap();
        wait_for_an_answer(&socket);
    }
    doorward.says("was deleted or replaced; it is bound again");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);

    let second = start("unix").gives_up();
    let expected = format!("can't listen at {gateway_addr}: another process answers there");
    assert!(second.contains(&expected), "{second}");
    wait_for_an_answer(&socket);

    doorward.kill();
    assert!(socket.exists(), "a process that was killed leaves it");
    let mut successor = start("unix");
    wait_for_an_answer(&socket);
    successor.signal("TERM");
    let (code, printed) = successor.ends();
    assert_eq!(code, Some(0), "{printed}");
}

#[test]
fn with_a_certificate_proxies_ask_over_tls_and_get_no_plain_answer() {
    let rules = rules_file(RULES);
    let addr = free_addr();
    let variables = [
        ("GATEWAY_ADDR", addr.to_string()),
        ("RULES_FILE", rules.path.clone()),
        ("TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
        ("PUBLIC_URL", "http://localhost:1".to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let (_doorward, _, _files, certificate) = listening::with_tls_and(&variables);
    let stream = listening::connect_for(addr, &certificate, &[]).unwrap();
    let answer = ask(stream, FORWARD).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let plain = TcpStream::connect(addr).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let answer = ask(&plain, FORWARD).unwrap_or_default();
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
}

/// Nothing of one request is left for the next.
#[test]
fn a_connection_that_is_kept_takes_each_kind_in_turn() {
    let gateway = Gateway::start(Database::Sqlite);
    let stream = TcpStream::connect(&gateway.addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let get = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: wiki.test\r\n{headers}\r\n")
    };
    let forward = "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: wiki.test\r\n\
                   X-Forwarded-Uri: /healthz\r\n";
    let nginx = "X-Original-Method: GET\r\nX-Original-URL: http://wiki.test/healthz\r\n";
    for round in 0..3 {
        for (path, headers, status) in [
            ("/auth/forward", forward, 200),
            ("/auth/request", nginx, 200),
            ("/auth/forward", "", 400),
            ("/auth/request", "", 403),
            ("/auth/ext-authz/healthz", "", 200),
            ("/auth/forward", nginx, 400),
            ("/auth/request", forward, 403),
            ("/healthz", "", 200),
            ("/auth/ext-authz", "", 400),
            ("/auth/request", nginx, 200),
        ] {
            let answer = ask(&stream, &get(path, headers)).unwrap();
            let found = answer.split(' ').nth(1).unwrap_or_default();
            assert_eq!(
                found,
                status.to_string(),
                "round {round}, {path} {headers:?}"
            );
            let length = answer
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            (&stream).read_exact(&mut vec![0; length]).unwrap();
        }
    }
}

mod slow {
    use super::*;
    use crate::support::Visitor;

    #[test]
    fn who_does_not_finish_the_headers_is_cut_off() {
        let gateway = Gateway::start(Database::Sqlite);
        let mut stream = TcpStream::connect(&gateway.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let began = Instant::now();
        stream.write_all(&FORWARD.as_bytes()[..60]).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let took = began.elapsed();
        assert!((4..9).contains(&took.as_secs()), "{took:?}: {answer}");
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{answer}"
        );
        // It holds no worker meanwhile.
        let stream = TcpStream::connect(&gateway.addr).unwrap();
        assert!(ask(&stream, FORWARD).unwrap().starts_with("HTTP/1.1 200"));
    }

    /// The wiki is open to everybody, or the metrics are; never both, and never neither.
    #[actix_web::test]
    async fn no_request_is_answered_by_half_a_file_of_rules() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        let rules = |public: &str, other: &str| {
            let mut text = String::new();
            // Long enough to be written in parts.
            for number in 0..2000 {
                text.push_str(&format!(
                    "[[rule]]\nname = \"{number}\"\nhosts = [\"{number}.test\"]\nallow = \"nobody\"\n"
                ));
            }
            // The rule that opens one of them is the last.
            format!(
                "[[rule]]\nname = \"a\"\nhosts = [\"{other}\"]\nallow = \"nobody\"\n{text}\
                 [[rule]]\nname = \"b\"\nhosts = [\"{public}\"]\nallow = \"public\"\n"
            )
        };
        let (one, other) = (
            rules("wiki.test", "metrics.test"),
            rules("metrics.test", "wiki.test"),
        );
        std::fs::write(&file, &one).unwrap();
        let settings = [("RULES_FILE", file.to_str().unwrap())];
        let gateway = Gateway::start_with(Database::Sqlite, RULES, &settings);
        let ask = async |host: &str| {
            let headers = [
                ("x-forwarded-method", "GET"),
                ("x-forwarded-proto", "http"),
                ("x-forwarded-host", host),
                ("x-forwarded-uri", "/"),
            ];
            let proxy = Visitor::new(&format!("http://{}", gateway.addr));
            proxy
                .send(awc::http::Method::GET, "/auth/forward", &headers, "")
                .await
                .status
        };
        let mut seen = vec![];
        // Each is written in pieces, with pauses in which it is looked at; one is broken to its end.
        for (content, expected) in [
            (&other, (403, 200)),
            (&"[[rule]]\nname=".to_owned(), (403, 200)),
            (&one, (200, 403)),
        ] {
            // The first part is a whole file by itself.
            let middle = content.find("[[rule]]\nname = \"1000\"").unwrap_or(5);
            let pieces = [&content[..middle], content.as_str()];
            let deadline = Instant::now() + PATIENCE;
            let began = Instant::now();
            let mut written = 0;
            loop {
                if written < pieces.len()
                    && began.elapsed() >= Duration::from_millis(1500) * written as u32
                {
                    std::fs::write(&file, pieces[written]).unwrap();
                    written += 1;
                }
                let state = (ask("wiki.test").await, ask("metrics.test").await);
                // Otherwise the file changed between the two questions.
                if ask("wiki.test").await == state.0 {
                    seen.push(state);
                }
                let is_settled = began.elapsed() > Duration::from_secs(6) || content == &one;
                if state == expected && written == pieces.len() && is_settled {
                    break;
                }
                assert!(
                    Instant::now() < deadline,
                    "{state:?} instead of {expected:?}"
                );
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [(200, 403), (403, 200)]);
    }
}

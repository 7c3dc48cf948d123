//! Caps on connections and headers. Those on bodies and time are in `protocol/`, `requests/` and `faults/`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::graceful::Hesitant;
use crate::support::process::{PATIENCE, Process, free_addr, get};

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn status(mut stream: &TcpStream) -> String {
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    String::from_utf8_lossy(&status).into_owned()
}

const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A Doorward that lets in `per_worker` connections for each of its workers, and how many that are.
fn capped(per_worker: usize, variables: &[(&str, &str)]) -> (Process, SocketAddr, usize) {
    let addr = free_addr();
    let workers = std::thread::available_parallelism().unwrap().get();
    let cap = per_worker * workers;
    let max_connections = cap.to_string();
    let capped = [
        ("MAX_CONNECTIONS", max_connections.as_str()),
        // A proxy keeps idle connections for long.
        ("TRUSTED_PROXIES", "10.0.0.1"),
    ];
    let mut doorward = Process::doorward(addr, &[&capped, variables].concat());
    doorward.answers(addr);
    (doorward, addr, cap)
}

#[test]
fn connections_beyond_the_cap_wait_until_one_ends() {
    let (provider, issuer) = Hesitant::new();
    let (_doorward, addr, cap) = capped(2, &[("OIDC_ISSUER", &issuer)]);
    let login = b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // What has been sent is not idle, even if it is not read yet.
    let held = (0..cap).map(|_| {
        let mut stream = connect(addr);
        stream.write_all(login).unwrap();
        stream
    });
    let held: Vec<_> = held.collect();
    let mut request = provider.is_asked();
    let mut waiting = connect(addr);
    waiting.write_all(GET).unwrap();
    waiting
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    assert!(
        waiting.read(&mut [0; 12]).is_err(),
        "it is answered beyond the cap"
    );
    waiting.set_read_timeout(Some(PATIENCE)).unwrap();
    request
        .write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    assert_eq!(status(&waiting), "HTTP/1.1 200");
    for stream in &held {
        assert_eq!(status(stream), "HTTP/1.1 502", "its request was served");
    }
}

/// Whether the server has closed the connection, which it does with no word.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut rest = [0; 4096];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return true,
            Ok(_) => (),
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// Or a liveness probe would kill a process that works well.
#[test]
fn idle_connections_keep_nobody_out() {
    let metrics = free_addr().to_string();
    let (_doorward, addr, cap) = capped(4, &[("METRICS_ADDR", &metrics)]);
    for begun in [&b""[..], GET, &[GET, b"GET /"].concat()] {
        let held: Vec<_> = (0..4 * cap).map(|_| connect(addr)).collect();
        for mut stream in &held {
            // Some are closed before they can say anything.
            let _ = stream.write_all(begun);
        }
        for nth in 0..cap {
            let began = Instant::now();
            let answer = get(addr, "/healthz").unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert!(began.elapsed() < Duration::from_secs(4), "{begun:?}");
            if nth == 0 {
                let kept = held.iter().filter(|stream| !is_closed(stream)).count();
                assert!((1..cap).contains(&kept), "{kept} of {cap}: {begun:?}");
            }
        }
        for path in ["/healthz", "/readyz"] {
            let answer = get(metrics.parse().unwrap(), path).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        }
    }
}

/// Their requests are on the way for a while.
#[test]
fn connections_that_come_at_once_do_not_close_each_other() {
    let (_doorward, addr, cap) = capped(4, &[]);
    let connected: Vec<_> = (0..4 * cap).map(|_| connect(addr)).collect();
    std::thread::sleep(Duration::from_millis(50));
    for mut stream in &connected {
        stream.write_all(GET).unwrap();
    }
    for stream in &connected {
        assert_eq!(status(stream), "HTTP/1.1 200");
    }
}

/// A connection that is used is not idle, however many others come.
#[test]
fn the_connection_that_was_idle_for_the_longest_is_closed_first() {
    let (_doorward, addr, cap) = capped(4, &[]);
    let (used, mut others) = (connect(addr), Vec::new());
    for _ in 0..4 * cap {
        (&used).write_all(GET).unwrap();
        assert_eq!(status(&used), "HTTP/1.1 200");
        let newcomer = connect(addr);
        (&newcomer).write_all(GET).unwrap();
        assert_eq!(status(&newcomer), "HTTP/1.1 200");
        others.push(newcomer);
        // The rest of the response.
        used.set_nonblocking(true).unwrap();
        while matches!((&used).read(&mut [0; 4096]), Ok(1..)) {}
        used.set_nonblocking(false).unwrap();
    }
}

/// What one connection takes of memory at most; `docs/capacity.md` and `deploy/` count with it.
pub const CONNECTION_KIB: usize = 192;

/// What a process has in memory, in KiB.
fn resident_kib(doorward: &Process) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", doorward.id())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.unwrap().trim_end_matches("kB").trim();
    resident.parse().unwrap()
}

/// Requests that are sent ahead are answered one after the other, bodies and all.
#[test]
fn what_is_sent_ahead_is_answered_in_its_turn() {
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[("OIDC_RESPONSE_MODE", "form_post")]);
    doorward.answers(addr);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let post = "POST /authorization-code/callback HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n\r\na=b&c\r\n";
    let mut ahead: String = (0..50).map(|n| get(&format!("/{n}"))).collect();
    ahead.push_str(&post.repeat(3));
    let chunked = "POST /authorization-code/callback HTTP/1.1\r\nHost: localhost\r\n\
                   Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3\r\na=b\r\n2\r\n&c\r\n0\r\n\r\n";
    ahead.push_str(&chunked.repeat(3));
    ahead.push_str(&get("/healthz").repeat(3));
    ahead.push_str("GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut stream = connect(addr);
    stream.write_all(ahead.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let statuses: Vec<_> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    let expected = [vec!["404"; 50], vec!["403"; 6], vec!["200"; 3], vec!["404"]].concat();
    assert_eq!(statuses, expected);
}

/// The empty lines in a body, and the one that ends a body in chunks, end no head; and what follows is a request again,
/// or a proxy's next visitor would wait for it.
#[test]
fn a_body_may_have_empty_lines_and_come_in_chunks() {
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[("OIDC_RESPONSE_MODE", "form_post")]);
    doorward.answers(addr);
    let chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\na=b&c\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n";
    let long = "Content-Length: 10\r\n\r\na=b\n\n\r\n\r\nc";
    for body in [chunked, long] {
        // Read by the one, and by the other not.
        for (path, status) in [("/authorization-code/callback", "403"), ("/nowhere", "404")] {
            let mut stream = connect(addr);
            let post = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\n{body}"
            );
            let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(format!("{post}{get}").as_bytes()).unwrap();
            let mut answers = String::new();
            stream.read_to_string(&mut answers).unwrap();
            assert!(
                answers.starts_with(&format!("HTTP/1.1 {status}")),
                "{answers}"
            );
            if status == "403" {
                assert!(answers.contains("HTTP/1.1 200"), "{answers}");
            }
        }
    }
}

#[test]
fn too_many_headers_or_too_long_ones_are_refused() {
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[]);
    doorward.answers(addr);
    let many = "X-A: b\r\n".repeat(200);
    let long = format!("X-A: {}\r\n", "b".repeat(200_000));
    for headers in [many, long] {
        let stream = connect(addr);
        // The server may answer, and want no more, before it has read all of it.
        let _ = (&stream)
            .write_all(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes());
        let mut answer = Vec::new();
        let _ = (&stream).read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert!(get(addr, "/healthz").unwrap().starts_with("HTTP/1.1 200"));
}

mod slow {
    use super::*;

    /// Whether memory is exhausted by strangers who hold connections is arithmetic only if each has its bound.
    #[test]
    fn a_connection_takes_no_more_memory_than_is_said() {
        let line = format!("X-A: {}\r\n", "a".repeat(8000));
        let endless = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}", line.repeat(15));
        let with_body = format!(
            "{endless}Content-Length: 16000\r\n\r\n{}",
            "a".repeat(15_900)
        );
        let pipelined = "GET / HTTP/1.1\r\nHost:a\r\n\r\n".repeat(5000);
        let bare = "GET / HTTP/1.1\nHost:a\n\n".repeat(5000);
        let go_on = "GET / HTTP/1.1\nHost:a\nExpect:100-continue\n\n".repeat(3000);
        for hostile in [
            endless,
            with_body.replace("GET", "POST"),
            pipelined,
            bare,
            go_on,
        ] {
            const CONNECTIONS: usize = 100;
            let addr = free_addr();
            // Behind a proxy, as it were: an idle connection is kept.
            let mut doorward = Process::doorward(addr, &[("TRUSTED_PROXIES", "10.0.0.1")]);
            doorward.answers(addr);
            // The memory of the first responses belongs to the process.
            drop(connect(addr).write_all(hostile.as_bytes()));
            get(addr, "/").unwrap();
            let (before, began) = (resident_kib(&doorward), Instant::now());
            let mut held: Vec<_> = (0..CONNECTIONS).map(|_| (connect(addr), 0)).collect();
            for (stream, _) in &held {
                stream.set_nonblocking(true).unwrap();
            }
            let mut most = 0;
            while began.elapsed() < Duration::from_secs(4) {
                for (stream, sent) in &mut held {
                    *sent += stream.write(&hostile.as_bytes()[*sent..]).unwrap_or(0);
                }
                most = most.max(resident_kib(&doorward));
            }
            let each = most.saturating_sub(before) / CONNECTIONS;
            assert!(each <= CONNECTION_KIB, "{each} KiB: {}", &hostile[..20]);
            assert!(get(addr, "/healthz").is_some());
        }
    }

    #[test]
    fn a_browser_that_says_nothing_more_is_let_go_and_a_proxy_may_take_its_time() {
        for (proxies, stays) in [("", false), ("10.0.0.1", true)] {
            let addr = free_addr();
            let mut doorward = Process::doorward(addr, &[("TRUSTED_PROXIES", proxies)]);
            doorward.answers(addr);
            let mut idle = connect(addr);
            idle.write_all(GET).unwrap();
            idle.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
            let began = Instant::now();
            let mut answer = Vec::new();
            // The end of the connection ends the reading well, the time limit does not.
            let closed = idle.read_to_end(&mut answer).is_ok();
            assert!(answer.starts_with(b"HTTP/1.1 200"));
            assert_eq!(closed, !stays, "{:?}", began.elapsed());
        }
    }

    /// Or a byte on each connection that `MAX_CONNECTIONS` allows would keep everybody else out for ever.
    #[test]
    fn who_begins_a_request_and_does_not_end_it_is_let_go() {
        let addr = free_addr();
        let mut doorward = Process::doorward(addr, &[]);
        doorward.answers(addr);
        let get = String::from_utf8_lossy(GET);
        let post =
            "POST /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        let begun = [
            format!("{get}G"),
            format!("{get}GET /healthz HTTP/1.1\r\nHost: localhost\r\n"),
            format!("{get}{get}{}", &get[..get.len() - 1]),
            post.to_owned(),
            format!("{post}5\r\na=b"),
        ];
        let connections = begun.map(|begun| {
            let mut stream = connect(addr);
            stream.write_all(begun.as_bytes()).unwrap();
            (stream, begun)
        });
        for (mut stream, begun) in connections {
            let mut answers = Vec::new();
            let closed = stream.read_to_end(&mut answers);
            assert!(answers.starts_with(b"HTTP/1.1 "), "{begun:?}");
            assert!(closed.is_ok(), "{begun:?}: {closed:?}");
        }
    }
}

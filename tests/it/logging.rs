//! The log and its readers: a process goes on if the log is not read, and what visitors send is one value in it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::Visitor;
use crate::support::process::{
    DOORWARD, PATIENCE, Process, complete, free_addr, get, provider_for,
};
use crate::support::provider::demo_people;

/// A Doorward whose log waits in a pipe until it is read.
struct Unread {
    child: Child,
    log: Option<ChildStderr>,
    _folder: TempDir,
}

impl Unread {
    fn start(addr: SocketAddr, variables: &[(&str, &str)]) -> Unread {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(DOORWARD)
            .env_clear()
            .envs(complete(addr, variables))
            .current_dir(&folder)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = child.stderr.take();
        let doorward = Unread {
            child,
            log,
            _folder: folder,
        };
        let deadline = Instant::now() + PATIENCE;
        while get(addr, "/healthz").is_none() {
            assert!(Instant::now() < deadline, "nobody answers at {addr}");
            std::thread::sleep(Duration::from_millis(5));
        }
        doorward
    }

    /// Begins to read: each line as it comes.
    fn read(&mut self) -> impl Iterator<Item = String> + use<> {
        let log = self.log.take().unwrap();
        BufReader::new(log).lines().map_while(Result::ok)
    }

    fn end(&mut self) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(kill.unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks for `path` so many times on one connection; each time there must be an answer.
fn ask(addr: SocketAddr, path: &str, times: usize) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for number in 0..times {
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 404"), "{number}: {line:?}");
        while line != "\r\n" {
            line.clear();
            assert_ne!(answers.read_line(&mut line).unwrap(), 0);
        }
    }
}

/// More than the pipe, the queue and what is being written hold together.
const REQUESTS: usize = 9_000;

#[test]
fn a_reader_that_is_gone_stops_nothing_either() {
    let addr = free_addr();
    let mut doorward = Unread::start(addr, &[]);
    drop(doorward.log.take());
    ask(addr, "/gone", 100);
    doorward.end();
}

#[test]
fn sighup_ends_nothing() {
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[]);
    doorward.answers(addr);
    for _ in 0..3 {
        doorward.signal("HUP");
    }
    doorward.says("SIGHUP: nothing to do");
    assert!(get(addr, "/healthz").unwrap().starts_with("HTTP/1.1 200"));
}

/// Its memory has the keys.
#[test]
fn a_crash_leaves_no_core() {
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[]);
    doorward.answers(addr);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", doorward.id())).unwrap();
    let mut limits = limits.lines();
    let core = limits.find_map(|line| line.strip_prefix("Max core file size"));
    let core: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(core, ["0", "0", "bytes"]);
}

fn ask_raw(addr: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn methods_and_paths_are_cut_in_the_log() {
    for format in ["text", "json"] {
        let addr = free_addr();
        let mut doorward = Process::doorward(addr, &[("LOG_FORMAT", format)]);
        doorward.answers(addr);
        let end = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        for (method, path) in [
            ("GET", format!("/{}", "a".repeat(60_000))),
            (&*"M".repeat(60_000), "/short".to_owned()),
            ("POST", format!("/login{}", "%20".repeat(20_000))),
        ] {
            let answer = ask_raw(addr, format!("{method} {path} {end}").as_bytes());
            assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
        get(addr, "/last").unwrap();
        let printed = doorward.says("/last");
        let longest = printed.lines().map(str::len).max().unwrap();
        assert!(longest < 2000, "{longest}");
        assert!(
            printed.contains(&format!("/{}…", "a".repeat(255))),
            "{printed}"
        );
        assert!(printed.contains("MMMMMMMMMMMMMMMM…"), "{printed}");
    }
}

/// Whoever can choose a path or their own name at the provider writes no field and no line of their own.
#[actix_web::test]
async fn in_text_a_value_is_one_value() {
    let addr = free_addr();
    let url = format!("http://{addr}");
    let mut people = demo_people();
    people[0].sub = "00u\" event=user_deleted \u{202e}subject=\u{2003}x".to_owned();
    let provider = provider_for(&url, people);
    let variables = [
        ("OIDC_ISSUER", provider.issuer()),
        ("PUBLIC_URL", url.clone()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let mut doorward = Process::doorward(addr, &variables);
    doorward.answers(addr);
    let ada = Visitor::new(&url);
    assert_eq!(ada.sign_in("ada").await.status, 303);
    let printed = doorward.says(": sign_in user=");
    let escaped = r#" subject="00u\" event=user_deleted \u{202e}subject=\u{2003}x" "#;
    let audit = printed
        .lines()
        .filter(|line| line.contains("doorward::audit"));
    for line in audit {
        assert!(line.contains(escaped), "{line}");
    }
    ask_raw(
        addr,
        "GET /\u{202e}\"a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".as_bytes(),
    );
    get(addr, "/last").unwrap();
    let printed = doorward.says("/last");
    assert!(!printed.contains('\u{202e}'), "{printed}");
}

mod slow {
    use super::*;

    #[test]
    fn a_log_that_nobody_reads_stops_nothing_and_what_was_dropped_is_told() {
        let (addr, metrics_addr) = (free_addr(), free_addr());
        let metrics = metrics_addr.to_string();
        let mut doorward = Unread::start(addr, &[("METRICS_ADDR", &metrics)]);
        let path = format!("/{}", "a".repeat(240));
        ask(addr, &path, REQUESTS);
        let metrics = get(metrics_addr, "/metrics").unwrap();
        let mut metrics = metrics.lines();
        let dropped = metrics
            .find_map(|line| line.strip_prefix("doorward_log_lines_dropped_total "))
            .unwrap()
            .parse::<usize>()
            .unwrap();
        assert!(dropped > 0);

        // The log is read again: what waited is there, and how many lines are missing.
        let (mut lines, mut reported) = (0, None);
        for line in doorward.read() {
            match line.split_once(" log lines were dropped: ") {
                Some((before, _)) => {
                    reported = before.split_whitespace().last().map(str::to_owned);
                    break;
                }
                None => lines += usize::from(line.contains(&format!("HEAD {path} 404"))),
            }
        }
        assert_eq!(reported, Some(dropped.to_string()));
        // The rest of what was logged is what came before the requests: the start, and how we waited for it.
        let missing = REQUESTS - lines;
        assert!(
            missing <= dropped && lines > 1000,
            "{lines} {missing} {dropped}"
        );
    }

    #[test]
    fn what_waits_is_written_before_the_process_ends_and_is_not_waited_for_in_vain() {
        let addr = free_addr();
        let mut doorward = Unread::start(addr, &[]);
        // More than a pipe holds.
        let path = format!("/{}", "b".repeat(240));
        ask(addr, &path, 1000);
        let log = doorward.read();
        let reader = std::thread::spawn(move || {
            log.filter(|line| line.contains(&format!("HEAD {path} 404")))
                .count()
        });
        doorward.end();
        assert_eq!(reader.join().unwrap(), 1000);

        let addr = free_addr();
        let mut doorward = Unread::start(addr, &[]);
        ask(addr, &format!("/{}", "c".repeat(240)), 1000);
        doorward.end();
    }
}

/// What a Doorward prints at a terminal, up to the line that says where it listens.
fn at_a_terminal(variables: &[(&str, &str)]) -> String {
    let (folder, addr) = (tempfile::tempdir().unwrap(), free_addr());
    // `script` has a terminal for it. The first line is the process's id.
    let command = format!(
        "echo $$; exec timeout --foreground {} {DOORWARD}",
        PATIENCE.as_secs()
    );
    let mut terminal = Command::new("script")
        .args(["--quiet", "--flush", "--command", &command, "/dev/null"])
        .env_clear()
        .envs(complete(addr, variables))
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(terminal.stdout.take().unwrap()).lines();
    let mut next = || lines.next().expect("it starts in time").unwrap();
    let id = next();
    let mut printed = String::new();
    while !printed.contains("listening at") {
        printed += &next();
        printed.push('\n');
    }
    let kill = Command::new("kill").arg(id.trim()).status();
    assert!(kill.unwrap().success());
    terminal.wait().unwrap();
    printed
}

#[test]
fn levels_have_colours_at_a_terminal_that_can_show_them() {
    let printed = at_a_terminal(&[("TERM", "xterm")]);
    assert!(printed.contains(" \x1b[32mINFO \x1b[0m "), "{printed}");
    for plain in [("TERM", "dumb"), ("NO_COLOR", "1")] {
        let printed = at_a_terminal(&[("TERM", "xterm"), plain]);
        assert!(
            printed.contains(" INFO  ") && !printed.contains('\x1b'),
            "{printed}"
        );
    }
}

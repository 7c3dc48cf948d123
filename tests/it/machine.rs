//! The machine's limits, made low: open files, threads. And signals that end nothing.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::support::process::{DOORWARD, Process, complete, free_addr, get};

#[test]
fn signals_that_are_not_meant_to_end_it_are_logged() {
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[]);
    doorward.answers(addr);
    for name in [
        "HUP", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "XFSZ",
    ] {
        doorward.signal(name);
        doorward.says(&format!("SIG{name}: "));
    }
    doorward.answers(addr);
}

/// A Doorward that another program starts, and that the shell finds.
fn started_by(script: &str, addr: SocketAddr, variables: &[(&str, &str)]) -> Process {
    let path = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")];
    let variables = complete(addr, &[variables, &path].concat());
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Process::start("/bin/sh", &["-c", script, DOORWARD], &variables)
}

/// The soft and the hard limit.
fn open_files(doorward: &Process) -> (u64, u64) {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", doorward.id())).unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let mut numbers = line.unwrap().split_whitespace().map(str::parse);
    let mut next = || numbers.next().unwrap().unwrap();
    (next(), next())
}

#[test]
fn as_many_files_as_the_system_allows_can_be_open_and_too_few_are_told() {
    const TOO_FEW: &str = "files can be open, but MAX_CONNECTIONS (1000)";
    for (hard, is_enough) in [(2100, true), (2099, false)] {
        let addr = free_addr();
        let script = format!("ulimit -S -n 64; exec prlimit --nofile=64:{hard} \"$0\"");
        let mut doorward = started_by(&script, addr, &[]);
        doorward.answers(addr);
        assert_eq!(open_files(&doorward), (hard, hard));
        let printed = doorward.says("listening at");
        assert_eq!(!printed.contains(TOO_FEW), is_enough, "{printed}");
    }
}

/// Connections that say nothing would else take all files until their time is over.
#[test]
fn with_fewer_files_than_connections_idle_ones_keep_nobody_out() {
    let addr = free_addr();
    let mut doorward = started_by("exec prlimit --nofile=256:256 \"$0\"", addr, &[]);
    doorward.answers(addr);
    doorward.says("Until then, 156 connections are accepted at a time");
    let _idle: Vec<_> = (0..300)
        .map(|_| TcpStream::connect(addr).unwrap())
        .collect();
    let began = Instant::now();
    let answer = get(addr, "/healthz").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(3));
    let printed = doorward.printed();
    assert!(!printed.contains("Too many open files"), "{printed}");
}

mod slow {
    use std::io::Write;
    use std::process::Command;
    use std::thread::sleep;

    use super::*;

    /// The processor's time that it has used.
    fn cpu_ticks(doorward: &Process) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", doorward.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        [11, 12]
            .map(|at| fields[at].parse::<u64>().unwrap())
            .iter()
            .sum()
    }

    #[test]
    fn without_a_file_for_a_connection_it_says_so_once_a_minute_and_waits() {
        let addr = free_addr();
        let mut doorward = started_by("exec prlimit --nofile=80:80 \"$0\"", addr, &[]);
        doorward.answers(addr);
        let held: Vec<_> = (0..120)
            .map(|_| {
                let mut stream = TcpStream::connect(addr).unwrap();
                let get = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
                stream.write_all(get).unwrap();
                stream
            })
            .collect();
        doorward.says("Too many open files");
        let before = cpu_ticks(&doorward);
        sleep(Duration::from_secs(3));
        let ticks = cpu_ticks(&doorward) - before;
        // A second has a hundred ticks.
        assert!(ticks < 60, "{ticks} ticks in 3 s");
        let printed = doorward.printed();
        let lines = printed
            .lines()
            .filter(|line| line.contains("Too many open files"));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("raise LimitNOFILE"), "{lines:?}");
        drop(held);
        doorward.answers(addr);
    }

    /// Threads of the runtime end when they are idle for so long.
    const IDLE: Duration = Duration::from_secs(11);

    /// A user whom nobody else uses may have so many threads. Root has no such limit, and others can't become that user.
    fn with_threads(count: usize, addr: SocketAddr) -> Process {
        let script = format!(
            "chmod 777 . && exec setpriv --reuid=54321 --clear-groups prlimit --nproc={count}:{count} \"$0\""
        );
        // Its name has to be looked up.
        started_by(&script, addr, &[("OIDC_ISSUER", "http://localhost:9")])
    }

    #[test]
    fn at_each_limit_of_threads_it_starts_and_works_or_says_what_to_raise() {
        let id = Command::new("id").arg("-u").output().unwrap();
        assert_eq!(id.stdout.trim_ascii(), b"0", "this test needs root");
        let too_few = (1..).find_map(|count| {
            let addr = free_addr();
            let mut doorward = with_threads(count, addr);
            match doorward.answers_or_gives_up(addr) {
                Some(printed) => {
                    assert!(printed.contains("raise TasksMax"), "{count}: {printed}");
                    None
                }
                None => Some((count, addr, doorward)),
            }
        });
        let (count, addr, doorward) = too_few.unwrap();
        sleep(IDLE);
        let requests = (0..40).map(|nth| {
            std::thread::spawn(move || match nth % 2 {
                0 => (get(addr, "/readyz"), "HTTP/1.1 200"),
                _ => (get(addr, "/login"), "HTTP/1.1 502"),
            })
        });
        for request in requests.collect::<Vec<_>>() {
            let (answer, expected) = request.join().unwrap();
            let answer = answer.unwrap_or_default();
            assert!(answer.starts_with(expected), "{count} threads: {answer}");
        }
        let printed = doorward.printed();
        assert!(!printed.contains("panicked"), "{count} threads: {printed}");
    }
}

//! Well-meant settings that must not lead to harm: another database than was meant, a proxy that is not
//! believed, a secret in the log.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::support::postgres::free_port;
use crate::support::process::{DOORWARD, Process, complete, free_addr};

/// Doorward by a shell script, in which `exec "$0"` becomes it.
fn by(script: &str, variables: &BTreeMap<String, String>, files: &[(&str, &str)]) -> Process {
    let path = ("PATH", "/usr/bin:/bin");
    let variables = variables.iter().map(|(name, value)| (&**name, &**value));
    let variables: Vec<_> = variables.chain([path]).collect();
    Process::start_beside("/bin/sh", &["-c", script, DOORWARD], &variables, files)
}

/// A file with that name would hold the password in its name, and everybody's records, until the container goes.
#[test]
fn what_is_meant_for_postgres_is_no_file() {
    for url in [
        "host=db.internal user=doorward password=hunter2 dbname=doorward",
        "dbname = doorward",
        "postgres:doorward:hunter2@db/doorward",
        "PostgreSQL:/doorward:hunter2@db/doorward",
        "service=doorward",
    ] {
        let mut doorward = Process::doorward(free_addr(), &[("DATABASE_URL", url)]);
        let printed = doorward.gives_up();
        let expected = "\n  DATABASE_URL is no URL of Postgres, but looks like one was meant\n    for example: \
                        DATABASE_URL=postgres://doorward@db/doorward\n";
        assert!(printed.contains(expected), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
        assert_eq!(doorward.files(), [""; 0]);
    }
}

/// Nothing is as if it were not set: the default would be another database, or no proxy.
#[test]
fn what_is_no_text_is_a_fault_at_start() {
    for name in [
        "DATABASE_URL",
        "TRUSTED_PROXIES",
        "RATE_LIMIT",
        "SESSION_KEY",
    ] {
        let script = format!("{name}=\"$(printf 'b\\344r')\" exec \"$0\"");
        let printed = by(&script, &complete(free_addr(), &[]), &[]).gives_up();
        let expected = format!("\n  {name} is not UTF-8\n");
        assert!(printed.contains(&expected), "{printed}");
    }
}

/// `SESSION_KEY_FILE=<(vault read …)`: what comes out of a pipe comes once.
#[test]
fn a_secret_may_come_out_of_a_pipe() {
    let addr = free_addr();
    let mut variables = complete(
        addr,
        &[
            ("SESSION_KEY_FILE", "/dev/stdin"),
            ("PUBLIC_URL", "https://app.example.com"),
        ],
    );
    let key = variables.remove("SESSION_KEY").unwrap();
    // A here-document is a pipe, and the shell is gone: ending the process ends Doorward.
    let script = format!("exec \"$0\" <<END\n{key}\nEND\n");
    let mut doorward = by(&script, &variables, &[]);
    doorward.answers(addr);
}

/// Docker creates a folder in place of a file that it should mount and that does not exist.
#[test]
fn a_dotenv_that_is_a_folder_is_told() {
    let variables = complete(free_addr(), &[]);
    let printed = by("mkdir .env && exec \"$0\"", &variables, &[]).gives_up();
    assert_eq!(
        printed,
        ".env can't be read: Is a directory (os error 21)\n"
    );
}

/// The file holds people's names and addresses, wherever it is.
#[test]
fn a_database_behind_a_link_is_private_too() {
    let addr = free_addr();
    let script = "umask 022 && ln -s elsewhere.db doorward.db && exec \"$0\"";
    let mut doorward = by(script, &complete(addr, &[]), &[]);
    doorward.answers(addr);
    let modes = doorward.modes();
    for name in ["elsewhere.db", "elsewhere.db-wal", "elsewhere.db-shm"] {
        assert_eq!(modes[name], 0o600, "{name}: {modes:?}");
    }
}

/// As a socket for both kinds of addresses shows an IPv4 peer, and so some write it.
#[test]
fn a_proxy_may_be_named_as_an_ipv6_address_that_is_an_ipv4_one() {
    for (proxies, is_believed) in [
        ("::ffff:127.0.0.1", true),
        ("::ffff:127.0.0.0/104", true),
        ("::ffff:10.0.0.0/104", false),
    ] {
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let variables = [("TRUSTED_PROXIES", proxies)];
        let mut doorward = Process::doorward(addr, &variables);
        doorward.answers(addr);
        let mut request = std::net::TcpStream::connect(addr).unwrap();
        let head = "GET /here HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n";
        std::io::Write::write_all(&mut request, head.as_bytes()).unwrap();
        let printed = doorward.says(" GET /here 404");
        assert_eq!(
            printed.contains(": 198.51.100.7 GET /here"),
            is_believed,
            "{printed}"
        );
    }
    let everybody = [("TRUSTED_PROXIES", "::ffff:0.0.0.0/96")];
    let printed = Process::doorward(free_addr(), &everybody).gives_up();
    assert!(
        printed.contains("TRUSTED_PROXIES has a network so large that strangers are in it"),
        "{printed}"
    );
}

/// A proxy terminates TLS in front of it: then all clients have its address, and one attacker uses up the allowance of all.
#[test]
fn a_proxy_that_nobody_named_is_told() {
    let warning = "TRUSTED_PROXIES names no proxy, but there must be one";
    for (variables, is_told) in [
        (&[("PUBLIC_URL", "https://app.example.com")][..], true),
        (
            &[
                ("PUBLIC_URL", "https://app.example.com"),
                ("TRUSTED_PROXIES", "10.0.0.1"),
            ],
            false,
        ),
        (&[], false),
    ] {
        let addr = free_addr();
        let mut doorward = Process::doorward(addr, variables);
        doorward.answers(addr);
        let printed = match is_told {
            true => doorward.says(warning),
            false => doorward.printed(),
        };
        assert_eq!(printed.contains(warning), is_told, "{printed}");
    }
}

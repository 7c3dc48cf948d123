//! A Postgres that is not on this machine: TLS or nothing, however the connection string names it. To Linux `0.0.0.0` is
//! this machine as well, to Doorward it is not: so the tests need no network.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use diesel::prelude::*;

use crate::support::postgres::{OwnPostgres, fresh_database};
use crate::support::process::{DOORWARD, PATIENCE, Process, free_addr};

/// What a client sends before anything else, as Postgres numbers it.
const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;

/// A server that can do no encryption, and what it is sent in the clear.
struct Eavesdropper {
    port: u16,
    heard: Receiver<String>,
}

impl Eavesdropper {
    fn start() -> Eavesdropper {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let tell = tell.clone();
                std::thread::spawn(move || {
                    if let Some(said) = listen(stream.unwrap()) {
                        let _ = tell.send(said);
                    }
                });
            }
        });
        Eavesdropper { port, heard }
    }
}

/// The first message that is no question for encryption.
fn listen(mut stream: TcpStream) -> Option<String> {
    let mut head = [0; 8];
    loop {
        stream.read_exact(&mut head).ok()?;
        match u32::from_be_bytes(head[4..].try_into().unwrap()) {
            SSL_REQUEST | GSSENC_REQUEST => stream.write_all(b"N").ok()?,
            _ => break,
        }
    }
    // `AuthenticationCleartextPassword`.
    let mut said = vec![0; 1024];
    let len = stream.read(&mut said).ok()?;
    stream.write_all(b"R\0\0\0\x08\0\0\0\x03").ok()?;
    let more = stream.read(&mut said[len..]).ok()?;
    Some(String::from_utf8_lossy(&said[..len + more]).into_owned())
}

fn doorward(url: &str, variables: &[(&str, &str)], files: &[(&str, &str)]) -> Process {
    let mut all = vec![("DATABASE_URL", url)];
    all.extend(variables);
    Process::start_beside(DOORWARD, &["users", "list"], &all, files)
}

/// The names, passwords and parameters that libpq understands arrive there as they were meant.
#[test]
fn a_postgres_elsewhere_with_tls_is_a_database_like_any_other() {
    let postgres = OwnPostgres::start_with_tls();
    let password = "ä '\\\"&=%41?sslmode=disable";
    let mut connection = PgConnection::establish(&postgres.url()).unwrap();
    let create = format!(
        r#"CREATE ROLE "who & = %" LOGIN SUPERUSER PASSWORD '{}'"#,
        password.replace('\'', "''")
    );
    diesel::sql_query(create).execute(&mut connection).unwrap();
    let password: String = password
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let url = postgres.url();
    let (_, address) = url.split_once('@').unwrap();
    let address = address.replace("127.0.0.1", "0.0.0.0");
    let url =
        format!("postgresql://who%20%26%20=%20%25:{password}@{address}?application_name=a%20b");
    let printed = doorward(&url, &[], &[]).gives_up();
    assert!(
        printed.contains("these migrations are pending"),
        "{printed}"
    );
}

mod slow {
    use super::*;

    #[test]
    fn a_postgres_elsewhere_hears_nothing_in_the_clear_however_it_is_named() {
        let server = Eavesdropper::start();
        let port = server.port;
        let nobody = free_addr().port();
        let service = format!("[elsewhere]\nhost=0.0.0.0\nport={port}\nsslmode=disable\n");
        let files = [("services", service.as_str())];
        let port_only = ("PGPORT", &*port.to_string());
        let service_file = ("PGSERVICEFILE", "services");
        let cases: [(String, Vec<(&str, &str)>); 16] = [
            (format!("postgres://u:hunter2@0.0.0.0:{port}/d"), vec![]),
            (
                format!("postgres://u:hunter2@/d?host=0.0.0.0&port={port}"),
                vec![],
            ),
            (
                format!("postgres://u:hunter2@/d?h%6Fst=0.0.0.0&port={port}"),
                vec![],
            ),
            (
                format!("postgres://u:hunter2@localhost:{port}/d?host=0.0.0.0"),
                vec![],
            ),
            (
                format!("postgres://u:hunter2@localhost:{port}/d?hostaddr=0.0.0.0"),
                vec![],
            ),
            (
                format!("postgres://u:hunter2@/d?host=/run&host=0.0.0.0&port={port}"),
                vec![],
            ),
            (
                format!("postgres://u:hunter2@127.0.0.1:{nobody},0.0.0.0:{port}/d"),
                vec![],
            ),
            (
                format!("postgres://u:hunter2@%2Fnowhere:1,0.0.0.0:{port}/d"),
                vec![],
            ),
            (
                format!("postgres://u:hunter2sslmode=@0.0.0.0:{port}/d"),
                vec![],
            ),
            (
                format!("postgres://u:hunter2@0.0.0.0:{port}/d?application_name=sslmode%3Ddisable"),
                vec![],
            ),
            (
                format!("postgres://u:hunter2@0.0.0.0:{port}/d?sslmode="),
                vec![],
            ),
            (
                format!("postgres://u:hunter2@0.0.0.0:{port}/d"),
                vec![("PGSSLMODE", "disable")],
            ),
            (
                "postgres://u:hunter2@/d".to_owned(),
                vec![("PGHOST", "0.0.0.0"), port_only],
            ),
            (
                "postgres://u:hunter2@localhost/d".to_owned(),
                vec![("PGHOSTADDR", "0.0.0.0"), port_only],
            ),
            (
                "postgres://u:hunter2@/d?service=elsewhere".to_owned(),
                vec![service_file],
            ),
            (
                "postgres://u:hunter2@/d".to_owned(),
                vec![("PGSERVICE", "elsewhere"), service_file],
            ),
        ];
        // All at once: each tries for some seconds.
        let doorwards: Vec<Process> = cases
            .iter()
            .map(|(url, variables)| doorward(url, variables, &files))
            .collect();
        for (mut doorward, (url, variables)) in doorwards.into_iter().zip(&cases) {
            let (code, printed) = doorward.ends();
            assert_ne!(code, Some(0), "{url} {variables:?}");
            assert!(!printed.contains("hunter2"), "{url}: {printed}");
            let complaint = match url.contains("service") || variables.contains(&service_file) {
                true => "names a service",
                false => "SSL",
            };
            assert!(
                printed.contains(complaint),
                "{url} {variables:?}: {printed}"
            );
        }
        let heard: Vec<String> = server.heard.try_iter().collect();
        assert_eq!(heard, [""; 0]);
    }

    #[test]
    fn who_says_sslmode_in_the_url_has_it_so() {
        let server = Eavesdropper::start();
        for mode in ["disable", "allow", "prefer"] {
            let url = format!(
                "postgres://u:hunter2@0.0.0.0:{}/d?sslmode={mode}",
                server.port
            );
            let mut doorward = doorward(&url, &[], &[]);
            assert!(
                server
                    .heard
                    .recv_timeout(PATIENCE)
                    .unwrap()
                    .contains("hunter2"),
                "{mode}"
            );
            let (_, printed) = doorward.ends();
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }

    /// A real one without TLS: the error names it.
    #[test]
    fn a_postgres_elsewhere_without_tls_is_an_error() {
        let database = fresh_database();
        let url = database.url.replace("127.0.0.1", "0.0.0.0");
        let printed = doorward(&url, &[], &[]).gives_up();
        assert!(printed.contains("server does not support SSL"), "{printed}");
        let printed = doorward(&format!("{url}?sslmode=disable"), &[], &[]).gives_up();
        assert!(
            printed.contains("these migrations are pending"),
            "{printed}"
        );
    }
}

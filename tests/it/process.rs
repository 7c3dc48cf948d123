//! The binary and the demo as processes: what they say, what they read, when they stop.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use doorward::random;

use crate::on_both;
use crate::support::Database;
use crate::support::app::{SESSION_KEY, Storage};

use crate::support::process::{DOORWARD, Process, free_addr, get};

#[test]
fn without_settings_it_says_in_ten_lines_what_to_set() {
    let mut doorward = Process::start(DOORWARD, &[], &[]);
    let printed = doorward.gives_up();
    assert!(printed.lines().count() <= 10, "{printed}");
    for named in [
        "OIDC_ISSUER",
        "OIDC_CLIENT_ID",
        "OIDC_CLIENT_SECRET",
        "PUBLIC_URL",
        "Okta",
        ".env",
        "cargo run --example demo",
    ] {
        assert!(printed.contains(named), "{named}: {printed}");
    }
    assert_eq!(
        doorward.files(),
        [""; 0],
        "a start that fails leaves nothing behind"
    );
}

#[test]
fn all_faults_are_told_at_once_each_with_an_example() {
    let mut doorward = Process::doorward(
        free_addr(),
        &[
            ("OIDC_ISSUER", "http://example.com"),
            ("OIDC_CLIENT_ID", ""),
            ("OIDC_SCOPES", "profile"),
            ("OIDC_CA_FILE", "/nowhere.pem"),
            ("OIDC_ID_TOKEN_ALGS", "HS256"),
            ("PUBLIC_URL", "https://app.example.com/?path"),
            ("LISTEN_ADDR", "localhost"),
            ("TRUSTED_PROXIES", "the one in front"),
            ("CLIENT_ADDR_HEADER", "X-Real-IP"),
            ("RATE_LIMIT", "few"),
            ("MAX_CONNECTIONS", "none"),
            ("SHUTDOWN_DELAY", "soon"),
            ("SHUTDOWN_TIMEOUT", "later"),
            ("DATABASE_URL", "mysql://db/doorward"),
            ("AUTO_MIGRATE", "perhaps"),
            ("SESSION_KEY", "c2hvcnQ="),
            ("SESSION_IDLE_TIMEOUT", "soon"),
            ("TEMPLATES_DIR", "/nowhere"),
        ],
    );
    let printed = doorward.gives_up();
    for name in [
        "OIDC_ISSUER",
        "OIDC_CLIENT_ID",
        "OIDC_SCOPES",
        "OIDC_CA_FILE",
        "OIDC_ID_TOKEN_ALGS",
        "PUBLIC_URL",
        "LISTEN_ADDR",
        "TRUSTED_PROXIES",
        "CLIENT_ADDR_HEADER",
        "RATE_LIMIT",
        "MAX_CONNECTIONS",
        "SHUTDOWN_DELAY",
        "SHUTDOWN_TIMEOUT",
        "DATABASE_URL",
        "AUTO_MIGRATE",
        "SESSION_KEY",
        "SESSION_IDLE_TIMEOUT",
        "TEMPLATES_DIR",
    ] {
        assert!(
            printed.contains(&format!("\n  {name} ")),
            "{name}: {printed}"
        );
        assert!(
            printed.contains(&format!("for example: {name}=")),
            "{name}: {printed}"
        );
    }
    assert_eq!(doorward.files(), [""; 0]);
}

/// RFC 6749 10.1 to 10.3
#[test]
fn a_secret_in_the_wrong_variable_is_not_printed() {
    const SECRET: &str = "Zk9qTr7wLx2Pv8";
    for name in [
        "OIDC_ISSUER",
        "OIDC_SCOPES",
        "OIDC_CA_FILE",
        "OIDC_ID_TOKEN_ALGS",
        "PUBLIC_URL",
        "LISTEN_ADDR",
        "AUTO_MIGRATE",
        "SESSION_KEY",
        "SESSION_IDLE_TIMEOUT",
        "SESSION_ABSOLUTE_TIMEOUT",
        "TEMPLATES_DIR",
        "SESSION_KEY_FILE",
        "OIDC_CLIENT_SECRET_FILE",
        "DATABASE_URL_FILE",
    ] {
        let mut variables = vec![(name, SECRET)];
        // A name and its file are not both set.
        variables.extend(name.strip_suffix("_FILE").map(|name| (name, "")));
        let printed = Process::doorward(free_addr(), &variables).gives_up();
        assert!(!printed.contains(SECRET), "{name}: {printed}");
    }
    for url in [
        format!("mysql://doorward:{SECRET}@db/doorward"),
        format!("postgres:{SECRET}@db/doorward://"),
        format!("https://ada:{SECRET}@app.example.com/?{SECRET}"),
    ] {
        for name in ["DATABASE_URL", "PUBLIC_URL", "OIDC_ISSUER"] {
            if (name, &url[..5]) == ("OIDC_ISSUER", "https") {
                continue;
            }
            let printed = Process::doorward(free_addr(), &[(name, &url)]).gives_up();
            assert!(!printed.contains(SECRET), "{name}: {printed}");
        }
    }
}

#[test]
fn settings_are_read_from_dotenv_and_the_environment_wins() {
    let (addr, other) = (free_addr(), free_addr());
    let dotenv = format!(
        "# ours\nOIDC_ISSUER=http://127.0.0.1:9\nOIDC_CLIENT_ID='with space'\nexport OIDC_CLIENT_SECRET=\"hunter2-secret\"\n\
         LISTEN_ADDR={other}\nDATABASE_URL=from-dotenv.db\n"
    );
    let mut doorward = Process::start_beside(
        DOORWARD,
        &[],
        &[("LISTEN_ADDR", &addr.to_string())],
        &[(".env", &dotenv)],
    );
    doorward.answers(addr);
    assert!(get(other, "/healthz").is_none());
    let files = doorward.files();
    assert!(
        files.contains(&"from-dotenv.db".to_owned())
            && files.contains(&"from-dotenv.key".to_owned()),
        "{files:?}"
    );
    assert!(!doorward.printed().contains("hunter2-secret"));
}

#[test]
fn a_malformed_dotenv_is_told_without_its_content() {
    for line in [
        "OIDC_CLIENT_SECRET=hunter2-secret and more",
        "hunter2-secret",
        "OIDC_CLIENT_SECRET=\"hunter2-secret",
        "=hunter2-secret",
    ] {
        let dotenv = format!("OIDC_CLIENT_ID=test\n{line}\n");
        let printed = Process::start_beside(DOORWARD, &[], &[], &[(".env", &dotenv)]).gives_up();
        assert!(
            printed.starts_with(".env can't be read"),
            "{line}: {printed}"
        );
        assert!(!printed.contains("hunter2"), "{line}: {printed}");
    }
}

#[test]
fn a_dotenv_that_cant_be_read_names_the_error() {
    // Root may read everything, unless it gives that up.
    let id = std::process::Command::new("id").arg("-u").output().unwrap();
    let bound = match id.stdout.trim_ascii() == b"0" {
        true => "setpriv --bounding-set=-dac_override,-dac_read_search",
        false => "",
    };
    for (made, error) in [
        ("mkdir .env", "Is a directory"),
        (
            "ln -s nowhere .env",
            "it is a link to a file that is not there",
        ),
        ("printf 'A=\\377' >.env", "valid UTF-8"),
        ("echo A=1 >.env; chmod 0 .env", "Permission denied"),
    ] {
        let script = format!("{made}; exec {bound} \"$0\"");
        let path = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")];
        let mut doorward = Process::start("/bin/sh", &["-c", &script, DOORWARD], &path);
        let printed = doorward.gives_up();
        assert!(
            printed.starts_with(".env can't be read: "),
            "{made}: {printed}"
        );
        assert!(printed.contains(error), "{made}: {printed}");
    }
}

#[test]
fn an_address_that_is_taken_is_a_clear_error() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = taken.local_addr().unwrap();
    let printed = Process::doorward(addr, &[]).gives_up();
    assert!(
        printed.contains(&format!("can't listen at {addr}"))
            && printed.contains("Check LISTEN_ADDR"),
        "{printed}"
    );
}

#[test]
fn unknown_arguments_get_the_usage() {
    for arguments in [&["server"][..], &["--verbose"], &["healthcheck", "now"]] {
        let (code, printed) = Process::start(DOORWARD, arguments, &[]).ends();
        assert_eq!(code, Some(2), "{printed}");
        assert!(printed.contains("Usage: doorward"), "{printed}");
    }
}

#[test]
fn help_names_every_command() {
    let (code, printed) = Process::start(DOORWARD, &["--help"], &[]).ends();
    assert_eq!(code, Some(0), "{printed}");
    for command in ["serve", "healthcheck", "check", "users", "sessions"] {
        assert!(
            printed.contains(&format!("\n  {command} ")),
            "{command}: {printed}"
        );
    }
}

#[test]
fn it_starts_while_the_provider_is_down_and_is_healthy_and_ready() {
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[]);
    doorward.answers(addr);
    assert!(get(addr, "/healthz").unwrap().ends_with("\r\n\r\nok\n"));
    assert!(
        get(addr, "/readyz")
            .unwrap()
            .ends_with("\r\n\r\ndatabase: ok\n")
    );
    let login = get(addr, "/login").unwrap();
    assert!(
        login.starts_with("HTTP/1.1 502") && login.contains("We could not reach it"),
        "{login}"
    );
    let (_, reference) = login
        .split_once("id=\"error-reference\">")
        .expect("a reference");
    doorward.says(reference.split('<').next().unwrap().trim());
}

#[test]
fn a_health_check_tells_by_its_exit_code() {
    let addr = free_addr();
    let check = |addr: SocketAddr| {
        Process::start(
            DOORWARD,
            &["healthcheck"],
            &[("LISTEN_ADDR", &addr.to_string())],
        )
    };
    assert!(
        check(addr)
            .gives_up()
            .contains(&format!("no Doorward answers at {addr}"))
    );
    let mut doorward = Process::doorward(addr, &[]);
    doorward.answers(addr);
    assert_eq!(check(addr).ends(), (Some(0), String::new()));

    let unwell = TcpListener::bind((free_addr().ip(), 0)).unwrap();
    let addr = unwell.local_addr().unwrap();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = unwell.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        stream
            .write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
            .unwrap();
    });
    assert!(check(addr).gives_up().contains("but is not healthy"));
    answering.join().unwrap();
    let printed = Process::start(DOORWARD, &["healthcheck"], &[("LISTEN_ADDR", "here")]).gives_up();
    assert!(printed.contains("LISTEN_ADDR"), "{printed}");
}

on_both! {
    async fn without_auto_migrate_an_empty_database_is_told_and_left_alone(database: Database) {
        let storage = Storage::new(database);
        let by_hand = [("DATABASE_URL", storage.url.as_str()), ("AUTO_MIGRATE", "false")];
        let printed = Process::doorward(free_addr(), &by_hand).gives_up();
        assert!(printed.contains("these migrations are pending: ") && printed.contains("diesel migration run"), "{printed}");
        for migration in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap() {
            let migration = migration.unwrap();
            if migration.path().is_dir() {
                assert!(printed.contains(migration.file_name().to_str().unwrap()), "{printed}");
            }
        }

        let addr = free_addr();
        let mut migrating = Process::doorward(addr, &[("DATABASE_URL", &storage.url)]);
        migrating.answers(addr);
        drop(migrating);
        let addr = free_addr();
        Process::doorward(addr, &by_hand).answers(addr);
        assert_eq!(storage.users(), 0);
    }

    async fn three_that_start_at_once_on_an_empty_database_all_come_up(database: Database) {
        for _ in 0..3 {
            let storage = Storage::new(database);
            let addrs = [free_addr(), free_addr(), free_addr()];
            // On SQLite the key is made by one of them, too.
            let key = if database == Database::Sqlite { "" } else { SESSION_KEY };
            let variables = [("DATABASE_URL", storage.url.as_str()), ("SESSION_KEY", key)];
            let mut three = addrs.map(|addr| Process::doorward(addr, &variables));
            for (doorward, addr) in three.iter_mut().zip(addrs) {
                doorward.answers(addr);
                assert!(get(addr, "/readyz").unwrap().contains("database: ok"));
            }
            let applied: usize = three.iter().map(|doorward| doorward.printed().matches("applied the migration").count()).sum();
            let migrations = storage.number("SELECT COUNT(*) AS n FROM __diesel_schema_migrations");
            assert_eq!(applied as i64, migrations, "each is applied once");
            assert_eq!(storage.users(), 0);
        }
    }

    async fn sigterm_ends_it_well_even_while_somebody_is_connected(database: Database) {
        let storage = Storage::new(database);
        let addr = free_addr();
        let mut doorward = Process::doorward(addr, &[("DATABASE_URL", &storage.url)]);
        doorward.answers(addr);
        let mut idle = TcpStream::connect(addr).unwrap();
        write!(idle, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        idle.read_exact(&mut [0; 12]).unwrap();
        let asked = Instant::now();
        doorward.signal("TERM");
        let (code, printed) = doorward.ends();
        assert_eq!(code, Some(0), "{printed}");
        // Whoever stops a container waits ten seconds before it kills.
        assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
        assert!(get(addr, "/healthz").is_none());
    }
}

/// The reason to apply migrations by hand: the server's own role may not.
#[test]
fn a_role_that_may_not_change_the_schema_can_serve() {
    let storage = Storage::new(Database::Postgres);
    let addr = free_addr();
    Process::doorward(addr, &[("DATABASE_URL", &storage.url)]).answers(addr);
    let role = format!("app_{}", random::id().replace('-', "").to_lowercase());
    storage.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'only-here'"));
    storage.execute(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let mut url = url::Url::parse(&storage.url).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("only-here")).unwrap();
    for auto_migrate in ["false", ""] {
        let addr = free_addr();
        Process::doorward(
            addr,
            &[
                ("DATABASE_URL", url.as_str()),
                ("AUTO_MIGRATE", auto_migrate),
            ],
        )
        .answers(addr);
    }
}

/// `cargo test` builds it, as it does all examples.
fn demo(arguments: &[&str]) -> Process {
    Process::start(
        Path::new(DOORWARD).with_file_name("examples").join("demo"),
        arguments,
        &[],
    )
}

/// Where the demo says that something is.
fn announced(printed: &str, name: &str) -> SocketAddr {
    let line = printed
        .lines()
        .find(|line| line.trim_start().starts_with(name));
    let (_, rest) = line.expect(name).split_once("http://").expect(name);
    let port = rest
        .split_whitespace()
        .next()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap();
    SocketAddr::from((
        Ipv4Addr::LOCALHOST,
        port.trim_end_matches('/').parse().unwrap(),
    ))
}

#[test]
fn the_demo_prints_where_to_click_and_ends_at_ctrl_c_with_its_folder() {
    for signal in ["INT", "TERM"] {
        let mut demo = demo(&["--port", "0"]);
        let printed = demo.says("Ctrl-C stops both.");
        let (doorward, provider) = (
            announced(&printed, "Doorward"),
            announced(&printed, "demo provider"),
        );
        assert!(printed.contains(&format!(
            "http://localhost:{}  <- open this and sign in",
            doorward.port()
        )));
        demo.answers(doorward);
        assert!(get(doorward, "/").unwrap().contains("login-button"));
        assert!(get(doorward, "/login").unwrap().contains(&format!(
            "location: http://127.0.0.1:{}/authorize?",
            provider.port()
        )));
        assert!(
            get(provider, "/.well-known/openid-configuration")
                .unwrap()
                .starts_with("HTTP/1.1 200")
        );
        assert_eq!(demo.files().len(), 1);

        demo.signal(signal);
        let (code, printed) = demo.ends();
        assert_eq!(code, Some(0), "{printed}");
        assert_eq!(demo.files(), [""; 0], "its folder is gone");
        assert!(get(doorward, "/").is_none() && get(provider, "/").is_none());
    }
}

#[test]
fn a_port_of_the_demo_that_is_taken_is_a_clear_error() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (option, arguments) in [
        ("--port", &["--port", &port][..]),
        (
            "--provider-port",
            &["--port", "0", "--provider-port", &port],
        ),
    ] {
        let mut demo = demo(arguments);
        let printed = demo.gives_up();
        assert!(
            printed.contains(&format!(
                "Port {port} is in use. Choose another: cargo run --example demo -- {option} "
            )),
            "{printed}"
        );
        assert_eq!(demo.files(), [""; 0]);
    }
}

#[test]
fn the_demo_explains_its_options() {
    for arguments in [
        &["--help"][..],
        &["--port"],
        &["--port", "x"],
        &["--port", "65536"],
    ] {
        assert!(
            demo(arguments)
                .gives_up()
                .starts_with("usage: cargo run --example demo")
        );
    }
}

mod slow {
    use super::*;

    #[test]
    fn a_postgres_that_is_away_stops_the_start_and_no_other_database_appears() {
        let nobody = free_addr();
        let url = format!("postgres://doorward:hunter2-secret@{nobody}/doorward");
        let mut doorward = Process::doorward(free_addr(), &[("DATABASE_URL", &url)]);
        let printed = doorward.gives_up();
        assert!(
            printed.contains("the database can't be reached")
                && printed.contains("Check DATABASE_URL"),
            "{printed}"
        );
        assert!(!printed.contains("hunter2"), "{printed}");
        assert_eq!(doorward.files(), [""; 0]);
    }

    /// Ops write such passwords unescaped, and libpq then takes a part of them for something else.
    #[test]
    fn a_postgres_url_that_is_malformed_does_not_print_its_password() {
        let urls = [
            "postgres://doorward:hunter/2-secret@db.invalid/doorward",
            "postgres://doorward:x@hunter2-secret@db.invalid/doorward",
            "postgres://doorward:%zz-hunter2@127.0.0.1/doorward",
            "postgres://doorward:a?hunter2=x@127.0.0.1/doorward",
        ];
        // All at once: each waits some seconds for its database.
        let doorwards = urls.map(|url| Process::doorward(free_addr(), &[("DATABASE_URL", url)]));
        for (mut doorward, url) in doorwards.into_iter().zip(urls) {
            let printed = doorward.gives_up();
            assert!(printed.contains("DATABASE_URL"), "{printed}");
            assert!(!printed.contains("hunter"), "{url}: {printed}");
        }
    }
}

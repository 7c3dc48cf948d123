//! A real Postgres for the tests: one server for the whole test process, started by the first test that wants it, with
//! a database for each test; and servers of a test's own, which it can stop and start.

use super::watchdog::{User, Watchdog};
use diesel::prelude::*;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const SUPERUSER: &str = "doorward";
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// `initdb` once, then the server in place of the shell. The file `password` is there already.
const SCRIPT: &str = r#"
bin=$1 socket=$PWD
shift
if ! [ -d data ]; then
    "$bin/initdb" --pgdata=new --username=doorward --pwfile=password --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C --no-sync || exit 1
    mv new data
fi
if [ -s clock ]; then
    read -r FAKETIME <clock
    export FAKETIME FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD='/usr/$LIB/faketime/libfaketimeMT.so.1'
fi
exec "$bin/postgres" -D "$PWD/data" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$socket" \
    -c max_connections=300 -c fsync=off -c full_page_writes=off \
    -c max_wal_size=256MB -c min_wal_size=32MB -c autovacuum=off -c jit=off "$@"
"#;

/// An empty database, which goes with this value.
pub struct TestDatabase {
    pub url: String,
    name: String,
}

/// Starts the shared server when it is not there yet.
pub fn fresh_database() -> TestDatabase {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let server = shared_server();
    let mut connection = server
        .connect()
        .expect("the shared Postgres takes a connection");
    // WAL_LOG, the default since Postgres 15, needs no checkpoint.
    diesel::sql_query(format!("CREATE DATABASE {name} TEMPLATE template0"))
        .execute(&mut connection)
        .expect("a database can be created");
    TestDatabase {
        url: server.url(&name),
        name,
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Ok(mut connection) = shared_server().connect() {
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            let _ = diesel::sql_query(drop).execute(&mut connection);
        }
    }
}

/// A server that one test has for itself. It ends, and its data goes, with this value.
pub struct OwnPostgres(Server);

impl OwnPostgres {
    pub fn start() -> OwnPostgres {
        OwnPostgres::start_with(&[])
    }

    /// `settings` as in `postgresql.conf`, without spaces: `fsync=on`.
    pub fn start_with(settings: &[&str]) -> OwnPostgres {
        OwnPostgres(Server::start(settings, |_| ()))
    }

    /// A server with TLS, with a certificate of its own authority.
    pub fn start_with_tls() -> OwnPostgres {
        let settings = [
            "ssl=on",
            "ssl_cert_file=../server.crt",
            "ssl_key_file=../server.key",
        ];
        OwnPostgres(Server::start(&settings, |folder| {
            let made = rcgen::generate_simple_self_signed(["postgres".to_owned()]);
            let made = made.expect("a certificate can be made");
            let key = folder.join("server.key");
            std::fs::write(folder.join("server.crt"), made.cert.pem())
                .and_then(|()| std::fs::write(&key, made.signing_key.serialize_pem()))
                .and_then(|()| std::fs::set_permissions(&key, Permissions::from_mode(0o640)))
                .and_then(|()| match unprivileged_user() {
                    Some(User { gid, .. }) => chown(&key, None, Some(gid)),
                    None => std::fs::set_permissions(&key, Permissions::from_mode(0o600)),
                })
                .expect("the certificate can be written");
        }))
    }

    /// At once, as in a crash: connections break, nothing is said to clients.
    pub fn stop(&mut self) {
        self.0.watchdog.stop();
    }

    /// At the same address, with the same data; returns when it takes connections.
    pub fn start_again(&mut self) {
        self.0
            .run()
            .unwrap_or_else(|output| panic!("Postgres did not start again:\n{output}"));
    }

    /// The same, with its clock shifted: `+100d`.
    pub fn start_again_with_clock(&mut self, shift: &str) {
        let clock = self.0.watchdog.folder().join("clock");
        std::fs::write(clock, format!("{shift}\n")).expect("the folder can be written");
        self.start_again();
    }

    /// Stops all of its processes, like a machine that is frozen, until the result goes.
    pub fn freeze(&self) -> Frozen {
        let pid_file = self.0.watchdog.folder().join("data/postmaster.pid");
        let pid_file = std::fs::read_to_string(pid_file).unwrap();
        let leader = pid_file.lines().next().unwrap();
        // The leader first, so that it starts no more of them.
        signal("STOP", [leader]);
        let children = format!("/proc/{leader}/task/{leader}/children");
        let children = std::fs::read_to_string(children).unwrap();
        signal("STOP", children.split_whitespace());
        Frozen(format!("{leader} {children}"))
    }

    /// Where it listens, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.0.watchdog.output()
    }

    /// Of the database `postgres`, as a superuser.
    pub fn url(&self) -> String {
        self.0.url("postgres")
    }
}

/// The ids of a server's processes, which go on when this goes.
pub struct Frozen(String);

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("CONT", self.0.split_whitespace());
    }
}

fn signal<'a>(name: &str, pids: impl IntoIterator<Item = &'a str>) {
    // One of them may have ended meanwhile.
    let mut kill = Command::new("kill");
    let kill = kill.args(["-s", name]).args(pids);
    kill.stderr(Stdio::null()).status().unwrap();
}

struct Server {
    watchdog: Watchdog,
    settings: String,
    password: String,
    port: u16,
}

/// A static is never dropped: the shared server ends by its watchdog when the test process does.
fn shared_server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[], |_| ()))
}

impl Server {
    /// `prepare` gets the folder above its data.
    fn start(settings: &[&str], prepare: impl FnOnce(&Path)) -> Server {
        let bin = find_bin();
        let password = random_password();
        let program = [
            "sh".as_ref(),
            "-c".as_ref(),
            SCRIPT.as_ref(),
            "postgres".as_ref(),
            bin.as_os_str(),
        ];
        let watchdog = Watchdog::new("postgres", "QUIT", unprivileged_user(), &program);
        // Other users can't read the folder.
        std::fs::write(watchdog.folder().join("password"), &password)
            .expect("the password can be written");
        prepare(watchdog.folder());
        let settings = settings
            .iter()
            .map(|setting| format!(" -c {setting}"))
            .collect();
        let mut server = Server {
            watchdog,
            settings,
            password,
            port: 0,
        };

        let mut output = String::new();
        for _ in 0..3 {
            // Another process may take the port before Postgres does.
            server.port = free_port();
            match server.run() {
                Ok(()) => return server,
                Err(said) => output = said,
            }
        }
        panic!("Postgres from {} did not start:\n{output}", bin.display());
    }

    /// Returns when the server takes connections, or what it said when it does not.
    fn run(&mut self) -> Result<(), String> {
        self.watchdog
            .start(&format!("-p {}{}", self.port, self.settings));
        let deadline = Instant::now() + START_TIMEOUT;
        while let Err(error) = self.connect() {
            if self.watchdog.ended() {
                return Err(self.watchdog.output());
            }
            if Instant::now() > deadline {
                return Err(format!("{}\n{error}", self.watchdog.output()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn connect(&self) -> ConnectionResult<PgConnection> {
        PgConnection::establish(&self.url("postgres"))
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }
}

/// The newest of Debian's versions, else what is in the `PATH`.
fn find_bin() -> PathBuf {
    let complete = |bin: &Path| bin.join("initdb").exists() && bin.join("postgres").exists();
    let version = |bin: &PathBuf| bin.iter().nth_back(1)?.to_str()?.parse::<u32>().ok();
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = debian
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| complete(bin))
        .max_by_key(version);
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest.or_else(|| std::env::split_paths(&path).find(|bin| complete(bin))).expect(
        "These tests need a Postgres server: `initdb` and `postgres` are neither in /usr/lib/postgresql/*/bin nor in \
         the PATH. Install the Debian package `postgresql`, or run `make test`, which does so.",
    )
}

/// Postgres refuses to run as root; `None` when we are not.
pub fn unprivileged_user() -> Option<User> {
    let id = |args: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(args).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = |name| {
        Some(User {
            uid: id(&["-u", name])?,
            gid: id(&["-g", name])?,
        })
    };
    Some(
        user("postgres")
            .or_else(|| user("nobody"))
            .expect("root has a user postgres or nobody to run Postgres as"),
    )
}

/// A port of 127.0.0.1 that is not in use, below the range from which the kernel gives ports to others: a server that
/// starts a moment later, or again, finds it free.
pub fn free_port() -> u16 {
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU32::new(std::process::id().wrapping_mul(7919)));
    let ports =
        std::iter::repeat_with(|| 10_000 + (next.fetch_add(1, Ordering::Relaxed) % 20_000) as u16);
    ports
        .take(20_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port is free")
}

fn random_password() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("there is randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_is_empty_and_goes_with_its_value() {
        let (first, second) = (fresh_database(), fresh_database());
        for database in [&first, &second] {
            let mut connection = PgConnection::establish(&database.url).unwrap();
            diesel::sql_query("CREATE TABLE same_name (id TEXT)")
                .execute(&mut connection)
                .unwrap();
        }
        let url = first.url.clone();
        let _still_open = PgConnection::establish(&url).unwrap();
        drop(first);
        let error = PgConnection::establish(&url)
            .err()
            .expect("the database is gone")
            .to_string();
        assert!(error.contains("does not exist"), "{error}");
    }

    #[test]
    fn a_server_of_ones_own_comes_back_with_its_data() {
        let mut postgres = OwnPostgres::start();
        let url = postgres.url();
        let mut connection = PgConnection::establish(&url).unwrap();
        diesel::sql_query("CREATE TABLE kept (id TEXT)")
            .execute(&mut connection)
            .unwrap();

        postgres.stop();
        assert!(
            diesel::sql_query("SELECT * FROM kept")
                .execute(&mut connection)
                .is_err()
        );
        assert!(PgConnection::establish(&url).is_err());

        postgres.start_again();
        let mut connection = PgConnection::establish(&url).unwrap();
        diesel::sql_query("SELECT * FROM kept")
            .execute(&mut connection)
            .unwrap();
    }
}

//! Doorward on a free port, in this process, with a provider and a database of its own.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use diesel::connection::SimpleConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use doorward::clock::Clock;
use doorward::db::AnyConnection;
use doorward::server::Doorward;
use doorward::settings::Settings;
use tempfile::TempDir;

use super::postgres::{TestDatabase, fresh_database};
use super::process::PATIENCE;
use super::provider::{Provider, ProviderConfig, demo_people};
use super::visitor::site_of;
use super::{Visitor, log};

/// Which database the app of a test keeps its people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// The settings of every test: 64 bytes of key, made for tests only.
pub const SESSION_KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
pub const CLIENT_ID: &str = "test client:é&%";
pub const CLIENT_SECRET: &str = "s3cret+ &:%/é=never-logged";

/// The provider answers by a form that the browser posts.
pub const FORM_POST: [(&str, &str); 1] = [("OIDC_RESPONSE_MODE", "form_post")];

/// A running Doorward.
pub struct TestApp {
    pub provider: Provider,
    /// Where it is, with the path of `PUBLIC_URL`.
    pub url: String,
    pub clock: Clock,
    pub variables: HashMap<String, String>,
    server: Option<(ServerHandle, JoinHandle<()>)>,
    storage: Storage,
}

/// The database of a test, which goes with it.
pub struct Storage {
    pub url: String,
    _postgres: Option<TestDatabase>,
    folder: Option<TempDir>,
}

impl Storage {
    pub fn new(database: Database) -> Storage {
        match database {
            Database::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = folder.path().join("test.db").to_str().unwrap().to_owned();
                Storage {
                    url,
                    _postgres: None,
                    folder: Some(folder),
                }
            }
            Database::Postgres => {
                let postgres = fresh_database();
                let url = postgres.url.clone();
                Storage {
                    url,
                    _postgres: Some(postgres),
                    folder: None,
                }
            }
        }
    }

    /// A connection of the program's own kind, beside those of the pool.
    pub fn connect(&self) -> AnyConnection {
        if self._postgres.is_some() {
            return AnyConnection::Postgres(PgConnection::establish(&self.url).unwrap());
        }
        let mut sqlite = SqliteConnection::establish(&self.url).unwrap();
        let setup = "PRAGMA busy_timeout = 60000; PRAGMA foreign_keys = ON";
        sqlite.batch_execute(setup).unwrap();
        AnyConnection::Sqlite(sqlite)
    }

    /// The result of a query that selects one number as `n`.
    pub fn number(&self, query: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        self.rows::<Row>(query).remove(0).n
    }

    /// The results of a query that selects one text as `what`.
    pub fn texts(&self, query: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            what: String,
        }
        let rows = self.rows::<Row>(query).into_iter();
        rows.map(|row| row.what).collect()
    }

    /// The result of a query that selects one text as `what` in one row.
    pub fn text(&self, query: &str) -> String {
        let mut texts = self.texts(query);
        assert_eq!(texts.len(), 1, "{query}: {texts:?}");
        texts.remove(0)
    }

    /// Which database it is.
    pub fn database(&self) -> Database {
        match self.folder {
            Some(_) => Database::Sqlite,
            None => Database::Postgres,
        }
    }

    /// The result of a query.
    pub fn rows<R>(&self, query: &str) -> Vec<R>
    where
        R: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static,
    {
        let query = diesel::sql_query(query);
        match self.folder {
            Some(_) => query.get_results(&mut SqliteConnection::establish(&self.url).unwrap()),
            None => query.get_results(&mut PgConnection::establish(&self.url).unwrap()),
        }
        .unwrap()
    }

    /// Runs statements that answer nothing, as Doorward's own connections would.
    pub fn execute(&self, statements: &str) {
        match self.folder {
            Some(_) => SqliteConnection::establish(&self.url)
                .unwrap()
                .batch_execute(&format!("PRAGMA foreign_keys = ON; {statements}")),
            None => PgConnection::establish(&self.url)
                .unwrap()
                .batch_execute(statements),
        }
        .unwrap();
    }

    pub fn users(&self) -> i64 {
        self.number("SELECT COUNT(*) AS n FROM users")
    }

    pub fn sessions(&self) -> i64 {
        self.number("SELECT COUNT(*) AS n FROM sessions")
    }
}

impl TestApp {
    /// The app with the usual settings, on SQLite.
    pub fn spawn() -> TestApp {
        TestApp::spawn_on(Database::Sqlite)
    }

    pub fn spawn_on(database: Database) -> TestApp {
        TestApp::spawn_with(database, &[])
    }

    /// The app with some variables set otherwise.
    pub fn spawn_with(database: Database, variables: &[(&str, &str)]) -> TestApp {
        let storage = Storage::new(database);
        let provider = Provider::start(ProviderConfig {
            port: 0,
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            people: demo_people(),
        });
        TestApp::spawn_at(provider.unwrap(), storage, variables)
    }

    fn spawn_at(provider: Provider, storage: Storage, variables: &[(&str, &str)]) -> TestApp {
        log::keep();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        // Another name than the provider's: cookies take no notice of ports.
        let url = format!("http://localhost:{port}");
        let mut all: HashMap<String, String> = [
            ("OIDC_ISSUER", provider.issuer().as_str()),
            ("OIDC_CLIENT_ID", CLIENT_ID),
            ("OIDC_CLIENT_SECRET", CLIENT_SECRET),
            ("PUBLIC_URL", &url),
            ("DATABASE_URL", &storage.url),
            ("SESSION_KEY", SESSION_KEY),
            // All visitors come from one address.
            ("RATE_LIMIT", "0"),
        ]
        .into_iter()
        .chain(variables.iter().copied())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        all.retain(|_, value| !value.is_empty());
        // A path alone is on the origin, which is known only once the port is chosen.
        let path = all["PUBLIC_URL"].clone();
        let path = if path.starts_with('/') {
            path.as_str()
        } else {
            ""
        };
        if !path.is_empty() {
            all.insert("PUBLIC_URL".to_owned(), format!("{url}{path}"));
        }
        let public_url = all["PUBLIC_URL"].clone();
        let redirect_uri = format!(
            "{}/authorization-code/callback",
            public_url.trim_end_matches('/')
        );
        provider.register(&redirect_uri, &public_url);

        let clock = Clock::default();
        let settings = Settings::read(&|name| all.get(name).cloned(), &|path| std::fs::read(path));
        let settings = settings.unwrap_or_else(|complaints| panic!("{complaints:?}"));
        let doorward = Doorward::new(settings, clock.clone()).unwrap();
        let gateway = all
            .get("GATEWAY_ADDR")
            .map(|addr| TcpListener::bind(addr).unwrap());
        let server = Some(serve(doorward, listener, gateway));
        TestApp {
            provider,
            url: format!("{url}{}", path.trim_end_matches('/')),
            clock,
            variables: all,
            server,
            storage,
        }
    }

    /// What the browser calls the cookie that we call `own`.
    pub fn cookie_name(&self, own: &str) -> String {
        let public_url = &self.variables["PUBLIC_URL"];
        let prefix = match public_url.starts_with("https") {
            true => "__Host-",
            false => "",
        };
        format!("{prefix}{own}{}", site_of(public_url))
    }

    /// A visitor with a new browser.
    pub fn visitor(&self) -> Visitor {
        let url = url::Url::parse(&self.url).unwrap();
        Visitor::new(&url.origin().ascii_serialization()).for_site(&self.variables["PUBLIC_URL"])
    }

    /// A person who has signed in, and their browser.
    pub async fn signed_in(&self, person: &str) -> Visitor {
        let visitor = self.visitor();
        assert_eq!(visitor.sign_in(person).await.location(), "/profile");
        visitor
    }

    /// Direct access to the database.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// It is away from now on.
    pub fn stop(&mut self) {
        if let Some((handle, thread)) = self.server.take() {
            // The call sends the command; joining the thread waits for it.
            drop(handle.stop(false));
            let _ = thread.join();
            self.wait_for_open_connections();
        }
    }

    /// Its workers end by themselves, and a connection that a proxy has kept would get responses until then.
    fn wait_for_open_connections(&self) {
        let port = url::Url::parse(&self.url).unwrap().port().unwrap();
        let gateway = self.variables.get("GATEWAY_ADDR");
        let gateway = gateway.map(|addr| addr.parse().unwrap());
        let addrs = Vec::from_iter(
            gateway
                .into_iter()
                .chain([SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)]),
        );
        let deadline = Instant::now() + PATIENCE;
        while has_open_connections(&addrs) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Nobody panics twice.
        assert!(
            std::thread::panicking() || !has_open_connections(&addrs),
            "connections to {addrs:?} are still open"
        );
    }
}

/// Whether somebody has accepted a connection at one of these addresses and not closed it (proc(5)).
fn has_open_connections(addrs: &[SocketAddrV4]) -> bool {
    let as_listed = |addr: &SocketAddrV4| {
        let ip = u32::from_ne_bytes(addr.ip().octets());
        format!("{ip:08X}:{:04X}", addr.port())
    };
    let ends: Vec<String> = addrs.iter().map(as_listed).collect();
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    sockets.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next(), words.nth(1));
        let is_ours = ends.iter().any(|end| Some(end.as_str()) == local);
        is_ours && state == Some("01")
    })
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The server in a thread of its own, so that a test may block.
fn serve(
    doorward: Doorward,
    listener: TcpListener,
    gateway: Option<TcpListener>,
) -> (ServerHandle, JoinHandle<()>) {
    let (started, start) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        System::new().block_on(async move {
            let gateway = gateway.map(|gateway| {
                let gateway = doorward.serve_gateway(gateway).unwrap();
                let gateway = gateway.expect("there is one");
                let handle = gateway.handle();
                actix_web::rt::spawn(gateway);
                handle
            });
            let server = doorward.serve(listener).unwrap();
            started.send(server.handle()).unwrap();
            let _ = server.await;
            if let Some(gateway) = gateway {
                gateway.stop(false).await;
            }
        });
    });
    (start.recv().unwrap(), thread)
}

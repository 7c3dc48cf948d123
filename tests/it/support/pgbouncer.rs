//! A real PgBouncer in front of Postgres, in transaction mode: each transaction may get another connection of the server.

use std::time::Instant;

use diesel::prelude::*;
use url::Url;

use super::postgres::unprivileged_user;
use super::process::{PATIENCE, free_addr};
use super::watchdog::Watchdog;

pub struct PgBouncer {
    _watchdog: Watchdog,
    /// Of the same database.
    pub url: String,
}

impl PgBouncer {
    /// In front of the database at `url`.
    pub fn start(url: &str) -> PgBouncer {
        let server = Url::parse(url).unwrap();
        let addr = free_addr();
        let program = ["pgbouncer".as_ref(), "pgbouncer.ini".as_ref()];
        let mut watchdog = Watchdog::new("pgbouncer", "QUIT", unprivileged_user(), &program);
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={} password={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {}\nunix_socket_dir =\nauth_type = any\nauth_file = users\npool_mode = transaction\n",
            server.port().unwrap(),
            server.username(),
            server.password().unwrap(),
            addr.port()
        );
        let files = [("pgbouncer.ini", configuration), ("users", String::new())];
        for (name, content) in files {
            std::fs::write(watchdog.folder().join(name), content).unwrap();
        }
        watchdog.start("");
        let mut url = server;
        url.set_port(Some(addr.port())).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while let Err(cause) = PgConnection::establish(url.as_str()) {
            let is_over = watchdog.ended() || Instant::now() > deadline;
            assert!(!is_over, "{cause}\n{}", watchdog.output());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        PgBouncer {
            _watchdog: watchdog,
            url: url.into(),
        }
    }
}

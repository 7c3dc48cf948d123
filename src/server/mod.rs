//! The process: how Doorward is put together, where it listens, how it stops.

mod application;
pub mod bind;
pub mod dotenv;
mod draining;
mod file_access;
mod gateway_endpoint;
pub mod healthcheck;
mod housekeeping;
mod http1;
mod key_rotation;
mod machine;
mod metrics_endpoint;
pub mod session_key_file;
pub mod signals;
mod start_error;
mod start_warnings;
mod storage;
#[cfg(test)]
mod tests;
pub mod tls;
mod unix_sockets;
pub mod watched_files;

/// What the fuzz targets call.
#[cfg(any(test, fuzzing))]
pub(crate) mod internals {
    pub use super::http1::paced::requests::Requests;
}

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::rt;
use rustls::ClientConfig;

use crate::accounts::audit::Audit;
use crate::clock::Clock;
use crate::db::Db;
use crate::http::middleware::rate_limit::RateLimit;
use crate::http::pages::Pages;
use crate::http::readiness::Readiness;
use crate::http::shutdown::Shutdown;
use crate::oidc::{self, Proxy, RelyingParty, Requirement};
use crate::public_url::PublicUrl;
use crate::server::bind::{Sockets, UnixSocket};
use crate::server::draining::Running;
use crate::server::http1::{Http1, Timeouts};
use crate::server::key_rotation::SecretFiles;
use crate::server::tls::Certificate;
use crate::server::unix_sockets::SocketFile;
use crate::server::watched_files::watch;
use crate::session::Sessions;
use crate::settings::{Settings, TrustedProxies};
pub use start_error::StartError;

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// `SHUTDOWN_TIMEOUT` is watched over by `draining.rs`, which counts the requests that it cuts off. The framework would
/// give up so much later.
const SHUTDOWN_MARGIN_SECS: u64 = 2;

/// How long a connection waits for its next request. A proxy must close idle connections before we do, or it sends a
/// request on one that we are closing: nginx and cloud load balancers wait 60 s. Browsers that connect directly get
/// less, since each of them holds several connections.
const KEEP_ALIVE_FOR_PROXIES: Duration = Duration::from_secs(75);
const KEEP_ALIVE_FOR_BROWSERS: Duration = Duration::from_secs(5);

/// Doorward, put together but not yet listening. Clones share everything.
#[derive(Clone)]
pub struct Doorward {
    provider: Arc<RelyingParty>,
    tls: Arc<ClientConfig>,
    proxy: Proxy,
    step_up: Requirement,
    frontchannel_logout: Option<Vec<String>>,
    sessions: Arc<Sessions>,
    db: Db,
    /// The time that rows have.
    db_clock: Clock,
    audit: Arc<Audit>,
    pages: Arc<Pages>,
    public_url: PublicUrl,
    hsts_include_subdomains: bool,
    certificate: Option<Certificate>,
    secret_files: SecretFiles,
    trusted_proxies: TrustedProxies,
    rules: Option<gateway_endpoint::Rules>,
    rate_limit: Arc<RateLimit>,
    max_connections: usize,
    readiness: Readiness,
    shutdown: Shutdown,
    shutdown_delay: Duration,
    shutdown_timeout: Duration,
}

impl Doorward {
    /// Puts everything together: the database must answer, the provider need not.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let database_threads = Db::threads_for(&settings.database.url);
        machine::check_threads(database_threads).map_err(StartError::Threads)?;
        oidc::start_resolver().map_err(StartError::Threads)?;
        let max_connections = machine::raise_open_files(settings.listening.max_connections);
        start_warnings::about_plain_http(&settings.public_url);
        let pages = Pages::new(
            settings.templates_dir.as_deref(),
            settings.public_url.clone(),
        );
        let pages = pages.map_err(StartError::Pages)?;
        let extra_roots = settings.provider.extra_roots.as_deref();
        let tls = oidc::tls_config(extra_roots).map_err(StartError::Tls)?;
        let (db, db_clock, key) = storage::open(&settings, &clock)?;
        let sessions = Sessions::new(&settings, &key, db.clone(), db_clock.clone());
        let secret_files = SecretFiles::of(&settings);
        let audit = Audit::new(
            db.clone(),
            settings.provider.registration.issuer.clone(),
            settings.database.audit_retention,
            db_clock.clone(),
        );
        Ok(Doorward {
            sessions: Arc::new(sessions),
            audit: Arc::new(audit),
            provider: Arc::new(RelyingParty::new(settings.provider.registration, clock)),
            tls,
            proxy: settings.provider.proxy,
            step_up: settings.provider.step_up,
            frontchannel_logout: settings.provider.frontchannel_logout,
            db,
            db_clock,
            pages: Arc::new(pages),
            hsts_include_subdomains: settings.hsts_include_subdomains,
            rate_limit: Arc::new(RateLimit::new(
                settings.rate_limit,
                settings.trusted_proxies.clone(),
            )),
            trusted_proxies: settings.trusted_proxies,
            rules: settings
                .gateway
                .map(|gateway| gateway_endpoint::Rules::new(gateway, &settings.public_url)),
            public_url: settings.public_url,
            certificate: settings.listening.tls.map(Certificate::new),
            secret_files,
            max_connections,
            readiness: Readiness::default(),
            shutdown: Shutdown::default(),
            shutdown_delay: settings.listening.shutdown_delay,
            shutdown_timeout: settings.listening.shutdown_timeout,
        })
    }

    /// Serves on `sockets` until it is stopped.
    pub fn serve(self, sockets: impl Into<Sockets>) -> io::Result<Running> {
        let sockets = sockets.into();
        rt::spawn(housekeeping::purge(
            self.sessions.clone(),
            self.audit.clone(),
        ));
        rt::spawn(housekeeping::follow_database_clock(
            self.db.clone(),
            self.db_clock.clone(),
        ));
        rt::spawn(housekeeping::watch_file(self.db.clone()));
        let mut files = key_rotation::secrets(&self.secret_files, &self.sessions, &self.provider);
        files.extend(self.certificate.iter().map(Certificate::watched));
        files.extend(
            self.rules
                .iter()
                .filter_map(gateway_endpoint::Rules::watched),
        );
        rt::spawn(watch(files));
        start_warnings::about_proxies(
            &self.trusted_proxies,
            self.public_url.is_https() && self.certificate.is_none(),
            !sockets.tcp.is_empty(),
            !sockets.unix.is_empty(),
        );
        let shutdown = self.shutdown.clone();
        rt::spawn(draining::signal(shutdown.clone(), self.shutdown_delay));
        let socket_files = sockets.unix.iter().filter_map(SocketFile::of).collect();
        let server = self.listen(sockets)?;
        let running = Running::new(server, shutdown.clone(), self.shutdown_timeout);
        let again = move |socket: UnixSocket| self.listen(socket.into());
        rt::spawn(unix_sockets::keep(socket_files, again, shutdown));
        Ok(running)
    }

    /// A server on `sockets`. It stops when the process accepts no more requests.
    fn listen(&self, sockets: Sockets) -> io::Result<Server> {
        let workers = machine::workers();
        let max_connections = self.max_connections.div_ceil(workers);
        let keep_alive = match self.trusted_proxies.is_nobody() {
            true => KEEP_ALIVE_FOR_BROWSERS,
            false => KEEP_ALIVE_FOR_PROXIES,
        };
        let timeouts = Timeouts {
            headers: HEADER_TIMEOUT,
            keep_alive,
        };
        let server = Server::build()
            .workers(workers)
            .disable_signals()
            .shutdown_timeout(self.shutdown_timeout.as_secs() + SHUTDOWN_MARGIN_SECS);
        let doorward = self.clone();
        let mut server = Http1::new(server, timeouts, max_connections, move || {
            doorward.application()
        });
        for listener in sockets.tcp {
            server = match &self.certificate {
                Some(certificate) => server.listen_tls(listener, certificate.server_config()),
                None => server.listen(listener),
            }?;
        }
        for socket in sockets.unix {
            server = server.listen_unix(socket.listener)?;
        }
        let server = server.run();
        let stop = draining::stop_when_closed(server.handle(), self.shutdown.clone());
        rt::spawn(stop);
        Ok(server)
    }

    /// Answers proxies on `sockets`, if there is a gateway, beside [`Doorward::serve`].
    pub fn serve_gateway(&self, sockets: impl Into<Sockets>) -> io::Result<Option<Server>> {
        let access = self.rules.as_ref().map(|rules| rules.access.clone());
        let serve = |access| gateway_endpoint::serve(self.clone(), access, sockets.into());
        access.map(serve).transpose()
    }

    /// Closes the database, when no more requests are served. Threads that have not ended yet would keep it open, and
    /// SQLite's log would stay beside the file.
    pub fn close(&self) {
        self.db.close();
    }

    /// Serves `/metrics`, `/healthz` and `/readyz` on `listener`, beside [`Doorward::serve`].
    pub fn serve_metrics(&self, listener: TcpListener) -> io::Result<Server> {
        metrics_endpoint::serve(listener, self.clone())
    }
}

//! How Doorward is put together, and in which order a request passes through it.

pub mod bind;
pub mod draining;
pub mod healthcheck;
mod http1;
mod key_rotation;
mod metrics_endpoint;
pub mod tls;
pub mod watched_files;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::rt;
use actix_web::web::{Data, PayloadConfig};
use rustls::ClientConfig;

use crate::accounts::audit::Audit;
use crate::clock::Clock;
use crate::db::{self, Db};
use crate::http::app::App;
use crate::http::handlers::Readiness;
use crate::http::middleware::client_address::TrustedProxies;
use crate::http::middleware::front::{front, security_headers};
use crate::http::middleware::rate_limit::{RateLimit, rate_limit};
use crate::http::pages::Pages;
use crate::http::routes;
use crate::oidc::{self, Http, Proxy, RelyingParty};
use crate::public_url::PublicUrl;
use crate::server::bind::Sockets;
use crate::server::draining::{Leaving, Running};
use crate::server::http1::{Http1, Patience};
use crate::server::tls::Certificate;
use crate::server::watched_files::watch;
use crate::session::{Sessions, identity_middleware, renew, session_middleware};
use crate::settings::{SecretFiles, Settings};

/// The longest body that is read, in bytes.
const BODY_LIMIT: usize = 16 * 1024;

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Threads of a worker that may block, beyond those that wait for the database: for names of hosts.
const OTHER_BLOCKING_THREADS: usize = 4;

/// How long a connection waits for its next request. A proxy must be the one who gives up first, or a
/// request of its crosses our good-bye: nginx and cloud load balancers wait 60 s. Browsers that come
/// to us themselves shall not keep so many connections for so long.
const KEEP_ALIVE_FOR_PROXIES: Duration = Duration::from_secs(75);
const KEEP_ALIVE_FOR_BROWSERS: Duration = Duration::from_secs(5);

/// How often ended sessions are cleared away.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Doorward, put together but not yet listening. Clones share everything.
#[derive(Clone)]
pub struct Doorward {
    provider: Arc<RelyingParty>,
    tls: Arc<ClientConfig>,
    proxy: Proxy,
    sessions: Arc<Sessions>,
    db: Db,
    audit: Arc<Audit>,
    pages: Arc<Pages>,
    public_url: PublicUrl,
    hsts_include_subdomains: bool,
    certificate: Option<Certificate>,
    secret_files: SecretFiles,
    trusted_proxies: TrustedProxies,
    rate_limit: Arc<RateLimit>,
    max_connections: usize,
    readiness: Readiness,
    leaving: Leaving,
    shutdown_delay: Duration,
    shutdown_timeout: Duration,
}

/// Why Doorward can't start, and what to do about it.
#[derive(Debug)]
pub enum StartError {
    /// The database is away or its schema can't be brought up to date.
    Database(db::Error),
    /// `AUTO_MIGRATE=false` and these are missing.
    PendingMigrations(Vec<String>),
    /// A template of `TEMPLATES_DIR` is wrong.
    Pages(String),
    /// The trust roots can't be used.
    Tls(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Database(cause) => write!(f, "{cause}\nCheck DATABASE_URL."),
            StartError::PendingMigrations(names) => write!(
                f,
                "the database lacks these migrations: {}\nRun `diesel migration run`, or leave \
                 AUTO_MIGRATE unset and Doorward applies them.",
                names.join(", ")
            ),
            StartError::Pages(cause) => write!(f, "{cause}\nCheck TEMPLATES_DIR."),
            StartError::Tls(cause) => write!(f, "OIDC_CA_FILE: {cause}"),
        }
    }
}

impl Doorward {
    /// Puts everything together: the database must answer, the provider need not.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let pages = Pages::new(
            settings.templates_dir.as_deref(),
            settings.public_url.clone(),
        );
        let pages = pages.map_err(StartError::Pages)?;
        let tls = oidc::tls_config(settings.extra_roots.as_deref()).map_err(StartError::Tls)?;
        let db = Db::new(settings.database.clone());
        if settings.auto_migrate {
            db.migrate().map_err(StartError::Database)?;
        } else {
            let pending = db.pending_migrations().map_err(StartError::Database)?;
            if !pending.is_empty() {
                return Err(StartError::PendingMigrations(pending));
            }
        }
        if !oidc::is_confidential(settings.public_url.url()) {
            log::warn!(
                "PUBLIC_URL is plain http: who listens on the way can take a session over; use https"
            );
        }
        let sessions = Sessions::new(&settings, db.clone(), clock.clone());
        let audit = Audit::new(
            db.clone(),
            settings.registration.issuer.clone(),
            settings.audit_retention,
            clock.clone(),
        );
        Ok(Doorward {
            sessions: Arc::new(sessions),
            audit: Arc::new(audit),
            provider: Arc::new(RelyingParty::new(settings.registration, clock)),
            tls,
            proxy: settings.proxy,
            db,
            pages: Arc::new(pages),
            public_url: settings.public_url,
            hsts_include_subdomains: settings.hsts_include_subdomains,
            rate_limit: Arc::new(RateLimit::new(
                settings.rate_limit,
                settings.trusted_proxies.clone(),
            )),
            trusted_proxies: settings.trusted_proxies,
            certificate: settings.certificate,
            secret_files: settings.secret_files,
            max_connections: settings.max_connections,
            readiness: Readiness::default(),
            leaving: Leaving::default(),
            shutdown_delay: settings.shutdown_delay,
            shutdown_timeout: settings.shutdown_timeout,
        })
    }

    /// Serves on `sockets` until it is stopped.
    pub fn serve(self, sockets: impl Into<Sockets>) -> io::Result<Running> {
        let Sockets { tcp, unix } = sockets.into();
        rt::spawn(purge(self.sessions.clone(), self.audit.clone()));
        let mut files = key_rotation::secrets(&self.secret_files, &self.sessions, &self.provider);
        files.extend(self.certificate.iter().map(Certificate::watched));
        rt::spawn(watch(files));
        let (certificate, leaving) = (self.certificate.clone(), self.leaving.clone());
        if !unix.is_empty() && !self.trusted_proxies.unix {
            log::warn!(
                "TRUSTED_PROXIES lacks `unix`: nobody's address is known, and everybody behind a Unix \
                 socket shares one RATE_LIMIT"
            );
        }
        let speaks_tls_elsewhere = self.public_url.is_https() && certificate.is_none();
        if speaks_tls_elsewhere && self.trusted_proxies.is_nobody() && !tcp.is_empty() {
            log::warn!(
                "TRUSTED_PROXIES names no proxy, but one is in front (PUBLIC_URL is https, and TLS_CERT_FILE is \
                 unset): everybody has its address and shares one RATE_LIMIT"
            );
        }
        let time_to_go = leaving.clone().time_to_go(self.shutdown_delay);
        let shutdown_timeout = self.shutdown_timeout.as_secs();
        let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let connections = usize::try_from(self.db.connections()).expect("a few");
        let blocking_threads = connections.div_ceil(workers) + OTHER_BLOCKING_THREADS;
        let max_connections = self.max_connections.div_ceil(workers);
        let keep_alive = match self.trusted_proxies.is_nobody() {
            true => KEEP_ALIVE_FOR_BROWSERS,
            false => KEEP_ALIVE_FOR_PROXIES,
        };
        let patience = Patience {
            headers: HEADER_TIMEOUT,
            keep_alive,
        };
        let server = Server::build()
            .workers(workers)
            .max_concurrent_connections(max_connections)
            .worker_max_blocking_threads(blocking_threads)
            .shutdown_signal(time_to_go)
            .shutdown_timeout(shutdown_timeout);
        let mut server = Http1::new(server, patience, move || self.application());
        for listener in tcp {
            server = match &certificate {
                Some(certificate) => server.listen_tls(listener, certificate.server_config()),
                None => server.listen(listener),
            }?;
        }
        for listener in unix {
            server = server.listen_unix(listener)?;
        }
        Ok(Running::new(server.run(), leaving))
    }

    /// Serves `/metrics` on `listener`, beside [`Doorward::serve`].
    pub fn serve_metrics(&self, listener: TcpListener) -> io::Result<Server> {
        metrics_endpoint::serve(listener, self.sessions.clone())
    }

    /// What one worker serves.
    pub(crate) fn application(
        &self,
    ) -> actix_web::App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        // Run in the reverse order: front, rate limit, session, renew, identity, handler.
        actix_web::App::new()
            .app_data(Data::new(self.worker()))
            .app_data(PayloadConfig::new(BODY_LIMIT))
            .app_data(self.public_url.clone())
            .configure(routes::below(
                &self.public_url,
                self.provider.response_mode(),
            ))
            .wrap(identity_middleware())
            .wrap(from_fn(renew))
            .wrap(session_middleware(&self.sessions))
            .wrap(from_fn(rate_limit))
            .wrap(from_fn(front))
    }

    fn worker(&self) -> App {
        App {
            provider: self.provider.clone(),
            http: Http::new(self.tls.clone(), &self.proxy),
            sessions: self.sessions.clone(),
            db: self.db.clone(),
            audit: self.audit.clone(),
            pages: self.pages.clone(),
            security_headers: security_headers(
                &self.public_url,
                self.provider.issuer(),
                self.hsts_include_subdomains,
            ),
            public_url: self.public_url.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            rate_limit: self.rate_limit.clone(),
            readiness: self.readiness.clone(),
            leaving: self.leaving.clone(),
        }
    }
}

/// Clears away ended sessions, what was used once, and old audit events, now and then.
async fn purge(sessions: Arc<Sessions>, audit: Arc<Audit>) {
    let mut interval = rt::time::interval(PURGE_INTERVAL);
    loop {
        interval.tick().await;
        match sessions.purge_expired().await {
            Ok(0) => (),
            Ok(ended) => log::info!("cleared away {ended} ended sessions"),
            Err(cause) => log::warn!("ended sessions could not be cleared away: {cause}"),
        }
        if let Err(cause) = sessions.purge_used().await {
            log::warn!("what was used once could not be cleared away: {cause}");
        }
        match audit.purge().await {
            Ok(0) => (),
            Ok(old) => log::info!("cleared away {old} old audit events"),
            Err(cause) => log::warn!("old audit events could not be cleared away: {cause}"),
        }
    }
}

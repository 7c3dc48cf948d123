//! The environment, and only here: typed values, or all complaints at once.

mod dotenv;
mod duration;
mod key_file;
mod listening;
mod outgoing;
mod ownership;
mod proxies;
mod source;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{SecretSlice, SecretString};

use crate::db::DatabaseUrl;
use crate::http::middleware::client_address::TrustedProxies;
use crate::observe::logging::LogFormat;
use crate::oidc::{Proxy, Registration};
use crate::public_url::PublicUrl;
use crate::server::bind::ListenAddr;
use crate::server::healthcheck::Speaks;
use crate::server::tls::Certificate;
use crate::server::watched_files::Files;
pub use dotenv::read_dotenv;
pub(crate) use duration::parse_years as parse_duration;
pub use source::Complaint;
use source::{Source, environment};
pub(crate) use values::session_key;

/// Where Okta's application wizard expects an application to be.
const DEFAULT_PUBLIC_URL: &str = "http://localhost:8080";

/// Requests a minute for each address. A sign-in is two, and a whole office may share an address.
const DEFAULT_RATE_LIMIT: u32 = 300;

/// So many fit 256 MiB, the limit of `deploy/kubernetes.yaml`, whatever strangers send: a connection
/// takes 192 KiB at most (128 KiB of headers that do not end, which is where the framework gives up,
/// the buffers, TLS), all of them 188 MiB; the process itself takes 30 MiB, and 4096 remembered
/// sessions of some 6 KiB take 24 MiB.
const DEFAULT_MAX_CONNECTIONS: usize = 1000;

/// Kubernetes takes up to two minutes to bring a changed secret to every container.
const DEFAULT_SESSION_KEY_DELAY: Duration = Duration::from_secs(300);

/// Somebody who signed out at another process stays in at this one for so long.
const DEFAULT_SESSION_CACHE: Duration = Duration::from_secs(2);

/// The slowest sign-in asks the provider twice or thrice, ten seconds at most each time, and whoever
/// stops containers kills after thirty.
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// Everything that can be configured, checked.
pub struct Settings {
    /// What the provider knows of us: `OIDC_*` and `PUBLIC_URL`.
    pub registration: Registration,
    /// The content of `OIDC_CA_FILE`: extra trust roots, PEM.
    pub extra_roots: Option<Vec<u8>>,
    /// `HTTPS_PROXY` and `NO_PROXY`: through which proxy the provider is asked.
    pub proxy: Proxy,
    /// `PUBLIC_URL`: where browsers reach Doorward. It alone decides redirect URIs and cookies.
    pub public_url: PublicUrl,
    /// `HSTS_INCLUDE_SUBDOMAINS`: whether browsers shall come by https to every name below `PUBLIC_URL`'s host too.
    pub hsts_include_subdomains: bool,
    /// `LISTEN_ADDR`: where it listens.
    pub listen_addr: ListenAddr,
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE`: what Doorward itself speaks TLS with.
    pub certificate: Option<Certificate>,
    /// `TRUSTED_PROXIES`, `CLIENT_ADDR_HEADER` and `TRUST_REQUEST_ID`: whom to believe about who asks,
    /// and about a request's name.
    pub trusted_proxies: TrustedProxies,
    /// `RATE_LIMIT`: requests a minute to sign in, for each address; 0 is no limit.
    pub rate_limit: u32,
    /// `MAX_CONNECTIONS`: more wait until one of them ends.
    pub max_connections: usize,
    /// `SHUTDOWN_DELAY`: how long we go on accepting when asked to stop.
    pub shutdown_delay: Duration,
    /// `SHUTDOWN_TIMEOUT`: how long what is under way then has.
    pub shutdown_timeout: Duration,
    /// `DATABASE_URL`.
    pub database: DatabaseUrl,
    /// `AUTO_MIGRATE`: whether missing migrations are applied at start.
    pub auto_migrate: bool,
    /// `SESSION_KEY`: 64 random bytes or more, from which all keys are derived.
    pub session_key: SecretSlice<u8>,
    /// `SESSION_KEY_PREVIOUS`: opens what was sealed before the key was changed.
    pub session_key_previous: Option<SecretSlice<u8>>,
    /// The secrets that are read again when their file changes.
    pub secret_files: SecretFiles,
    /// `SESSION_IDLE_TIMEOUT`: an unused session ends.
    pub idle_timeout: Duration,
    /// `SESSION_ABSOLUTE_TIMEOUT`: every session ends.
    pub absolute_timeout: Duration,
    /// `SESSION_CACHE`: for how long a process remembers a session without asking the database.
    pub session_cache: Duration,
    /// `TEMPLATES_DIR`: overrides the built-in pages, file by file.
    pub templates_dir: Option<PathBuf>,
    /// `LOG_FORMAT`: lines for people or for machines.
    pub log_format: LogFormat,
    /// `METRICS_ADDR`: where `/metrics` is answered, and nothing else is.
    pub metrics_addr: Option<SocketAddr>,
    /// `AUDIT_RETENTION`: for how long audit events are kept.
    pub audit_retention: Duration,
}

/// Where the secrets come from that can be replaced at run time.
#[derive(Clone)]
pub struct SecretFiles {
    /// `OIDC_CLIENT_SECRET_FILE`.
    pub client_secret: Option<Files>,
    /// `SESSION_KEY_FILE`.
    pub session_key: Option<Files>,
    /// `SESSION_KEY_DELAY`: how long a new key only opens, until every process has read it.
    pub session_key_delay: Duration,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Every complaint there is, in the order of the documentation.
    pub fn from_env() -> Result<Settings, Vec<Complaint>> {
        Settings::read(&environment)
    }

    /// Reads what `variable` answers for each name. An empty value counts as absent.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Vec<Complaint>> {
        Settings::read_from(Source::new(variable))
    }

    /// As [`Settings::from_env`], to look at and not to serve with: where a session key would be made
    /// and kept, nothing is written.
    pub fn look_at_env() -> Result<Settings, Vec<Complaint>> {
        let mut source = Source::new(&environment);
        source.may_write = false;
        Settings::read_from(source)
    }

    /// The file in which the session key is kept, if it is not given.
    pub fn session_key_file_from_env(&self) -> Option<PathBuf> {
        let is_set = |name| environment(name).is_some_and(|value| !value.trim().is_empty());
        match &self.database {
            _ if is_set("SESSION_KEY") || is_set("SESSION_KEY_FILE") => None,
            DatabaseUrl::Sqlite(database) => Some(key_file::path(database)),
            DatabaseUrl::Postgres(_) => None,
        }
    }

    fn read_from(mut source: Source<'_>) -> Result<Settings, Vec<Complaint>> {
        let issuer = source.required(
            "OIDC_ISSUER",
            "https://dev-123456.okta.com/oauth2/default",
            values::issuer,
        );
        let client_id = source.required("OIDC_CLIENT_ID", "0oa1bcdef2GHIJKLM3n4", values::text);
        let client_secret_file = source.file_of("OIDC_CLIENT_SECRET");
        let session_key_file = source.file_of("SESSION_KEY");
        let client_secret = source.required_secret(
            "OIDC_CLIENT_SECRET",
            "the client secret of the application at the provider",
            |secret| Ok(SecretString::from(secret)),
        );
        let scopes = source.optional("OIDC_SCOPES", "openid email profile", values::scopes);
        let extra_roots =
            source.optional("OIDC_CA_FILE", "/etc/ssl/private-ca.pem", values::ca_file);
        let proxy = outgoing::read(&mut source);
        let id_token_algs =
            source.optional("OIDC_ID_TOKEN_ALGS", "RS256 ES256", values::algorithms);
        let client_auth = source.optional(
            "OIDC_CLIENT_AUTH_METHOD",
            "client_secret_post",
            values::client_auth,
        );
        let response_mode =
            source.optional("OIDC_RESPONSE_MODE", "form_post", values::response_mode);
        let public_url = source
            .optional("PUBLIC_URL", "https://app.example.com", |text| {
                PublicUrl::parse(&text)
            })
            .unwrap_or_else(|| {
                PublicUrl::parse(DEFAULT_PUBLIC_URL).expect("a constant that is tested")
            });
        let hsts_include_subdomains =
            source.optional("HSTS_INCLUDE_SUBDOMAINS", "true", values::boolean);
        let listen_addr = listening::listen_addr(&mut source);
        let certificate = listening::certificate(&mut source, &listen_addr);
        let trusted_proxies = proxies::read(&mut source);
        let rate_limit = source
            .optional("RATE_LIMIT", "300", values::number)
            .unwrap_or(DEFAULT_RATE_LIMIT);
        let max_connections = source.optional("MAX_CONNECTIONS", "1000", values::positive);
        let shutdown_delay = source.optional("SHUTDOWN_DELAY", "5s", duration::parse_or_zero);
        let shutdown_timeout = source.optional("SHUTDOWN_TIMEOUT", "25s", duration::parse);
        let database = database(&mut source);
        let auto_migrate = source
            .optional("AUTO_MIGRATE", "false", values::boolean)
            .unwrap_or(true);
        let session_key = source.optional_secret(
            "SESSION_KEY",
            "the output of `openssl rand -base64 64`, on one line",
            values::session_key,
        );
        let session_key_previous = source.optional_secret(
            "SESSION_KEY_PREVIOUS",
            "the SESSION_KEY of before",
            values::session_key,
        );
        let session_key_delay = source.optional("SESSION_KEY_DELAY", "5m", duration::parse_or_zero);
        let secret_files = SecretFiles {
            client_secret: client_secret_file,
            session_key: session_key_file,
            session_key_delay: session_key_delay.unwrap_or(DEFAULT_SESSION_KEY_DELAY),
        };
        let idle_timeout = source.optional("SESSION_IDLE_TIMEOUT", "8h", duration::parse);
        let absolute_timeout = source.optional("SESSION_ABSOLUTE_TIMEOUT", "7d", duration::parse);
        let session_cache = session_cache(&mut source);
        let templates_dir = source.optional(
            "TEMPLATES_DIR",
            "/etc/doorward/templates",
            values::directory,
        );
        let log_format = source.optional("LOG_FORMAT", "json", values::log_format);
        let metrics_addr = source.optional("METRICS_ADDR", "127.0.0.1:9464", values::socket_addr);
        let audit_retention = source.optional("AUDIT_RETENTION", "90d", duration::parse_years);

        // Made only when nothing else is wrong: a start that fails leaves no file behind.
        let session_key = session_key.or_else(|| {
            if source.has_complaints_about("SESSION_KEY") {
                return None;
            }
            key_file::keep(&mut source, &public_url, &database)
        });

        match (
            issuer,
            client_id,
            client_secret,
            session_key,
            source.complaints(),
        ) {
            (Some(issuer), Some(client_id), Some(client_secret), Some(session_key), none)
                if none.is_empty() =>
            {
                Ok(Settings {
                    registration: Registration {
                        issuer,
                        client_id,
                        client_secret,
                        redirect_uri: public_url.redirect_uri(),
                        post_logout_redirect_uri: public_url.as_written().to_owned(),
                        scopes: scopes.unwrap_or_else(|| "openid email profile".to_owned()),
                        id_token_algs,
                        client_auth,
                        response_mode: response_mode.unwrap_or_default(),
                    },
                    extra_roots,
                    proxy,
                    public_url,
                    hsts_include_subdomains: hsts_include_subdomains.unwrap_or(false),
                    listen_addr,
                    certificate,
                    trusted_proxies,
                    rate_limit,
                    max_connections: max_connections.unwrap_or(DEFAULT_MAX_CONNECTIONS),
                    shutdown_delay: shutdown_delay.unwrap_or_default(),
                    shutdown_timeout: shutdown_timeout.unwrap_or(DEFAULT_SHUTDOWN_TIMEOUT),
                    database,
                    auto_migrate,
                    session_key,
                    session_key_previous,
                    secret_files,
                    idle_timeout: idle_timeout.unwrap_or(Duration::from_secs(8 * 3600)),
                    absolute_timeout: absolute_timeout.unwrap_or(Duration::from_secs(7 * 86400)),
                    session_cache,
                    templates_dir,
                    log_format: log_format.unwrap_or_default(),
                    metrics_addr,
                    audit_retention: audit_retention.unwrap_or(Duration::from_secs(90 * 86400)),
                })
            }
            (.., complaints) => Err(complaints),
        }
    }

    /// `DATABASE_URL` and `SESSION_CACHE` alone, for the commands that need no other setting.
    pub fn database_from_env() -> Result<(DatabaseUrl, Duration), Vec<Complaint>> {
        let mut source = Source::new(&environment);
        let settings = (database(&mut source), session_cache(&mut source));
        match source.complaints() {
            none if none.is_empty() => Ok(settings),
            complaints => Err(complaints),
        }
    }

    /// What `doorward healthcheck` needs, and no other setting: `LISTEN_ADDR`, and whether there is a
    /// `TLS_CERT_FILE`.
    pub fn listen_addr_from_env() -> Result<(ListenAddr, Speaks), Vec<Complaint>> {
        let mut source = Source::new(&environment);
        let listen_addr = listening::listen_addr(&mut source);
        let speaks = listening::speaks(&mut source);
        match source.complaints() {
            none if none.is_empty() => Ok((listen_addr, speaks)),
            complaints => Err(complaints),
        }
    }
}

fn database(source: &mut Source<'_>) -> DatabaseUrl {
    source
        .optional_secret("DATABASE_URL", "postgres://doorward@db/doorward", |url| {
            // libpq looks into the environment, too.
            DatabaseUrl::parse(&url, &environment).map_err(str::to_owned)
        })
        .unwrap_or_else(|| DatabaseUrl::Sqlite("doorward.db".into()))
}

fn session_cache(source: &mut Source<'_>) -> Duration {
    let lifetime = source.optional("SESSION_CACHE", "2s", values::session_cache);
    lifetime.unwrap_or(DEFAULT_SESSION_CACHE)
}

#[cfg(test)]
mod tests;

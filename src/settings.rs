//! The environment, and only here: typed values, or all complaints at once.

mod duration;
mod key_file;
mod listening;
mod proxies;
mod source;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use url::Url;

use crate::client::TrustedProxies;
use crate::db::DatabaseUrl;
use crate::health::Speaks;
use crate::listen::ListenAddr;
use crate::oidc::{self, ClientAuth, Registration, ResponseMode};
use crate::paths::{Base, CALLBACK};
use crate::reload::Files;
use crate::telemetry::LogFormat;
use crate::tls::Certificate;
pub(crate) use duration::parse_years as parse_duration;
use source::Source;

/// Where Okta's application wizard expects an application to be.
const DEFAULT_PUBLIC_URL: &str = "http://localhost:8080";

/// Requests a minute for each address. A sign-in is two, and a whole office may share an address.
const DEFAULT_RATE_LIMIT: u32 = 300;

/// Kubernetes takes up to two minutes to bring a changed secret to every container.
const DEFAULT_SESSION_KEY_DELAY: Duration = Duration::from_secs(300);

/// The slowest sign-in asks the provider twice or thrice, ten seconds at most each time, and whoever
/// stops containers kills after thirty.
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// Everything that can be configured, checked.
pub struct Settings {
    /// What the provider knows of us: `OIDC_*` and `PUBLIC_URL`.
    pub registration: Registration,
    /// The content of `OIDC_CA_FILE`: extra trust roots, PEM.
    pub extra_roots: Option<Vec<u8>>,
    /// `PUBLIC_URL`: where browsers reach Doorward. It alone decides redirect URIs and cookies.
    pub public_url: Url,
    /// `LISTEN_ADDR`: where it listens.
    pub listen_addr: ListenAddr,
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE`: what Doorward itself speaks TLS with.
    pub certificate: Option<Certificate>,
    /// `TRUSTED_PROXIES` and `CLIENT_ADDR_HEADER`: whom to believe about who asks.
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

/// One thing that is wrong with the environment.
#[derive(Debug, PartialEq)]
pub struct Complaint {
    /// The variable.
    pub variable: String,
    /// What is wrong with it.
    pub fault: String,
    /// What it could look like.
    pub example: &'static str,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Complaint {
            variable,
            fault,
            example,
        } = self;
        write!(
            f,
            "{variable} {fault}\n    for example: {variable}={example}"
        )
    }
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Every complaint there is, in the order of the documentation.
    pub fn from_env() -> Result<Settings, Vec<Complaint>> {
        Settings::read(&|name| std::env::var(name).ok())
    }

    /// Reads what `variable` answers for each name. An empty value counts as absent.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Vec<Complaint>> {
        Settings::read_from(Source::new(variable))
    }

    /// As [`Settings::from_env`], to look at and not to serve with: where a session key would be made
    /// and kept, nothing is written.
    pub fn look_at_env() -> Result<Settings, Vec<Complaint>> {
        let variable = |name: &str| std::env::var(name).ok();
        let mut source = Source::new(&variable);
        source.may_write = false;
        Settings::read_from(source)
    }

    /// The file in which the session key is kept, if it is not given.
    pub fn session_key_file_from_env(&self) -> Option<PathBuf> {
        let is_set = |name| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
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
            issuer,
        );
        let client_id = source.required("OIDC_CLIENT_ID", "0oa1bcdef2GHIJKLM3n4", text);
        let client_secret_file = source.file_of("OIDC_CLIENT_SECRET");
        let session_key_file = source.file_of("SESSION_KEY");
        let client_secret = source.required_secret(
            "OIDC_CLIENT_SECRET",
            "the client secret of the application at the provider",
            |secret| Ok(SecretString::from(secret)),
        );
        let scopes = source.optional("OIDC_SCOPES", "openid email profile", scopes);
        let extra_roots = source.optional("OIDC_CA_FILE", "/etc/ssl/private-ca.pem", ca_file);
        let id_token_algs = source.optional("OIDC_ID_TOKEN_ALGS", "RS256 ES256", algorithms);
        let client_auth =
            source.optional("OIDC_CLIENT_AUTH_METHOD", "client_secret_post", client_auth);
        let response_mode = source.optional("OIDC_RESPONSE_MODE", "form_post", response_mode);
        let public_url = source
            .optional("PUBLIC_URL", "https://app.example.com", public_url)
            .unwrap_or_else(|| {
                let url = Url::parse(DEFAULT_PUBLIC_URL).expect("a constant that is tested");
                (url, DEFAULT_PUBLIC_URL.to_owned())
            });
        let listen_addr = listening::listen_addr(&mut source);
        let certificate = listening::certificate(&mut source, &listen_addr);
        let trusted_proxies = proxies::read(&mut source);
        let rate_limit = source
            .optional("RATE_LIMIT", "300", number)
            .unwrap_or(DEFAULT_RATE_LIMIT);
        let max_connections = source.optional("MAX_CONNECTIONS", "10000", positive);
        let shutdown_delay = source.optional("SHUTDOWN_DELAY", "5s", duration::parse_or_zero);
        let shutdown_timeout = source.optional("SHUTDOWN_TIMEOUT", "25s", duration::parse);
        let database = database(&mut source);
        let auto_migrate = source
            .optional("AUTO_MIGRATE", "false", boolean)
            .unwrap_or(true);
        let session_key = source.optional_secret(
            "SESSION_KEY",
            "the output of `openssl rand -base64 64`, on one line",
            session_key,
        );
        let session_key_previous = source.optional_secret(
            "SESSION_KEY_PREVIOUS",
            "the SESSION_KEY of before",
            self::session_key,
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
        let templates_dir = source.optional("TEMPLATES_DIR", "/etc/doorward/templates", directory);
        let log_format = source.optional("LOG_FORMAT", "json", log_format);
        let metrics_addr = source.optional("METRICS_ADDR", "127.0.0.1:9464", socket_addr);
        let audit_retention = source.optional("AUDIT_RETENTION", "90d", duration::parse_years);

        // Made only when nothing else is wrong: a start that fails leaves no file behind.
        let session_key = session_key.or_else(|| {
            if source.has_complaints_about("SESSION_KEY") {
                return None;
            }
            key_file::keep(&mut source, &public_url.0, &database)
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
                let redirect_uri = Base::of(&public_url.0).at(CALLBACK);
                let redirect_uri = public_url.0.join(&redirect_uri);
                Ok(Settings {
                    registration: Registration {
                        issuer,
                        client_id,
                        client_secret,
                        redirect_uri: redirect_uri.expect("an absolute path joins any http URL"),
                        post_logout_redirect_uri: public_url.1,
                        scopes: scopes.unwrap_or_else(|| "openid email profile".to_owned()),
                        id_token_algs,
                        client_auth,
                        response_mode: response_mode.unwrap_or_default(),
                    },
                    extra_roots,
                    public_url: public_url.0,
                    listen_addr,
                    certificate,
                    trusted_proxies,
                    rate_limit,
                    max_connections: max_connections.unwrap_or(10_000),
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
        let variable = |name: &str| std::env::var(name).ok();
        let mut source = Source::new(&variable);
        let settings = (database(&mut source), session_cache(&mut source));
        match source.complaints() {
            none if none.is_empty() => Ok(settings),
            complaints => Err(complaints),
        }
    }

    /// What `doorward healthcheck` needs, and no other setting: `LISTEN_ADDR`, and whether there is a
    /// `TLS_CERT_FILE`.
    pub fn listen_addr_from_env() -> Result<(ListenAddr, Speaks), Vec<Complaint>> {
        let variable = |name: &str| std::env::var(name).ok();
        let mut source = Source::new(&variable);
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
            DatabaseUrl::parse(&url).map_err(str::to_owned)
        })
        .unwrap_or_else(|| DatabaseUrl::Sqlite("doorward.db".into()))
}

fn socket_addr(text: String) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "is not an IP address with a port".to_owned())
}

fn log_format(text: String) -> Result<LogFormat, String> {
    match text.as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("is neither text nor json".to_owned()),
    }
}

fn text(text: String) -> Result<String, String> {
    Ok(text)
}

fn issuer(text: String) -> Result<String, String> {
    let url = Url::parse(&text).map_err(|cause| format!("is not a URL ({cause})"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment; an issuer has neither".to_owned());
    }
    if text.contains("/.well-known/") {
        return Err(
            "is the discovery document; the issuer is what stands before /.well-known".to_owned(),
        );
    }
    if url.scheme() == "https" && matches!(url.host(), Some(url::Host::Ipv6(_))) {
        return Err("must have a name for a host: the TLS client takes no IPv6 address".to_owned());
    }
    if !oidc::is_confidential(&url) {
        return Err("must be https (plain http only on this machine)".to_owned());
    }
    Ok(text)
}

fn scopes(text: String) -> Result<String, String> {
    match text.split_ascii_whitespace().any(|scope| scope == "openid") {
        true => Ok(text),
        false => Err("lacks openid, without which nobody is identified".to_owned()),
    }
}

fn ca_file(path: String) -> Result<Vec<u8>, String> {
    let pem = std::fs::read(path).map_err(|cause| format!("can't be read ({cause})"))?;
    oidc::tls_config(Some(&pem))?;
    Ok(pem)
}

fn algorithms(text: String) -> Result<Vec<jsonwebtoken::Algorithm>, String> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            oidc::asymmetric(word).ok_or_else(|| {
                "names something that is no asymmetric algorithm we verify".to_owned()
            })
        })
        .collect()
}

fn client_auth(text: String) -> Result<ClientAuth, String> {
    match text.as_str() {
        "client_secret_basic" => Ok(ClientAuth::Basic),
        "client_secret_post" => Ok(ClientAuth::Post),
        _ => Err("is neither client_secret_basic nor client_secret_post".to_owned()),
    }
}

fn response_mode(text: String) -> Result<ResponseMode, String> {
    let modes = [ResponseMode::Query, ResponseMode::FormPost];
    let found = modes.into_iter().find(|mode| mode.name() == text);
    found.ok_or_else(|| "is neither query nor form_post".to_owned())
}

fn public_url(text: String) -> Result<(Url, String), String> {
    let url = Url::parse(&text).map_err(|cause| format!("is not a URL ({cause})"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must begin with https:// (or http://)".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment; it must end with the host or a path".to_owned());
    }
    let path = url.path().strip_suffix('/').unwrap_or(url.path());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if path.contains("//") || path.ends_with('/') || !path.bytes().all(is_plain) {
        return Err(
            "has a path with more than letters, digits, - . _ ~ and single slashes".to_owned(),
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a name or a password".to_owned());
    }
    Ok((url, text))
}

fn number(text: String) -> Result<u32, String> {
    text.parse().map_err(|_| "is not a whole number".to_owned())
}

fn positive(text: String) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "is not a whole number above zero".to_owned())
}

fn boolean(text: String) -> Result<bool, String> {
    match text.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

/// Somebody who signed out at another process stays in here for so long: not longer than a breath.
fn session_cache(source: &mut Source<'_>) -> Duration {
    let parse = |text: String| match text.as_str() {
        "0" | "0s" => Ok(Duration::ZERO),
        _ => duration::parse(text).and_then(|lifetime| {
            let too_long = || "is longer than a minute".to_owned();
            (lifetime <= Duration::from_secs(60))
                .then_some(lifetime)
                .ok_or_else(too_long)
        }),
    };
    let lifetime = source.optional("SESSION_CACHE", "2s", parse);
    lifetime.unwrap_or(Duration::from_secs(2))
}

fn directory(path: String) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    match path.is_dir() {
        true => Ok(path),
        false => Err("is not a directory".to_owned()),
    }
}

/// 64 bytes or more that look random: a key of one repeated byte or of text was made by hand.
pub(crate) fn session_key(text: String) -> Result<SecretSlice<u8>, String> {
    let compact: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD
        .decode(compact)
        .map_err(|_| "is not base64".to_owned())?;
    if bytes.len() < 64 {
        return Err(format!("has {} bytes; it needs 64 or more", bytes.len()));
    }
    let distinct: std::collections::BTreeSet<u8> = bytes.iter().copied().collect();
    if distinct.len() < 32 {
        return Err("is not random".to_owned());
    }
    Ok(SecretSlice::from(bytes))
}

/// The bytes of a key as `SESSION_KEY` takes them.
fn encode_key(key: &SecretSlice<u8>) -> String {
    STANDARD.encode(key.expose_secret())
}

#[cfg(test)]
mod tests;

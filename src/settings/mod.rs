//! The environment, and only here: typed values, a file for each subject, or all complaints at once. Opens neither files
//! nor sockets: whoever reads settings says how a file is read.

mod database;
mod gateway;
mod listening;
mod outbound_proxy;
mod provider;
mod proxies;
mod sessions;
mod source;
mod values;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::db::DatabaseUrl;
use crate::observe::logging::LogFormat;
use crate::public_url::PublicUrl;

pub use database::Database;
pub(crate) use gateway::parse_rules;
pub use gateway::{Gateway, RulesFile};
pub(crate) use listening::tls_pair;
pub use listening::{ListenAddr, Listening, Scheme, TlsFiles};
pub use provider::Provider;
pub use proxies::{ForwardHeader, TrustedProxies};
pub use sessions::Sessions;
pub use source::{Complaint, FileContent, ReadFile};
use source::{Source, environment};
pub(crate) use values::session_key;

/// Where Okta's application wizard expects an application to be.
const DEFAULT_PUBLIC_URL: &str = "http://localhost:8080";

/// Requests a minute for each address. A sign-in is two, and a whole office may share an address.
const DEFAULT_RATE_LIMIT: u32 = 300;

/// Everything that can be configured, checked.
pub struct Settings {
    /// The provider: `OIDC_*`, `HTTPS_PROXY`, `NO_PROXY`.
    pub provider: Provider,
    /// `PUBLIC_URL`: where browsers reach Doorward. It alone decides redirect URIs and cookies.
    pub public_url: PublicUrl,
    /// `HSTS_INCLUDE_SUBDOMAINS`: whether browsers must use https for every name below `PUBLIC_URL`'s host too.
    pub hsts_include_subdomains: bool,
    /// Where Doorward listens and how it stops.
    pub listening: Listening,
    /// `TRUSTED_PROXIES`, `CLIENT_ADDR_HEADER` and `TRUST_REQUEST_ID`: which peers are believed about the client's
    /// address and about a request's id.
    pub trusted_proxies: TrustedProxies,
    /// `GATEWAY_ADDR`, `RULES_FILE`, `GATEWAY_USER` and `GATEWAY_JWT`: where proxies ask, and who may pass.
    pub gateway: Option<Gateway>,
    /// `RATE_LIMIT`: requests a minute to sign in, for each address; 0 is no limit.
    pub rate_limit: u32,
    /// The database and what it keeps.
    pub database: Database,
    /// Sessions: their key and how long they last.
    pub sessions: Sessions,
    /// `TEMPLATES_DIR`: overrides the built-in pages, file by file.
    pub templates_dir: Option<PathBuf>,
    /// `LOG_FORMAT`: lines for people or for machines.
    pub log_format: LogFormat,
}

impl Settings {
    /// Reads the environment, and the files that it names with `read_file`.
    ///
    /// # Errors
    /// Every complaint there is, subject by subject.
    pub fn from_env(read_file: ReadFile<'_>) -> Result<Settings, Vec<Complaint>> {
        Settings::read(&environment, read_file)
    }

    /// Reads what `variable` answers for each name. An empty value counts as absent.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn read(
        variable: &dyn Fn(&str) -> Option<String>,
        read_file: ReadFile<'_>,
    ) -> Result<Settings, Vec<Complaint>> {
        let mut source = Source::new(variable, read_file);
        let public_url = public_url(&mut source);
        let provider = Provider::read(&mut source, &public_url);
        let hsts = source.optional("HSTS_INCLUDE_SUBDOMAINS", "true", values::boolean);
        let listening = Listening::read(&mut source);
        let trusted_proxies = proxies::read(&mut source);
        let gateway = gateway::read(&mut source, &listening, &trusted_proxies);
        let rate_limit = source.optional("RATE_LIMIT", "300", values::number);
        let database = Database::read(&mut source);
        let sessions = Sessions::read(&mut source, &public_url, &database.url);
        let templates_dir = templates_dir(&mut source);
        let log_format = source.optional("LOG_FORMAT", "json", values::log_format);
        match (provider, source.complaints()) {
            (Some(provider), none) if none.is_empty() => Ok(Settings {
                provider,
                public_url,
                hsts_include_subdomains: hsts.unwrap_or(false),
                listening,
                trusted_proxies,
                gateway,
                rate_limit: rate_limit.unwrap_or(DEFAULT_RATE_LIMIT),
                database,
                sessions,
                templates_dir,
                log_format: log_format.unwrap_or_default(),
            }),
            (_, complaints) => Err(complaints),
        }
    }

    /// `DATABASE_URL` and `SESSION_CACHE` alone, for the commands that need no other setting.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn database_from_env(
        read_file: ReadFile<'_>,
    ) -> Result<(DatabaseUrl, Duration), Vec<Complaint>> {
        let mut source = Source::new(&environment, read_file);
        let settings = (database::url(&mut source), sessions::cache(&mut source));
        source.none_or(settings)
    }

    /// `RULES_FILE`, `GATEWAY_USER`, `OIDC_SCOPES` and `PUBLIC_URL` alone, for the commands about rules.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn rules_from_env(read_file: ReadFile<'_>) -> Result<RulesFile, Vec<Complaint>> {
        let mut source = Source::new(&environment, read_file);
        let public_url = public_url(&mut source);
        let rules = gateway::rules_file(&mut source, public_url);
        match (rules, source.complaints()) {
            (Some(rules), none) if none.is_empty() => Ok(rules),
            (_, complaints) => Err(complaints),
        }
    }

    /// What `doorward healthcheck` needs, and no other setting: `LISTEN_ADDR`, and whether there is a
    /// `TLS_CERT_FILE`.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn listen_addr_from_env() -> Result<(ListenAddr, Scheme), Vec<Complaint>> {
        let no_file = |_: &Path| Err(io::ErrorKind::Unsupported.into());
        let mut source = Source::new(&environment, &no_file);
        let settings = (
            listening::listen_addr(&mut source),
            listening::scheme(&mut source),
        );
        source.none_or(settings)
    }
}

/// `PUBLIC_URL`.
fn public_url(source: &mut Source<'_>) -> PublicUrl {
    let public_url = source.optional("PUBLIC_URL", "https://app.example.com", |text| {
        PublicUrl::parse(&text)
    });
    public_url
        .unwrap_or_else(|| PublicUrl::parse(DEFAULT_PUBLIC_URL).expect("a constant that is tested"))
}

/// `TEMPLATES_DIR`.
fn templates_dir(source: &mut Source<'_>) -> Option<PathBuf> {
    const EXAMPLE: &str = "/etc/doorward/templates";
    let path = PathBuf::from(source.optional("TEMPLATES_DIR", EXAMPLE, values::text)?);
    // Only a folder has a `.`, so nothing else is opened: a pipe would never end. A folder that can be searched but not
    // listed is enough, since its files have known names.
    match source.file(&path.join(".")).map_err(|cause| cause.kind()) {
        Err(io::ErrorKind::IsADirectory | io::ErrorKind::PermissionDenied) => Some(path),
        _ => {
            source.complain("TEMPLATES_DIR", "is not a directory", EXAMPLE);
            None
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

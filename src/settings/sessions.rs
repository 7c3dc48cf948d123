//! Sessions: the key that seals them, and how long they last.

use std::time::Duration;

use secrecy::SecretSlice;

use super::source::{FileContent, Source};
use super::values;
use crate::db::DatabaseUrl;
use crate::duration;
use crate::public_url::PublicUrl;

const KEY_EXAMPLE: &str = "the output of `openssl rand -base64 64`, on one line";

/// Kubernetes takes up to two minutes to bring a changed secret to every container.
const DEFAULT_KEY_DELAY: Duration = Duration::from_secs(300);

/// For so long a process may take a session for live that another process ended.
const DEFAULT_CACHE: Duration = Duration::from_secs(2);

const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(8 * 3600);
const DEFAULT_ABSOLUTE_TIMEOUT: Duration = Duration::from_secs(7 * 86400);
const DEFAULT_RECHECK_GRACE: Duration = Duration::from_secs(3600);

/// What is configured about sessions.
#[derive(Clone)]
pub struct Sessions {
    /// `SESSION_KEY`: 64 random bytes or more, from which all keys are derived. Nothing where it is not given and
    /// need not be: then a key beside the database is used.
    pub key: Option<SecretSlice<u8>>,
    /// The file of `SESSION_KEY_FILE`, which can be replaced at run time.
    pub key_file: Option<FileContent>,
    /// `SESSION_KEY_DELAY`: how long a new key only opens, until every process has read it.
    pub key_delay: Duration,
    /// `SESSION_KEY_PREVIOUS`: opens what was sealed before the key was changed.
    pub previous_key: Option<SecretSlice<u8>>,
    /// `SESSION_IDLE_TIMEOUT`: an unused session ends.
    pub idle_timeout: Duration,
    /// `SESSION_ABSOLUTE_TIMEOUT`: every session ends.
    pub absolute_timeout: Duration,
    /// `SESSION_CACHE`: for how long a process knows a session without asking the database.
    pub cache: Duration,
    /// `SESSION_RECHECK`: how old the provider's word may be before a request asks again; zero never asks.
    pub recheck: Duration,
    /// `SESSION_RECHECK_GRACE`: for how long a session goes on while the provider does not answer.
    pub recheck_grace: Duration,
}

impl Sessions {
    /// The variables of this file. There is no built-in key: where browsers come over https, or the database is not a
    /// file, the key must be given.
    pub fn read(
        source: &mut Source<'_>,
        public_url: &PublicUrl,
        database: &DatabaseUrl,
    ) -> Sessions {
        let key = source.optional_secret("SESSION_KEY", KEY_EXAMPLE, values::session_key);
        let (key, key_file) = key.unzip();
        let why_needed = match database {
            DatabaseUrl::Postgres(_) => Some("is missing (DATABASE_URL is Postgres)"),
            DatabaseUrl::Sqlite(_) if public_url.is_https() => {
                Some("is missing (PUBLIC_URL is https)")
            }
            DatabaseUrl::Sqlite(_) => None,
        };
        if let (None, Some(fault)) = (&key, why_needed)
            && !source.has_complaints_about("SESSION_KEY")
        {
            source.complain("SESSION_KEY", fault, KEY_EXAMPLE);
        }
        let previous_key = source.optional_secret(
            "SESSION_KEY_PREVIOUS",
            "the previous SESSION_KEY",
            values::session_key,
        );
        let key_delay = source.optional("SESSION_KEY_DELAY", "5m", duration::parse_or_zero);
        let idle_timeout = source.optional("SESSION_IDLE_TIMEOUT", "8h", duration::parse);
        let absolute_timeout = source.optional("SESSION_ABSOLUTE_TIMEOUT", "7d", duration::parse);
        let recheck = source.optional("SESSION_RECHECK", "15m", duration::parse_or_zero);
        let grace = source.optional("SESSION_RECHECK_GRACE", "1h", duration::parse_or_zero);
        Sessions {
            key,
            key_file: key_file.flatten(),
            key_delay: key_delay.unwrap_or(DEFAULT_KEY_DELAY),
            previous_key: previous_key.map(|(key, _)| key),
            idle_timeout: idle_timeout.unwrap_or(DEFAULT_IDLE_TIMEOUT),
            absolute_timeout: absolute_timeout.unwrap_or(DEFAULT_ABSOLUTE_TIMEOUT),
            cache: cache(source),
            recheck: recheck.unwrap_or_default(),
            recheck_grace: grace.unwrap_or(DEFAULT_RECHECK_GRACE),
        }
    }
}

/// `SESSION_CACHE`.
pub fn cache(source: &mut Source<'_>) -> Duration {
    let lifetime = source.optional("SESSION_CACHE", "2s", values::session_cache);
    lifetime.unwrap_or(DEFAULT_CACHE)
}

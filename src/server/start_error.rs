//! Why Doorward can't start.

use std::fmt;
use std::io;

use crate::db;

/// Why Doorward can't start, and what to do about it.
#[derive(Debug)]
pub enum StartError {
    /// The system allows too few threads.
    Threads(io::Error),
    /// The database is away, or a migration failed.
    Database(db::Error),
    /// `AUTO_MIGRATE=false` and these are missing.
    PendingMigrations(Vec<String>),
    /// A template of `TEMPLATES_DIR` is wrong.
    Pages(String),
    /// The trust roots can't be used.
    Tls(String),
    /// The session key beside the database can't be made or used.
    SessionKey(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Threads(cause) => cause.fmt(f),
            StartError::Database(
                cause @ (db::Error::StillLocked(..)
                | db::Error::Forbidden(_)
                | db::Error::Encoding(_)),
            ) => write!(f, "{cause}"),
            StartError::Database(cause) => write!(f, "{cause}\nCheck DATABASE_URL."),
            StartError::PendingMigrations(names) => write!(
                f,
                "these migrations are pending: {}\nRun `diesel migration run`, or leave \
                 AUTO_MIGRATE unset and Doorward applies them.",
                names.join(", ")
            ),
            StartError::Pages(cause) => write!(f, "{cause}\nCheck TEMPLATES_DIR."),
            StartError::Tls(cause) => write!(f, "OIDC_CA_FILE: {cause}"),
            StartError::SessionKey(cause) => write!(f, "SESSION_KEY is missing, and {cause}"),
        }
    }
}

//! The database, and how long it keeps the audit.

use std::time::Duration;

use super::source::{Source, environment};
use super::values;
use crate::db::DatabaseUrl;
use crate::duration;

const DEFAULT_AUDIT_RETENTION: Duration = Duration::from_secs(90 * 86400);

/// What is configured about the database.
pub struct Database {
    /// `DATABASE_URL`.
    pub url: DatabaseUrl,
    /// `AUTO_MIGRATE`: whether missing migrations are applied at start.
    pub auto_migrate: bool,
    /// `AUDIT_RETENTION`: for how long audit events are kept.
    pub audit_retention: Duration,
}

impl Database {
    /// The variables of this file.
    pub fn read(source: &mut Source<'_>) -> Database {
        let url = url(source);
        let auto_migrate = source.optional("AUTO_MIGRATE", "false", values::boolean);
        let audit_retention = source.optional("AUDIT_RETENTION", "90d", duration::parse_years);
        Database {
            url,
            auto_migrate: auto_migrate.unwrap_or(true),
            audit_retention: audit_retention.unwrap_or(DEFAULT_AUDIT_RETENTION),
        }
    }
}

/// `DATABASE_URL`.
pub fn url(source: &mut Source<'_>) -> DatabaseUrl {
    let url = source.optional_secret("DATABASE_URL", "postgres://doorward@db/doorward", |url| {
        // libpq looks into the environment, too.
        DatabaseUrl::parse(&url, &environment).map_err(str::to_owned)
    });
    url.map_or_else(|| DatabaseUrl::Sqlite("doorward.db".into()), |(url, _)| url)
}

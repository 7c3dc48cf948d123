//! Which database: the URL's scheme picks the backend, and nothing falls through from one to the other.

use std::fmt;
use std::path::PathBuf;

/// A checked `DATABASE_URL`. It may hold a password and prints as hidden.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `postgres://…` or `postgresql://…`, as libpq takes it.
    Postgres(String),
    /// The path of an SQLite file.
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Reads a `DATABASE_URL`; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        match scheme {
            Some("postgres" | "postgresql") => Ok(DatabaseUrl::Postgres(with_tls(text))),
            Some(_) => Err("its scheme is not postgres"),
            None if text.starts_with(':') || text.starts_with("file:") => {
                Err("a database in memory would forget everybody at each restart")
            }
            None => Ok(DatabaseUrl::Sqlite(PathBuf::from(text))),
        }
    }
}

/// Left alone, libpq prefers TLS and falls back to plain text without a word. Across a network it
/// must be TLS, unless the URL itself says otherwise.
fn with_tls(url: &str) -> String {
    let host = url::Url::parse(url)
        .ok()
        .and_then(|url| Some(url.host_str()?.to_owned()));
    let stays_here = match host.as_deref() {
        Some("localhost" | "127.0.0.1" | "[::1]") => true,
        // No host is a Unix socket; a `host=` in the query could be anything.
        None | Some("") => {
            !url.contains("host=") || url.contains("host=/") || url.contains("host=%2F")
        }
        Some(_) => false,
    };
    if stays_here || url.contains("sslmode=") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}sslmode=require")
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Postgres(_) => f.write_str("Postgres(hidden)"),
            DatabaseUrl::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
        }
    }
}

/// Whether it is plain where the name and password end.
pub fn is_tidy(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let Some((user_info, host)) = rest.split_once('@') else {
        return true;
    };
    let is_hex = |part: &str| part.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    !host.contains('@')
        && !user_info.contains(['/', '?', '#'])
        && user_info.matches(':').count() <= 1
        && user_info.split('%').skip(1).all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_picks_the_database() {
        let postgres = DatabaseUrl::parse("postgres://u:p@h/d").unwrap();
        assert!(matches!(postgres, DatabaseUrl::Postgres(_)));
        assert_eq!(
            DatabaseUrl::parse("data/doorward.db"),
            Ok(DatabaseUrl::Sqlite("data/doorward.db".into()))
        );
        for wrong in [
            "mysql://u@h/d",
            "postgress://h/d",
            ":memory:",
            "file:x?mode=memory",
        ] {
            assert!(DatabaseUrl::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn across_a_network_it_is_tls_unless_the_url_says_otherwise() {
        for (url, expected) in [
            ("postgres://u@db/d", "postgres://u@db/d?sslmode=require"),
            (
                "postgres://u@db/d?a=b",
                "postgres://u@db/d?a=b&sslmode=require",
            ),
            ("postgres://u@a,b/d", "postgres://u@a,b/d?sslmode=require"),
            (
                "postgres:///d?host=db",
                "postgres:///d?host=db&sslmode=require",
            ),
            (
                "postgres://u@db/d?sslmode=disable",
                "postgres://u@db/d?sslmode=disable",
            ),
            ("postgres://u@localhost:5/d", "postgres://u@localhost:5/d"),
            (
                "postgres:///d?host=/run/postgresql",
                "postgres:///d?host=/run/postgresql",
            ),
        ] {
            let expected = DatabaseUrl::Postgres(expected.to_owned());
            assert!(DatabaseUrl::parse(url) == Ok(expected), "{url}");
        }
    }

    #[test]
    fn a_password_does_not_print() {
        let url = DatabaseUrl::parse("postgres://u:hunter2@h/d").unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}

//! Which database: the URL's scheme picks the backend. A wrong URL for one backend is never read as one for the other.

use std::fmt;
use std::path::PathBuf;

use super::postgres_url::PostgresUrl;

/// A checked `DATABASE_URL`. It may hold a password and prints as hidden.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `postgres://…` or `postgresql://…`.
    Postgres(PostgresUrl),
    /// The path of an SQLite file.
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Reads a `DATABASE_URL`; the error says what is wrong with it. `variable` is the process's environment, where
    /// libpq finds what the URL leaves out.
    pub fn parse(
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, &'static str> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        match scheme {
            Some("postgres" | "postgresql") => {
                PostgresUrl::parse(text, variable).map(DatabaseUrl::Postgres)
            }
            Some(_) => Err("its scheme is not postgres"),
            None if is_meant_for_postgres(text) => {
                Err("is no URL of Postgres, but looks like one was meant")
            }
            None if text.starts_with(':') || text.starts_with("file:") => {
                Err("a database in memory would lose everybody at each restart")
            }
            None => Ok(DatabaseUrl::Sqlite(PathBuf::from(text))),
        }
    }
}

/// libpq's other notation (`host=db dbname=doorward`), or a URL without its slashes. Read as a file name, it would put
/// the password into the name of a file.
fn is_meant_for_postgres(text: &str) -> bool {
    const KEYWORDS: [&str; 8] = [
        "host", "hostaddr", "port", "dbname", "user", "password", "service", "sslmode",
    ];
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let keyword = text.split_once('=').map_or("", |(keyword, _)| keyword);
    ["postgres", "postgresql"].contains(&&*scheme.to_ascii_lowercase())
        || KEYWORDS.contains(&keyword.trim_end())
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Postgres(_) => f.write_str("Postgres(hidden)"),
            DatabaseUrl::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_scheme_picks_the_database() {
        let postgres = DatabaseUrl::parse("postgres://u:p@h/d", &nothing).unwrap();
        assert!(matches!(postgres, DatabaseUrl::Postgres(_)));
        assert_eq!(
            DatabaseUrl::parse("data/doorward.db", &nothing),
            Ok(DatabaseUrl::Sqlite("data/doorward.db".into()))
        );
        for wrong in [
            "mysql://u@h/d",
            "postgress://h/d",
            ":memory:",
            "file:x?mode=memory",
        ] {
            assert!(DatabaseUrl::parse(wrong, &nothing).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_does_not_print() {
        let url = DatabaseUrl::parse("postgres://u:hunter2@h/d", &nothing).unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}

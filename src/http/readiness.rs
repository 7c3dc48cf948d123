//! What `/readyz` says of the database.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::db::{self, Condition, Db};

/// How long a result is reused: anybody can send any number of requests to `/readyz`.
const MAX_AGE: Duration = Duration::from_secs(1);

/// How often the log repeats what is wrong.
const LOG_AFTER: Duration = Duration::from_secs(60);

/// The latest result, kept for [`MAX_AGE`]. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Latest>>);

#[derive(Default)]
struct Latest {
    result: Option<(Instant, Verdict)>,
    logged: Option<(Instant, Verdict, String)>,
}

/// What is said of the database. Anybody can read it, so it names no table and no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is known to be wrong.
    Ok,
    /// Postgres is a standby, or is read-only for another reason.
    ReadOnly,
    /// The role may not do all that Doorward does.
    RightsAreMissing {
        /// Whether people who are signed in can be recognized.
        allows_pages: bool,
    },
    /// Tables are not there.
    TablesAreMissing {
        /// Whether people who are signed in can be recognized.
        allows_pages: bool,
    },
    /// A write failed, and none has succeeded since.
    WriteFailed {
        /// How long ago, in seconds.
        secs_ago: u64,
    },
    /// The SQLite file is not the one that was opened.
    FileReplaced,
    /// It did not respond.
    NoResponse,
}

impl Verdict {
    /// Whether requests should be sent to this process: whether it can serve people who are signed in. All processes have
    /// the same database. If all of them said no because nobody can sign in, a load balancer would send nobody anywhere.
    pub fn is_ready(self) -> bool {
        match self {
            Verdict::Ok | Verdict::ReadOnly | Verdict::WriteFailed { .. } => true,
            Verdict::RightsAreMissing { allows_pages }
            | Verdict::TablesAreMissing { allows_pages } => allows_pages,
            Verdict::FileReplaced | Verdict::NoResponse => false,
        }
    }

    fn of(found: &Result<Condition, db::Error>, write_failed_since: Option<Duration>) -> Verdict {
        let condition = match found {
            Err(db::Error::FileReplaced(_)) => return Verdict::FileReplaced,
            Err(_) => return Verdict::NoResponse,
            Ok(condition) => condition,
        };
        let allows_pages = condition.allows_pages();
        match write_failed_since {
            _ if !condition.missing_tables.is_empty() => Verdict::TablesAreMissing { allows_pages },
            _ if !condition.missing_rights.is_empty() => Verdict::RightsAreMissing { allows_pages },
            _ if condition.is_read_only => Verdict::ReadOnly,
            Some(ago) => Verdict::WriteFailed {
                secs_ago: ago.as_secs(),
            },
            None => Verdict::Ok,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Ok => return f.write_str("ok"),
            Verdict::ReadOnly => f.write_str("read-only"),
            Verdict::RightsAreMissing { .. } => f.write_str("rights are missing"),
            Verdict::TablesAreMissing { .. } => f.write_str("tables are missing"),
            Verdict::WriteFailed { secs_ago } => write!(f, "last write failed {secs_ago} s ago"),
            Verdict::FileReplaced => f.write_str("the file was replaced or deleted"),
            Verdict::NoResponse => f.write_str("does not respond"),
        }?;
        f.write_str(" (the log says why)")
    }
}

impl Readiness {
    /// What is known of the database. Concurrent callers wait for one query and share its result.
    pub async fn check(&self, db: &Db) -> Verdict {
        let mut latest = self.0.lock().await;
        if let Some((at, verdict)) = latest.result
            && at.elapsed() < MAX_AGE
        {
            return verdict;
        }
        let found = db.condition().await;
        let verdict = Verdict::of(&found, db.write_failed_since());
        latest.log(verdict, details(&found));
        latest.result = Some((Instant::now(), verdict));
        verdict
    }
}

/// What is wrong, for the log. A write that failed was logged when it did.
fn details(found: &Result<Condition, db::Error>) -> Option<String> {
    match found {
        Err(cause) => Some(cause.to_string()),
        Ok(condition) if !condition.missing_tables.is_empty() => Some(format!(
            "the database lacks these tables, or the role can't find them: {}",
            condition.missing_tables.join(", ")
        )),
        Ok(condition) if !condition.missing_rights.is_empty() => Some(format!(
            "the database's role lacks rights: {}",
            condition.missing_rights
        )),
        Ok(condition) if condition.is_read_only => {
            Some("the database is read-only: nobody can sign in or out".to_owned())
        }
        Ok(_) => None,
    }
}

impl Latest {
    /// Logs what is wrong when it changes, and once in a while.
    fn log(&mut self, verdict: Verdict, details: Option<String>) {
        let status = match verdict.is_ready() {
            true => 200,
            false => 503,
        };
        let Some(details) = details else {
            if self.logged.take().is_some() {
                log::info!("/readyz answers {status} again: database: {verdict}");
            }
            return;
        };
        // The causes of one outage take turns: refused, then no response, then refused.
        let is_known = self.logged.as_ref().is_some_and(|(at, known, text)| {
            let is_same = *known == verdict && (verdict == Verdict::NoResponse || *text == details);
            is_same && at.elapsed() < LOG_AFTER
        });
        if !is_known {
            log::error!("/readyz answers {status}: {details}");
            self.logged = Some((Instant::now(), verdict, details));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_pages_can_be_served_the_process_is_ready() {
        let lacks = |tables: &[&str]| {
            Ok(Condition {
                missing_tables: tables.iter().map(|it| (*it).to_owned()).collect(),
                ..Condition::default()
            })
        };
        let read_only = Condition {
            is_read_only: true,
            ..Condition::default()
        };
        let (ago, long_ago) = (Duration::from_millis(12_900), Duration::from_secs(3600));
        let failed = db::Error::NoResponse(Duration::from_secs(2));
        let replaced = db::Error::FileReplaced("…".to_owned());
        for (found, write_failed_since, is_ready, text) in [
            (lacks(&[]), None, true, "ok"),
            (
                lacks(&[]),
                Some(ago),
                true,
                "last write failed 12 s ago (the log says why)",
            ),
            (
                Ok(read_only),
                Some(long_ago),
                true,
                "read-only (the log says why)",
            ),
            (
                lacks(&["audit_events"]),
                None,
                true,
                "tables are missing (the log says why)",
            ),
            (
                lacks(&["sessions"]),
                None,
                false,
                "tables are missing (the log says why)",
            ),
            (
                Err(failed),
                None,
                false,
                "does not respond (the log says why)",
            ),
            (
                Err(replaced),
                None,
                false,
                "the file was replaced or deleted (the log says why)",
            ),
        ] {
            let verdict = Verdict::of(&found, write_failed_since);
            assert_eq!(
                (verdict.is_ready(), verdict.to_string().as_str()),
                (is_ready, text)
            );
        }
    }
}

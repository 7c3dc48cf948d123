//! When a write failed last, for `/readyz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::result::DatabaseErrorKind as Kind;
use diesel::result::Error::DatabaseError;

use super::Error;

/// Whether the latest write failed. Clones share it.
#[derive(Clone)]
pub struct LastWrite(Arc<Inner>);

struct Inner {
    began: Instant,
    /// Milliseconds since `began`; 0 if the latest write succeeded.
    failed_at: AtomicU64,
}

/// What a write returns that may find nothing to write. Then it succeeds on a full disk as well, and says nothing of it.
pub trait Found {
    /// Whether nothing was written.
    fn is_nothing(&self) -> bool;
}

/// A number of rows.
impl Found for usize {
    fn is_nothing(&self) -> bool {
        *self == 0
    }
}

impl<Row> Found for Vec<Row> {
    fn is_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl LastWrite {
    pub fn new() -> Self {
        LastWrite(Arc::new(Inner {
            began: Instant::now(),
            failed_at: AtomicU64::new(0),
        }))
    }

    /// A write has ended.
    pub fn ended<T>(&self, result: &Result<T, Error>) {
        match result {
            Ok(_) => {
                let failed_at = &self.0.failed_at;
                // Writers share a value that they only read.
                if failed_at.load(Ordering::Relaxed) != 0 {
                    failed_at.store(0, Ordering::Relaxed);
                }
            }
            Err(cause) if is_about_data(cause) => (),
            Err(_) => self.failed(),
        }
    }

    /// A write has failed, or would.
    pub fn failed(&self) {
        let now = self.0.began.elapsed().as_millis();
        let now = u64::try_from(now).expect("fewer milliseconds than 2^64");
        self.0.failed_at.store(now.max(1), Ordering::Relaxed);
    }

    /// How long ago a write failed, if none has succeeded since.
    pub fn failed_since(&self) -> Option<Duration> {
        match self.0.failed_at.load(Ordering::Relaxed) {
            0 => None,
            at => Some(
                self.0
                    .began
                    .elapsed()
                    .saturating_sub(Duration::from_millis(at)),
            ),
        }
    }
}

/// Whether a write failed because of what was to be written: the database itself is well.
fn is_about_data(cause: &Error) -> bool {
    match cause {
        Error::Query(DatabaseError(kind, _)) => matches!(
            kind,
            Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::NotNullViolation
                | Kind::CheckViolation
                | Kind::SerializationFailure
        ),
        Error::Query(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: Kind) -> Result<(), Error> {
        let cause = DatabaseError(kind, Box::new("…".to_owned()));
        Err(Error::Query(cause))
    }

    #[test]
    fn a_failed_write_is_known_until_one_succeeds() {
        let writes = LastWrite::new();
        assert_eq!(writes.failed_since(), None);
        writes.ended(&failure(Kind::UniqueViolation));
        assert_eq!(writes.failed_since(), None, "that is no fault");
        writes.ended(&failure(Kind::ReadOnlyTransaction));
        let ago = writes.failed_since();
        assert!(ago.is_some_and(|ago| ago.as_secs() < 60), "{ago:?}");
        writes.ended(&failure(Kind::UniqueViolation));
        assert!(writes.failed_since().is_some());
        writes.ended(&Ok(()));
        assert_eq!(writes.failed_since(), None);
    }
}

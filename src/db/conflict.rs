//! Runs again what Postgres gave up because another transaction was in the way.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::result::DatabaseErrorKind::{SerializationFailure, Unknown};
use diesel::result::Error::{self, DatabaseError};

use crate::random;

/// For how long it is tried again: less than a request waits. A deadlock is noticed after a second.
const RETRY_FOR: Duration = Duration::from_secs(3);

/// The first pause is at most this, and each further one at most twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// How often it is tried again.
const RETRIES: u32 = 6;

/// Runs `work`, and again after a serialization failure or a deadlock. Nothing of the failed try is left then, if `work` is
/// one transaction or one statement.
pub(crate) fn retried<C, T>(
    connection: &mut C,
    mut work: impl FnMut(&mut C) -> QueryResult<T>,
) -> QueryResult<T> {
    let until = Instant::now() + RETRY_FOR;
    for retry in 0..RETRIES {
        match work(connection) {
            Err(cause) if is_conflict(&cause) && Instant::now() < until => {
                log::debug!("trying again: {cause}");
                // Two that met must not meet again.
                std::thread::sleep((FIRST_PAUSE * 2_u32.pow(retry)).mul_f64(random_share()));
            }
            outcome => return outcome,
        }
    }
    work(connection)
}

/// From 0 to 1.
fn random_share() -> f64 {
    f64::from(u16::from_ne_bytes(random::bytes())) / f64::from(u16::MAX)
}

/// SQLSTATE 40001 or 40P01. Diesel does not tell the latter, and its message is translated. Its detail names the locks, in
/// every language (`ShareLock`, `RowExclusiveLock`), and no other error's does.
fn is_conflict(cause: &Error) -> bool {
    match cause {
        DatabaseError(SerializationFailure, _) => true,
        DatabaseError(Unknown, what) => what.details().is_some_and(|detail| {
            ["ShareLock", "ExclusiveLock"]
                .iter()
                .any(|it| detail.contains(it))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::result::DatabaseErrorInformation;

    struct Said(&'static str);

    impl DatabaseErrorInformation for Said {
        fn message(&self) -> &str {
            "Verklemmung entdeckt"
        }
        fn details(&self) -> Option<&str> {
            Some(self.0)
        }
        fn hint(&self) -> Option<&str> {
            None
        }
        fn table_name(&self) -> Option<&str> {
            None
        }
        fn column_name(&self) -> Option<&str> {
            None
        }
        fn constraint_name(&self) -> Option<&str> {
            None
        }
        fn statement_position(&self) -> Option<i32> {
            None
        }
    }

    fn failure(kind: diesel::result::DatabaseErrorKind, detail: &'static str) -> Error {
        DatabaseError(kind, Box::new(Said(detail)))
    }

    #[test]
    fn what_met_another_transaction_is_tried_a_few_times() {
        let deadlock =
            "Prozess 1 wartet auf ShareLock-Sperre auf Transaktion 2; blockiert von Prozess 3.";
        for (kind, detail, tries) in [
            (SerializationFailure, "", RETRIES + 1),
            (Unknown, deadlock, RETRIES + 1),
            (Unknown, "", 1),
        ] {
            let mut tried = 0;
            let outcome: QueryResult<()> = retried(&mut tried, |tried| {
                *tried += 1;
                Err(failure(kind, detail))
            });
            assert!(outcome.is_err());
            assert_eq!(tried, tries, "{detail}");
        }
        let mut tried = 0;
        let outcome = retried(&mut tried, |tried| {
            *tried += 1;
            match *tried {
                1 => Err(failure(SerializationFailure, "")),
                _ => Ok(*tried),
            }
        });
        assert_eq!(outcome, Ok(2));
    }
}

//! Old rows are deleted some at a time.

use super::{AnyConnection, Db, Error};

/// How many rows one statement deletes, so that none takes long.
pub(super) const PURGE_AT_ONCE: i64 = 10_000;

impl Db {
    /// Runs a query that deletes some rows and returns how many, again and again until there are none left. Returns how many
    /// there were.
    pub async fn run_until_none<F>(&self, delete_some: F) -> Result<usize, Error>
    where
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<usize> + Clone + Send + 'static,
    {
        let mut deleted = 0;
        loop {
            match self.run_on_found(delete_some.clone()).await? {
                0 => return Ok(deleted),
                some => deleted += some,
            }
        }
    }
}

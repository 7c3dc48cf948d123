//! What is in a copy of a database, before it gets its name.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::schema::{sessions, sign_outs, users};
use crate::db::sqlite::{self, MissingFile};
use crate::db::{AnyConnection, migrations};

/// An SQLite file that nobody else uses.
pub struct Contents(AnyConnection);

impl Contents {
    /// Opens the file. No other files lie beside it afterwards.
    ///
    /// # Errors
    /// It is no database. This and all errors here are the end of a sentence.
    pub fn open(path: &Path) -> Result<Contents, String> {
        let mut sqlite =
            sqlite::open(path, MissingFile::Fail).map_err(|cause| cause.to_string())?;
        // It may be a copy of a database that has a log. There is no need of a journal either: a draft is thrown away.
        sqlite
            .batch_execute("PRAGMA journal_mode = OFF; PRAGMA secure_delete = ON")
            .map_err(|cause| cause.to_string())?;
        Ok(Contents(AnyConnection::Sqlite(sqlite)))
    }

    /// Checks that it is whole, and a database of this Doorward.
    pub fn check(&mut self) -> Result<(), String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            integrity_check: String,
        }
        let rows: Vec<Row> = diesel::sql_query("PRAGMA integrity_check(1)")
            .load(&mut self.0)
            .map_err(|cause| cause.to_string())?;
        match rows.first().map(|row| &*row.integrity_check) {
            Some("ok") => (),
            fault => return Err(format!("it is damaged ({})", fault.unwrap_or_default())),
        }
        match migrations::unknown(&mut self.0).map_err(|cause| cause.to_string())? {
            None => Err("it is no database of Doorward's".to_owned()),
            Some(unknown) if unknown.is_empty() => Ok(()),
            Some(unknown) => Err(format!(
                "a newer Doorward wrote it, with migrations that this one does not know: {}",
                unknown.join(", ")
            )),
        }
    }

    /// Deletes sessions and sign-outs: they would be valid again although they ended later. Returns how many sessions there
    /// were.
    pub fn forget_sessions(&mut self) -> Result<usize, String> {
        let deleted = diesel::delete(sessions::table).execute(&mut self.0);
        let sessions = or_no_table(deleted)?;
        or_no_table(diesel::delete(sign_outs::table).execute(&mut self.0))?;
        Ok(sessions)
    }

    /// How many people it knows.
    pub fn people(&mut self) -> Result<i64, String> {
        let count = users::table.count().get_result(&mut self.0);
        count.map_err(|cause: diesel::result::Error| cause.to_string())
    }
}

/// An older Doorward had fewer tables.
fn or_no_table(deleted: QueryResult<usize>) -> Result<usize, String> {
    match deleted.map_err(|cause| cause.to_string()) {
        Err(cause) if cause.contains("no such table") => Ok(0),
        deleted => deleted,
    }
}

//! What a database can do: hold every name, and be written.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{AnyConnection, Error, sqlite_lock};

/// Those that hold all of Unicode: `SQL_ASCII` stores what it gets, and it gets UTF-8.
const COMPLETE: [&str; 2] = ["UTF8", "SQL_ASCII"];

/// Whether the database holds all of Unicode, as SQLite always does: if not, [`Error::Encoding`].
pub fn encoding(connection: &mut AnyConnection) -> QueryResult<Result<(), Error>> {
    let AnyConnection::Postgres(postgres) = connection else {
        return Ok(Ok(()));
    };
    let setting = diesel::dsl::sql::<Text>("current_setting('server_encoding')");
    let encoding: String = diesel::select(setting).get_result(postgres)?;
    Ok(match COMPLETE.contains(&&*encoding) {
        true => Ok(()),
        false => Err(Error::Encoding(encoding)),
    })
}

/// Whether the next transaction could not write. An SQLite file that somebody else is writing to can be written.
pub fn is_read_only(connection: &mut AnyConnection) -> QueryResult<bool> {
    match connection {
        AnyConnection::Postgres(postgres) => {
            let setting = diesel::dsl::sql::<diesel::sql_types::Text>(
                "current_setting('transaction_read_only')",
            );
            let setting: String = diesel::select(setting).get_result(postgres)?;
            Ok(setting == "on")
        }
        AnyConnection::Sqlite(sqlite) => {
            // SQLite begins a transaction even there, so only a statement tells.
            let nothing = diesel::sql_query("DELETE FROM users WHERE FALSE");
            let write = |sqlite: &mut SqliteConnection| nothing.execute(sqlite);
            let written = sqlite_lock::with_wait(sqlite, Duration::ZERO, write)?;
            Ok(written.is_err_and(|cause| cause.to_string().contains("readonly database")))
        }
    }
}

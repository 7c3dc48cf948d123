//! Opens connections to Postgres.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::postgres_url::{MALFORMED, PostgresUrl};

/// Not `repeatable read`, which an operator may have set for the whole database: a statement that has waited for a lock would
/// not see what was committed meanwhile, and a session could start although the provider has just ended it. Under
/// `serializable` Postgres notices, and the transaction runs again.
const ISOLATION: &str = "SELECT set_config('default_transaction_isolation', 'read committed', false) \
                         WHERE current_setting('default_transaction_isolation') = 'repeatable read'";

/// A connection on which the server ends a query that nobody waits for any more. That takes one round trip more than to
/// connect.
pub fn open(url: &PostgresUrl) -> ConnectionResult<PgConnection> {
    // libpq's message about an ambiguous URL may contain a piece of the password, so it is not passed on.
    let opened = PgConnection::establish(&url.for_libpq).map_err(|cause| match url.is_tidy {
        true => cause,
        false => ConnectionError::BadConnection(format!("the URL {MALFORMED}")),
    });
    let mut connection = opened?;
    connection
        .batch_execute(&format!("{}{ISOLATION}", url.server_timeouts))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

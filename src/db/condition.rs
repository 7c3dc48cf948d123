//! Whether the database has all that Doorward needs: its tables, its rights on them, and room to write.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use time::OffsetDateTime;

use super::deadline::Patience;
use super::schema::{audit_events, ended_sids, sessions, sign_outs, single_use, users};
use super::{AnyConnection, Db, Error, LockWait, timestamp};
use crate::random;

/// Each table, and the rights on it that the server and the commands use.
const NEEDED: [(&str, &[&str]); 6] = [
    ("audit_events", &["SELECT", "INSERT", "DELETE"]),
    ("ended_sids", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("sessions", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("sign_outs", &["SELECT", "INSERT", "DELETE"]),
    ("single_use", &["SELECT", "INSERT", "DELETE"]),
    ("users", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
];

/// The tables without which nobody is signed in.
const OF_PAGES: [&str; 2] = ["sessions", "users"];

/// What a database lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Postgres accepts only reads from us. SQLite finds out when it writes.
    pub is_read_only: bool,
    /// The tables that are not there, or that the role can't find.
    pub missing_tables: Vec<String>,
    /// Postgres: the rights that the role lacks on the other tables.
    pub missing_rights: MissingRights,
}

/// The rights that a role lacks, by table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingRights(BTreeMap<String, Vec<String>>);

impl Condition {
    /// Whether people who are signed in can be recognized.
    pub fn allows_pages(&self) -> bool {
        let MissingRights(rights) = &self.missing_rights;
        OF_PAGES.iter().all(|table| {
            let rights = rights.get(*table).into_iter().flatten();
            !self.missing_tables.iter().any(|it| it == table)
                && rights.into_iter().all(|right| right != "SELECT")
        })
    }
}

impl MissingRights {
    /// Whether none is missing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The statement that grants all that is needed.
    pub fn grant(&self, role: &str) -> String {
        let MissingRights(rights) = self;
        let grants = rights
            .iter()
            .map(|(table, rights)| format!("GRANT {} ON {table} TO {role}", rights.join(", ")));
        grants.collect::<Vec<_>>().join("; ")
    }
}

/// `sessions: UPDATE, DELETE; users: INSERT`.
impl fmt::Display for MissingRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MissingRights(rights) = self;
        let tables = rights
            .iter()
            .map(|(table, rights)| format!("{table}: {}", rights.join(", ")));
        f.write_str(&tables.collect::<Vec<_>>().join("; "))
    }
}

/// A right that is missing; without a table, the right to write at all.
#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = Nullable<Text>)]
    table_name: Option<String>,
    #[diesel(sql_type = Text)]
    needed: String,
    #[diesel(sql_type = Bool)]
    has_table: bool,
}

/// One query, of catalogs that Postgres has in its cache.
static POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let needed = NEEDED.iter().flat_map(|(table, rights)| {
        let rights = rights.iter();
        rights.map(move |right| format!("('{table}', '{right}')"))
    });
    let needed = needed.collect::<Vec<_>>().join(", ");
    format!(
        "SELECT table_name, needed, to_regclass(table_name) IS NOT NULL AS has_table \
         FROM (VALUES {needed}) AS all_needed (table_name, needed) \
         WHERE has_table_privilege(to_regclass(table_name), needed) IS NOT TRUE \
         UNION ALL SELECT NULL, '', TRUE WHERE current_setting('transaction_read_only') = 'on'"
    )
});

impl Db {
    /// What the database lacks, within two seconds, by one query that reads no table of ours.
    pub async fn condition(&self) -> Result<Condition, Error> {
        self.read_within(Patience::PING, read).await
    }

    /// The same, for commands.
    pub fn condition_blocking(&self) -> Result<Condition, Error> {
        self.run_blocking(read)
    }

    /// Inserts a row into each table, and rolls all of it back.
    pub fn try_to_write(&self) -> Result<(), Error> {
        self.run_blocking(try_to_write)
    }

    /// The first fault that SQLite finds in its file, if any. Always none on Postgres.
    pub fn file_fault(&self) -> Result<Option<String>, Error> {
        self.run_blocking(file_fault)
    }

    /// The role that Postgres takes us for, as SQL writes it. None on SQLite.
    pub fn role(&self) -> Result<Option<String>, Error> {
        self.run_blocking(role)
    }
}

fn read(connection: &mut AnyConnection) -> QueryResult<Condition> {
    let mut found = Condition::default();
    match connection {
        AnyConnection::Postgres(postgres) => {
            let rows = diesel::sql_query(POSTGRES.as_str()).get_results(postgres)?;
            for row in rows {
                let row: Missing = row;
                let MissingRights(rights) = &mut found.missing_rights;
                match row.table_name {
                    None => found.is_read_only = true,
                    Some(table) if row.has_table => {
                        rights.entry(table).or_default().push(row.needed);
                    }
                    Some(table) if found.missing_tables.contains(&table) => (),
                    Some(table) => found.missing_tables.push(table),
                }
            }
        }
        AnyConnection::Sqlite(sqlite) => {
            let tables = diesel::dsl::sql::<Text>("SELECT name FROM sqlite_schema");
            let tables: Vec<String> = tables.get_results(sqlite)?;
            let needed = NEEDED.iter().map(|(table, _)| (*table).to_owned());
            found.missing_tables = needed.filter(|it| !tables.contains(it)).collect();
        }
    }
    Ok(found)
}

/// On SQLite, the rows are larger than its cache, so that it writes to the disk before it rolls them back.
fn try_to_write(connection: &mut AnyConnection) -> QueryResult<()> {
    let state = match connection {
        AnyConnection::Postgres(_) => String::new(),
        AnyConnection::Sqlite(sqlite) => {
            diesel::sql_query("PRAGMA cache_size = 10").execute(sqlite)?;
            "-".repeat(256 * 1024)
        }
    };
    let tried = connection.write_transaction(LockWait::Short, |connection| {
        insert_everywhere(connection, state)?;
        Err::<(), _>(diesel::result::Error::RollbackTransaction)
    });
    match tried {
        Err(diesel::result::Error::RollbackTransaction) => Ok(()),
        other => other,
    }
}

fn insert_everywhere(connection: &mut AnyConnection, state: String) -> QueryResult<()> {
    let (id, now) = (random::id(), timestamp(OffsetDateTime::now_utc()));
    diesel::insert_into(users::table)
        .values((
            users::id.eq(&id),
            users::issuer.eq("doorward check"),
            users::subject.eq(&id),
            users::email_verified.eq(false),
            users::created_at.eq(now),
            users::last_sign_in_at.eq(now),
        ))
        .execute(connection)?;
    diesel::insert_into(sessions::table)
        .values((
            sessions::key_hash.eq(&id),
            sessions::user_id.eq(&id),
            sessions::state.eq(state),
            sessions::created_at.eq(now),
            sessions::last_seen_at.eq(now),
        ))
        .execute(connection)?;
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(&id),
            audit_events::occurred_at.eq(now),
            audit_events::event.eq("check"),
        ))
        .execute(connection)?;
    diesel::insert_into(sign_outs::table)
        .values((
            sign_outs::state_hash.eq(&id),
            sign_outs::id_token_hint.eq(""),
            sign_outs::created_at.eq(now),
        ))
        .execute(connection)?;
    diesel::insert_into(ended_sids::table)
        .values((ended_sids::sid_hash.eq(&id), ended_sids::ended_at.eq(now)))
        .execute(connection)?;
    diesel::insert_into(single_use::table)
        .values((single_use::hash.eq(&id), single_use::expires_at.eq(now)))
        .execute(connection)
        .map(drop)
}

fn file_fault(connection: &mut AnyConnection) -> QueryResult<Option<String>> {
    let AnyConnection::Sqlite(sqlite) = connection else {
        return Ok(None);
    };
    let check = diesel::dsl::sql::<Text>("SELECT quick_check FROM pragma_quick_check LIMIT 1");
    let found: String = check.get_result(sqlite)?;
    Ok((found != "ok").then_some(found))
}

fn role(connection: &mut AnyConnection) -> QueryResult<Option<String>> {
    let AnyConnection::Postgres(postgres) = connection else {
        return Ok(None);
    };
    let role = diesel::dsl::sql::<Text>("SELECT quote_ident(current_user)");
    role.get_result(postgres).map(Some)
}

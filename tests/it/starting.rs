//! A start that waits for other processes, and databases that a start refuses.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use doorward::db::{AnyConnection, DatabaseUrl, Db};
use doorward::random;

use crate::support::Database;
use crate::support::app::Storage;
use crate::support::pgbouncer::PgBouncer;
use crate::support::process::{DOORWARD, Process, free_addr};

const ADVISORY_LOCK: &str = "SELECT pg_advisory_lock(x'646f6f7277617264'::bigint)";

fn db(storage: &Storage) -> Db {
    Db::new(DatabaseUrl::parse(&storage.url, &|_| None).unwrap())
}

/// What a start says that has no patience.
fn gives_up(storage: &Storage) -> String {
    let waited = db(storage).migrate(Duration::ZERO);
    waited.expect_err("it is locked").to_string()
}

/// Somebody else's connection, after these statements.
fn holder(storage: &Storage, statements: &str) -> AnyConnection {
    let mut holder = storage.connect();
    holder.batch_execute(statements).unwrap();
    holder
}

/// A start on this database says that it waits, and goes on when `holder` has ended.
fn waits_for(storage: &Storage, holder: AnyConnection, says: &str) {
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[("DATABASE_URL", &storage.url)]);
    let printed = doorward.says(says);
    assert!(!printed.contains("listening at"), "{printed}");
    drop(holder);
    doorward.answers(addr);
    assert_eq!(doorward.printed().matches("waiting for").count(), 1);
}

#[test]
fn a_start_waits_for_another_process_that_migrates_postgres() {
    let storage = Storage::new(Database::Postgres);
    let holder = holder(&storage, ADVISORY_LOCK);
    let said = gives_up(&storage);
    assert!(
        said.starts_with(
            "waited 0 s in vain: another process migrates. Start again when it is done."
        ),
        "{said}"
    );
    let (_, query) = said.split_once(": SELECT").unwrap();
    let named = storage.number(&format!(
        "SELECT COUNT(*) AS n FROM (SELECT{query}) AS named"
    ));
    assert_eq!(named, 1, "{query}");
    let says = "waiting for another process that migrates, 60 s at most";
    waits_for(&storage, holder, says);
}

#[test]
fn a_start_waits_for_another_process_that_migrates_sqlite() {
    let storage = Storage::new(Database::Sqlite);
    storage.execute("PRAGMA journal_mode = WAL");
    let holder = holder(&storage, "BEGIN IMMEDIATE");
    let said = gives_up(&storage);
    assert!(
        said.starts_with("waited 0 s in vain: another process has the SQLite file locked."),
        "{said}"
    );
    let says =
        "waiting for another process that migrates, or holds the database's lock, 60 s at most";
    waits_for(&storage, holder, says);
}

/// Its connections go to others afterwards, who would have no timeout, and the next process that migrates would wait for
/// the lock in vain.
#[test]
fn migrations_leave_nothing_on_the_connections_of_a_pooler() {
    let storage = Storage::new(Database::Postgres);
    let pooler = PgBouncer::start(&storage.url);
    let through = Db::new(DatabaseUrl::parse(&pooler.url, &|_| None).unwrap());
    through.migrate(Duration::ZERO).unwrap();
    assert_eq!(db(&storage).pending_migrations().unwrap(), [""; 0]);
    let locks = "SELECT COUNT(*) AS n FROM pg_locks WHERE locktype = 'advisory'
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(storage.number(locks), 0);
    let mut connection = PgConnection::establish(&pooler.url).unwrap();
    for (name, expected) in [("lock_timeout", "4s"), ("statement_timeout", "5s")] {
        let setting = diesel::dsl::sql::<Text>(&format!("current_setting('{name}')"));
        let setting: String = diesel::select(setting).get_result(&mut connection).unwrap();
        assert_eq!(setting, expected, "{name}");
    }
}

/// Starting while others write is usual, and nothing needs to be migrated then.
#[test]
fn a_start_without_migrations_waits_for_nobody() {
    for (database, locks) in [
        (Database::Postgres, ADVISORY_LOCK),
        (
            Database::Postgres,
            "BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE",
        ),
        (Database::Sqlite, "BEGIN IMMEDIATE"),
    ] {
        let storage = Storage::new(database);
        db(&storage).migrate(Duration::ZERO).unwrap();
        let _holder = holder(&storage, locks);
        let addr = free_addr();
        let mut doorward = Process::doorward(addr, &[("DATABASE_URL", &storage.url)]);
        doorward.answers(addr);
        let printed = doorward.printed();
        assert!(!printed.contains("waiting"), "{printed}");
        assert!(!printed.contains("can't be written"), "{printed}");
    }
}

/// Start-up refuses this, whoever applies the migrations.
fn refused(url: &str) -> String {
    let mut said = ["true", "false"].map(|auto_migrate| {
        let variables = [("DATABASE_URL", url), ("AUTO_MIGRATE", auto_migrate)];
        Process::doorward(free_addr(), &variables).gives_up()
    });
    assert_eq!(said[0], said[1]);
    std::mem::take(&mut said[0])
}

#[test]
fn a_postgres_that_cant_hold_every_name_is_refused_with_the_way_out() {
    let storage = Storage::new(Database::Postgres);
    let name = format!("latin_{}", random::id().replace('-', "").to_lowercase());
    storage.execute(&format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    ));
    let (server, _) = storage.url.rsplit_once('/').unwrap();
    let latin = format!("{server}/{name}");
    let said = refused(&latin);
    assert!(
        said.starts_with("the database's encoding is LATIN1, which can't hold every name."),
        "{said}"
    );
    assert!(said.ends_with("and set DATABASE_URL to it.\n"), "{said}");
    let mut connection = PgConnection::establish(&latin).unwrap();
    let nothing = connection.batch_execute("SELECT * FROM __diesel_schema_migrations");
    assert!(nothing.is_err(), "nothing was created");
    drop(connection);
    let utf8 = format!("utf8_{name}");
    let way_out = said
        .lines()
        .find(|line| line.starts_with("CREATE DATABASE"));
    storage.execute(&way_out.unwrap().replace("doorward_utf8", &utf8));
    let addr = free_addr();
    let url = format!("{server}/{utf8}");
    Process::doorward(addr, &[("DATABASE_URL", &url)]).answers(addr);
    storage.execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
    storage.execute(&format!("DROP DATABASE {utf8} WITH (FORCE)"));
}

/// "Pending: all" would lead to applying them a second time.
#[test]
fn a_role_that_may_not_read_the_migrations_is_told_the_grant() {
    let storage = Storage::new(Database::Postgres);
    db(&storage).migrate(Duration::ZERO).unwrap();
    let role = format!("App-{}", random::id());
    storage.execute(&format!(
        "CREATE ROLE \"{role}\" LOGIN PASSWORD 'only-here';
         REVOKE USAGE ON SCHEMA public FROM PUBLIC"
    ));
    let mut url = url::Url::parse(&storage.url).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("only-here")).unwrap();
    let schema = format!("GRANT USAGE ON SCHEMA public TO \"{role}\"; ");
    let table = format!("GRANT SELECT ON public.__diesel_schema_migrations TO \"{role}\";");
    for grant in [&format!("{schema}{table}"), &table] {
        let expected = format!(
            "the database's role may not read which migrations are applied. As the owner of the \
             tables, run: {grant}\n"
        );
        assert_eq!(refused(url.as_str()), expected);
        let variables = [("DATABASE_URL", url.as_str())];
        let listed = Process::start(DOORWARD, &["users", "list"], &variables).gives_up();
        assert_eq!(listed, expected);
        storage.execute(&schema);
    }
    storage.execute(&table);
    let addr = free_addr();
    let mut doorward = Process::doorward(addr, &[("DATABASE_URL", url.as_str())]);
    doorward.answers(addr);
    drop(doorward);
    storage.execute(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}

mod slow {
    use super::*;

    /// All is as before the migration that counts audit events.
    fn before_events_were_counted(storage: &Storage) {
        db(storage).migrate(Duration::ZERO).unwrap();
        storage.execute(
            "ALTER TABLE audit_events DROP COLUMN occurrences;
             DELETE FROM __diesel_schema_migrations WHERE version = '20261126000010'",
        );
    }

    #[test]
    fn a_start_waits_for_the_lock_of_a_table_that_it_migrates() {
        let storage = Storage::new(Database::Postgres);
        before_events_were_counted(&storage);
        let holder = holder(&storage, "BEGIN; LOCK TABLE audit_events");
        let said = gives_up(&storage);
        let expected = "waited 0 s in vain: a transaction of somebody else locks a table that the \
                        migration 2026-11-26-000010_count_audit_events changes. End it,";
        assert!(said.starts_with(expected), "{said}");
        let says = "waiting for the lock of a table that the migration \
                    2026-11-26-000010_count_audit_events changes, 60 s at most";
        waits_for(&storage, holder, says);
    }

    /// Nothing can be read, either.
    #[test]
    fn a_start_waits_for_a_process_that_has_the_sqlite_file_for_itself() {
        let storage = Storage::new(Database::Sqlite);
        db(&storage).migrate(Duration::ZERO).unwrap();
        let holder = holder(&storage, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
        let says = "waiting for another process that has the SQLite file for itself, 60 s at most";
        waits_for(&storage, holder, says);
    }
}

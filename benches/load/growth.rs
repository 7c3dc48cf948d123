//! Databases that are full of other people.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

/// As much state as a session with an ID token of Okta's size has.
const STATE_LEN: usize = 1500;

/// Another database of the server that `postgres` names: its URL.
pub fn create_database(postgres: &str, name: &str) -> String {
    PgConnection::establish(postgres)
        .expect("Postgres is there")
        .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0"))
        .expect("a database can be created");
    let (server, _) = postgres
        .rsplit_once('/')
        .expect("a URL ends with the database");
    format!("{server}/{name}")
}

/// Adds so many people with a session each, after Doorward has made the tables.
pub fn fill(database: &str, count: usize) {
    match database.starts_with("postgres") {
        true => PgConnection::establish(database)
            .expect("Postgres is there")
            .batch_execute(&postgres(count))
            .expect("Postgres takes the rows"),
        false => SqliteConnection::establish(database)
            .expect("the file is there")
            .batch_execute(&sqlite(count))
            .expect("SQLite takes the rows"),
    }
}

fn postgres(count: usize) -> String {
    format!(
        "INSERT INTO users (id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at)
         SELECT 'filler-' || n, 'https://op.example', 'subject-' || n, 'Filler', 'filler-' || n || '@example.com', true,
                now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
         FROM generate_series(1, {count}) AS n;
         INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at)
         SELECT key_hash, user_id, repeat('x', {STATE_LEN}), now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
         FROM (SELECT md5(n::text) AS key_hash, 'filler-' || n AS user_id
               FROM generate_series(1, {count}) AS n ORDER BY 1) AS keys;
         ANALYZE users; ANALYZE sessions; CHECKPOINT;"
    )
}

fn sqlite(count: usize) -> String {
    format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;
         BEGIN;
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
         INSERT INTO users (id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at)
         SELECT printf('filler-%08d', n), 'https://op.example', printf('subject-%08d', n), 'Filler',
                'filler@example.com', 1, datetime('now'), datetime('now') FROM numbers;
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
         INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at)
         SELECT key_hash, user_id, printf('%.{STATE_LEN}c', 'x'), datetime('now'), datetime('now')
         FROM (SELECT hex(randomblob(16)) AS key_hash, printf('filler-%08d', n) AS user_id FROM numbers ORDER BY 1);
         COMMIT;
         ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);"
    )
}

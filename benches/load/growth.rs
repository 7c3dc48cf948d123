//! The same with few and with many people in the database. Nothing is cached between requests.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::measure::{self, Figures, Scenario, median};
use super::{Bench, SOME_CONNECTIONS, WARM_UP, lasting, report, rounds};

/// How many people there are, each with a session. The first is the floor of the others.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// As much state as a session with an ID token of Okta's size has.
const STATE_LEN: usize = 1500;

const SCENARIOS: [(&str, Scenario); 3] = [
    ("profile, session not known", Scenario::Profile),
    ("sign-in, new person", Scenario::SignInNew),
    ("sign-in, known person", Scenario::SignInKnown),
];

/// Operations a second and CPU time of each larger size, beside the smallest's.
pub async fn measure(bench: &Bench) -> Vec<(f64, f64)> {
    let mut servers = Vec::new();
    for size in SIZES {
        let sqlite = bench.sqlite(&format!("growth-{size}.db"));
        let postgres = create_database(&bench.postgres.url(), &format!("growth_{size}"));
        for (place, database) in [("SQLite", sqlite), ("Postgres", postgres)] {
            let server = bench.doorward(&database, &[("SESSION_CACHE", "0s")]);
            fill(&database, size);
            servers.push((place, size, server));
        }
    }
    let mut all: BTreeMap<(usize, usize), Vec<Figures>> = BTreeMap::new();
    for round in 0..=rounds() {
        for (number, (_, _, server)) in servers.iter().enumerate() {
            for (at, (_, scenario)) in SCENARIOS.into_iter().enumerate() {
                let lasting = if round == 0 { WARM_UP } else { lasting() };
                let figures = measure::measure(server, scenario, SOME_CONNECTIONS, lasting).await;
                if round > 0 {
                    all.entry((at, number)).or_default().push(figures);
                }
            }
        }
    }
    let mut results = Vec::new();
    report::section("growth", || {
        report::heading(
            "Growth: as many people and sessions in the database, 16 connections; floor is the smallest",
        );
        report::columns(&[
            "what",
            "where",
            "people",
            "per second",
            "of floor",
            "p50 ms",
            "p99 ms",
            "CPU ms (x floor)",
        ]);
        for (at, (what, _)) in SCENARIOS.into_iter().enumerate() {
            for place in ["SQLite", "Postgres"] {
                let of_place = servers.iter().enumerate();
                let of_place = of_place.filter(|(_, server)| server.0 == place);
                let figures: Vec<_> = of_place
                    .map(|(number, server)| (server.1, median(&all[&(at, number)])))
                    .collect();
                let smallest = figures[0].1;
                for (size, figures) in figures {
                    let rate = figures.rate_beside(smallest);
                    let times = figures.cpu_beside(smallest);
                    if size != SIZES[0] {
                        results.push((rate, times));
                    }
                    report::row(&[
                        what.to_owned(),
                        place.to_owned(),
                        size.to_string(),
                        format!("{:.0}", figures.per_sec),
                        format!("{rate:.2}"),
                        report::ms(figures.p50),
                        report::ms(figures.p99),
                        format!("{} ({times:.2})", report::cpu(figures)),
                    ]);
                }
            }
        }
    });
    results
}

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

//! What sign-ins and sign-outs leave in Postgres: bytes for each row, its share of the indexes included. For
//! `docs/capacity.md`.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::measure::{self, Scenario};
use super::{Bench, SOME_CONNECTIONS, WARM_UP, growth, report};

/// Enough that half-filled pages do not count.
const ENOUGH: i64 = 2000;

/// Signs people in, and some out again, and asks Postgres for sizes.
pub async fn measure(bench: &Bench) {
    let database = growth::create_database(&bench.postgres.url(), "rows");
    let server = bench.doorward(&database, &[]);
    let mut postgres = PgConnection::establish(&database).expect("Postgres is there");
    let ask = |postgres: &mut PgConnection, what: &str| -> i64 {
        diesel::select(sql::<BigInt>(what))
            .get_result(postgres)
            .expect("Postgres answers")
    };
    let mut sizes = Vec::new();
    let mut size = |postgres: &mut PgConnection, table: &str| {
        // Updates leave dead rows, which an index does not show.
        let indexes = ask(postgres, &format!("pg_indexes_size('{table}')"));
        let compact = format!("VACUUM FULL {table}");
        postgres.batch_execute(&compact).expect("nobody uses it");
        let heap = ask(postgres, &format!("pg_table_size('{table}')"));
        let rows = ask(postgres, &format!("(SELECT count(*) FROM {table})"));
        sizes.push((table.to_owned(), rows, heap / rows, indexes / rows));
    };
    let sessions = "(SELECT count(*) FROM sessions)";
    while ask(&mut postgres, sessions) < ENOUGH {
        measure::measure(&server, Scenario::SignInNew, SOME_CONNECTIONS, WARM_UP).await;
    }
    for table in ["sessions", "users", "audit_events", "single_use"] {
        size(&mut postgres, table);
    }
    let sign_outs = "(SELECT count(*) FROM sign_outs)";
    while ask(&mut postgres, sign_outs) < ENOUGH {
        measure::measure(&server, Scenario::SignOut, SOME_CONNECTIONS, WARM_UP).await;
    }
    size(&mut postgres, "sign_outs");
    report::section("rows", || {
        report::columns(&["a row of", "bytes", "with its indexes", "rows counted"]);
        for (table, rows, heap, indexes) in &sizes {
            report::row(&[
                format!("`{table}`"),
                heap.to_string(),
                (heap + indexes).to_string(),
                rows.to_string(),
            ]);
        }
    });
}

//! Another process that holds SQLite's write lock: a backup, or an administrator in a shell.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use futures_util::future::{join, join_all};

use crate::faults::{MEASURING, NO_DATABASE_WITHIN, Service, UNHINDERED, is_back, until, users};
use crate::support::Database;
use crate::support::app::Storage;

#[actix_web::test]
async fn while_another_process_holds_the_write_lock_pages_are_served_and_writes_end_soon() {
    let _measuring = MEASURING.lock().await;
    let storage = Storage::new(Database::Sqlite);
    // Each page is a query.
    let service = Service::start_by(&["env", "SESSION_CACHE=0"], &storage.url);
    let ada = service.visitor();
    assert!(is_back(&ada.sign_in("p0").await));

    let mut other = SqliteConnection::establish(&storage.url).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    // More than there are threads.
    let writes = async {
        let newcomers = (1..30).map(|number| {
            let newcomer = service.visitor();
            async move { newcomer.sign_in(&format!("p{number}")).await }
        });
        let refused = join(join_all(newcomers), ada.post("/logout", "")).await;
        refused.0.into_iter().chain([refused.1])
    };
    let asked = Instant::now();
    let pages = async {
        // Until the first of the writes must have been refused.
        while asked.elapsed() < Duration::from_secs(4) {
            for path in ["/profile", "/readyz"] {
                let asked = Instant::now();
                assert_eq!(ada.get(path).await.status, 200, "{path}");
                assert!(asked.elapsed() < UNHINDERED, "{path} {:?}", asked.elapsed());
            }
        }
    };
    let (refused, ()) = join(writes, pages).await;
    let took = asked.elapsed();
    assert!(took < NO_DATABASE_WITHIN, "{took:?}");
    for answer in refused {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.has("error-reference"), "{}", answer.body);
    }
    let lock = format!("another process holds the write lock of {}", storage.url);
    service.doorward.says(&lock);
    assert!(ada.is_signed_in().await);

    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(users(&storage.url), 1, "a 503 was written all the same");
    until("writing again", UNHINDERED, async || {
        is_back(&service.visitor().sign_in("p1").await)
    })
    .await;
    assert_eq!(ada.post("/logout", "").await.status, 303);
    assert!(!ada.is_signed_in().await);
}

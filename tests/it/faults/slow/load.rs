//! Many sign-ins at once.

use actix_web::rt::time::timeout;

use crate::faults::{LIMIT, MEASURING, Service, assert_whole, is_back, many, number, users};
use crate::support::Database;
use crate::support::app::Storage;
use crate::support::people::login;

async fn two_thousand_first_sign_ins(database: &str) {
    let _measuring = MEASURING.lock().await;
    let service = Service::start(database);
    let sign_ins = many(2000, 64, async |number| {
        // Those of one person come together.
        let back = service.visitor().sign_in(&login(number / 20)).await;
        assert!(is_back(&back), "{back:?}");
    });
    timeout(LIMIT, sign_ins).await.expect("an end");
    assert_whole(database, 0..100);
    let kept_apart = "SELECT COUNT(*) AS n FROM users WHERE '00u' || SUBSTR(name, 8) = subject \
                AND SUBSTR(name, 8) || '@example.com' = email AND NOT email_verified";
    assert_eq!((users(database), number(database, kept_apart)), (100, 100));
    let sessions = "SELECT COUNT(*) AS n FROM sessions";
    assert_eq!(number(database, sessions), 2000);
    let printed = service.doorward.printed();
    assert!(!printed.contains("ERROR") && !printed.contains("WARN"));
}

#[actix_web::test]
async fn two_thousand_first_sign_ins_of_a_hundred_people_make_a_hundred_users_on_sqlite() {
    let storage = Storage::new(Database::Sqlite);
    two_thousand_first_sign_ins(&storage.url).await;
}

#[actix_web::test]
async fn two_thousand_first_sign_ins_of_a_hundred_people_make_a_hundred_users_on_postgres() {
    let storage = Storage::new(Database::Postgres);
    two_thousand_first_sign_ins(&storage.url).await;
}

//! An SQLite file that is deleted, moved away or replaced while Doorward has it open.

use std::path::PathBuf;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::{NO_RECORDS, Service, assert_page, is_back, number, until, users};
use crate::support::app::Storage;
use crate::support::{Database, Visitor};

/// A file beside the database.
fn beside(storage: &Storage, name: &str) -> PathBuf {
    PathBuf::from(&storage.url).with_file_name(name)
}

fn back_up(storage: &Storage) -> PathBuf {
    let backup = beside(storage, "backup.db");
    let mut database = SqliteConnection::establish(&storage.url).unwrap();
    let vacuum = format!("VACUUM INTO '{}'", backup.display());
    database.batch_execute(&vacuum).unwrap();
    backup
}

/// Nobody signs in or out, nobody's page is served from what is lost, and the log says why and what to do.
async fn assert_nothing_is_written(service: &Service, signed_in: &Visitor, why: &str) {
    assert_page(&service.visitor().sign_in("p9").await, 503, NO_RECORDS);
    let sign_out = signed_in.post("/logout", "").await;
    assert_eq!(sign_out.status, 503, "{sign_out:?}");
    assert!(sign_out.has("error-reference"), "{}", sign_out.body);
    assert_eq!(signed_in.get("/readyz").await.status, 503);
    service.doorward.says(&format!(
        "{why} while it is open, so nothing is written any more: "
    ));
}

#[actix_web::test]
async fn a_database_that_was_moved_away_is_written_no_more_until_it_is_back() {
    let storage = Storage::new(Database::Sqlite);
    let service = Service::start_by(&["env", "SESSION_CACHE=0"], &storage.url);
    let ada = service.visitor();
    assert!(is_back(&ada.sign_in("p0").await));
    std::fs::rename(&storage.url, beside(&storage, "away.db")).unwrap();
    assert_nothing_is_written(&service, &ada, &format!("{} was deleted", storage.url)).await;
    assert!(!PathBuf::from(&storage.url).exists(), "it was made anew");
    service
        .doorward
        .says("ERROR doorward::server::housekeeping: ");
    std::fs::rename(beside(&storage, "away.db"), &storage.url).unwrap();
    service.doorward.says("the database file is back");
    assert!(ada.is_signed_in().await);
    assert!(is_back(&service.visitor().sign_in("p1").await));
    assert_eq!(users(&storage.url), 2, "p9 was written all the same");
}

/// SQLite would apply the log of the old file, which lies beside the path, to the backup.
#[actix_web::test]
async fn a_backup_that_is_moved_over_the_database_is_whole_after_a_restart() {
    let storage = Storage::new(Database::Sqlite);
    let mut service = Service::start(&storage.url);
    let ada = service.visitor();
    assert!(is_back(&ada.sign_in("p0").await));
    let backup = back_up(&storage);
    for person in 1..9 {
        assert!(is_back(
            &service.visitor().sign_in(&format!("p{person}")).await
        ));
    }
    std::fs::rename(backup, &storage.url).unwrap();
    let replaced = format!("{} was replaced by another file", storage.url);
    assert_nothing_is_written(&service, &ada, &replaced).await;
    // Not even time to stop in order.
    service.doorward.kill();
    service.restart();
    assert_eq!(users(&storage.url), 1);
    let check = "SELECT COUNT(*) AS n FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
    assert_eq!(number(&storage.url, check), 0);
    assert!(is_back(&service.visitor().sign_in("p1").await));
}

/// `mv backup.db doorward.db && systemctl restart doorward`: nobody comes in between.
#[actix_web::test]
async fn a_backup_that_is_moved_over_the_database_just_before_a_restart_is_whole() {
    let storage = Storage::new(Database::Sqlite);
    let mut service = Service::start(&storage.url);
    assert!(is_back(&service.visitor().sign_in("p0").await));
    let backup = back_up(&storage);
    assert!(is_back(&service.visitor().sign_in("p1").await));
    std::fs::rename(backup, &storage.url).unwrap();
    service.doorward.signal("TERM");
    service.doorward.ends();
    service.restart();
    assert_eq!(users(&storage.url), 1);
}

/// It holds what was written last, and nobody else would read it.
#[actix_web::test]
async fn nothing_is_lost_with_a_log_that_was_deleted() {
    let storage = Storage::new(Database::Sqlite);
    let mut service = Service::start(&storage.url);
    let ada = service.visitor();
    assert!(is_back(&ada.sign_in("p0").await));
    let log = format!("{}-wal", storage.url);
    std::fs::remove_file(&log).unwrap();
    assert_nothing_is_written(&service, &ada, &format!("{log} was deleted")).await;
    service.doorward.kill();
    service.restart();
    assert!(ada.reconnected().is_signed_in().await);
    assert!(is_back(&service.visitor().sign_in("p1").await));
}

/// Nobody need come for it to be told.
#[actix_web::test]
async fn the_log_tells_of_a_deleted_database_though_nobody_asks() {
    let storage = Storage::new(Database::Sqlite);
    let service = Service::start(&storage.url);
    std::fs::remove_file(&storage.url).unwrap();
    let told = format!("{} was deleted while it is open", storage.url);
    until("it is told", Duration::from_secs(10), async || {
        service.doorward.printed().contains(&told)
    })
    .await;
}

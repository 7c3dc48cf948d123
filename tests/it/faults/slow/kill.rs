//! Doorward is killed among sign-ins.

use std::cell::RefCell;
use std::collections::BTreeMap;

use actix_web::rt::time::timeout;

use crate::faults::{LIMIT, Service, assert_whole, is_back, many, users};
use crate::support::Database;
use crate::support::app::Storage;
use crate::support::people::login;
use crate::support::postgres::OwnPostgres;

/// The people whose sign-in was acknowledged, and their cookies.
type Acknowledged = Vec<(usize, BTreeMap<String, String>)>;

/// Kills Doorward when forty of a hundred sign-ins are acknowledged and others are under way.
async fn kill_among_a_hundred_sign_ins(service: &mut Service) -> Acknowledged {
    let acknowledged = RefCell::new(Vec::new());
    let enough = tokio::sync::Notify::new();
    let sign_ins = many(100, 16, async |number| {
        let visitor = service.visitor();
        assert!(is_back(&visitor.sign_in(&login(number)).await));
        acknowledged
            .borrow_mut()
            .push((number, visitor.app_cookies()));
        if acknowledged.borrow().len() == 40 {
            enough.notify_one();
        }
    });
    let interrupted = async {
        tokio::select! {
            biased;
            () = enough.notified() => (),
            () = sign_ins => unreachable!("forty come before a hundred"),
        }
    };
    timeout(LIMIT, interrupted).await.expect("forty sign-ins");
    service.doorward.kill();
    acknowledged.into_inner()
}

async fn assert_all_there(service: &Service, acknowledged: &Acknowledged) {
    assert!(acknowledged.len() >= 40);
    for (number, cookies) in acknowledged {
        let visitor = service.visitor();
        for (name, value) in cookies {
            visitor.set_app_cookie(name, value);
        }
        assert!(visitor.is_signed_in().await, "{number}");
    }
    assert_whole(
        &service.database,
        acknowledged.iter().map(|(number, _)| *number),
    );
    many(100, 8, async |number| {
        assert!(is_back(&service.visitor().sign_in(&login(number)).await));
    })
    .await;
    assert_eq!(users(&service.database), 100);
}

#[actix_web::test]
async fn kill_9_among_sign_ins_loses_none_that_was_acknowledged_on_sqlite() {
    let storage = Storage::new(Database::Sqlite);
    let mut service = Service::start(&storage.url);
    for _ in 0..2 {
        let acknowledged = kill_among_a_hundred_sign_ins(&mut service).await;
        let corrupt =
            "SELECT COUNT(*) AS n FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        assert_eq!(storage.number(corrupt), 0);
        service.restart();
        assert_all_there(&service, &acknowledged).await;
    }
}

/// Postgres crashes as well, a moment later, and keeps what it said it had.
#[actix_web::test]
async fn kill_9_among_sign_ins_loses_none_that_was_acknowledged_on_postgres() {
    let mut postgres = OwnPostgres::start_with(&["fsync=on", "full_page_writes=on"]);
    let mut service = Service::start(&postgres.url());
    let acknowledged = kill_among_a_hundred_sign_ins(&mut service).await;
    postgres.stop();
    postgres.start_again();
    service.restart();
    assert_all_there(&service, &acknowledged).await;
}

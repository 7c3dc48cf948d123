//! SQLite's files change under Doorward, or the kernel ends it for what it does with them. Nothing that was acknowledged is
//! lost.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{Service, assert_whole, is_back, number, until};
use crate::support::Database;
use crate::support::app::Storage;
use crate::support::process::get;

/// People who were told that they are signed in, and their cookies.
#[derive(Default)]
struct Acknowledged(Vec<(usize, BTreeMap<String, String>)>);

impl Acknowledged {
    /// Signs in the next person, unless that fails or Doorward ends.
    async fn sign_in(&mut self, service: &Service) -> bool {
        let person = self.0.len();
        let visitor = service.visitor();
        let visiting = visitor.clone();
        let signing_in =
            actix_web::rt::spawn(async move { visiting.sign_in(&format!("p{person}")).await });
        let is_in = signing_in.await.is_ok_and(|answer| is_back(&answer));
        if is_in {
            self.0.push((person, visitor.app_cookies()));
        }
        is_in
    }

    async fn are_all_there(&self, service: &Service) {
        for (person, cookies) in &self.0 {
            let visitor = service.visitor();
            for (name, value) in cookies {
                visitor.set_app_cookie(name, value);
            }
            assert!(visitor.is_signed_in().await, "p{person}");
        }
        assert_whole(&service.database, self.0.iter().map(|(person, _)| *person));
        let corrupt =
            "SELECT COUNT(*) AS n FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        assert_eq!(number(&service.database, corrupt), 0);
    }
}

fn shared_memory(storage: &Storage) -> PathBuf {
    format!("{}-shm", storage.url).into()
}

/// SQLite maps this file into memory: whoever truncates it makes the next access a SIGBUS.
#[actix_web::test]
async fn a_sigbus_loses_nobody() {
    let storage = Storage::new(Database::Sqlite);
    let mut service = Service::start(&storage.url);
    let mut acknowledged = Acknowledged::default();
    for _ in 0..10 {
        assert!(acknowledged.sign_in(&service).await);
    }
    let shared_memory = std::fs::File::options()
        .write(true)
        .open(shared_memory(&storage));
    shared_memory.unwrap().set_len(0).unwrap();
    until("an end", Duration::from_secs(15), async || {
        acknowledged.sign_in(&service).await;
        get(service.addr, "/healthz").is_none()
    })
    .await;
    let (code, printed) = service.doorward.ends();
    assert_eq!(code, None, "it was ended by a signal: {printed}");
    service.restart();
    acknowledged.are_all_there(&service).await;
    assert!(acknowledged.sign_in(&service).await);
}

/// The limit of a file's size is a signal, SIGXFSZ, or a failed write.
#[actix_web::test]
async fn a_file_that_may_not_grow_loses_nobody() {
    let storage = Storage::new(Database::Sqlite);
    let limited = ["sh", "-c", "ulimit -S -f 300; exec \"$0\""];
    let mut service = Service::start_by(&limited, &storage.url);
    let mut acknowledged = Acknowledged::default();
    while acknowledged.sign_in(&service).await {
        assert!(acknowledged.0.len() < 90, "there is no limit");
    }
    assert!(!acknowledged.0.is_empty());
    service.doorward.kill();
    service.restart();
    acknowledged.are_all_there(&service).await;
    assert!(acknowledged.sign_in(&service).await);
}

#[actix_web::test]
async fn shared_memory_that_is_removed_loses_nobody() {
    let storage = Storage::new(Database::Sqlite);
    let mut service = Service::start(&storage.url);
    let mut acknowledged = Acknowledged::default();
    for round in 0..20 {
        if round == 10 {
            std::fs::remove_file(shared_memory(&storage)).unwrap();
        }
        assert!(acknowledged.sign_in(&service).await);
    }
    acknowledged.are_all_there(&service).await;
    service.doorward.kill();
    service.restart();
    acknowledged.are_all_there(&service).await;
    assert!(acknowledged.sign_in(&service).await);
}

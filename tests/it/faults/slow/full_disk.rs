//! A disk that is full, has room, and is full again, while many people sign in and an administrator works.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Instant;

use futures_util::future::join_all;

use crate::faults::disk::Disk;
use crate::faults::{MEASURING, NO_DATABASE_WITHIN, UNHINDERED, is_back};
use crate::support::Database;
use crate::support::app::Storage;
use crate::support::people::email;
use crate::support::process::{DOORWARD, Process};

#[actix_web::test]
async fn a_disk_that_is_full_again_and_again_loses_nobody_and_hangs_nobody() {
    let _measuring = MEASURING.lock().await;
    let storage = Storage::new(Database::Sqlite);
    let folder = Path::new(&storage.url).parent().unwrap();
    let folder = folder.to_str().unwrap();
    let disk = Disk::find();
    if let Disk::Limit = disk {
        eprintln!("not tested: a full disk needs the right to mount one");
        return;
    }
    let service = disk.open_with(folder, &[("SESSION_CACHE", "0")]);
    let elsewhere = tempfile::tempdir().unwrap();
    let acknowledged = RefCell::new(Vec::new());
    let pid = service.doorward.id().to_string();
    let command = |arguments: &[&str]| {
        let inside = ["nsenter", "--mount", "--target", &pid, DOORWARD];
        let command = [&inside[..], arguments].concat();
        let variables = [
            ("DATABASE_URL", service.database.as_str()),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ];
        Process::start(command[0], &command[1..], &variables).ends()
    };
    for round in 0..3 {
        let (before, refused) = (acknowledged.borrow().len(), Cell::new(0));
        // Twenty at once, until the disk is full.
        let signing_in = (0..20).map(|person| {
            let (service, disk, refused, acknowledged) = (&service, &disk, &refused, &acknowledged);
            async move {
                while refused.get() < 40 {
                    let visitor = service.visitor();
                    let asked = Instant::now();
                    let answer = visitor.sign_in(&format!("p{person}")).await;
                    let took = asked.elapsed();
                    assert!(took < NO_DATABASE_WITHIN, "{took:?}");
                    if is_back(&answer) {
                        acknowledged.borrow_mut().push((person, visitor));
                        if acknowledged.borrow().len() == before + 30 {
                            disk.fill(service, folder);
                        }
                    } else {
                        assert_eq!(answer.status, 503, "{answer:?}");
                        refused.set(refused.get() + 1);
                    }
                }
            }
        });
        join_all(signing_in).await;
        // It writes less than a sign-in does, so it may still fit. Either way the command says what is true.
        let (code, printed) = command(&["users", "block", &email(1)]);
        let is_blocked = code == Some(0);
        let is_full = code == Some(1) && printed.contains("database or disk is full");
        assert!(is_blocked || is_full, "{code:?}: {printed}");
        let saved = elsewhere.path().join(round.to_string());
        let (code, printed) = command(&["backup", saved.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{printed}");
        let everybody = acknowledged.borrow().clone();
        for (person, visitor) in everybody {
            let asked = Instant::now();
            let is_in = visitor.is_signed_in().await;
            assert_eq!(is_in, !(is_blocked && person == 1), "{person}: {printed}");
            assert!(asked.elapsed() < UNHINDERED);
        }
        disk.make_room(&service, folder);
        if is_blocked {
            let (code, printed) = command(&["users", "unblock", &email(1)]);
            assert_eq!(code, Some(0), "{printed}");
            acknowledged.borrow_mut().retain(|(person, _)| *person != 1);
        }
        assert!(is_back(&service.visitor().sign_in("p50").await));
    }
}

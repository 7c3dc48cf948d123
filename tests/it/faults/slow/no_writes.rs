//! An SQLite file that can't be written: whoever is signed in is served, for as long as their session may be unused.

use std::path::Path;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;

use crate::faults::disk::{Disk, ReadOnly, bound_by_permissions};
use crate::faults::{Service, UNHINDERED, assert_page, is_back, until};
use crate::support::app::Storage;
use crate::support::{Database, Visitor};

/// The last use is recorded after a tenth of it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

const SETTINGS: [(&str, &str); 2] = [("SESSION_IDLE_TIMEOUT", "15s"), ("SESSION_CACHE", "0")];

const LAST_USE: &str = "the last use of a session can't be recorded: ";

/// For longer than the idle timeout, `active` asks for pages and `idle` does not; then `active` can't sign out.
async fn assert_served_without_writes(service: &Service, active: &Visitor, idle: &Visitor) {
    let started = Instant::now();
    while started.elapsed() < IDLE_TIMEOUT + Duration::from_secs(2) {
        let asked = Instant::now();
        let profile = active.get("/profile").await;
        assert_eq!(
            profile.status,
            200,
            "{profile:?} after {:?}\n{}",
            started.elapsed(),
            service.doorward.printed()
        );
        assert!(asked.elapsed() < UNHINDERED);
        sleep(Duration::from_millis(300)).await;
    }
    assert_ne!(idle.get("/profile").await.status, 200, "it has expired");
    let printed = service.doorward.printed();
    assert_eq!(printed.matches(LAST_USE).count(), 1, "{printed}");
    let ready = active.get("/readyz").await;
    let says = "database: last write failed ";
    assert!(
        ready.status == 200 && ready.body.starts_with(says),
        "{ready:?}"
    );
    let out = active.post("/logout", "").await;
    assert_page(
        &out,
        503,
        "Our database did not record that you signed out.",
    );
    assert!(active.is_signed_in().await, "the page said so");
}

/// Sessions are written again, and whoever was active meanwhile is not signed out.
async fn assert_back(service: &Service, active: &Visitor) {
    until("writing again", Duration::from_secs(20), async || {
        assert_eq!(active.get("/profile").await.status, 200);
        let printed = service.doorward.printed();
        printed.contains("the last use of sessions is recorded again: ")
    })
    .await;
    active.post("/logout", "").await;
    assert!(!active.is_signed_in().await);
    assert!(is_back(&service.visitor().sign_in("p2").await));
    until("ready again", Duration::from_secs(5), async || {
        active.get("/readyz").await.body == "database: ok\n"
    })
    .await;
}

#[actix_web::test]
async fn on_a_full_disk_signed_in_people_are_served_until_their_session_is_idle() {
    let storage = Storage::new(Database::Sqlite);
    let folder = Path::new(&storage.url).parent().unwrap();
    let folder = folder.to_str().unwrap();
    let disk = Disk::find();
    let service = disk.open_with(folder, &SETTINGS);
    let (active, idle) = (service.visitor(), service.visitor());
    assert!(is_back(&active.sign_in("p0").await));
    assert!(is_back(&idle.sign_in("p1").await));
    disk.fill(&service, folder);
    until("a full disk", Duration::from_secs(30), async || {
        !is_back(&service.visitor().sign_in("p2").await)
    })
    .await;
    let checked = disk.check(&service, folder);
    let fault = format!(
        "the SQLite file {folder}/small.db is reachable, but a write failed: a database query failed: database or disk is full."
    );
    assert!(checked.contains(&fault), "{checked}");
    assert_served_without_writes(&service, &active, &idle).await;
    disk.make_room(&service, folder);
    assert_back(&service, &active).await;
}

#[actix_web::test]
async fn on_a_read_only_file_signed_in_people_are_served_until_their_session_is_idle() {
    let storage = Storage::new(Database::Sqlite);
    let mut service = Service::start(&storage.url);
    let (active, idle) = (service.visitor(), service.visitor());
    assert!(is_back(&active.sign_in("p0").await));
    assert!(is_back(&idle.sign_in("p1").await));
    // After a clean stop, SQLite would have removed the files without which it opens nothing read-only.
    service.doorward.kill();
    let read_only = ReadOnly::new(&storage.url);
    service.restart_with(bound_by_permissions(), &SETTINGS);
    let (active, idle) = (active.reconnected(), idle.reconnected());
    assert_served_without_writes(&service, &active, &idle).await;
    drop(read_only);
    assert_back(&service, &active).await;
}

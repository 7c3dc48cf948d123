//! A database file that is read-only, and a disk that is full.

use std::cell::Cell;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{NO_DATABASE_WITHIN, NO_RECORDS, Service, assert_page, is_back, until};
use crate::support::Database;
use crate::support::app::Storage;
use crate::support::process::{DOORWARD, Process, complete, free_addr};

/// Whether the tests run as root, which may ignore permission bits.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// A database that may only be read, until this value goes.
pub struct ReadOnly {
    database: PathBuf,
}

impl ReadOnly {
    pub fn new(database: &str) -> ReadOnly {
        let read_only = ReadOnly {
            database: database.into(),
        };
        read_only.set(0o500, 0o400);
        read_only
    }

    fn set(&self, folder_mode: u32, file_mode: u32) {
        let folder = self.database.parent().unwrap();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for file in std::fs::read_dir(folder).unwrap() {
            set(&file.unwrap().path(), file_mode);
        }
        set(folder, folder_mode);
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        self.set(0o700, 0o600);
    }
}

/// Root keeps its name but not the right to write where the permission bits say no.
pub fn bound_by_permissions() -> &'static [&'static str] {
    match is_root() {
        true => &["setpriv", "--bounding-set=-dac_override"],
        false => &[],
    }
}

#[actix_web::test]
async fn an_sqlite_file_that_may_only_be_read_is_told_and_comes_back() {
    let storage = Storage::new(Database::Sqlite);
    drop(Service::start(&storage.url));
    let read_only = ReadOnly::new(&storage.url);
    let mut service = Service::start_by(bound_by_permissions(), &storage.url);
    let warning = format!(
        "{} can't be written, so nobody can sign in or out: ",
        storage.url
    );
    service.doorward.says(&warning);
    let visitor = service.visitor();
    assert_eq!(visitor.get("/").await.status, 200);
    for _ in 0..3 {
        let asked = Instant::now();
        assert_page(&visitor.sign_in("p0").await, 503, NO_RECORDS);
        assert!(asked.elapsed() < NO_DATABASE_WITHIN);
    }
    service.doorward.says("readonly database");
    drop(read_only);
    until("writing again", Duration::from_secs(15), async || {
        is_back(&visitor.sign_in("p0").await)
    })
    .await;
    assert!(visitor.is_signed_in().await);
    service.doorward.answers(service.addr);
}

/// After an orderly stop, SQLite's other files are not there.
#[actix_web::test]
async fn a_folder_that_may_only_be_read_is_named_at_start_and_by_commands() {
    let storage = Storage::new(Database::Sqlite);
    let service = Service::start(&storage.url);
    service.doorward.signal("TERM");
    let Service { mut doorward, .. } = service;
    doorward.ends();
    let read_only = ReadOnly::new(&storage.url);
    let folder = Path::new(&storage.url).parent().unwrap();
    let expected = format!(
        "SQLite needs files of its own beside it (-wal, -shm), but {} can't be written",
        folder.canonicalize().unwrap().display()
    );
    let variables = complete(free_addr(), &[("DATABASE_URL", &storage.url)]);
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")])
        .collect();
    for arguments in [&["users", "list"][..], &[], &["check"]] {
        let starter = bound_by_permissions().iter().copied();
        let command: Vec<_> = starter
            .chain([DOORWARD])
            .chain(arguments.iter().copied())
            .collect();
        let (code, printed) = Process::start(command[0], &command[1..], &variables).ends();
        assert_eq!(code, Some(1), "{arguments:?}: {printed}");
        assert!(printed.contains(&expected), "{arguments:?}: {printed}");
    }
    drop(read_only);
}

/// Where mounting is allowed, a disk of a megabyte that only Doorward sees and that goes with it; elsewhere its files
/// may not grow beyond that.
pub enum Disk {
    Small,
    Limit,
}

impl Disk {
    pub fn find() -> Disk {
        let mount = ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
        let tried = Command::new("unshare").args(mount).output();
        match tried.is_ok_and(|tried| tried.status.success()) {
            true => Disk::Small,
            false => Disk::Limit,
        }
    }

    pub fn open(&self, folder: &str) -> Service {
        self.open_with(folder, &[])
    }

    pub fn open_with(&self, folder: &str, variables: &[(&str, &str)]) -> Service {
        let database = format!("{folder}/small.db");
        let small = format!("mount -t tmpfs -o size=1m tmpfs '{folder}' && exec \"$0\"");
        match self {
            Disk::Small => {
                Service::start_with(&["unshare", "-m", "sh", "-c", &small], &database, variables)
            }
            // Ignored, or the signal would end it.
            Disk::Limit => Service::start_with(
                &["sh", "-c", "trap '' XFSZ; ulimit -S -f 400; exec \"$0\""],
                &database,
                variables,
            ),
        }
    }

    /// What `doorward check` prints there.
    pub fn check(&self, service: &Service, folder: &str) -> String {
        let pid = service.doorward.id().to_string();
        let limited = "trap '' XFSZ; ulimit -S -f 400; exec \"$0\" check";
        let (program, arguments) = match self {
            Disk::Small => ("nsenter", vec!["-t", &pid, "-m", DOORWARD, "check"]),
            Disk::Limit => ("sh", vec!["-c", limited, DOORWARD]),
        };
        let database = format!("{folder}/small.db");
        let variables = [
            ("DATABASE_URL", database.as_str()),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ];
        let variables = complete(service.addr, &variables);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Process::start(program, &arguments, &variables).ends().1
    }

    pub fn make_room(&self, service: &Service, folder: &str) {
        let pid = service.doorward.id();
        match self {
            Disk::Small => {
                std::fs::remove_file(format!("/proc/{pid}/root{folder}/filler")).unwrap();
            }
            Disk::Limit => {
                let mut prlimit = Command::new("prlimit");
                prlimit.args(["--pid", &pid.to_string(), "--fsize=unlimited"]);
                assert!(prlimit.status().unwrap().success());
            }
        }
    }

    /// Leaves no room, where the limit does not see to that by itself.
    pub fn fill(&self, service: &Service, folder: &str) {
        if let Disk::Small = self {
            let filler = format!("/proc/{}/root{folder}/filler", service.doorward.id());
            let mut filler = std::fs::File::create(filler).unwrap();
            while filler.write_all(&[0; 4096]).is_ok() {}
        }
    }
}

#[actix_web::test]
async fn a_full_disk_is_told_and_when_there_is_room_again_all_goes_on() {
    let storage = Storage::new(Database::Sqlite);
    let folder = Path::new(&storage.url).parent().unwrap();
    let folder = folder.to_str().unwrap();
    let disk = Disk::find();
    let mut service = disk.open(folder);
    let early = service.visitor();
    assert!(is_back(&early.sign_in("p0").await));
    disk.fill(&service, folder);
    let refused = Cell::new(0);
    let full = until("a full disk", Duration::from_secs(30), async || {
        let asked = Instant::now();
        let answer = service.visitor().sign_in("p1").await;
        assert!(asked.elapsed() < NO_DATABASE_WITHIN);
        if !is_back(&answer) {
            assert_page(&answer, 503, NO_RECORDS);
            refused.set(refused.get() + 1);
        }
        refused.get() == 3
    });
    full.await;
    assert!(early.is_signed_in().await, "reading needs no room");
    assert_eq!(early.get("/readyz").await.status, 200);
    disk.make_room(&service, folder);
    until("writing again", Duration::from_secs(15), async || {
        is_back(&service.visitor().sign_in("p2").await)
    })
    .await;
    assert!(early.is_signed_in().await);
    service.doorward.answers(service.addr);
}

/// The log holds mostly older versions of the same pages: 200 KiB hold it five times, or the sessions of seventy sign-ins.
#[actix_web::test]
async fn a_disk_that_the_log_has_filled_needs_little_room_to_go_on() {
    let storage = Storage::new(Database::Sqlite);
    let folder = Path::new(&storage.url).parent().unwrap();
    let folder = folder.to_str().unwrap();
    let disk = Disk::find();
    let service = disk.open(folder);
    if let Disk::Small = disk {
        let filler = format!("/proc/{}/root{folder}/filler", service.doorward.id());
        std::fs::write(filler, [0; 200 * 1024]).unwrap();
    }
    until("a full disk", Duration::from_secs(30), async || {
        !is_back(&service.visitor().sign_in("p0").await)
    })
    .await;
    disk.make_room(&service, folder);
    for round in 0..40 {
        let answer = service.visitor().sign_in("p0").await;
        assert!(is_back(&answer), "{round}: {}", service.doorward.printed());
    }
}

/// SIGXFSZ ends a process that does not expect it.
#[actix_web::test]
async fn a_file_that_may_not_grow_is_a_full_disk_and_ends_nothing() {
    let storage = Storage::new(Database::Sqlite);
    let limited = ["sh", "-c", "ulimit -S -f 400; exec \"$0\""];
    let mut service = Service::start_by(&limited, &storage.url);
    let early = service.visitor();
    assert!(is_back(&early.sign_in("p0").await));
    until("a refusal", Duration::from_secs(30), async || {
        let answer = service.visitor().sign_in("p1").await;
        if !is_back(&answer) {
            assert_page(&answer, 503, NO_RECORDS);
        }
        !is_back(&answer)
    })
    .await;
    service.doorward.says("SIGXFSZ: a file may not grow");
    assert!(early.is_signed_in().await, "reading needs no room");
    Disk::Limit.make_room(&service, "");
    until("writing again", Duration::from_secs(15), async || {
        is_back(&service.visitor().sign_in("p2").await)
    })
    .await;
    service.doorward.answers(service.addr);
}

//! Files that Doorward trusts: their owner, and who else may read or write them.

use std::os::unix::fs::PermissionsExt;

use crate::support::Visitor;
use crate::support::process::{DOORWARD, Process, complete, free_addr, get, provider_for};
use crate::support::provider::demo_people;

const DOTENV: &str =
    "OIDC_ISSUER=http://127.0.0.1:9\nOIDC_CLIENT_ID=id\nOIDC_CLIENT_SECRET=\"hunter2-secret\"\n";

/// Doorward after `script`, in a folder with that `.env`.
fn after(script: &str, variables: &[(&str, &str)]) -> Process {
    let script = format!("{script} && exec \"$0\"");
    let arguments = ["-c", &script, DOORWARD];
    let path = ("PATH", "/usr/bin:/bin");
    let variables = [&[path], variables].concat();
    Process::start_beside("/bin/sh", &arguments, &variables, &[(".env", DOTENV)])
}

fn listen_addr() -> (std::net::SocketAddr, String) {
    let addr = free_addr();
    (addr, addr.to_string())
}

/// The parent folder is not trusted: any user can put a file into /tmp.
#[test]
fn a_dotenv_of_a_folder_above_is_not_read() {
    let printed = after("mkdir below && cd below", &[]).gives_up();
    assert!(printed.starts_with("Doorward signs people in"), "{printed}");
}

#[test]
fn a_dotenv_that_others_may_write_is_not_used() {
    for mode in ["666", "620", "602", "664"] {
        let printed = after(&format!("chmod {mode} .env"), &[]).gives_up();
        let expected =
            format!(".env is not used, since others may write it (mode {mode}): chmod go-w .env");
        assert_eq!(printed.trim_end(), expected);
    }
    for mode in ["644", "600", "400"] {
        let (addr, listen_addr) = listen_addr();
        let variables = [("LISTEN_ADDR", listen_addr.as_str())];
        let mut doorward = after(&format!("chmod {mode} .env"), &variables);
        doorward.answers(addr);
    }
}

/// Only root can give a file away, to try it.
#[test]
fn a_dotenv_of_another_user_is_not_used() {
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    if !is_root {
        eprintln!("not root: nobody tried it");
        return;
    }
    let printed = after("chown 12345 .env", &[]).gives_up();
    let expected = ".env is not used, since it belongs to another user (uid 12345), who may write it: chown 0 .env";
    assert_eq!(printed.trim_end(), expected);
}

/// Whoever has the key can sign in as anybody.
#[test]
fn a_session_key_that_others_may_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder
        .path()
        .join("doorward.db")
        .to_str()
        .unwrap()
        .to_owned();
    let key = folder.path().join("doorward.key");
    let start = || {
        let addr = free_addr();
        let variables = [("DATABASE_URL", database.as_str()), ("SESSION_KEY", "")];
        (Process::doorward(addr, &variables), addr)
    };
    let (mut first, addr) = start();
    first.answers(addr);
    drop(first);
    let set = |mode| {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for mode in [0o644, 0o640, 0o604, 0o660] {
        set(mode);
        let printed = start().0.gives_up();
        let expected = format!(
            "SESSION_KEY is missing, and {0}: others may read it (mode {mode:o}): chmod 600 {0}; \
             or delete it, and a new key is made",
            key.display()
        );
        assert!(printed.contains(&expected), "{printed}");
        let variables = complete(addr, &[("DATABASE_URL", &database), ("SESSION_KEY", "")]);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let (code, printed) = Process::start(DOORWARD, &["check"], &variables).ends();
        assert_eq!(code, Some(1), "{printed}");
        assert!(printed.contains("chmod 600"), "{printed}");
    }
    for mode in [0o600, 0o400] {
        set(mode);
        let (mut doorward, addr) = start();
        doorward.answers(addr);
        assert!(get(addr, "/readyz").unwrap().contains("database: ok"));
    }
}

/// A start that fails on it must not have migrated anything.
#[test]
fn a_session_key_that_cant_be_used_leaves_the_database_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("doorward.db");
    let key = folder.path().join("doorward.key");
    std::fs::write(&key, "").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let name = database.to_str().unwrap();
    let variables = [("DATABASE_URL", name), ("SESSION_KEY", "")];
    let printed = Process::doorward(free_addr(), &variables).gives_up();
    assert!(printed.contains("has 0 bytes"), "{printed}");
    assert!(!database.exists());
}

/// A new key is made all the same: the service matters more than its sessions.
#[actix_web::test]
async fn a_session_key_that_is_gone_is_told_if_there_are_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("doorward.db");
    let database = database.to_str().unwrap();
    let key = folder.path().join("doorward.key");
    let addr = free_addr();
    let url = format!("http://{addr}");
    let provider = provider_for(&url, demo_people());
    let start = || {
        let variables = [
            ("OIDC_ISSUER", &*provider.issuer()),
            ("PUBLIC_URL", &url),
            ("DATABASE_URL", database),
            ("SESSION_KEY", ""),
        ];
        let mut doorward = Process::doorward(addr, &variables);
        doorward.answers(addr);
        doorward
    };
    let warning = format!(
        "{} is gone, although the database has sessions: everybody must sign in again",
        key.display()
    );
    for (is_removed, is_told) in [(false, false), (true, false), (true, true), (false, false)] {
        if is_removed {
            std::fs::remove_file(&key).unwrap();
        }
        let doorward = start();
        let printed = doorward.printed();
        assert_eq!(printed.contains(&warning), is_told, "{printed}");
        if is_removed {
            let ada = Visitor::new(&url);
            assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        }
    }
}

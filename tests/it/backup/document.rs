//! The script of `docs/operations.md`, run as it stands there.

use super::{count, names};
use crate::support::process::{DOORWARD, Process, complete, free_addr, provider_for};
use crate::support::provider::demo_people;

/// What the script's machine has: a folder for backups, and a Doorward that systemd runs.
const MACHINE: &str = r#"
set -eu
systemctl() {
    case $1 in
        stop) kill "$service"; wait "$service" ;;
        start) "$DOORWARD" & service=$! ;;
    esac
    until "$DOORWARD" healthcheck || [ "$1" = stop ]; do sleep 0.05; done 2>/dev/null
}
doorward() { "$DOORWARD" "$@"; }
mkdir backups
systemctl start doorward
"#;

fn script() -> String {
    let operations = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
    let operations = std::fs::read_to_string(operations).unwrap();
    let (_, backup) = operations.split_once("\n## Backup\n").unwrap();
    let (_, script) = backup.split_once("\n```sh\n").unwrap();
    let (script, _) = script.split_once("\n```\n").unwrap();
    assert!(script.contains("/var/backups/doorward"), "{script}");
    script.replace("/var/backups/doorward", "backups")
}

#[actix_web::test]
async fn the_script_of_operations_saves_and_restores() {
    let folder = tempfile::tempdir().unwrap();
    let addr = free_addr();
    let url = format!("http://{addr}");
    let provider = provider_for(&url, demo_people());
    let database = folder.path().join("doorward.db");
    let script = format!(
        "cd '{}'\n{MACHINE}\n{}\nsystemctl stop",
        folder.path().display(),
        script()
    );
    let variables = complete(
        addr,
        &[
            ("OIDC_ISSUER", &provider.issuer()),
            ("PUBLIC_URL", &url),
            ("DATABASE_URL", database.to_str().unwrap()),
            ("DOORWARD", DOORWARD),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ],
    );
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let (code, printed) = Process::start("/bin/sh", &["-xc", &script], &variables).ends();
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("was restored from backups/"), "{printed}");
    assert!(
        printed.contains("ok          migrations     all are applied."),
        "{printed}"
    );
    assert_eq!(names(&folder.path().join("backups")).len(), 1);
    assert_eq!(count(&database, "users"), 0);
}

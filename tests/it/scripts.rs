//! What the scripts say where something that they need is away.

use std::path::{Path, PathBuf};
use std::process::Command;

use time::{Duration, OffsetDateTime};

/// A folder with a cargo that fetches no advisories and finds no fault, and a snapshot of some.
struct Offline(PathBuf);

impl Offline {
    fn new(dates: &[&str]) -> Offline {
        let folder = std::env::temp_dir().join(format!("doorward-test-{}", doorward::random::id()));
        let advisories = folder.join("snapshot/crates/some");
        std::fs::create_dir_all(&advisories).unwrap();
        for (number, date) in dates.iter().enumerate() {
            let advisory = format!("```toml\n[advisory]\nid = \"X\"\ndate = \"{date}\"\n```\n");
            std::fs::write(advisories.join(format!("{number}.md")), advisory).unwrap();
        }
        let cargo = folder.join("cargo");
        std::fs::write(
            &cargo,
            "#!/bin/sh\ncase \"$*\" in\n*--version) ;;\n*--no-fetch*) echo \"cargo $*\" ;;\n\
             *) echo \"error: couldn't fetch advisory database\"; exit 1 ;;\nesac\n",
        )
        .unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&cargo, mode).unwrap();
        Offline(folder)
    }

    /// What `scripts/audit` says, and whether it is content.
    fn audit(&self) -> (bool, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/audit");
        let path = std::env::var("PATH").unwrap();
        let output = Command::new(script)
            .env("PATH", format!("{}:{path}", self.0.display()))
            .env("ADVISORY_DB", self.0.join("snapshot"))
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn days_ago(days: i64) -> String {
    let date = (OffsetDateTime::now_utc() - Duration::days(days)).date();
    date.to_string()
}

#[test]
fn a_snapshot_of_advisories_that_is_too_old_is_no_audit() {
    let (old, older) = (days_ago(182), days_ago(1000));
    let (content, said) = Offline::new(&[&older, &old]).audit();
    assert!(!content, "{said}");
    assert!(said.contains(&format!("is of {old}, 18")), "{said}");
    assert!(said.contains("180 are the limit"), "{said}");
    assert!(!said.contains("cargo audit --no-fetch"), "{said}");
}

#[test]
fn a_snapshot_of_advisories_is_as_old_as_its_newest() {
    let (recent, older, future) = (days_ago(170), days_ago(1000), days_ago(-400));
    let (content, said) = Offline::new(&[&older, &recent, &older, &future]).audit();
    assert!(content, "{said}");
    assert!(said.contains(&format!("snapshot of {recent}")), "{said}");
    for dates in [&[][..], &[&*future]] {
        let (content, said) = Offline::new(dates).audit();
        assert!(!content && said.contains("no advisory in "), "{said}");
    }
}

/// One that is known, and no other; the lock file still has what it is about, or it can go.
#[test]
fn one_advisory_is_ignored() {
    let (_, said) = Offline::new(&[&days_ago(1)]).audit();
    let line = said.lines().find(|line| line.starts_with("cargo audit"));
    let ignored: Vec<_> = line.unwrap().split("--ignore ").skip(1).collect();
    assert_eq!(ignored, ["RUSTSEC-2026-0258"]);
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = std::fs::read_to_string(lock).unwrap();
    assert!(lock.contains("name = \"h2\"\nversion = \"0.3."));
}

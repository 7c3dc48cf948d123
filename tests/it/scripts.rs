//! What the scripts say if something that they need is missing.

mod axe;
mod checkout;
mod proxies;

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// A folder with a cargo that fetches no advisories and finds no fault, and a snapshot of some.
struct Offline(TempDir);

impl Offline {
    fn new(dates: &[&str]) -> Offline {
        let folder = tempfile::tempdir().unwrap();
        let advisories = folder.path().join("snapshot/crates/some");
        std::fs::create_dir_all(&advisories).unwrap();
        for (number, date) in dates.iter().enumerate() {
            let advisory = format!("```toml\n[advisory]\nid = \"X\"\ndate = \"{date}\"\n```\n");
            std::fs::write(advisories.join(format!("{number}.md")), advisory).unwrap();
        }
        let cargo = folder.path().join("cargo");
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
            .env("PATH", format!("{}:{path}", self.0.path().display()))
            .env("ADVISORY_DB", self.0.path().join("snapshot"))
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    }
}

/// A folder with `scripts/bench`, the documents that it writes, and a cargo that prints sections without measuring.
struct Bench(TempDir);

const DOCUMENT: &str = "# Kept\n\n<!-- bench:run -->\nold\n<!-- /bench -->\n\n<!-- bench:scenarios -->\nold\nold\n<!-- /bench -->\nkept\n";

impl Bench {
    fn new(cargo: &str) -> Bench {
        let temp_dir = tempfile::tempdir().unwrap();
        let folder = temp_dir.path();
        for name in ["scripts", "docs", "bin"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bench");
        std::fs::copy(script, folder.join("scripts/bench")).unwrap();
        let pieces = "*pieces*) echo 'seal 1 µs' ;;";
        let cargo = format!("#!/bin/sh\ncase \"$*\" in\n{pieces}\n*) {cargo} ;;\nesac\n");
        for (program, text) in [("scripts/needs", "#!/bin/sh\n"), ("bin/cargo", &cargo)] {
            std::fs::write(folder.join(program), text).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(folder.join(program), mode).unwrap();
        }
        let pieces = "<!-- bench:pieces -->\n<!-- /bench -->\n";
        std::fs::write(folder.join("docs/performance.md"), DOCUMENT).unwrap();
        std::fs::write(folder.join("docs/capacity.md"), pieces).unwrap();
        Bench(temp_dir)
    }

    /// Whether it succeeds, what it says, and the two documents after it.
    fn run(&self, variables: &[(&str, &str)]) -> (bool, String, [String; 2]) {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(self.0.path().join("scripts/bench"));
        for name in ["ROUNDS", "MILLIS", "PARTS", "ONLY", "OTHER", "SIGN_INS"] {
            command.env_remove(format!("BENCH_{name}"));
        }
        let output = command
            .env(
                "PATH",
                format!("{}:{path}", self.0.path().join("bin").display()),
            )
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let read = |name| std::fs::read_to_string(self.0.path().join("docs").join(name)).unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
            ["performance.md", "capacity.md"].map(read),
        )
    }
}

const SCENARIOS: &str = "printf '%s\\n' '<!-- bench:scenarios -->' '| new |' '<!-- /bench -->'";

#[test]
fn a_whole_bench_writes_its_tables_into_the_documents() {
    let bench = Bench::new(SCENARIOS);
    let (succeeded, said, [performance, capacity]) = bench.run(&[("BENCH_SIGN_INS", "7")]);
    assert!(succeeded, "{said}");
    assert!(said.contains("| new |"), "{said}");
    assert!(
        performance.starts_with("# Kept\n\n<!-- bench:run -->\nMachine: "),
        "{performance}"
    );
    assert!(
        performance.contains("`BENCH_SIGN_INS=7 make bench`.\n<!-- /bench -->\n"),
        "{performance}"
    );
    let end = "\n\n<!-- bench:scenarios -->\n| new |\n<!-- /bench -->\nkept\n";
    assert!(performance.ends_with(end), "{performance}");
    let pieces = "<!-- bench:pieces -->\n```text\nseal 1 µs\n```\n<!-- /bench -->\n";
    assert_eq!(capacity, pieces);
}

#[test]
fn a_part_of_a_bench_and_one_that_fails_write_nothing() {
    let part = [
        ("BENCH_ONLY", "home"),
        ("BENCH_PARTS", "start"),
        ("BENCH_ROUNDS", "1"),
        ("BENCH_MILLIS", "10"),
        ("BENCH_OTHER", "/bin/true"),
    ];
    for variable in part {
        let (succeeded, said, [performance, _]) = Bench::new(SCENARIOS).run(&[variable]);
        assert!(succeeded && said.contains("| new |"), "{said}");
        assert!(
            said.contains(&format!("part of a run ({})", variable.0)),
            "{said}"
        );
        assert_eq!(performance, DOCUMENT);
    }
    let failing = format!("{SCENARIOS}; exit 1");
    let (succeeded, said, [performance, _]) = Bench::new(&failing).run(&[]);
    assert!(!succeeded, "{said}");
    assert_eq!(performance, DOCUMENT);
}

/// Otherwise a table would be measured for a quarter of an hour and not shown.
#[test]
fn each_section_of_the_bench_has_its_place() {
    let text = |path: &str| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    };
    let documents = text("docs/performance.md") + &text("docs/capacity.md");
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/load")];
    let mut sources = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => sources += &std::fs::read_to_string(path).unwrap(),
            }
        }
    }
    let sections = sources.split("report::section(\"").skip(1);
    let sections: Vec<_> = sections
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(sections.len() > 5, "{sections:?}");
    // Two builds are for those who compare them.
    for section in sections
        .into_iter()
        .chain(["run", "pieces"])
        .filter(|name| *name != "builds")
    {
        let mark = format!("<!-- bench:{section} -->");
        assert_eq!(documents.matches(&mark).count(), 1, "{mark}");
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

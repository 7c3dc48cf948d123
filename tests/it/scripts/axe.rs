//! `scripts/axe` with the real curl, and a package that is made here.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The package as npm's registry has it, in the folder `registry`, and its line in `tests/axe.txt`.
const MAKE: &str = "mkdir -p package registry/axe-core/- && echo it runs >package/axe.min.js && echo MPL >package/LICENSE && \
     tar -czf registry/axe-core/-/axe-core-1.0.0.tgz package && \
     { echo '# Said.'; echo 1.0.0 $(sha512sum <registry/axe-core/-/axe-core-1.0.0.tgz | cut -d' ' -f1); } >tests/axe.txt";

struct Checkout(TempDir);

impl Checkout {
    fn new() -> Checkout {
        let folder = tempfile::tempdir().unwrap();
        for name in ["scripts", "tests"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        for script in ["scripts/axe", "scripts/needs"] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
            std::fs::copy(from, folder.path().join(script)).unwrap();
        }
        let mut sh = Command::new("sh");
        sh.args(["-c", MAKE]).current_dir(folder.path());
        assert!(sh.status().unwrap().success());
        Checkout(folder)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Whether it succeeds, and what it says. No network: the registry is a folder.
    fn fetch(&self) -> (bool, String) {
        let output = Command::new(self.path("scripts/axe"))
            .env_remove("CARGO_TARGET_DIR")
            .env(
                "npm_config_registry",
                format!("file://{}/", self.path("registry").display()),
            )
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    }
}

#[test]
fn axe_is_fetched_once() {
    let checkout = Checkout::new();
    let (succeeds, said) = checkout.fetch();
    assert!(succeeds, "{said}");
    assert_eq!(said, "Fetching axe-core 1.0.0\n");
    let axe = std::fs::read_to_string(checkout.path("target/axe/axe.min.js"));
    assert_eq!(axe.unwrap(), "it runs\n");
    std::fs::remove_dir_all(checkout.path("registry")).unwrap();
    assert_eq!(checkout.fetch(), (true, String::new()));
}

#[test]
fn an_axe_with_another_hash_is_not_used() {
    let checkout = Checkout::new();
    let other = format!("1.0.0 {}\n", "0".repeat(128));
    std::fs::write(checkout.path("tests/axe.txt"), other).unwrap();
    let (succeeds, said) = checkout.fetch();
    assert!(!succeeds && said.contains("its SHA-512 differs"), "{said}");
    assert!(!checkout.path("target/axe/axe.min.js").exists());
}

#[test]
fn an_axe_that_can_not_be_fetched_is_named() {
    let checkout = Checkout::new();
    std::fs::remove_dir_all(checkout.path("registry")).unwrap();
    let (succeeds, said) = checkout.fetch();
    assert!(
        !succeeds && said.contains("axe-core can't be fetched from file://"),
        "{said}"
    );
}

/// As several test runs do.
#[test]
fn of_several_at_once_one_fetches_axe() {
    let checkout = Checkout::new();
    let said = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..6).map(|_| scope.spawn(|| checkout.fetch())).collect();
        let ended = runs.into_iter().map(|run| run.join().unwrap());
        ended.collect::<Vec<_>>()
    });
    assert!(said.iter().all(|(succeeds, _)| *succeeds), "{said:?}");
    let fetched = said.iter().filter(|(_, said)| !said.is_empty());
    assert_eq!(fetched.count(), 1, "{said:?}");
}

#[test]
fn what_an_interrupted_run_has_left_is_in_nobodys_way() {
    let checkout = Checkout::new();
    let left = checkout.path("target/axe/fetching/package");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("axe.min.js"), "half").unwrap();
    let (succeeds, said) = checkout.fetch();
    assert!(succeeds, "{said}");
    let axe = std::fs::read_to_string(checkout.path("target/axe/axe.min.js"));
    assert_eq!(axe.unwrap(), "it runs\n");
}

//! A folder with one script that fetches something, and with what it fetches, which is made there.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub struct Checkout {
    folder: TempDir,
    script: &'static str,
}

impl Checkout {
    /// With `scripts/<script>`, and what the command `make` makes.
    pub fn new(script: &'static str, make: &[&str]) -> Checkout {
        let folder = tempfile::tempdir().unwrap();
        for name in ["scripts", "tests"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        for script in [script, "needs"] {
            let path = Path::new("scripts").join(script);
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
            std::fs::copy(from, folder.path().join(path)).unwrap();
        }
        let mut made = Command::new(make[0]);
        made.args(&make[1..]).current_dir(folder.path());
        assert!(made.status().unwrap().success());
        Checkout { folder, script }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Runs the script with these variables: whether it succeeds, and what it says.
    pub fn run(&self, variables: &[(&str, &str)]) -> (bool, String) {
        let output = Command::new(self.path("scripts").join(self.script))
            .env_remove("CARGO_TARGET_DIR")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    }
}

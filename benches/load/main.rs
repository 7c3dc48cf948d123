//! What Doorward costs, beside a floor that is measured in the same run: `make bench`. It starts all that it needs: the
//! provider, the floor, a Postgres, and the release binary of Doorward with its ordinary settings. With `BENCH_OTHER`,
//! the path of another build's binary, both builds are measured in turns.

mod client;
mod floor;
mod gateway;
mod growth;
mod measure;
mod memory;
mod process;
mod provider;
mod report;
mod rows;
mod scenarios;
mod start;
mod targets;

#[allow(dead_code, unused_imports, reason = "the tests use the rest of it")]
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
#[allow(dead_code, unused_imports, reason = "the tests use the rest of it")]
#[path = "../../tests/it/support/watchdog.rs"]
mod watchdog;

use std::path::PathBuf;
use std::time::Duration;

use process::Process;
use targets::Results;

/// 64 bytes that look random; of no worth.
const SESSION_KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

const CONNECTIONS: [usize; 3] = [1, 16, 128];

/// Of those, the number at which growth and memory are measured.
const SOME_CONNECTIONS: usize = CONNECTIONS[1];

/// Every connection to the database is made, and every statement prepared, before it counts.
const WARM_UP: Duration = Duration::from_millis(300);

/// What the parts share.
struct Bench {
    folder: Folder,
    provider: Process,
    postgres: postgres::OwnPostgres,
    /// This build, and the one beside it if there is one.
    builds: Vec<Build>,
}

/// A build of Doorward.
#[derive(Clone)]
struct Build {
    name: &'static str,
    binary: PathBuf,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["provider"] => provider::run(),
        ["floor", issuer] => floor::run(issuer.to_owned()),
        _ => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime can be made").block_on(bench());
        }
    }
}

/// From the environment, for a quick look or a long one.
fn setting(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a number"))
    })
}

fn rounds() -> u64 {
    setting("BENCH_ROUNDS", 5)
}

/// How long one measurement takes.
fn lasting() -> Duration {
    Duration::from_millis(setting("BENCH_MILLIS", 1000))
}

async fn bench() {
    let this = Build {
        name: "this",
        binary: env!("CARGO_BIN_EXE_doorward").into(),
    };
    let other = std::env::var_os("BENCH_OTHER").map(|path| Build {
        name: "other",
        binary: std::fs::canonicalize(path).expect("BENCH_OTHER is the path of a binary"),
    });
    let parts = std::env::var("BENCH_PARTS").unwrap_or_else(|_| "start scenarios".to_owned());
    let bench = Bench {
        folder: Folder::new(),
        provider: Process::of_this_binary(&["provider"]),
        // As in production, where Postgres waits for the disk.
        postgres: postgres::OwnPostgres::start_with(&[
            "fsync=on",
            "full_page_writes=on",
            "autovacuum=on",
        ]),
        builds: [this].into_iter().chain(other).collect(),
    };
    let mut results = Results::default();
    for part in parts.split_ascii_whitespace() {
        match part {
            "start" => results.start = start::measure(&bench),
            "scenarios" => results.scenarios = scenarios::measure(&bench).await,
            "gateway" => results.gateway = gateway::measure(&bench).await,
            "gateway-memory" => results.gateway_memory = gateway::memory::measure(&bench).await,
            "growth" => results.growth = growth::measure(&bench).await,
            "memory" => results.memory = memory::measure(&bench).await,
            "rows" => rows::measure(&bench).await,
            // The other bench's: `scripts/bench` passes the list on as it is.
            "pieces" => (),
            _ => panic!("BENCH_PARTS knows no {part}"),
        }
    }
    results.print();
}

impl Bench {
    fn issuer(&self) -> String {
        format!("http://{}", self.provider.addr)
    }

    /// This build, with settings besides those that it needs.
    fn doorward(&self, database: &str, more: &[(&str, &str)]) -> Process {
        self.doorward_of(&self.builds[0], database, more)
    }

    fn doorward_of(&self, build: &Build, database: &str, more: &[(&str, &str)]) -> Process {
        let issuer = self.issuer();
        Process::doorward(&build.binary, &self.folder.0, &issuer, database, more)
    }

    /// The path of an SQLite file in the folder.
    fn sqlite(&self, name: &str) -> String {
        self.folder.0.join(name).display().to_string()
    }
}

/// A temporary folder that is removed at the end of the run.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("doorward-bench-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a folder can be made where temporary files go");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: what is left lies among the temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

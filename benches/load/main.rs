//! What Doorward costs, beside a floor that is measured in the same run: `make bench`. It starts all that it needs: the
//! provider, the floor, a Postgres, and the release binary of Doorward with its ordinary settings.

mod client;
mod floor;
mod growth;
mod measure;
mod process;
mod provider;
mod report;

#[allow(dead_code, unused_imports, reason = "the tests use the rest of it")]
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
#[allow(dead_code, unused_imports, reason = "the tests use the rest of it")]
#[path = "../../tests/it/support/watchdog.rs"]
mod watchdog;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use measure::{Figures, Scenario, measure, median};
use process::Process;

/// 64 bytes that look random; of no worth.
const SESSION_KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

const CONNECTIONS: [usize; 3] = [1, 16, 128];
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// Every connection to the database is made, and every statement prepared, before it counts.
const WARM_UP: Duration = Duration::from_millis(300);

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

async fn bench() {
    let folder = Folder::new();
    let provider = Process::of_this_binary(&["provider"]);
    let issuer = format!("http://{}", provider.addr);
    // As in production, where Postgres waits for the disk.
    let postgres =
        postgres::OwnPostgres::start_with(&["fsync=on", "full_page_writes=on", "autovacuum=on"]);
    let parts =
        std::env::var("BENCH_PARTS").unwrap_or_else(|_| "start scenarios growth memory".to_owned());
    for part in parts.split_ascii_whitespace() {
        match part {
            "start" => start(&folder.0, &issuer),
            "scenarios" => scenarios(&folder.0, &provider, &postgres.url()).await,
            "growth" => grow(&folder.0, &issuer, &postgres).await,
            "memory" => memory(&folder.0, &issuer).await,
            _ => panic!("BENCH_PARTS knows no {part}"),
        }
    }
}

/// From the start of the process to its first page.
fn start(folder: &Path, issuer: &str) {
    report::heading("Start to first answer, and memory when idle");
    report::columns(&["provider", "ms", "memory MiB"]);
    let database = folder.join("start.db").display().to_string();
    // The file is made before.
    drop(Process::doorward(folder, issuer, &database, &[]));
    for (name, issuer) in [("up", issuer), ("down", "http://127.0.0.1:9")] {
        let mut starts: Vec<(Duration, u64)> = (0..9)
            .map(|_| {
                let process = Process::doorward(folder, issuer, &database, &[]);
                (process.start, process.memory().0)
            })
            .collect();
        starts.sort();
        let (took, memory) = starts[starts.len() / 2];
        report::row(&[name.to_owned(), report::ms(took), report::mib(memory)]);
    }
}

/// Every scenario beside its floor, in rounds, so that a disturbance hits all alike.
async fn scenarios(folder: &Path, provider: &Process, postgres: &str) {
    let issuer = format!("http://{}", provider.addr);
    let floor = Process::of_this_binary(&["floor", &issuer]);
    let sqlite = folder.join("scenarios.db").display().to_string();
    let servers = [("SQLite", sqlite.as_str()), ("Postgres", postgres)].map(|(name, database)| {
        let known = Process::doorward(folder, &issuer, database, &[]);
        let unknown = Process::doorward(folder, &issuer, database, &[("SESSION_CACHE", "0s")]);
        (name, known, unknown)
    });
    let home_len = len_of(&servers[0].1, "/", None).await;
    let profile_len = len_of(&servers[0].1, "/profile", Some("known-0")).await;

    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    let rounds = setting("BENCH_ROUNDS", 5);
    let lasting = Duration::from_millis(setting("BENCH_MILLIS", 1000));
    let mut all: BTreeMap<(usize, usize), (Line<'_>, Vec<Figures>)> = BTreeMap::new();
    let (mut provider_cpu, mut sign_ins) = (Duration::ZERO, 0.0);
    for round in 0..=rounds {
        for (at_connections, connections) in CONNECTIONS.into_iter().enumerate() {
            for (number, line) in lines(&floor, &servers, home_len, profile_len)
                .into_iter()
                .enumerate()
            {
                let name = format!("{} {}", line.what, line.place);
                if line.floor.is_some() && !name.contains(&only) {
                    continue;
                }
                let lasting = if round == 0 { WARM_UP } else { lasting };
                let cpu_before = provider.cpu();
                let figures = measure(line.server, line.scenario, connections, lasting).await;
                if line.scenario == Scenario::FloorSignIn {
                    provider_cpu += provider.cpu() - cpu_before;
                    sign_ins += figures.per_sec * lasting.as_secs_f64();
                }
                if round > 0 {
                    let entry = all
                        .entry((number, at_connections))
                        .or_insert((line, Vec::new()));
                    entry.1.push(figures);
                }
            }
        }
    }

    report::heading(&format!(
        "Scenarios, medians of {rounds} rounds of {} ms (pages: home {home_len} bytes, profile {profile_len} bytes)",
        lasting.as_millis()
    ));
    report::columns(&report::FIGURES);
    for ((_, at_connections), (line, rounds)) in &all {
        let floor = line
            .floor
            .map(|floor| median(&all[&(floor, *at_connections)].1));
        report::figures(
            line.what,
            line.place,
            CONNECTIONS[*at_connections],
            median(rounds),
            floor,
        );
    }
    let per_sign_in = provider_cpu.div_f64(sign_ins);
    println!(
        "\nThe provider spends {} ms of CPU on a sign-in: {:.0} a second on one core is its limit.",
        report::ms(per_sign_in),
        1.0 / per_sign_in.as_secs_f64()
    );
    report::columns(&["process", "memory MiB", "peak MiB"]);
    let doorwards = servers.iter().map(|(name, known, _)| (*name, known));
    for (name, process) in doorwards.chain([("floor", &floor)]) {
        let (now, peak) = process.memory();
        report::row(&[name.to_owned(), report::mib(now), report::mib(peak)]);
    }
}

type Servers = [(&'static str, Process, Process); 2];

/// A line of the table: what is done where, and the number of the line that is its floor.
struct Line<'a> {
    what: &'static str,
    place: &'static str,
    server: &'a Process,
    scenario: Scenario,
    floor: Option<usize>,
}

fn lines<'a>(
    floor: &'a Process,
    servers: &'a Servers,
    home: usize,
    profile: usize,
) -> Vec<Line<'a>> {
    let line = |what, place, server, scenario, floor| Line {
        what,
        place,
        server,
        scenario,
        floor,
    };
    let mut lines = vec![
        line(
            "floor: page as home",
            "actix",
            floor,
            Scenario::FloorPage(home),
            None,
        ),
        line(
            "floor: page as profile",
            "actix",
            floor,
            Scenario::FloorPage(profile),
            None,
        ),
        line(
            "floor: sign-in",
            "actix, awc",
            floor,
            Scenario::FloorSignIn,
            None,
        ),
    ];
    for (place, known, unknown) in servers {
        lines.extend([
            line("home, signed out", place, known, Scenario::Home, Some(0)),
            line(
                "profile, session known",
                place,
                known,
                Scenario::Profile,
                Some(1),
            ),
            line(
                "profile, session not known",
                place,
                unknown,
                Scenario::Profile,
                Some(1),
            ),
            line("redirect at /login", place, known, Scenario::Login, Some(0)),
            line(
                "sign-in, new person",
                place,
                known,
                Scenario::SignInNew,
                Some(2),
            ),
            line(
                "sign-in, known person",
                place,
                known,
                Scenario::SignInKnown,
                Some(2),
            ),
            line("sign-out", place, known, Scenario::SignOut, Some(0)),
        ]);
    }
    lines
}

async fn len_of(server: &Process, target: &str, person: Option<&str>) -> usize {
    let mut browser = client::Browser::new(server.addr).await;
    if let Some(person) = person {
        browser.sign_in(person).await;
    }
    browser.get(target).await.body_len
}

/// The same with few and with many people in the database. Nothing is cached between requests.
async fn grow(folder: &Path, issuer: &str, postgres: &postgres::OwnPostgres) {
    let mut servers = Vec::new();
    for size in SIZES {
        let sqlite = folder
            .join(format!("growth-{size}.db"))
            .display()
            .to_string();
        let postgres = growth::create_database(&postgres.url(), &format!("growth_{size}"));
        for (place, database) in [("SQLite", sqlite), ("Postgres", postgres)] {
            let server = Process::doorward(folder, issuer, &database, &[("SESSION_CACHE", "0s")]);
            growth::fill(&database, size);
            servers.push((place, size, server));
        }
    }
    let scenarios = [
        ("profile, session not known", Scenario::Profile),
        ("sign-in, new person", Scenario::SignInNew),
        ("sign-in, known person", Scenario::SignInKnown),
    ];
    let rounds = setting("BENCH_ROUNDS", 5);
    let lasting = Duration::from_millis(setting("BENCH_MILLIS", 1000));
    let mut all: BTreeMap<(usize, usize), Vec<Figures>> = BTreeMap::new();
    for round in 0..=rounds {
        for (number, (_, _, server)) in servers.iter().enumerate() {
            for (at, (_, scenario)) in scenarios.into_iter().enumerate() {
                let lasting = if round == 0 { WARM_UP } else { lasting };
                let figures = measure(server, scenario, CONNECTIONS[1], lasting).await;
                if round > 0 {
                    all.entry((at, number)).or_default().push(figures);
                }
            }
        }
    }
    report::heading(
        "Growth: as many people and sessions in the database, 16 connections; floor is the smallest",
    );
    report::columns(&[
        "what",
        "where",
        "people",
        "per second",
        "of floor",
        "p50 ms",
        "p99 ms",
        "CPU ms (x floor)",
    ]);
    for (at, (what, _)) in scenarios.into_iter().enumerate() {
        for place in ["SQLite", "Postgres"] {
            let of_place = servers
                .iter()
                .enumerate()
                .filter(|(_, server)| server.0 == place);
            let figures: Vec<_> = of_place
                .map(|(number, server)| (server.1, median(&all[&(at, number)])))
                .collect();
            let smallest = figures[0].1;
            for (size, figures) in figures {
                report::row(&[
                    what.to_owned(),
                    place.to_owned(),
                    size.to_string(),
                    format!("{:.0}", figures.per_sec),
                    format!("{:.2}", figures.per_sec / smallest.per_sec),
                    report::ms(figures.p50),
                    report::ms(figures.p99),
                    format!(
                        "{:.4} ({:.2})",
                        figures.cpu_per_op.as_secs_f64() * 1000.0,
                        figures.cpu_per_op.as_secs_f64() / smallest.cpu_per_op.as_secs_f64()
                    ),
                ]);
            }
        }
    }
}

/// Memory as sign-ins go by, all of people who were never here.
async fn memory(folder: &Path, issuer: &str) {
    let total = setting("BENCH_SIGN_INS", 100_000);
    let database = folder.join("memory.db").display().to_string();
    let server = Process::doorward(folder, issuer, &database, &[]);
    report::heading("Memory as people sign in, SQLite, 16 connections");
    report::columns(&["sign-ins", "memory MiB", "peak MiB"]);
    let (mut done, mut next) = (0.0, 0);
    loop {
        if done >= next as f64 {
            let (now, peak) = server.memory();
            report::row(&[format!("{done:.0}"), report::mib(now), report::mib(peak)]);
            next += total / 10;
        }
        if done >= total as f64 {
            break;
        }
        let lasting = Duration::from_secs(1);
        let figures = measure(&server, Scenario::SignInNew, CONNECTIONS[1], lasting).await;
        done += figures.per_sec * lasting.as_secs_f64();
    }
}

/// A temporary folder that goes with the run.
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

//! Every scenario beside its floor, in rounds, so that a disturbance hits all alike. Two builds take turns within a
//! round, and change places from round to round.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::Browser;
use super::measure::{self, Figures, Scenario, median};
use super::process::Process;
use super::targets::Measured;
use super::{Bench, Build, CONNECTIONS, WARM_UP, growth, lasting, report, rounds};

/// A build of Doorward at a database of its own.
struct Server {
    build: usize,
    place: &'static str,
    known: Process,
    /// The same, but it asks the database for the session at each request.
    unknown: Process,
}

/// A line of the table: what is done where, and the number of the line that is its floor.
struct Line<'a> {
    what: &'static str,
    place: &'static str,
    build: usize,
    server: &'a Process,
    scenario: Scenario,
    floor: Option<usize>,
}

/// Of each line and number of connections: a figure for each round.
type Rounds = BTreeMap<(usize, usize), Vec<Figures>>;

/// Measures all, or what `BENCH_ONLY` names, and the floors; returns the medians of this build.
pub async fn measure(bench: &Bench) -> Vec<Measured> {
    let floor = Process::of_this_binary(&["floor", &bench.issuer()]);
    let servers = servers(bench);
    let home_len = len_of(&servers[0].known, "/", None).await;
    let profile_len = len_of(&servers[0].known, "/profile", Some("known-0")).await;
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    let mut lines = lines(&floor, &servers, [home_len, profile_len]);
    lines.retain(|line| {
        line.floor.is_none() || format!("{} {}", line.what, line.place).contains(&only)
    });
    let (all, provider_cpu) = run(bench, &lines).await;

    let mut results = Vec::new();
    report::section("scenarios", || {
        report::heading(&format!(
            "Scenarios, medians of {} rounds of {} ms (pages: home {home_len} bytes, profile {profile_len} bytes)",
            rounds(),
            lasting().as_millis()
        ));
        report::columns(&report::FIGURES);
        for ((number, at_connections), rounds) in &all {
            let line = &lines[*number];
            if line.build > 0 {
                continue;
            }
            let floor = line
                .floor
                .map(|floor| median(&all[&(floor, *at_connections)]));
            let (figures, connections) = (median(rounds), CONNECTIONS[*at_connections]);
            report::figures(line.what, line.place, connections, figures, floor);
            results.extend(floor.map(|floor| Measured {
                what: line.what,
                place: line.place,
                connections,
                figures,
                floor,
            }));
        }
        println!(
            "\nThe provider spends {} ms of CPU on a sign-in: {:.0} a second on one core is its limit.\n",
            report::ms(provider_cpu),
            1.0 / provider_cpu.as_secs_f64()
        );
        report::columns(&["process", "memory MiB", "peak MiB"]);
        let doorwards = servers.iter().map(|server| {
            let name = match server.build {
                0 => server.place.to_owned(),
                _ => format!(
                    "{}, {} build",
                    server.place, bench.builds[server.build].name
                ),
            };
            (name, &server.known)
        });
        for (name, process) in doorwards.chain([("floor".to_owned(), &floor)]) {
            let (now, peak) = process.memory();
            report::row(&[name, report::mib(now), report::mib(peak)]);
        }
    });
    if bench.builds.len() > 1 {
        side_by_side(&lines, &all);
    }
    results
}

/// The figures, and the provider's CPU time for one sign-in.
async fn run(bench: &Bench, lines: &[Line<'_>]) -> (Rounds, Duration) {
    let mut all = Rounds::new();
    let (mut provider_cpu, mut sign_ins) = (Duration::ZERO, 0.0);
    // The builds stand side by side in the list: every other round it is gone through from its end.
    let forth: Vec<usize> = (0..lines.len()).collect();
    let back: Vec<usize> = forth.iter().rev().copied().collect();
    for round in 0..=rounds() {
        let order = if round % 2 == 0 { &forth } else { &back };
        for (at_connections, connections) in CONNECTIONS.into_iter().enumerate() {
            for number in order {
                let line = &lines[*number];
                let lasting = if round == 0 { WARM_UP } else { lasting() };
                let cpu_before = bench.provider.cpu();
                let figures =
                    measure::measure(line.server, line.scenario, connections, lasting).await;
                if line.scenario == Scenario::FloorSignIn {
                    provider_cpu += bench.provider.cpu() - cpu_before;
                    sign_ins += figures.per_sec * lasting.as_secs_f64();
                }
                if round > 0 {
                    let key = (*number, at_connections);
                    all.entry(key).or_default().push(figures);
                }
            }
        }
    }
    (all, provider_cpu.div_f64(sign_ins))
}

/// Both builds in a table of their own. A ratio is the median of the ratios of each round, which disturbs less than
/// the ratio of the medians.
fn side_by_side(lines: &[Line<'_>], all: &Rounds) {
    report::section("builds", || {
        report::heading("Both builds: this one beside the other");
        report::columns(&[
            "what",
            "where",
            "connections",
            "per second: this",
            "other",
            "this / other",
            "p99 ms: this",
            "other",
            "CPU ms: this",
            "other",
            "this / other",
        ]);
        for ((number, at_connections), this) in all {
            let line = &lines[*number];
            let other = lines.iter().position(|other| {
                line.build == 0
                    && other.build == 1
                    && (other.what, other.place) == (line.what, line.place)
            });
            let Some(other) = other.and_then(|other| all.get(&(other, *at_connections))) else {
                continue;
            };
            let ratio = |of: fn(Figures, Figures) -> f64| {
                let pairs = this.iter().zip(other);
                let mut ratios: Vec<f64> = pairs.map(|(this, other)| of(*this, *other)).collect();
                ratios.sort_by(f64::total_cmp);
                format!("{:.2}", ratios[ratios.len() / 2])
            };
            let (this, other) = (median(this), median(other));
            report::row(&[
                line.what.to_owned(),
                line.place.to_owned(),
                CONNECTIONS[*at_connections].to_string(),
                format!("{:.0}", this.per_sec),
                format!("{:.0}", other.per_sec),
                ratio(Figures::rate_beside),
                report::ms(this.p99),
                report::ms(other.p99),
                report::cpu(this),
                report::cpu(other),
                ratio(Figures::cpu_beside),
            ]);
        }
    });
}

fn servers(bench: &Bench) -> Vec<Server> {
    let databases = |Build { name, .. }: &Build| {
        let sqlite = bench.sqlite(&format!("scenarios-{name}.db"));
        let postgres = growth::create_database(&bench.postgres.url(), &format!("scenarios_{name}"));
        [("SQLite", sqlite), ("Postgres", postgres)]
    };
    let builds = bench.builds.iter().enumerate();
    let servers = builds.flat_map(|(number, build)| {
        databases(build).map(|(place, database)| Server {
            build: number,
            place,
            known: bench.doorward_of(build, &database, &[]),
            unknown: bench.doorward_of(build, &database, &[("SESSION_CACHE", "0s")]),
        })
    });
    servers.collect()
}

/// The floors first. What both builds do at one place stands side by side.
fn lines<'a>(
    floor: &'a Process,
    servers: &'a [Server],
    [home, profile]: [usize; 2],
) -> Vec<Line<'a>> {
    let floors = [
        ("floor: page as home", "actix", Scenario::FloorPage(home)),
        (
            "floor: page as profile",
            "actix",
            Scenario::FloorPage(profile),
        ),
        ("floor: sign-in", "actix, awc", Scenario::FloorSignIn),
    ];
    let floors = floors.map(|(what, place, scenario)| Line {
        what,
        place,
        build: 0,
        server: floor,
        scenario,
        floor: None,
    });
    let mut lines = Vec::from(floors);
    for place in ["SQLite", "Postgres"] {
        for (what, scenario, floor) in [
            ("home, signed out", Scenario::Home, 0),
            ("profile, session known", Scenario::Profile, 1),
            ("profile, session not known", Scenario::Profile, 1),
            ("redirect at /login", Scenario::Login, 0),
            ("sign-in, new person", Scenario::SignInNew, 2),
            ("sign-in, known person", Scenario::SignInKnown, 2),
            ("sign-out", Scenario::SignOut, 0),
        ] {
            let at_place = servers.iter().filter(|server| server.place == place);
            lines.extend(at_place.map(|server| Line {
                what,
                place,
                build: server.build,
                server: match what {
                    "profile, session not known" => &server.unknown,
                    _ => &server.known,
                },
                scenario,
                floor: Some(floor),
            }));
        }
    }
    lines
}

async fn len_of(server: &Process, target: &str, person: Option<&str>) -> usize {
    let mut browser = Browser::new(server.addr).await;
    if let Some(person) = person {
        browser.sign_in(person).await;
    }
    browser.get(target).await.body_len
}

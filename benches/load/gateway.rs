//! The check that proxies ask for before each request, beside a bare server's answer to the same request; and a whole
//! request through nginx, with and without Doorward.

mod app;
pub mod memory;
mod nginx;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::measure::{self, Figures, median};
use super::process::{Process, free_addr};
use super::targets::Measured;
use super::{Bench, CONNECTIONS, WARM_UP, lasting, report, rounds};
use app::{Asks, Gateway, HOST, at_floor, enter_each, head};
use nginx::{guarding_nginx, plain_nginx};

/// How many rules the host has where it has many. The last of them decides.
const MANY_RULES: usize = 500;

/// The app's page, in bytes.
const PAGE: usize = 1024;

/// A line of the table.
struct Line<'a> {
    what: &'static str,
    place: &'static str,
    addr: SocketAddr,
    /// Whose CPU time counts.
    processes: Vec<&'a Process>,
    status: u16,
    requests: Vec<String>,
    /// The number of the line that is its floor.
    floor: Option<usize>,
}

/// Measures all, or what `BENCH_ONLY` names, and the floors; returns the medians.
pub async fn measure(bench: &Bench) -> Vec<Measured> {
    let floor = Process::of_this_binary(&["floor", &bench.issuer()]);
    let one = Gateway::start(bench, "one", HOST, 1, &[]);
    let many = Gateway::start(bench, "many", HOST, MANY_RULES, &[]);
    let (front, plain) = (free_addr(), free_addr());
    let host = format!("{HOST}:{}", front.port());
    let chain = Gateway::start(bench, "chain", &host, 1, &[]);
    let guarding = guarding_nginx(bench, &chain, floor.addr, front);
    let plain = plain_nginx(bench, floor.addr, plain);

    let connections = CONNECTIONS[CONNECTIONS.len() - 1];
    let mut lines = Vec::new();
    let floors = [(Asks::Forward, "as forward"), (Asks::Request, "as request")];
    for (at, (asks, place)) in floors.into_iter().enumerate() {
        let cookie = enter_each(&one, one.addr, asks, HOST, connections).await;
        let checks = |cookies: &[String], mode| -> Vec<String> {
            let head = |cookie: &String| head(asks, HOST, "/reports/2026?page=2", mode, cookie);
            cookies.iter().map(head).collect()
        };
        let signed_in = checks(&cookie, "navigate");
        lines.push(Line {
            what: "floor: empty page",
            place,
            addr: floor.addr,
            processes: vec![&floor],
            status: 200,
            requests: signed_in.iter().map(|it| at_floor(it, 0)).collect(),
            floor: None,
        });
        let of_many = enter_each(&many, many.addr, asks, HOST, connections).await;
        let nobody = vec![String::new(); connections];
        let redirect = if matches!(asks, Asks::Request) {
            401
        } else {
            303
        };
        let own_floor = Some(at * 5);
        for (what, gateway, status, requests) in [
            ("check, signed in, one rule", &one, 200, signed_in),
            (
                "check, signed in, last of 500 rules",
                &many,
                200,
                checks(&of_many, "navigate"),
            ),
            ("check, nobody: 401", &one, 401, checks(&nobody, "cors")),
            (
                "check, nobody: to sign in",
                &one,
                redirect,
                checks(&nobody, "navigate"),
            ),
        ] {
            lines.push(Line {
                what,
                place: if at == 0 { "forward" } else { "request" },
                addr: gateway.addr,
                processes: vec![&gateway.process],
                status,
                requests,
                floor: own_floor,
            });
        }
    }
    let cookies = enter_each(&chain, front, Asks::Browser, &host, connections).await;
    let target = format!("/page/{PAGE}");
    let requests: Vec<String> = cookies
        .iter()
        .map(|cookie| head(Asks::Browser, &host, &target, "navigate", cookie))
        .collect();
    for (what, addr, processes, own_floor) in [
        ("floor: nginx, app", plain.addr, vec![&plain, &floor], None),
        (
            "nginx, Doorward, app",
            front,
            vec![&guarding, &chain.process, &floor],
            Some(lines.len()),
        ),
    ] {
        lines.push(Line {
            what,
            place: "all three",
            addr,
            processes,
            status: 200,
            requests: requests.clone(),
            floor: own_floor,
        });
    }
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    lines.iter_mut().for_each(|line| {
        if line.floor.is_some() && !line.what.contains(&only) {
            line.requests.clear();
        }
    });
    let all = run(&lines).await;
    print(&lines, &all)
}

/// Of each number of connections and line: a figure for each round.
async fn run(lines: &[Line<'_>]) -> BTreeMap<(usize, usize), Vec<Figures>> {
    let mut all: BTreeMap<_, Vec<Figures>> = BTreeMap::new();
    for round in 0..=rounds() {
        for connections in CONNECTIONS {
            for (number, line) in lines.iter().enumerate() {
                let Some(requests) = line.requests.get(..connections) else {
                    continue;
                };
                let lasting = if round == 0 { WARM_UP } else { lasting() };
                let figures =
                    measure::repeat(line.addr, requests, line.status, &line.processes, lasting)
                        .await;
                if round > 0 {
                    all.entry((connections, number)).or_default().push(figures);
                }
            }
        }
    }
    all
}

fn print(lines: &[Line<'_>], all: &BTreeMap<(usize, usize), Vec<Figures>>) -> Vec<Measured> {
    let mut results = Vec::new();
    report::section("gateway", || {
        report::heading(&format!(
            "The gateway's check, medians of {} rounds of {} ms, SQLite",
            rounds(),
            lasting().as_millis()
        ));
        report::columns(&report::FIGURES);
        for ((connections, number), rounds) in all {
            let line = &lines[*number];
            let floor = line.floor.map(|floor| median(&all[&(*connections, floor)]));
            let figures = median(rounds);
            report::figures(line.what, line.place, *connections, figures, floor);
            results.extend(floor.map(|floor| Measured {
                what: line.what,
                place: line.place,
                connections: *connections,
                figures,
                floor,
            }));
        }
    });
    results
}

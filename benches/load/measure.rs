//! One measurement: so many browsers do the same thing, over and over, each as soon as the last answer is there.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::{Browser, Cookies};
use super::process::Process;

/// What the browsers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// The floor's page of so many bytes.
    FloorPage(usize),
    /// The floor's sign-in.
    FloorSignIn,
    /// `/`, signed out.
    Home,
    /// `/profile`, signed in, by the same browser again and again.
    Profile,
    /// `/login`.
    Login,
    /// A whole sign-in of somebody who was never here.
    SignInNew,
    /// A whole sign-in of somebody who was.
    SignInKnown,
    /// `/logout`.
    SignOut,
}

/// What it cost.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub per_sec: f64,
    pub p50: Duration,
    pub p95: Duration,
    pub p99: Duration,
    /// Of the server's process, user and system.
    pub cpu_per_op: Duration,
}

impl Figures {
    /// Of operations that took `latencies`, one by one, and `took` and `cpu` in all.
    fn of(mut latencies: Vec<Duration>, took: Duration, cpu: Duration) -> Figures {
        latencies.sort_unstable();
        let count = latencies.len();
        let percentile = |percent: usize| latencies[(count * percent / 100).min(count - 1)];
        Figures {
            per_sec: count as f64 / took.as_secs_f64(),
            p50: percentile(50),
            p95: percentile(95),
            p99: percentile(99),
            cpu_per_op: cpu.div_f64(count as f64),
        }
    }

    /// How many times as many operations a second as `other`.
    pub fn rate_beside(self, other: Figures) -> f64 {
        self.per_sec / other.per_sec
    }

    /// How many times the CPU time of `other`.
    pub fn cpu_beside(self, other: Figures) -> f64 {
        self.cpu_per_op.as_secs_f64() / other.cpu_per_op.as_secs_f64()
    }
}

/// Signing out needs somebody signed in, which is not measured: so many in all.
const SIGN_OUTS: usize = 768;

/// A sign-in of its own for everybody.
fn subject(scenario: Scenario, browser: usize, count: usize) -> String {
    static RUN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    match scenario {
        Scenario::SignInNew => {
            let run = RUN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            format!("new-{run}-{browser}-{count}")
        }
        _ => format!("known-{browser}"),
    }
}

/// Lets `connections` browsers do `scenario` at `server` for as long as `lasting`.
pub async fn measure(
    server: &Process,
    scenario: Scenario,
    connections: usize,
    lasting: Duration,
) -> Figures {
    let mut browsers = Vec::new();
    let mut preparing = JoinSet::new();
    for number in 0..connections {
        preparing.spawn(prepare(
            server.addr,
            scenario,
            number,
            SIGN_OUTS.div_ceil(connections),
        ));
    }
    while let Some(prepared) = preparing.join_next().await {
        browsers.push(prepared.expect("nobody fails to prepare"));
    }
    let (began, cpu_before) = (Instant::now(), server.cpu());
    let deadline = began + lasting;
    let mut working = JoinSet::new();
    for worker in browsers {
        working.spawn(work(worker, scenario, deadline));
    }
    let mut latencies = Vec::new();
    while let Some(worked) = working.join_next().await {
        latencies.extend(worked.expect("nobody fails"));
    }
    let (took, cpu) = (began.elapsed(), server.cpu() - cpu_before);
    Figures::of(latencies, took, cpu)
}

/// Lets a client for each of `requests` send it to `addr` over and over, for as long as `lasting`; each answer has `status`.
/// The CPU time is that of all `processes`.
pub async fn repeat(
    addr: std::net::SocketAddr,
    requests: &[String],
    status: u16,
    processes: &[&Process],
    lasting: Duration,
) -> Figures {
    let mut browsers = Vec::new();
    for _ in requests {
        browsers.push(Browser::new(addr).await);
    }
    let cpu = || -> Duration { processes.iter().map(|process| process.cpu()).sum() };
    let (began, cpu_before) = (Instant::now(), cpu());
    let deadline = began + lasting;
    let mut working = JoinSet::new();
    for (mut browser, request) in browsers.into_iter().zip(requests.to_vec()) {
        working.spawn(async move {
            let mut latencies = Vec::new();
            while Instant::now() < deadline {
                let began = Instant::now();
                assert_eq!(browser.send(&request).await.status, status);
                latencies.push(began.elapsed());
            }
            latencies
        });
    }
    let mut latencies = Vec::new();
    while let Some(worked) = working.join_next().await {
        latencies.extend(worked.expect("nobody fails"));
    }
    Figures::of(latencies, began.elapsed(), cpu() - cpu_before)
}

struct Worker {
    number: usize,
    browser: Browser,
    /// The cookies of those who are signed in and will sign out, one after the other.
    signed_in: Vec<Cookies>,
}

async fn prepare(
    addr: std::net::SocketAddr,
    scenario: Scenario,
    number: usize,
    sign_outs: usize,
) -> Worker {
    let mut browser = Browser::new(addr).await;
    let mut signed_in = Vec::new();
    match scenario {
        Scenario::Profile | Scenario::SignInKnown => {
            browser
                .sign_in(&subject(Scenario::SignInKnown, number, 0))
                .await;
        }
        Scenario::SignOut => {
            for count in 0..sign_outs {
                browser.sign_in(&subject(scenario, number, count)).await;
                signed_in.push(browser.forget_cookies());
            }
        }
        _ => (),
    }
    Worker {
        number,
        browser,
        signed_in,
    }
}

async fn work(mut worker: Worker, scenario: Scenario, deadline: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    for count in 0.. {
        let goes_on = match scenario {
            Scenario::SignOut => !worker.signed_in.is_empty(),
            _ => Instant::now() < deadline,
        };
        if !goes_on {
            break;
        }
        let began = Instant::now();
        step(&mut worker, scenario, count).await;
        latencies.push(began.elapsed());
    }
    latencies
}

async fn step(worker: &mut Worker, scenario: Scenario, count: usize) {
    let Worker {
        number,
        browser,
        signed_in,
    } = worker;
    match scenario {
        Scenario::FloorPage(size) => {
            let answer = browser.get(&format!("/page/{size}")).await;
            assert_eq!((answer.status, answer.body_len), (200, size));
        }
        Scenario::FloorSignIn => {
            let subject = subject(scenario, *number, count);
            let answer = browser.get(&format!("/sign-in?code={subject}~nonce")).await;
            assert_eq!(answer.status, 303);
        }
        Scenario::Home => assert_eq!(browser.get("/").await.status, 200),
        Scenario::Profile => assert_eq!(browser.get("/profile").await.status, 200),
        Scenario::Login => {
            browser.forget_cookies();
            assert_eq!(browser.get("/login").await.status, 303);
        }
        Scenario::SignInNew | Scenario::SignInKnown => {
            browser.forget_cookies();
            browser.sign_in(&subject(scenario, *number, count)).await;
        }
        Scenario::SignOut => {
            browser.remember_cookies(signed_in.pop().expect("asked for before"));
            assert_eq!(browser.post("/logout").await.status, 303);
        }
    }
}

/// The median of each figure over the rounds.
pub fn median(rounds: &[Figures]) -> Figures {
    fn middle<T: Copy>(
        rounds: &[Figures],
        of: impl Fn(&Figures) -> T,
        as_f64: impl Fn(T) -> f64,
    ) -> T {
        let mut values: Vec<T> = rounds.iter().map(of).collect();
        values.sort_by(|one, other| as_f64(*one).total_cmp(&as_f64(*other)));
        values[values.len() / 2]
    }
    let time = |of: fn(&Figures) -> Duration| middle(rounds, of, |value| value.as_secs_f64());
    Figures {
        per_sec: middle(rounds, |figures| figures.per_sec, |value| value),
        p50: time(|figures| figures.p50),
        p95: time(|figures| figures.p95),
        p99: time(|figures| figures.p99),
        cpu_per_op: time(|figures| figures.cpu_per_op),
    }
}

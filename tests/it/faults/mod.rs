//! Faults that are really made: the binary as a process, with a provider, a database, a disk and clients that
//! fail.

mod beside;
mod clock;
mod disk;
mod replaced;
mod signals;
mod slow;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use futures_util::future::join_all;
use tokio::sync::Mutex;

use crate::support::Visitor;
use crate::support::people::person;
use crate::support::process::{DOORWARD, Process, complete, free_addr, provider_for};
use crate::support::provider::Provider;
use crate::support::visitor::Answer;

/// The longest wait for a page, whatever the database does, on a busy machine: it is six seconds, and twice as long where
/// one wait comes after another.
const NO_DATABASE_WITHIN: Duration = Duration::from_secs(10);

/// How long an unaffected request may take during a fault, on a busy machine. Whoever waits for a client takes five seconds,
/// for a provider ten.
const UNHINDERED: Duration = Duration::from_secs(3);

/// The longest that a test of this module takes.
const LIMIT: Duration = Duration::from_secs(100);

const NO_RECORDS: &str = "Our database is not responding right now, so nothing could be looked up.";

/// Held by the tests that measure time and by those that take all of the machine.
static MEASURING: Mutex<()> = Mutex::const_new(());

/// A Doorward process, the provider that it trusts, and a hundred people there.
struct Service {
    doorward: Process,
    addr: SocketAddr,
    provider: Provider,
    database: String,
}

impl Service {
    fn start(database: &str) -> Service {
        Service::start_by(&[], database)
    }

    /// Started by another program: `["nice", "-n", "5"]`.
    fn start_by(starter: &[&str], database: &str) -> Service {
        Service::start_with(starter, database, &[])
    }

    /// The same, with some variables besides.
    fn start_with(starter: &[&str], database: &str, variables: &[(&str, &str)]) -> Service {
        let addr = free_addr();
        let url = format!("http://{addr}");
        let provider = provider_for(&url, (0..100).map(person).collect());
        let doorward = start(starter, addr, &provider, database, variables);
        let mut service = Service {
            doorward,
            addr,
            provider,
            database: database.to_owned(),
        };
        service.doorward.answers(addr);
        service
    }

    /// At the same address, after it ended in whatever way.
    fn restart(&mut self) {
        self.restart_with(&[], &[]);
    }

    fn restart_with(&mut self, starter: &[&str], variables: &[(&str, &str)]) {
        self.doorward = start(
            starter,
            self.addr,
            &self.provider,
            &self.database,
            variables,
        );
        self.doorward.answers(self.addr);
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(&format!("http://{}", self.addr))
    }

    /// The most memory that it ever had in use.
    fn peak_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.doorward.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse().unwrap()
    }
}

fn start(
    starter: &[&str],
    addr: SocketAddr,
    provider: &Provider,
    database: &str,
    more: &[(&str, &str)],
) -> Process {
    let (issuer, url) = (provider.issuer(), format!("http://{addr}"));
    let usual = [
        ("OIDC_ISSUER", issuer.as_str()),
        ("PUBLIC_URL", &url),
        ("DATABASE_URL", database),
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ];
    let variables = complete(addr, &[&usual[..], more].concat());
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let command: Vec<&str> = starter.iter().copied().chain([DOORWARD]).collect();
    Process::start(command[0], &command[1..], &variables)
}

/// The result of a query that selects one number as `n`.
fn number(database: &str, query: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let query = diesel::sql_query(query);
    let row: QueryResult<Row> = if database.starts_with("postgres:") {
        query.get_result(&mut PgConnection::establish(database).unwrap())
    } else {
        query.get_result(&mut SqliteConnection::establish(database).unwrap())
    };
    row.unwrap().n
}

fn users(database: &str) -> i64 {
    number(database, "SELECT COUNT(*) AS n FROM users")
}

/// Does something `count` times, `at_once` of them at a time.
async fn many<F: Future<Output = ()>>(count: usize, at_once: usize, act: impl Fn(usize) -> F) {
    let next = Cell::new(0);
    let worker = || async {
        while next.get() < count {
            act(next.replace(next.get() + 1)).await;
        }
    };
    join_all((0..at_once).map(|_| worker())).await;
}

/// Looks again and again.
async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds().await {
        assert!(Instant::now() < deadline, "timed out: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn is_back(answer: &Answer) -> bool {
    (answer.status, answer.header("location")) == (303, Some("/profile"))
}

/// A page that a person can read and report, and which one.
fn assert_page(answer: &Answer, status: u16, sentence: &str) {
    assert_eq!(
        answer.refusal(),
        (status, sentence.to_owned()),
        "{answer:?}"
    );
    assert!(answer.has("error-reference"), "{}", answer.body);
}

/// Unaffected people get their pages quickly: one who is signed in, one who visits, one who signs in.
async fn assert_unhindered(service: &Service, signed_in: &Visitor) {
    let newcomer = service.visitor();
    for (visitor, path, status) in [
        (signed_in, "/profile", 200),
        (&newcomer, "/", 200),
        (&newcomer, "/readyz", 200),
        (&newcomer, "/login", 303),
    ] {
        let asked = Instant::now();
        assert_eq!(visitor.get(path).await.status, status, "{path}");
        let took = asked.elapsed();
        assert!(took < UNHINDERED, "{path} took {took:?}");
    }
}

/// Each acknowledged person has exactly one row, no subject has two, and each session has a person.
fn assert_whole(database: &str, acknowledged: impl Iterator<Item = usize>) {
    for number in acknowledged.collect::<BTreeSet<_>>() {
        let query = format!("SELECT COUNT(*) AS n FROM users WHERE subject = '00u{number}'");
        assert_eq!(self::number(database, &query), 1, "{number}");
    }
    let subjects = "SELECT COUNT(DISTINCT subject) AS n FROM users";
    assert_eq!(users(database), number(database, subjects));
    let nobodys = "SELECT COUNT(*) AS n FROM sessions WHERE user_id NOT IN (SELECT id FROM users)";
    assert_eq!(number(database, nobodys), 0);
}

//! Faults that are really made: the binary as a process, in front of a provider, a database, a disk and clients that
//! fail.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use actix_web::rt;
use actix_web::rt::time::{sleep, timeout};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use doorward::random;
use futures_util::future::{join, join_all};
use tokio::sync::Mutex;

use crate::support::app::Storage;
use crate::support::postgres::OwnPostgres;
use crate::support::process::{DOORWARD, Process, complete, free_addr, provider_for};
use crate::support::provider::{Canned, Endpoint, Person, Provider};
use crate::support::visitor::Answer;
use crate::support::{Database, Visitor};

/// Nobody waits longer for a page, whatever the provider does.
const PAGE_WITHIN: Duration = Duration::from_secs(12);

/// Nobody waits longer for a page, whatever the database does.
const NO_DATABASE_WITHIN: Duration = Duration::from_secs(7);

/// What those who have nothing to do with a fault may feel of it: nothing, on a busy machine.
const UNHINDERED: Duration = Duration::from_secs(1);

/// No test here takes longer.
const LIMIT: Duration = Duration::from_secs(100);

const NO_RECORDS: &str = "Our database does not answer just now, so nothing could be looked up.";

/// Held by the tests that measure time and by those that take all of the machine.
static MEASURING: Mutex<()> = Mutex::const_new(());

/// A Doorward process, the provider that it trusts, and a hundred people there.
struct Front {
    doorward: Process,
    addr: SocketAddr,
    provider: Provider,
    database: String,
}

impl Front {
    fn open(database: &str) -> Front {
        Front::open_by(&[], database)
    }

    /// Started by another program: `["nice", "-n", "5"]`.
    fn open_by(starter: &[&str], database: &str) -> Front {
        let addr = free_addr();
        let url = format!("http://{addr}");
        let provider = provider_for(&url, (0..100).map(person).collect());
        let doorward = start(starter, addr, &provider, database);
        let mut front = Front {
            doorward,
            addr,
            provider,
            database: database.to_owned(),
        };
        front.doorward.answers(addr);
        front
    }

    /// At the same address, after it ended in whatever way.
    fn open_again(&mut self) {
        self.doorward = start(&[], self.addr, &self.provider, &self.database);
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

fn start(starter: &[&str], addr: SocketAddr, provider: &Provider, database: &str) -> Process {
    let (issuer, url) = (provider.issuer(), format!("http://{addr}"));
    let variables = complete(
        addr,
        &[
            ("OIDC_ISSUER", &issuer),
            ("PUBLIC_URL", &url),
            ("DATABASE_URL", database),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ],
    );
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let words: Vec<&str> = starter.iter().copied().chain([DOORWARD]).collect();
    Process::start(words[0], &words[1..], &variables)
}

fn person(number: usize) -> Person {
    Person::new(&login(number), &format!("00u{number}"))
        .claim("name", format!("Person {number}"))
        .claim("email", format!("{number}@example.com"))
}

fn login(number: usize) -> String {
    format!("p{number}")
}

/// What a query that selects one number as `n` answers.
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
        assert!(Instant::now() < deadline, "in vain: {what}");
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

const UNUSABLE: &str = "It let you in but then gave us no answer that we can use.";

/// Zeros: 100 MB of them in 630 KB, which the limit of an answer's size lets pass.
fn bomb() -> Canned {
    const MATCHES: usize = 100_000_000 / 258;
    // RFC 1951, one last block of fixed codes: a zero, then "the last byte 258 times" again and again.
    let mut bits = vec![1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0];
    for _ in 0..MATCHES {
        bits.extend([1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }
    bits.extend([0; 7]);
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    body.extend(bits.chunks(8).map(|byte| {
        let bits = byte.iter().enumerate();
        bits.map(|(place, bit)| bit << place).sum::<u8>()
    }));
    let mut bomb = Canned::new(200, "application/json", body);
    bomb.headers
        .push(("Content-Encoding".to_owned(), "gzip".to_owned()));
    bomb
}

/// Each sign-in of these hangs until Doorward has enough of it.
fn slow_answers() -> Vec<(Endpoint, Canned)> {
    let json = || Canned::new(200, "application/json", vec![b' '; 10_000]);
    let late = || json().late(Duration::from_secs(30));
    let drip = || json().dripping(Duration::from_millis(20));
    [Endpoint::Token, Endpoint::Userinfo]
        .into_iter()
        .flat_map(|endpoint| [late(), drip(), late(), drip()].map(|canned| (endpoint, canned)))
        .collect()
}

fn bad_answers() -> Vec<(Endpoint, Canned)> {
    let huge = || Canned::new(200, "application/json", vec![b' '; 1 << 20]).repeated(50);
    let redirect = |status| {
        let mut canned = Canned::html(status, "");
        let target = "http://127.0.0.1:9/".to_owned();
        canned.headers.push(("Location".to_owned(), target));
        canned
    };
    [Endpoint::Token, Endpoint::Userinfo]
        .into_iter()
        .flat_map(|endpoint| {
            let all = [
                Canned::reset(),
                redirect(302),
                redirect(307),
                huge(),
                huge(),
                bomb(),
                bomb(),
            ];
            all.map(|canned| (endpoint, canned))
        })
        .collect()
}

/// Begins a sign-in and lets the provider answer its callback in that way.
async fn meet(front: &Front, login: &str, endpoint: Endpoint, canned: Canned) -> Slow {
    let visitor = front.visitor();
    let callback = visitor.callback_for(login).await;
    let asked = front.provider.request_count(endpoint);
    front.provider.faults(|faults| {
        faults.canned.insert(endpoint, canned);
    });
    let answer = rt::spawn(async move {
        let began = Instant::now();
        (visitor.get(&callback).await, began.elapsed())
    });
    until("the provider is asked", PAGE_WITHIN, async || {
        front.provider.request_count(endpoint) > asked
    })
    .await;
    front.provider.heal();
    answer
}

type Slow = rt::task::JoinHandle<(Answer, Duration)>;

async fn assert_failed(slow: Vec<Slow>) {
    for answer in slow {
        let (answer, took) = answer.await.unwrap();
        assert_page(&answer, 502, UNUSABLE);
        assert!(took < PAGE_WITHIN, "{took:?}");
    }
}

/// Those who have nothing to do with it: somebody who is signed in, somebody who looks in, somebody who signs in.
async fn assert_unhindered(front: &Front, signed_in: &Visitor) {
    let newcomer = front.visitor();
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

#[actix_web::test]
async fn a_provider_in_trouble_costs_its_own_sign_ins_time_and_nobody_else_anything() {
    let _measuring = MEASURING.lock().await;
    let storage = Storage::new(Database::Sqlite);
    let front = Front::open(&storage.url);
    let somebody = front.visitor();
    assert!(is_back(&somebody.sign_in("p0").await));
    many(8, 8, async |_| {
        assert!(is_back(&front.visitor().sign_in("p1").await))
    })
    .await;
    let before = front.peak_kib();

    let mut slow = Vec::new();
    for (endpoint, canned) in slow_answers() {
        slow.push(meet(&front, "p2", endpoint, canned).await);
    }
    let began = Instant::now();
    assert!(is_back(&front.visitor().sign_in("p3").await));
    assert!(began.elapsed() < 2 * UNHINDERED, "{:?}", began.elapsed());
    let mut bad = Vec::new();
    for (endpoint, canned) in bad_answers() {
        bad.push(meet(&front, "p4", endpoint, canned).await);
        assert_unhindered(&front, &somebody).await;
    }
    assert_failed(bad).await;
    assert!(slow.iter().all(|answer| !answer.is_finished()));
    while !slow.iter().any(|answer| answer.is_finished()) {
        assert_unhindered(&front, &somebody).await;
        sleep(Duration::from_millis(100)).await;
    }
    assert_failed(slow).await;
    let grown = front.peak_kib() - before;
    assert!(grown < 40 * 1024, "{grown} KiB more than {before}");

    let visitor = front.visitor();
    let callback = visitor.callback_for("p5").await;
    front.provider.stop();
    let died = Instant::now();
    assert_page(&visitor.get(&callback).await, 502, UNUSABLE);
    assert!(died.elapsed() < PAGE_WITHIN);
    assert_unhindered(&front, &somebody).await;
    front.provider.restart().unwrap();
    assert!(is_back(&visitor.sign_in("p5").await));
}

#[actix_web::test]
async fn a_provider_that_can_not_even_be_discovered_leaves_the_home_page_quick() {
    let _measuring = MEASURING.lock().await;
    let storage = Storage::new(Database::Sqlite);
    let front = Front::open(&storage.url);
    let drip = Canned::new(200, "application/json", vec![b' '; 10_000])
        .dripping(Duration::from_millis(20));
    front.provider.faults(|faults| {
        faults.canned.insert(Endpoint::Discovery, drip);
    });
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let visitor = front.visitor();
            rt::spawn(async move {
                let began = Instant::now();
                (visitor.get("/login").await, began.elapsed())
            })
        })
        .collect();
    let visitor = front.visitor();
    while !waiting.iter().any(|answer| answer.is_finished()) {
        let asked = Instant::now();
        assert_eq!(visitor.get("/").await.status, 200);
        assert!(asked.elapsed() < UNHINDERED, "{:?}", asked.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    for answer in waiting {
        let (answer, took) = answer.await.unwrap();
        let sentence = "We could not reach it, so nobody can sign in just now.";
        assert_page(&answer, 502, sentence);
        assert!(took < PAGE_WITHIN, "{took:?}");
    }
    assert_eq!(front.provider.request_count(Endpoint::Discovery), 1);
}

#[actix_web::test]
async fn a_postgres_that_goes_and_comes_back_under_load_is_an_outage_and_no_more() {
    let mut postgres = OwnPostgres::start();
    let front = Front::open(&postgres.url());
    let (next, done) = (Cell::new(0), Cell::new(false));
    let acknowledged = RefCell::new(Vec::new());
    let refused = Cell::new(0);
    let judge = |answer: &Answer, asked: Instant, good: bool| {
        let took = asked.elapsed();
        assert!(took < NO_DATABASE_WITHIN, "{took:?}");
        if !good {
            assert_page(answer, 503, NO_RECORDS);
            refused.set(refused.get() + 1);
        }
    };
    let worker = || async {
        while !done.get() {
            let number = next.replace(next.get() + 1) % 100;
            let visitor = front.visitor();
            let callback = visitor.callback_for(&login(number)).await;
            let asked = Instant::now();
            let answer = visitor.get(&callback).await;
            judge(&answer, asked, is_back(&answer));
            if is_back(&answer) {
                acknowledged.borrow_mut().push((number, visitor.clone()));
                for _ in 0..3 {
                    let asked = Instant::now();
                    let profile = visitor.get("/profile").await;
                    judge(&profile, asked, profile.status == 200);
                }
            }
        }
    };
    let outage = async {
        let ops = front.visitor();
        let plenty = async |more: usize| {
            let enough = acknowledged.borrow().len() + more;
            until("sign-ins", Duration::from_secs(30), async || {
                acknowledged.borrow().len() >= enough
            })
            .await;
        };
        plenty(30).await;
        postgres.stop();
        let asked = Instant::now();
        let ready = ops.get("/readyz").await;
        assert_eq!(
            (ready.status, ready.body.as_str()),
            (503, "database: does not answer (the log says why)\n")
        );
        assert!(asked.elapsed() < NO_DATABASE_WITHIN);
        until("refusals", Duration::from_secs(15), async || {
            refused.get() >= 8
        })
        .await;
        assert_eq!(ops.get("/").await.status, 200);
        assert_eq!(ops.get("/healthz").await.status, 200);
        postgres.start_again();
        until("ready again", Duration::from_secs(15), async || {
            ops.get("/readyz").await.status == 200
        })
        .await;
        plenty(30).await;
        done.set(true);
    };
    let all = join(outage, join_all((0..8).map(|_| worker())));
    timeout(LIMIT, all).await.expect("an end");

    let acknowledged = acknowledged.into_inner();
    for (number, visitor) in &acknowledged {
        let profile = visitor.get("/profile").await;
        let name = format!("Person {number}");
        assert_eq!(profile.text("claim-name"), Some(name), "{profile:?}");
    }
    assert_whole(
        &postgres.url(),
        acknowledged.iter().map(|(number, _)| *number),
    );
}

/// Nobody is lost, nobody is there twice, no session is nobody's.
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

/// Whose sign-in was acknowledged, and the cookies that they got for it.
type Acknowledged = Vec<(usize, BTreeMap<String, String>)>;

/// Kills Doorward when forty of a hundred sign-ins are acknowledged and others are under way.
async fn kill_among_a_hundred_sign_ins(front: &mut Front) -> Acknowledged {
    let acknowledged = RefCell::new(Vec::new());
    let enough = tokio::sync::Notify::new();
    let sign_ins = many(100, 16, async |number| {
        let visitor = front.visitor();
        assert!(is_back(&visitor.sign_in(&login(number)).await));
        acknowledged
            .borrow_mut()
            .push((number, visitor.app_cookies()));
        if acknowledged.borrow().len() == 40 {
            enough.notify_one();
        }
    });
    let interrupted = async {
        tokio::select! {
            biased;
            () = enough.notified() => (),
            () = sign_ins => unreachable!("forty come before a hundred"),
        }
    };
    timeout(LIMIT, interrupted).await.expect("forty sign-ins");
    front.doorward.kill();
    acknowledged.into_inner()
}

async fn assert_all_there(front: &Front, acknowledged: &Acknowledged) {
    assert!(acknowledged.len() >= 40);
    for (number, cookies) in acknowledged {
        let visitor = front.visitor();
        for (name, value) in cookies {
            visitor.set_app_cookie(name, value);
        }
        assert!(visitor.is_signed_in().await, "{number}");
    }
    assert_whole(
        &front.database,
        acknowledged.iter().map(|(number, _)| *number),
    );
    many(100, 8, async |number| {
        assert!(is_back(&front.visitor().sign_in(&login(number)).await));
    })
    .await;
    assert_eq!(users(&front.database), 100);
}

#[actix_web::test]
async fn kill_9_among_sign_ins_loses_none_that_was_acknowledged_on_sqlite() {
    let storage = Storage::new(Database::Sqlite);
    let mut front = Front::open(&storage.url);
    for _ in 0..2 {
        let acknowledged = kill_among_a_hundred_sign_ins(&mut front).await;
        let corrupt =
            "SELECT COUNT(*) AS n FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        assert_eq!(storage.number(corrupt), 0);
        front.open_again();
        assert_all_there(&front, &acknowledged).await;
    }
}

/// Postgres crashes as well, a moment later, and keeps what it said it had.
#[actix_web::test]
async fn kill_9_among_sign_ins_loses_none_that_was_acknowledged_on_postgres() {
    let mut postgres = OwnPostgres::start_with(&["fsync=on", "full_page_writes=on"]);
    let mut front = Front::open(&postgres.url());
    let acknowledged = kill_among_a_hundred_sign_ins(&mut front).await;
    postgres.stop();
    postgres.start_again();
    front.open_again();
    assert_all_there(&front, &acknowledged).await;
}

async fn two_thousand_first_sign_ins(database: &str) {
    let _measuring = MEASURING.lock().await;
    let front = Front::open(database);
    let sign_ins = many(2000, 64, async |number| {
        // Those of one person come together.
        let back = front.visitor().sign_in(&login(number / 20)).await;
        assert!(is_back(&back), "{back:?}");
    });
    timeout(LIMIT, sign_ins).await.expect("an end");
    assert_whole(database, 0..100);
    let told = "SELECT COUNT(*) AS n FROM users WHERE '00u' || SUBSTR(name, 8) = subject \
                AND SUBSTR(name, 8) || '@example.com' = email AND NOT email_verified";
    assert_eq!((users(database), number(database, told)), (100, 100));
    let sessions = "SELECT COUNT(*) AS n FROM sessions";
    assert_eq!(number(database, sessions), 2000);
    let printed = front.doorward.printed();
    assert!(!printed.contains("ERROR") && !printed.contains("WARN"));
}

#[actix_web::test]
async fn two_thousand_first_sign_ins_of_a_hundred_people_make_a_hundred_users_on_sqlite() {
    let storage = Storage::new(Database::Sqlite);
    two_thousand_first_sign_ins(&storage.url).await;
}

#[actix_web::test]
async fn two_thousand_first_sign_ins_of_a_hundred_people_make_a_hundred_users_on_postgres() {
    let storage = Storage::new(Database::Postgres);
    two_thousand_first_sign_ins(&storage.url).await;
}

/// What a client that takes its time got until it was cut, and when that was.
struct Dawdler {
    stream: TcpStream,
    cut: Option<Duration>,
    got: Vec<u8>,
}

impl Dawdler {
    fn new(addr: SocketAddr, beginning: &str) -> Dawdler {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        Dawdler {
            stream,
            cut: None,
            got: Vec::new(),
        }
    }

    /// Sends one more byte, if there is still somebody to send it to.
    fn dawdle(&mut self, byte: &[u8], since: Instant) {
        if self.cut.is_some() {
            return;
        }
        let _ = self.stream.write(byte);
        let mut bytes = [0; 1024];
        match self.stream.read(&mut bytes) {
            Err(cause) if cause.kind() == std::io::ErrorKind::WouldBlock => (),
            Ok(count) if count > 0 => self.got.extend_from_slice(&bytes[..count]),
            _ => self.cut = Some(since.elapsed()),
        }
    }
}

#[actix_web::test]
async fn clients_that_never_come_to_an_end_keep_nobody_out() {
    let _measuring = MEASURING.lock().await;
    let storage = Storage::new(Database::Sqlite);
    let front = Front::open(&storage.url);
    let somebody = front.visitor();
    assert!(is_back(&somebody.sign_in("p0").await));
    let began = Instant::now();
    let mut headers: Vec<_> = (0..300)
        .map(|_| Dawdler::new(front.addr, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "))
        .collect();
    let announce = "POST /authorization-code/callback HTTP/1.1\r\nHost: localhost\r\n\
                    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000\r\n\r\n";
    let mut bodies: Vec<_> = (0..50)
        .map(|_| Dawdler::new(front.addr, announce))
        .collect();
    while headers.iter().any(|client| client.cut.is_none()) {
        assert!(began.elapsed() < Duration::from_secs(12), "not cut");
        for client in &mut headers {
            client.dawdle(b"x", began);
        }
        for client in &mut bodies {
            client.dawdle(b"", began);
        }
        let second = Instant::now() + Duration::from_secs(1);
        while Instant::now() < second {
            assert_unhindered(&front, &somebody).await;
            sleep(Duration::from_millis(50)).await;
        }
    }
    for client in &headers {
        let cut = client.cut.unwrap();
        assert!(cut > Duration::from_secs(4), "{cut:?}");
        let got = String::from_utf8_lossy(&client.got);
        assert!(got.is_empty() || got.starts_with("HTTP/1.1 408"), "{got}");
    }
    assert!(is_back(&front.visitor().sign_in("p1").await));
}

#[actix_web::test]
async fn made_up_cookies_cost_no_query() {
    let mut postgres = OwnPostgres::start();
    let front = Front::open(&postgres.url());
    let somebody = front.visitor();
    assert!(is_back(&somebody.sign_in("p0").await));
    let real = somebody.app_cookies()["doorward"].clone();
    postgres.stop();
    let asked = Instant::now();
    let asking = many(2000, 16, async |number| {
        let made_up = match number % 5 {
            0 => random::secret(),
            // The shape of ours: a signature of 44 characters, then the value.
            1 => format!("{}={}", random::secret(), random::secret()),
            2 => format!("{}{}", &real[..real.len() - 43], random::secret()),
            3 => real[..number % real.len()].to_owned(),
            _ => format!("{real}{number}"),
        };
        let visitor = front.visitor();
        visitor.set_app_cookie("doorward", &made_up);
        let home = visitor.get("/").await;
        assert_eq!(home.status, 200, "{made_up}");
        assert!(home.has("login-button"));
    });
    timeout(LIMIT, asking).await.expect("an end");
    assert!(
        asked.elapsed() < Duration::from_secs(40),
        "{:?}",
        asked.elapsed()
    );
    assert_page(&somebody.get("/").await, 503, NO_RECORDS);
}

/// Whether the tests run as root, whom permission bits do not bind.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// A database that may only be read, until this value goes.
struct ReadOnly {
    database: PathBuf,
}

impl ReadOnly {
    fn new(database: &str) -> ReadOnly {
        let read_only = ReadOnly {
            database: database.into(),
        };
        read_only.set(0o500, 0o400);
        read_only
    }

    fn set(&self, folder_mode: u32, file_mode: u32) {
        let folder = self.database.parent().unwrap();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for file in std::fs::read_dir(folder).unwrap() {
            set(&file.unwrap().path(), file_mode);
        }
        set(folder, folder_mode);
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        self.set(0o700, 0o600);
    }
}

/// Root keeps its name but not the right to write where the permission bits say no.
fn bound_by_permissions() -> &'static [&'static str] {
    match is_root() {
        true => &["setpriv", "--bounding-set=-dac_override"],
        false => &[],
    }
}

#[actix_web::test]
async fn an_sqlite_file_that_may_only_be_read_is_told_and_comes_back() {
    let storage = Storage::new(Database::Sqlite);
    drop(Front::open(&storage.url));
    let read_only = ReadOnly::new(&storage.url);
    let mut front = Front::open_by(bound_by_permissions(), &storage.url);
    let visitor = front.visitor();
    assert_eq!(visitor.get("/").await.status, 200);
    for _ in 0..3 {
        let asked = Instant::now();
        assert_page(&visitor.sign_in("p0").await, 503, NO_RECORDS);
        assert!(asked.elapsed() < NO_DATABASE_WITHIN);
    }
    front.doorward.says("readonly database");
    drop(read_only);
    until("writing again", Duration::from_secs(15), async || {
        is_back(&visitor.sign_in("p0").await)
    })
    .await;
    assert!(visitor.is_signed_in().await);
    front.doorward.answers(front.addr);
}

/// Where mounting is allowed, a disk of a megabyte that only Doorward sees and that goes with it; elsewhere its files
/// may not grow beyond that.
enum Disk {
    Small,
    Limit,
}

impl Disk {
    fn find() -> Disk {
        let mount = ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
        let tried = Command::new("unshare").args(mount).output();
        match tried.is_ok_and(|tried| tried.status.success()) {
            true => Disk::Small,
            false => Disk::Limit,
        }
    }

    fn open(&self, folder: &str) -> Front {
        let database = format!("{folder}/small.db");
        let small = format!("mount -t tmpfs -o size=1m tmpfs '{folder}' && exec \"$0\"");
        match self {
            Disk::Small => Front::open_by(&["unshare", "-m", "sh", "-c", &small], &database),
            // Ignored, or the signal would end it.
            Disk::Limit => Front::open_by(
                &["sh", "-c", "trap '' XFSZ; ulimit -S -f 400; exec \"$0\""],
                &database,
            ),
        }
    }

    fn make_room(&self, front: &Front, folder: &str) {
        let pid = front.doorward.id();
        match self {
            Disk::Small => {
                std::fs::remove_file(format!("/proc/{pid}/root{folder}/filler")).unwrap();
            }
            Disk::Limit => {
                let mut prlimit = Command::new("prlimit");
                prlimit.args(["--pid", &pid.to_string(), "--fsize=unlimited"]);
                assert!(prlimit.status().unwrap().success());
            }
        }
    }

    /// Leaves no room, where the limit does not see to that by itself.
    fn fill(&self, front: &Front, folder: &str) {
        if let Disk::Small = self {
            let filler = format!("/proc/{}/root{folder}/filler", front.doorward.id());
            let mut filler = std::fs::File::create(filler).unwrap();
            while filler.write_all(&[0; 4096]).is_ok() {}
        }
    }
}

#[actix_web::test]
async fn a_full_disk_is_told_and_when_there_is_room_again_all_goes_on() {
    let storage = Storage::new(Database::Sqlite);
    let folder = Path::new(&storage.url).parent().unwrap();
    let folder = folder.to_str().unwrap();
    let disk = Disk::find();
    let mut front = disk.open(folder);
    let early = front.visitor();
    assert!(is_back(&early.sign_in("p0").await));
    disk.fill(&front, folder);
    let refused = Cell::new(0);
    let full = until("a full disk", Duration::from_secs(30), async || {
        let asked = Instant::now();
        let answer = front.visitor().sign_in("p1").await;
        assert!(asked.elapsed() < NO_DATABASE_WITHIN);
        if !is_back(&answer) {
            assert_page(&answer, 503, NO_RECORDS);
            refused.set(refused.get() + 1);
        }
        refused.get() == 3
    });
    full.await;
    assert!(early.is_signed_in().await, "reading needs no room");
    assert_eq!(early.get("/readyz").await.status, 200);
    disk.make_room(&front, folder);
    until("writing again", Duration::from_secs(15), async || {
        is_back(&front.visitor().sign_in("p2").await)
    })
    .await;
    assert!(early.is_signed_in().await);
    front.doorward.answers(front.addr);
}

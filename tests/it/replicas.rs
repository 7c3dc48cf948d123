//! Three Doorward processes on one Postgres, behind a real nginx that sends each request to the next of them.

mod crowd;
mod ended_by_provider;
mod first_sign_in;
mod step_ups;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::rt::System;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::support::app::Storage;
use crate::support::nginx::Nginx;
use crate::support::people::{email, login, name, person};
use crate::support::postgres::OwnPostgres;
use crate::support::process::{DOORWARD, PATIENCE, Process, free_addr, provider_for};
use crate::support::provider::Provider;
use crate::support::{Database, Visitor};
use crowd::{Crowd, PEOPLE};

/// What `SESSION_CACHE` is when it is not set.
const SESSION_CACHE: Duration = Duration::from_secs(2);

/// Of `docs/operations.md`: no sticky sessions, and nginx tries the next one when one does not respond.
struct Replicas {
    url: String,
    database: String,
    addrs: [SocketAddr; 3],
    doorwards: [Process; 3],
    provider: Provider,
    _nginx: Nginx,
}

impl Replicas {
    /// All three at the same moment.
    fn start(database: &str) -> Replicas {
        let nginx_addr = free_addr();
        let url = format!("http://{nginx_addr}");
        let provider = provider_for(&url, (0..PEOPLE).map(person).collect());
        let addrs = [free_addr(), free_addr(), free_addr()];
        let doorwards = addrs.map(|addr| start(addr, &url, &provider, database));
        for doorward in &doorwards {
            doorward.says("listening at");
        }
        Replicas {
            url,
            database: database.to_owned(),
            addrs,
            doorwards,
            provider,
            _nginx: Nginx::start(nginx_addr, &addrs.map(|addr| addr.to_string())),
        }
    }

    /// Starts one again, after it ended in whatever way.
    fn start_again(&mut self, which: usize) {
        let addr = self.addrs[which];
        self.doorwards[which] = start(addr, &self.url, &self.provider, &self.database);
        self.doorwards[which].answers(addr);
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(&self.url)
    }

    /// The same browser, but past nginx, at each of them.
    fn at_each(&self, visitor: &Visitor) -> [Visitor; 3] {
        let cookie = &visitor.app_cookies()["doorward"];
        self.addrs.map(|addr| at(addr, &self.url, cookie))
    }
}

fn start(addr: SocketAddr, url: &str, provider: &Provider, database: &str) -> Process {
    let issuer = provider.issuer();
    let variables = [
        ("OIDC_ISSUER", issuer.as_str()),
        ("PUBLIC_URL", url),
        ("DATABASE_URL", database),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    Process::doorward(addr, &variables)
}

/// Past what browsers see, at `url`.
fn at(addr: SocketAddr, url: &str, cookie: &str) -> Visitor {
    let visitor = Visitor::new(&format!("http://{addr}")).for_site(url);
    visitor.set_app_cookie("doorward", cookie);
    visitor
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The result of a query that selects pairs of `what` and `n`.
fn counted(database: &str, query: &str) -> BTreeMap<String, i64> {
    let mut connection = PgConnection::establish(database).unwrap();
    let rows: Vec<Counted> = diesel::sql_query(query).load(&mut connection).unwrap();
    rows.into_iter().map(|row| (row.what, row.n)).collect()
}

/// Each was applied, and by one of them.
fn assert_migrated_once(database: &str, doorwards: &[Process]) {
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
    let versions: Vec<_> = folders
        .map(|folder| {
            let name = folder.unwrap().file_name().into_string().unwrap();
            name.split_once('_').unwrap().0.replace('-', "")
        })
        .collect();
    assert!(versions.len() >= 4, "{versions:?}");
    let printed: Vec<_> = doorwards.iter().map(Process::printed).collect();
    for version in &versions {
        let line = format!("applied the migration {version}\n");
        let lines: usize = printed.iter().map(|it| it.matches(&line).count()).sum();
        assert_eq!(lines, 1, "{version}: {printed:?}");
    }
    let query =
        "SELECT version AS what, COUNT(*) AS n FROM __diesel_schema_migrations GROUP BY version";
    let once = versions.into_iter().map(|version| (version, 1)).collect();
    assert_eq!(counted(database, query), once);
}

#[test]
fn migrations_are_applied_once_however_many_start_at_the_same_moment() {
    for _ in 0..4 {
        let storage = Storage::new(Database::Postgres);
        let variables = [("DATABASE_URL", storage.url.as_str())];
        let doorwards = [(); 5].map(|()| Process::doorward(free_addr(), &variables));
        for doorward in &doorwards {
            doorward.says("listening at");
        }
        assert_migrated_once(&storage.url, &doorwards);
    }
}

/// From when to when something was not as it should be.
type Fault = (Instant, Instant);

fn fault(act: impl FnOnce()) -> Fault {
    let began = Instant::now();
    act();
    (began, Instant::now())
}

/// What the processes say that went wrong.
fn complaints(replicas: &Replicas) -> String {
    let printed: String = replicas.doorwards.iter().map(Process::printed).collect();
    let lines = printed.lines().filter(|line| !line.contains(" INFO "));
    lines.collect::<Vec<_>>().join("\n")
}

/// None has asked before, so none answers out of its memory.
fn assert_alive_everywhere(replicas: &Replicas, acknowledged: &[crowd::Acknowledged]) {
    std::thread::scope(|scope| {
        for addr in replicas.addrs {
            scope.spawn(move || {
                System::new().block_on(async {
                    let visitor = at(addr, &replicas.url, "");
                    for somebody in acknowledged {
                        visitor.set_app_cookie("doorward", &somebody.cookie);
                        let profile = visitor.get("/profile").await;
                        let found = (profile.status, profile.text("claim-name"));
                        assert_eq!(found, (200, Some(name(somebody.number))), "{addr}");
                    }
                });
            });
        }
    });
}

mod slow {
    use super::*;

    #[test]
    fn of_five_hundred_people_nobody_is_lost_nor_there_twice_after_a_crash_a_restart_and_an_outage()
    {
        let mut postgres = OwnPostgres::start_with(&["fsync=on", "full_page_writes=on"]);
        let mut replicas = Replicas::start(&postgres.url());
        assert_migrated_once(&replicas.database, &replicas.doorwards);
        let began = Instant::now();
        let crowd = Crowd::gather(&replicas.url);

        crowd.let_in(200);
        crowd.are_signed_in(60);
        crowd.are_at_the_callback(4);
        let crash = fault(|| replicas.doorwards[0].kill());
        crowd.are_signed_in(120);
        replicas.start_again(0);
        crowd.are_signed_in(200);
        let after_the_crash = (crowd.error_pages(), crowd.sent_round_again());

        crowd.let_in(400);
        crowd.are_signed_in(240);
        crowd.are_at_the_callback(4);
        replicas.doorwards[1].signal("TERM");
        let (code, printed) = replicas.doorwards[1].ends();
        assert_eq!(code, Some(0), "{printed}");
        replicas.start_again(1);
        crowd.are_signed_in(400);
        let after_the_restart = (crowd.error_pages(), crowd.sent_round_again());
        assert_eq!(
            after_the_restart, after_the_crash,
            "a restart costs nobody anything"
        );

        crowd.let_in(PEOPLE);
        crowd.are_signed_in(420);
        crowd.are_at_the_callback(4);
        let outage = fault(|| {
            postgres.stop();
            crowd.have_met_errors(after_the_restart.0 + 16);
            postgres.start_again();
        });
        crowd.are_signed_in(PEOPLE);
        let again = crowd.sent_round_again();
        let (acknowledged, refusals) = crowd.end();
        let signed_in_within = began.elapsed();

        for refusal in &refusals[after_the_crash.0..] {
            let sentence =
                "Our database is not responding right now, so nothing could be looked up.";
            assert_eq!(
                refusal,
                &(503, sentence.to_owned()),
                "{}",
                complaints(&replicas)
            );
        }
        let cookies: BTreeSet<_> = acknowledged.iter().map(|it| &it.cookie).collect();
        assert_eq!(cookies.len(), PEOPLE, "nobody has another's session");
        let asked = Instant::now();
        assert_alive_everywhere(&replicas, &acknowledged);
        let asked_within = asked.elapsed();

        let query = "SELECT subject AS what, COUNT(*) AS n FROM users GROUP BY subject";
        let users = counted(&replicas.database, query);
        assert_eq!(
            users,
            (0..PEOPLE)
                .map(|number| (format!("00u{number}"), 1))
                .collect()
        );
        let sessions = "SELECT subject AS what, COUNT(*) AS n FROM sessions \
                        JOIN users ON users.id = user_id GROUP BY subject";
        let sessions = counted(&replicas.database, sessions);
        let (mut interrupted, mut lost_answers) = (0, 0);
        for somebody in &acknowledged {
            // One session each; another one only of a callback that was under way when the process or the database died
            // under it: it may have been written down, and nobody was told its secret.
            let hit = |(began, ended): &&Fault| {
                let during = |fault: Fault| *began <= fault.1 && *ended >= fault.0;
                during(crash) || during(outage)
            };
            let hits = i64::try_from(somebody.callbacks.iter().filter(hit).count()).unwrap();
            let found = sessions[&format!("00u{}", somebody.number)];
            assert!(
                (1..=1 + hits).contains(&found),
                "{}: {found} after {hits} hits",
                somebody.number
            );
            interrupted += hits;
            lost_answers += found - 1;
        }
        let events = "SELECT event AS what, COUNT(*) AS n FROM audit_events WHERE event = 'sign_in' GROUP BY event";
        let total: i64 = sessions.values().sum();
        assert_eq!(
            counted(&replicas.database, events)["sign_in"],
            total,
            "each session has its event"
        );
        for doorward in &replicas.doorwards {
            assert!(
                !doorward.printed().contains("panicked"),
                "{}",
                doorward.printed()
            );
        }
        println!(
            "{PEOPLE} people signed in within {signed_in_within:.1?}: {} error pages and {} sent to the provider again \
             after the kill, none more by the restart, {} and {} by the outage of {:.1?}; {interrupted} callbacks \
             were under way at either; {total} sessions, {lost_answers} \
             of them of answers that were lost; {} profiles asked for within {asked_within:.1?}",
            after_the_crash.0,
            after_the_crash.1,
            refusals.len() - after_the_crash.0,
            again - after_the_crash.1,
            outage.1 - outage.0,
            3 * PEOPLE,
        );
    }

    #[actix_web::test]
    async fn who_signs_out_at_one_is_out_at_all_others_within_the_session_cache() {
        let storage = Storage::new(Database::Postgres);
        let replicas = Replicas::start(&storage.url);
        let mut latest = Duration::ZERO;
        for round in 0..3 {
            let somebody = replicas.visitor();
            assert_eq!(somebody.sign_in(&login(0)).await.location(), "/profile");
            let mut at_each = replicas.at_each(&somebody);
            at_each.rotate_left(round);
            for visitor in &at_each {
                assert!(visitor.is_signed_in().await);
            }
            let out = at_each[0].post("/logout", "").await;
            assert!(
                out.location().contains("/end_session?"),
                "{}",
                out.location()
            );
            let signed_out = Instant::now();
            // Their browser has lost the cookie, but whoever copied it has not.
            let at_each = replicas.at_each(&somebody);
            assert!(
                !at_each[round].is_signed_in().await,
                "at once where they signed out"
            );
            for visitor in &at_each {
                let deadline = signed_out + PATIENCE;
                let mut asked = Instant::now();
                while visitor.is_signed_in().await {
                    let since = asked - signed_out;
                    latest = latest.max(since);
                    assert!(
                        since < SESSION_CACHE && asked < deadline,
                        "still in after {since:?}"
                    );
                    asked = Instant::now();
                }
            }
        }
        println!("signed out at one, last let in by another after {latest:.2?}");
    }

    #[test]
    fn users_block_holds_at_every_replica_when_the_command_returns() {
        let storage = Storage::new(Database::Postgres);
        let replicas = Replicas::start(&storage.url);
        let somebody = System::new().block_on(async {
            let somebody = replicas.visitor();
            assert_eq!(somebody.sign_in(&login(0)).await.location(), "/profile");
            somebody.app_cookies()["doorward"].clone()
        });
        let (all_know_them, is_over) = (Barrier::new(4), AtomicBool::new(false));
        // They go on asking, so that every process remembers them as freshly as it can.
        let asking = |addr| {
            let (somebody, url) = (&somebody, &replicas.url);
            let (all_know_them, is_over) = (&all_know_them, &is_over);
            move || {
                System::new().block_on(async {
                    let visitor = at(addr, url, somebody);
                    let mut last_let_in = Instant::now();
                    let is_signed_in = visitor.is_signed_in().await;
                    all_know_them.wait();
                    assert!(is_signed_in, "{addr}");
                    while !is_over.load(Ordering::Relaxed) {
                        let asked = Instant::now();
                        if visitor.is_signed_in().await {
                            last_let_in = asked;
                        }
                    }
                    assert!(!visitor.is_signed_in().await, "{addr}");
                    last_let_in
                })
            }
        };
        std::thread::scope(|scope| {
            let asking = replicas.addrs.map(|addr| scope.spawn(asking(addr)));
            let variables = [("DATABASE_URL", storage.url.as_str())];
            all_know_them.wait();
            let (code, printed) =
                Process::start(DOORWARD, &["users", "block", &email(0)], &variables).ends();
            let returned = Instant::now();
            assert_eq!(code, Some(0), "{printed}");
            is_over.store(true, Ordering::Relaxed);
            for asking in asking {
                let last_let_in = asking.join().unwrap();
                println!(
                    "last let in {:.2?} before the command returned",
                    returned - last_let_in
                );
                assert!(last_let_in < returned);
            }
        });
        System::new().block_on(async {
            for _ in &replicas.addrs {
                assert_eq!(replicas.visitor().sign_in(&login(0)).await.status, 403);
            }
        });
    }
}

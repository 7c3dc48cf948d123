//! Acts on the same people and sessions by many connections at once: each session begins once and ends once, with an event
//! for both, and no two acts wait for each other for ever.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use diesel::prelude::*;
use doorward::accounts::block::{block, unblock};
use doorward::accounts::delete::delete;
use doorward::accounts::end::{Which, Why, end, sign_out};
use doorward::accounts::sign_in::{Former, Other, SignIn, SignInOutcome, sign_in};
use doorward::db::{
    AnyConnection, Groups, Kind, LiveSince, NewSession, NewUser, Session, SignOut, SingleUse, User,
};
use doorward::random;
use time::OffsetDateTime;

use crate::on_both;
use crate::support::{Database, TestApp};

const ISSUER: &str = "https://op.example";

/// What all of them have done so far.
#[derive(Default)]
struct Done {
    key_hashes: Mutex<Vec<String>>,
    attempts: Mutex<Vec<String>>,
    signed_in: AtomicI64,
}

/// One of the latest, so that others meet it too.
fn latest(all: &Mutex<Vec<String>>, choice: u32) -> Option<String> {
    let all = all.lock().unwrap();
    all.iter().rev().take(6).nth(choice as usize % 6).cloned()
}

/// Repeatable numbers (xorshift).
struct Dice(u32);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % sides
    }
}

fn new_sign_in(done: &Done, dice: &mut Dice, subject: &str, now: OffsetDateTime) -> SignIn {
    let used = latest(&done.attempts, dice.roll(6)).filter(|_| dice.roll(4) == 0);
    let attempt = used.unwrap_or_else(random::secret);
    done.attempts.lock().unwrap().push(attempt.clone());
    let former = latest(&done.key_hashes, dice.roll(6));
    let former = former.map(|former| match dice.roll(4) {
        0 => Former::None,
        1 => Former::Ends(former),
        _ => Former::StepsUp(former),
    });
    // As if other tabs of the same browser had begun them.
    let others = (0..dice.roll(3)).filter_map(|_| latest(&done.key_hashes, dice.roll(6)));
    let others = Vec::from_iter(others.map(|key_hash| other(&key_hash, now)));
    let mut new = of_attempt(subject, &random::secret(), now);
    new.attempt = SingleUse::new(Kind::Attempt, &attempt, now + time::Duration::HOUR);
    new.former = former.unwrap_or(Former::None);
    new.others = others;
    new
}

fn new_session(key_hash: &str) -> NewSession {
    NewSession {
        key_hash: key_hash.to_owned(),
        state: "sealed".to_owned(),
        ..NewSession::default()
    }
}

/// Another attempt, whose session would have this key hash.
fn other(key_hash: &str, now: OffsetDateTime) -> Other {
    Other {
        attempt: SingleUse::new(Kind::Attempt, key_hash, now + time::Duration::HOUR),
        session: new_session(key_hash),
    }
}

/// A sign-in in a browser without a session.
fn of_attempt(subject: &str, key_hash: &str, now: OffsetDateTime) -> SignIn {
    SignIn {
        person: NewUser {
            issuer: ISSUER.to_owned(),
            subject: subject.to_owned(),
            name: None,
            email: None,
            email_verified: false,
            groups: Groups::default(),
            preferred_username: None,
        },
        session: new_session(key_hash),
        others: Vec::new(),
        attempt: SingleUse::new(Kind::Attempt, key_hash, now + time::Duration::HOUR),
        former: Former::None,
        began_at: now,
        now,
        since: LiveSince {
            seen: now - time::Duration::HOUR,
            begun: now - time::Duration::HOUR,
        },
    }
}

/// The same for all sign-outs of a session, as in the product.
fn second_click(key_hash: &str) -> SignOut {
    SignOut {
        state_hash: key_hash.to_owned(),
        id_token_hint: "sealed".to_owned(),
    }
}

fn act(connection: &mut AnyConnection, done: &Done, dice: &mut Dice) -> QueryResult<()> {
    let now = OffsetDateTime::now_utc();
    let subject = format!("subject-{}", dice.roll(4));
    let choice = dice.roll(20);
    if choice < 10 {
        let new = new_sign_in(done, dice, &subject, now);
        if let SignInOutcome::SignedIn(_) = sign_in(connection, &new)? {
            done.signed_in.fetch_add(1, Ordering::Relaxed);
            done.key_hashes.lock().unwrap().push(new.session.key_hash);
        }
        return Ok(());
    }
    let idle_timeout = Duration::from_secs(1);
    if choice == 10 {
        let expired = Which::SomeUnseenSince(now - idle_timeout);
        return end(connection, &expired, Why::Expired { idle_timeout }, now).map(drop);
    }
    if let Some(key_hash) = latest(&done.key_hashes, dice.roll(6)).filter(|_| choice < 16) {
        return match choice {
            11..=13 => sign_out(connection, &key_hash, &second_click(&key_hash), now).map(drop),
            14 => Session::update_last_seen_at(connection, &key_hash, now).map(drop),
            _ => Session::update(connection, &key_hash, 0, "sealed again"),
        };
    }
    let Some(user) = User::get(connection, ISSUER, &subject)? else {
        return Ok(());
    };
    match choice {
        16 => end(connection, &Which::SomeOf(user.id), Why::Revoked, now).map(drop),
        17 => block(connection, &user, now).map(drop),
        18 => unblock(connection, &user, now).map(drop),
        _ => delete(connection, &user, now).map(drop),
    }
}

on_both! {
    async fn each_session_begins_once_and_ends_once(database: Database) {
        let app = TestApp::spawn_on(database);
        let storage = app.storage();
        let done = Done::default();
        let rounds = match database {
            Database::Postgres => 300,
            Database::Sqlite => 100,
        };
        std::thread::scope(|scope| {
            for thread in 1..=8 {
                let done = &done;
                scope.spawn(move || {
                    let mut connection = storage.connect();
                    let mut dice = Dice(0x9e37_79b9_u32.wrapping_mul(thread));
                    for _ in 0..rounds {
                        act(&mut connection, done, &mut dice).unwrap();
                    }
                });
            }
        });
        let count = |event: &str| {
            let events = "SELECT COUNT(*) AS n FROM audit_events WHERE event =";
            storage.number(&format!("{events} '{event}'"))
        };
        let ended = ["sign_out", "session_replaced", "session_revoked", "session_expired"];
        let ended: i64 = ended.into_iter().map(count).sum();
        let signed_in = done.signed_in.into_inner();
        assert!(signed_in > rounds, "{signed_in}");
        assert!(count("step_up") > 0);
        assert_eq!(count("sign_in") + count("step_up"), signed_in);
        assert_eq!(ended + storage.sessions(), count("sign_in"));
        assert_eq!(count("user_created") - count("user_deleted"), storage.users());
    }

    /// Each knows of the others' attempts, and none of the others' sessions when it begins.
    async fn tabs_of_one_browser_leave_one_session_whoever_signs_in(database: Database) {
        let people = ["ada", "ada", "ada", "grace", "grace", "noname", "noname"];
        leave_one_session(database, &people, |_, _| true);
    }

    /// Each knows of the attempts that began before it: the others' cookies were not there when its callback was sent.
    async fn tabs_that_know_of_earlier_ones_alone_leave_one_session(database: Database) {
        leave_one_session(database, &["ada"; 5], |tab, other| other < tab);
    }

    /// At other processes, which don't have it in their memory.
    async fn an_attempt_is_used_once_whatever_is_noted_at_it_before_or_after(database: Database) {
        let app = TestApp::spawn_on(database);
        let mut connection = app.storage().connect();
        let now = OffsetDateTime::now_utc();
        let mut sign_in = |new: &SignIn| sign_in(&mut connection, new).unwrap();
        let tab = |own: &str, knows: Option<&str>| {
            let mut new = of_attempt("ada", own, now);
            new.others = knows.map(|key_hash| other(key_hash, now)).into_iter().collect();
            new
        };
        for is_noted_before in [false, true] {
            let [own, another, third] = [(); 3].map(|()| random::secret());
            let mut steps = vec![tab(&own, Some(&another)), tab(&third, Some(&own))];
            if is_noted_before {
                steps.insert(0, tab(&another, Some(&own)));
            }
            for step in steps {
                assert!(matches!(sign_in(&step), SignInOutcome::SignedIn(_)));
            }
            app.storage().execute("DELETE FROM sessions");
            for knows in [None, Some(another.as_str()), Some(third.as_str())] {
                assert_eq!(sign_in(&tab(&own, knows)), SignInOutcome::Used);
            }
            assert_eq!(app.storage().sessions(), 0);
        }
    }

    /// As above, while people are blocked and deleted, and sessions end.
    async fn whatever_happens_meanwhile_a_browser_has_one_session_at_most(database: Database) {
        let app = TestApp::spawn_on(database);
        let storage = app.storage();
        for round in 0..20_u32 {
            let now = OffsetDateTime::now_utc();
            let keys = Vec::from_iter((0..8).map(|_| random::secret()));
            let start = Barrier::new(keys.len() + 2);
            std::thread::scope(|scope| {
                for tab in 0..keys.len() {
                    let mut dice = Dice(0x9e37_79b9_u32.wrapping_mul(round * 16 + tab as u32 + 1));
                    let mut new = of_attempt(["ada", "grace"][dice.roll(2) as usize], &keys[tab], now);
                    let others = (0..keys.len()).filter(|at| *at < tab || (*at > tab && dice.roll(2) == 0));
                    new.others = others.map(|at| other(&keys[at], now)).collect();
                    let start = &start;
                    scope.spawn(move || {
                        let mut connection = storage.connect();
                        start.wait();
                        sign_in(&mut connection, &new).unwrap();
                    });
                }
                for subject in ["ada", "grace"] {
                    let mut dice = Dice(0x85eb_ca6b_u32.wrapping_mul(2 * round + subject.len() as u32));
                    let (start, keys) = (&start, &keys);
                    scope.spawn(move || {
                        let mut connection = storage.connect();
                        start.wait();
                        for _ in 0..12 {
                            disturb(&mut connection, &mut dice, subject, keys).unwrap();
                        }
                    });
                }
            });
            assert!(storage.sessions() <= 1, "round {round}: {}", storage.sessions());
            storage.execute("DELETE FROM sessions");
            storage.execute("UPDATE users SET blocked_at = NULL");
        }
        if database == Database::Postgres {
            let deadlocks = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()";
            assert_eq!(storage.number(deadlocks), 0);
        }
    }
}

/// Each of these people signs in, in a tab of the same browser, all at the same moment.
fn leave_one_session(database: Database, people: &[&str], knows: fn(usize, usize) -> bool) {
    let app = TestApp::spawn_on(database);
    let storage = app.storage();
    for round in 0..20 {
        let now = OffsetDateTime::now_utc();
        let keys = Vec::from_iter(people.iter().map(|_| random::secret()));
        let start = Barrier::new(keys.len());
        std::thread::scope(|scope| {
            for (tab, subject) in people.iter().enumerate() {
                let mut new = of_attempt(subject, &keys[tab], now);
                let others = (0..keys.len()).filter(|at| *at != tab && knows(tab, *at));
                new.others = others.map(|at| other(&keys[at], now)).collect();
                let start = &start;
                scope.spawn(move || {
                    let mut connection = storage.connect();
                    start.wait();
                    let begun = sign_in(&mut connection, &new).unwrap();
                    assert!(matches!(begun, SignInOutcome::SignedIn(_)), "{begun:?}");
                });
            }
        });
        assert_eq!(storage.sessions(), 1, "round {round}");
        storage.execute("DELETE FROM sessions");
    }
}

/// Something else that happens to a person, or to a session of these.
fn disturb(
    connection: &mut AnyConnection,
    dice: &mut Dice,
    subject: &str,
    keys: &[String],
) -> QueryResult<()> {
    let now = OffsetDateTime::now_utc();
    let key_hash = &keys[dice.roll(8) as usize];
    let choice = dice.roll(6);
    if choice < 2 {
        return sign_out(connection, key_hash, &second_click(key_hash), now).map(drop);
    }
    let Some(user) = User::get(connection, ISSUER, subject)? else {
        return Ok(());
    };
    match choice {
        2 => end(connection, &Which::SomeOf(user.id), Why::Revoked, now).map(drop),
        3 => block(connection, &user, now).map(drop),
        4 => unblock(connection, &user, now).map(drop),
        _ => delete(connection, &user, now).map(drop),
    }
}

//! The provider ends sessions, and three processes with one Postgres agree.

use std::time::{Duration, Instant};

use actix_web::rt::System;
use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Replicas, SESSION_CACHE, at, login};
use crate::support::app::{CLIENT_ID, Storage};
use crate::support::process::PATIENCE;
use crate::support::{Answer, Database, Visitor};

/// The form of a logout token of the provider.
pub(super) fn form(replicas: &Replicas, jti: &str, named: &Value) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    let mut claims = json!({
        "iss": replicas.provider.issuer(), "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": jti,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    for (name, value) in named.as_object().unwrap() {
        claims[name] = value.clone();
    }
    format!("logout_token={}", replicas.provider.sign_id_token(&claims))
}

/// Posts it to one of the processes.
pub(super) async fn post(replicas: &Replicas, which: usize, form: &str) -> Answer {
    let visitor = Visitor::new(&format!("http://{}", replicas.addrs[which]));
    visitor.post("/backchannel-logout", form).await
}

/// The next ID tokens have this `sid`: the provider would make one up.
pub(super) fn with_sid(replicas: &Replicas, sid: String) {
    replicas.provider.faults(|faults| {
        faults.edit_claims = Some(Box::new(move |claims| claims["sid"] = sid.clone().into()));
    });
}

#[actix_web::test]
async fn of_the_same_logout_token_at_all_processes_at_once_one_is_accepted() {
    let storage = Storage::new(Database::Postgres);
    let replicas = Replicas::start(&storage.url);
    let somebody = replicas.visitor();
    somebody.sign_in(&login(0)).await;
    for (round, named) in [json!({"sub": "00u0"}), json!({"sid": "none"})]
        .iter()
        .cycle()
        .take(10)
        .enumerate()
    {
        let form = form(&replicas, &format!("same-{round}"), named);
        let posts = (0..9).map(|nth| post(&replicas, nth % 3, &form));
        let answers = join_all(posts).await;
        let accepted = answers.iter().filter(|it| it.status == 200).count();
        assert_eq!(accepted, 1, "{answers:?}");
        for refused in answers.iter().filter(|it| it.status != 200) {
            assert!(refused.body.contains("invalid_request"), "{refused:?}");
        }
    }
}

/// How many of them Postgres had to break. Each of its processes counts what it has found when it ends, at the latest.
fn deadlocks(storage: &Storage) -> i64 {
    let others = "SELECT COUNT(*) AS n FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let deadline = Instant::now() + PATIENCE;
    while storage.number(others) > 0 {
        assert!(Instant::now() < deadline, "they are still connected");
        std::thread::sleep(Duration::from_millis(10));
    }
    let count = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()";
    storage.number(count)
}

mod slow {
    use super::*;
    use crate::support::browser::{Browser, Look};
    use crate::support::visitor::site_of;

    #[actix_web::test]
    async fn who_signs_out_at_the_provider_is_out_at_all_processes_within_the_session_cache() {
        let storage = Storage::new(Database::Postgres);
        let replicas = Replicas::start(&storage.url);
        let uri = format!("{}/backchannel-logout", replicas.url);
        replicas.provider.register_backchannel_logout(&uri);
        for _ in 0..3 {
            let somebody = replicas.visitor();
            assert_eq!(somebody.sign_in(&login(0)).await.location(), "/profile");
            let at_each = replicas.at_each(&somebody);
            for visitor in &at_each {
                assert!(visitor.is_signed_in().await);
            }
            let there = format!("{}/end_session", replicas.provider.issuer());
            assert_eq!(somebody.get(&there).await.status, 200);
            let signed_out = Instant::now();
            for visitor in &at_each {
                loop {
                    let asked = signed_out.elapsed();
                    if !visitor.is_signed_in().await {
                        break;
                    }
                    assert!(
                        asked < SESSION_CACHE.min(PATIENCE),
                        "still in after {asked:?}"
                    );
                }
            }
        }
        let told = replicas.provider.told();
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|told| told.status == Some(200)), "{told:?}");
    }

    /// The same as a person sees it, and as each process answers to the cookie of their browser.
    #[actix_web::test]
    async fn in_a_browser_who_signs_out_at_the_provider_is_out_at_all_processes() {
        let storage = Storage::new(Database::Postgres);
        let replicas = Replicas::start(&storage.url);
        let uri = format!("{}/backchannel-logout", replicas.url);
        replicas.provider.register_backchannel_logout(&uri);
        let browser = Browser::start(Look::DESKTOP).await;
        let person = format!("#person-{}", login(0));
        browser.goto(&format!("{}/profile", replicas.url)).await;
        browser.click(&person).await;
        browser.wait_for("#claim-subject").await;
        // nginx sends each request to the next of them.
        for _ in 0..3 {
            browser.reload().await;
            assert!(browser.exists("#claim-subject").await);
        }
        let name = format!("doorward{}", site_of(&replicas.url));
        let cookies = browser.cookies().await;
        let mut cookies = cookies.split("; ").filter_map(|it| it.split_once('='));
        let cookie = cookies.find(|it| it.0 == name).expect("it is there").1;
        let at_each = replicas.addrs.map(|addr| at(addr, &replicas.url, cookie));
        for visitor in &at_each {
            assert!(visitor.is_signed_in().await);
        }

        browser.new_tab().await;
        browser.goto(&replicas.provider.issuer()).await;
        browser.click("#sign-out").await;
        let is_there = |url: &url::Url| url.path() == "/end_session";
        browser.wait_for_url(is_there).await;
        let signed_out = Instant::now();
        for visitor in &at_each {
            loop {
                let asked = signed_out.elapsed();
                if !visitor.is_signed_in().await {
                    break;
                }
                assert!(asked < SESSION_CACHE, "still in after {asked:?}");
            }
        }
        browser.switch_tab(0).await;
        for _ in 0..3 {
            browser.goto(&format!("{}/profile", replicas.url)).await;
            browser.wait_for(&person).await;
        }
    }

    /// Whichever is first: a session of a sign-in that began before the logout is never left.
    #[actix_web::test]
    async fn no_sign_in_gets_past_a_logout_at_another_process() {
        const ROUNDS: usize = 60;
        let storage = Storage::new(Database::Postgres);
        let replicas = Replicas::start(&storage.url);
        replicas.visitor().sign_in(&login(0)).await;
        storage.execute("DELETE FROM sessions");
        let mut void = 0;
        for round in 0..ROUNDS {
            let sid = format!("raced-{round}");
            let named = [
                json!({"sub": "00u0"}),
                json!({"sid": sid}),
                json!({"sub": "00u0", "sid": sid}),
            ][round % 3]
                .clone();
            with_sid(&replicas, sid);
            let visitors: Vec<_> = (0..3).map(|_| replicas.visitor()).collect();
            let mut callbacks = Vec::new();
            for visitor in &visitors {
                callbacks.push(visitor.callback_for(&login(0)).await);
            }
            let form = form(&replicas, &format!("race-{round}"), &named);
            let arrivals = visitors.iter().zip(&callbacks);
            let arrivals = join_all(arrivals.map(|(visitor, callback)| visitor.get(callback)));
            let wait = Duration::from_millis(3 * (round as u64 % 10));
            let logout = async {
                actix_web::rt::time::sleep(wait).await;
                post(&replicas, round % 3, &form).await
            };
            let (answers, logout) = futures_util::future::join(arrivals, logout).await;
            assert_eq!(logout.status, 200, "{named}: {logout:?}");
            assert_eq!(storage.sessions(), 0, "{named}");
            for answer in answers {
                assert_eq!(answer.status, 303, "{named}: {answer:?}");
                void += usize::from(answer.location() != "/profile");
            }
            replicas.provider.heal();
        }
        println!("{void} of {} sign-ins were void", 3 * ROUNDS);
        drop(replicas);
        assert_eq!(deadlocks(&storage), 0);
    }

    /// What is left of them ends when the same token comes again.
    #[test]
    fn a_logout_that_is_killed_amid_many_sessions_is_completed_by_the_same_token() {
        const SESSIONS: i64 = 30_001;
        let storage = Storage::new(Database::Postgres);
        let mut replicas = Replicas::start(&storage.url);
        let form = System::new().block_on(async {
            replicas.visitor().sign_in(&login(0)).await;
            form(&replicas, "many", &json!({"sub": "00u0"}))
        });
        storage.execute(&format!(
            "INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at) \
             SELECT 'made-up-' || n, user_id, state, created_at, last_seen_at \
             FROM sessions, generate_series(2, {SESSIONS}) n"
        ));
        // The last of the sessions can't be deleted before the process is killed.
        let mut lock = storage.connect();
        let last = format!(
            "BEGIN; SELECT 1 FROM sessions WHERE key_hash = 'made-up-{SESSIONS}' FOR UPDATE"
        );
        lock.batch_execute(&last).unwrap();
        let addr = replicas.addrs[0];
        let killed = form.clone();
        let posting = std::thread::spawn(move || {
            System::new().block_on(async move {
                let url = format!("http://{addr}/backchannel-logout");
                let request = awc::Client::default()
                    .post(url)
                    .timeout(PATIENCE)
                    .content_type("application/x-www-form-urlencoded");
                request.send_body(killed).await.is_ok()
            })
        });
        let deadline = Instant::now() + PATIENCE;
        while storage.sessions() == SESSIONS {
            assert!(Instant::now() < deadline, "no session ends");
            std::thread::sleep(Duration::from_millis(1));
        }
        replicas.doorwards[0].kill();
        assert!(!posting.join().unwrap(), "it was answered before the kill");
        lock.batch_execute("COMMIT").unwrap();
        // In one query: Postgres may still be at what the process sent last.
        let ended = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'session_revoked'";
        let all = format!("SELECT ({ended}) + COUNT(*) AS n FROM sessions");
        assert_eq!(
            storage.number(&all),
            SESSIONS,
            "each that has ended has its event"
        );
        let left = storage.sessions();
        assert!(left > 0, "all have ended before the kill");
        let again = System::new().block_on(post(&replicas, 1, &form));
        assert_eq!(again.status, 200, "{again:?}");
        assert_eq!(storage.sessions(), 0);
        assert_eq!(storage.number(ended), SESSIONS);
        let third = System::new().block_on(post(&replicas, 2, &form));
        assert_eq!(third.status, 400, "now it is used up");
        println!("killed with {left} sessions left");
    }
}

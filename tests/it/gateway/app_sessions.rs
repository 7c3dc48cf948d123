//! The cookie of an app's session: what ends it, and which keys open it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward::random;

use super::support::{Browser, Gateway, NAVIGATION, RULES};
use crate::on_both;
use crate::support::Database;

const WIKI: &str = "http://wiki.test/";
const SESSION: &str = "doorward-app";

on_both! {
    /// A key that is gone costs a redirect, and a person who is signed in with the new one another sign-in at most.
    async fn the_previous_key_opens_apps_and_one_that_is_gone_is_no_loop(database: Database) {
        let key = || STANDARD.encode(random::bytes::<64>());
        let (old, new) = (key(), key());
        let before = Gateway::start_with(database, RULES, &[("SESSION_KEY", &old)]);
        let ada = Browser::new(&before);
        ada.follow(WIKI, "ada").await;
        let late = Browser::new(&before);
        late.at_doorward.sign_in("ada").await;
        let handover = late.open(WIKI).await.location().to_owned();
        let code = late.at_doorward.get(&handover).await.location().to_owned();
        let (_, path) = handover.rsplit_once("/handover").unwrap();

        let both = [("SESSION_KEY", new.as_str()), ("SESSION_KEY_PREVIOUS", &old)];
        let rotated = before.beside(&both);
        let without = before.beside(&[("SESSION_KEY", &new)]);
        // The code is spent by neither that can't open it.
        let forged = late.at(&without).open(&code).await;
        assert!(forged.location().contains("/refused?why="), "{forged:?}");
        assert!(forged.cookies().is_empty());
        assert_eq!(without.app.visitor().get(&format!("/handover{path}")).await.status, 400);
        let known = rotated.app.visitor().get(&format!("/handover{path}")).await;
        assert!(known.location().contains("/login?return_to="), "{known:?}");

        assert_eq!(ada.at(&rotated).open(WIKI).await.status, 200);
        let arrived = late.at(&rotated).open(&code).await;
        assert_eq!((arrived.location(), arrived.cookies().len()), (WIKI, 1));

        let ada = ada.at(&without);
        let old_cookie = ada.cookie("wiki.test", SESSION);
        assert_eq!(ada.ask("GET", WIKI, &[]).await.status, 401);
        let (url, answer) = ada.follow(WIKI, "ada").await;
        assert_eq!((url.as_str(), answer.status), (WIKI, 200));
        assert_ne!(ada.cookie("wiki.test", SESSION), old_cookie);
    }
}

/// Two processes ask for one code at the same moment.
#[actix_web::test]
async fn of_two_processes_at_which_a_code_arrives_one_opens() {
    let first = Gateway::start(Database::Postgres);
    let second = first.beside(&[]);
    for round in 0..12 {
        let ada = Browser::new(&first);
        ada.at_doorward.sign_in("ada").await;
        let handover = ada.open(WIKI).await.location().to_owned();
        let code = ada.at_doorward.get(&handover).await.location().to_owned();
        let elsewhere = ada.at(&second);
        let (one, other) = match round % 2 {
            0 => futures_util::future::join(ada.open(&code), elsewhere.open(&code)).await,
            _ => futures_util::future::join(elsewhere.open(&code), ada.open(&code)).await,
        };
        let opens = |answer: &&crate::support::Answer| {
            answer.status == 303 && answer.cookies().iter().any(|it| it.starts_with(SESSION))
        };
        let opened = [&one, &other].into_iter().filter(opens).count();
        assert_eq!(opened, 1, "{one:?} {other:?}");
    }
}

/// Browsers keep several of one name if another party set one. The bytes are what some apps put into theirs.
#[actix_web::test]
async fn cookies_of_others_neither_hide_ours_nor_count_as_ours() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    ada.follow(WIKI, "ada").await;
    let own = ada.cookie("wiki.test", SESSION);
    for (cookie, status) in [
        (format!("{SESSION}={own}"), 200),
        (format!("a=\"b; c=d\\\"; {SESSION}={own}"), 200),
        (format!("; ;;=; =x; naked; {SESSION}={own}; =\""), 200),
        (format!("ü=ä\u{1f36a}; {SESSION}={own}; x=é"), 200),
        (format!("json={{\"a\":1,\"b\":[2]}}; {SESSION}={own}"), 200),
        (format!("{SESSION}=x; {SESSION}={own}"), 401),
        (format!("{SESSION}={own}; {SESSION}={own}"), 401),
        (format!("{SESSION}={own}; a=b; {SESSION}="), 401),
        (format!("{SESSION}=\"{own}\""), 401),
        (format!("X-{SESSION}={own}; {SESSION}x={own}"), 401),
        (format!("a={SESSION}={own}"), 401),
    ] {
        let request = [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "wiki.test"),
            ("x-forwarded-uri", "/"),
            ("cookie", cookie.as_str()),
        ];
        let answer = gateway.ask("/auth/forward", &request).await;
        assert_eq!(answer.status, status, "{cookie}");
    }
}

/// oauth2-proxy#2163: no page and no link fills a browser with pending handovers until a server answers 431.
#[actix_web::test]
async fn however_often_a_browser_is_sent_to_sign_in_its_cookies_stay_small() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    for number in 0..40 {
        let page = format!("http://wiki.test/{}", "p".repeat(number * 40));
        let query = "q".repeat(number % 7 * 200);
        let (method, referer) = [("GET", ""), ("POST", page.as_str())][number % 2];
        let headers = [&NAVIGATION[..], &[("referer", referer)]].concat();
        let url = format!("http://wiki.test/save?{query}");
        let answer = ada.ask(method, &url, &headers).await;
        assert_eq!(answer.status, 303, "{url}");
        assert!(answer.location().len() < 1100, "{}", answer.location());
        let header = ada.cookie_header("wiki.test");
        assert!(header.len() < 4500, "{header}");
    }
    let (url, answer) = ada.follow("http://wiki.test/last", "ada").await;
    assert_eq!(
        (url.as_str(), answer.status),
        ("http://wiki.test/last", 200)
    );
}

mod slow {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::support::process::{DOORWARD, Process};

    /// As in `docs/gateway.md`: at once in this process, within `SESSION_CACHE` in others.
    const CACHE: Duration = Duration::from_secs(1);

    on_both! {
        async fn whatever_ends_a_session_closes_its_apps_in_all_processes(database: Database) {
            let settings = [("SESSION_CACHE", "1s"), ("SESSION_IDLE_TIMEOUT", "1h")];
            let gateway = Gateway::start_with(database, RULES, &settings);
            let other = gateway.beside(&[("SESSION_IDLE_TIMEOUT", "1h")]);
            for (act, person) in [
                (&["sessions", "revoke", "--user"][..], "ada@example.com"),
                (&["users", "delete", "--"], "ada@example.com"),
                (&["users", "block", "--"], "ada@example.com"),
                (&["sign out"], "grace@example.com"),
                (&["expiry"], "grace@example.com"),
            ] {
                let name = person.split('@').next().unwrap();
                let here = Browser::new(&gateway);
                assert_eq!(here.follow(WIKI, name).await.1.status, 200, "{act:?}");
                let there = here.at(&other);
                assert_eq!(there.open(WIKI).await.status, 200, "{act:?}");
                match act {
                    ["sign out"] => {
                        here.at_doorward.post("/logout", "").await;
                        assert_eq!(here.open(WIKI).await.status, 303, "{act:?}: at once");
                    }
                    ["expiry"] => {
                        gateway.app.clock.shift(time::Duration::hours(2));
                        other.app.clock.shift(time::Duration::hours(2));
                    }
                    _ => {
                        let variables = [("DATABASE_URL", gateway.app.storage().url.as_str())];
                        let arguments = [act, &[person]].concat();
                        let (code, printed) = Process::start(DOORWARD, &arguments, &variables).ends();
                        assert_eq!(code, Some(0), "{act:?}: {printed}");
                    }
                }
                let since = Instant::now();
                for browser in [&here, &there] {
                    loop {
                        let asked = since.elapsed();
                        if browser.ask("GET", WIKI, &[]).await.status != 200 {
                            break;
                        }
                        assert!(asked < 2 * CACHE, "{act:?}: it is open still");
                        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
                    }
                    let script = browser.ask("GET", WIKI, &[]).await;
                    assert_eq!((script.status, script.cookies().len()), (401, 0), "{act:?}");
                    let tab = browser.open(WIKI).await;
                    assert!(tab.location().contains("/handover?request="), "{act:?}: {tab:?}");
                }
            }
        }
    }
}

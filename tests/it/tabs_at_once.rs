//! Tabs that come back from the provider at once, as when a browser restores them: each has the cookies of all attempts, and
//! none has the session of another. The browser has one session afterwards.

use std::time::Duration;

use futures_util::future::join_all;

use crate::on_both;
use crate::session_end::same_cookies;
use crate::support::provider::{Acr, Endpoint};
use crate::support::rows::{events, session};
use crate::support::{Answer, TestApp, Visitor};

/// The session's cookie.
const SESSION: &str = "doorward";

/// A tab of `browser` whose request is under way: the cookies of now, and only the answers that it gets itself.
fn in_flight(app: &TestApp, browser: &Visitor) -> Visitor {
    same_cookies(browser, app.visitor())
}

/// One attempt of `browser` for each of these people: the addresses of the callbacks.
async fn begin(browser: &Visitor, people: &[&str]) -> Vec<String> {
    let mut requests = Vec::new();
    for _ in people {
        requests.push(browser.begin("/login").await);
    }
    let mut callbacks = Vec::new();
    for (request, person) in requests.iter().zip(people) {
        callbacks.push(browser.choose(request, person).await);
    }
    callbacks
}

/// The tabs come back, all at the same moment.
async fn come_back(app: &TestApp, browser: &Visitor, callbacks: &[String]) -> Vec<Visitor> {
    let tabs = Vec::from_iter(callbacks.iter().map(|_| in_flight(app, browser)));
    let answers = tabs
        .iter()
        .zip(callbacks)
        .map(|(tab, callback)| tab.get(callback));
    for answer in join_all(answers).await {
        assert_eq!(answer.location(), "/profile");
    }
    tabs
}

fn session_cookie(tab: &Visitor) -> String {
    tab.app_cookies()[SESSION].clone()
}

async fn subject(tab: &Visitor) -> Option<String> {
    tab.get("/profile").await.text("claim-subject")
}

on_both! {
    async fn whichever_answer_comes_last_eight_tabs_share_one_session(app: TestApp) {
        let ada = app.visitor();
        let callbacks = begin(&ada, &["ada"; 8]).await;
        app.provider.faults(|faults| {
            faults.delay.insert(Endpoint::Token, Duration::from_millis(200));
        });
        let tabs = come_back(&app, &ada, &callbacks).await;
        assert_eq!(app.storage().sessions(), 1);
        for tab in &tabs {
            assert_eq!(session_cookie(tab), session_cookie(&tabs[0]));
            assert!(tab.is_signed_in().await);
        }
        assert_eq!((events(&app, "sign_in"), events(&app, "session_replaced")), (8, 7));
        // And signing out in one of them ends it.
        assert_eq!(tabs[7].post("/logout", "").await.status, 303);
        assert_eq!(app.storage().sessions(), 0);
        for tab in &tabs {
            assert!(!tab.is_signed_in().await);
        }
    }

    /// A browser restores them: each began to sign in before it had the cookie of any other.
    async fn two_dozen_tabs_share_one_session(app: TestApp) {
        let ada = app.visitor();
        let mut tabs = Vec::new();
        for _ in 0..24 {
            let tab = app.visitor();
            let callback = tab.callback_for("ada").await;
            let (name, value) = tab.attempts().remove(0);
            ada.set_app_cookie(&name, &value);
            tabs.push((name, callback));
        }
        // In whichever order the cookies are looked at.
        tabs.sort();
        tabs.reverse();
        let under_way = Vec::from_iter(tabs.iter().map(|_| in_flight(&app, &ada)));
        for (tab, (_, callback)) in under_way.iter().zip(&tabs) {
            assert_eq!(tab.get(callback).await.location(), "/profile");
            assert_eq!(session_cookie(tab), session_cookie(&under_way[0]));
        }
        assert_eq!(app.storage().sessions(), 1);
    }

    /// The answer to the first one is lost: its tab was closed.
    async fn a_session_whose_cookie_never_arrived_is_found(app: TestApp) {
        let ada = app.visitor();
        let callbacks = begin(&ada, &["ada", "ada"]).await;
        in_flight(&app, &ada).get(&callbacks[0]).await;
        let created_at = session(&app).created_at;
        app.clock.shift(time::Duration::minutes(2));
        assert_eq!(ada.get(&callbacks[1]).await.location(), "/profile");
        assert!(ada.is_signed_in().await);
        assert_eq!(session(&app).created_at, created_at);
    }

    /// Whoever comes back last, as after any sign-in.
    async fn of_two_people_the_later_one_is_signed_in(app: TestApp) {
        let browser = app.visitor();
        let callbacks = begin(&browser, &["ada", "grace"]).await;
        let tabs = [in_flight(&app, &browser), in_flight(&app, &browser)];
        tabs[0].get(&callbacks[0]).await;
        assert_eq!(subject(&tabs[0]).await.as_deref(), Some("00uada"));
        tabs[1].get(&callbacks[1]).await;
        assert_eq!(app.storage().sessions(), 1);
        assert_ne!(session_cookie(&tabs[0]), session_cookie(&tabs[1]));
        assert_eq!(subject(&tabs[0]).await, None);
        assert_eq!(subject(&tabs[1]).await.as_deref(), Some("00ugrace"));
        let whose = "SELECT subject AS what FROM audit_events WHERE event = 'session_replaced'";
        assert_eq!(app.storage().texts(whose), ["00uada"]);
    }

    /// One tab brings a session that it had before, and the other does not: it had not been told of it.
    async fn the_session_of_before_ends_too(app: TestApp) {
        let ada = app.visitor();
        let callbacks = begin(&ada, &["ada", "ada"]).await;
        let early = in_flight(&app, &ada);
        let late = in_flight(&app, &ada);
        let before = app.signed_in("ada").await;
        late.set_app_cookie(SESSION, &session_cookie(&before));
        early.get(&callbacks[0]).await;
        late.get(&callbacks[1]).await;
        assert_eq!(app.storage().sessions(), 1);
        assert_eq!(session_cookie(&early), session_cookie(&late));
        assert!(!before.is_signed_in().await && late.is_signed_in().await);
    }

    async fn two_step_ups_at_once_share_the_session(app: TestApp) {
        app.provider.faults(|faults| faults.acr = Acr::Honoured);
        let ada = app.signed_in("ada").await;
        let created_at = session(&app).created_at;
        let mut callbacks = Vec::new();
        for _ in 0..3 {
            let request = ada.begin("/step-up?return_to=/profile").await;
            callbacks.push(ada.choose(&request, "ada").await);
        }
        let tabs = come_back(&app, &ada, &callbacks).await;
        assert_eq!(session(&app).created_at, created_at);
        for tab in &tabs {
            assert_eq!(session_cookie(tab), session_cookie(&tabs[0]));
            assert!(tab.is_signed_in().await);
        }
        let replaced = events(&app, "session_replaced");
        assert_eq!((events(&app, "sign_in"), events(&app, "step_up"), replaced), (1, 3, 0));
        // It is still known by the key of before, to a click on "Sign out" that was on its way.
        assert_eq!(ada.post("/logout", "").await.status, 303);
        assert_eq!(app.storage().sessions(), 0);
    }

    /// A plain sign-in, and the step-up of an app that nobody was signed in for.
    async fn a_sign_in_and_a_step_up_at_once_share_a_session(app: TestApp) {
        for is_step_up_first in [true, false] {
            let ada = app.visitor();
            let plain = ada.begin("/login").await;
            let step_up = ada.begin("/step-up?return_to=/profile").await;
            let mut callbacks = [ada.choose(&plain, "ada").await, ada.choose(&step_up, "ada").await];
            if is_step_up_first {
                callbacks.reverse();
            }
            let tabs = [in_flight(&app, &ada), in_flight(&app, &ada)];
            for (tab, callback) in tabs.iter().zip(&callbacks) {
                assert_eq!(tab.get(callback).await.location(), "/profile");
            }
            assert_eq!(session_cookie(&tabs[0]), session_cookie(&tabs[1]));
            assert_eq!(app.storage().sessions(), 1);
            assert!(tabs[0].is_signed_in().await);
            assert_eq!(tabs[1].post("/logout", "").await.status, 303);
            assert_eq!(app.storage().sessions(), 0);
        }
    }

    /// The other tab's session has another key by now, which only the answer to its step-up says.
    async fn a_session_that_has_stepped_up_meanwhile_is_found(app: TestApp) {
        let ada = app.visitor();
        let callbacks = begin(&ada, &["ada", "ada"]).await;
        let slow = in_flight(&app, &ada);
        ada.get(&callbacks[0]).await;
        let request = ada.begin("/step-up?return_to=/profile").await;
        let callback = ada.choose(&request, "ada").await;
        ada.get(&callback).await;
        assert!(ada.is_signed_in().await);
        assert_eq!(slow.get(&callbacks[1]).await.location(), "/profile");
        assert_eq!(app.storage().sessions(), 1);
        assert!(slow.is_signed_in().await && !ada.is_signed_in().await);
        // If that answer comes before the one to the step-up, the browser is left with the key of before.
        assert_eq!(ada.post("/logout", "").await.status, 303);
        assert_eq!(app.storage().sessions(), 0);
    }

    /// Its callback was sent before the others began to sign in, and the provider keeps it waiting until they have done so: it
    /// has no cookie of theirs. The last of them knows the one before it by its session alone.
    async fn a_tab_that_was_overtaken_finds_the_session_of_the_others(app: TestApp) {
        for others in 1..=3 {
            let ada = app.visitor();
            let callback = ada.callback_for("ada").await;
            let slow = in_flight(&app, &ada);
            for _ in 0..others {
                assert_eq!(ada.sign_in("ada").await.location(), "/profile");
            }
            assert_eq!(slow.get(&callback).await.location(), "/profile");
            assert_eq!(app.storage().sessions(), 1, "{others}");
            assert!(slow.is_signed_in().await && !ada.is_signed_in().await);
            // If its answer comes first all the same, the browser is left with the key of before.
            assert_eq!(ada.post("/logout", "").await.status, 303);
            assert_eq!(app.storage().sessions(), 0);
        }
    }

    /// The person at the browser changes their mind, in another tab that was at the provider already.
    async fn one_tab_after_the_other_the_last_person_is_signed_in(app: TestApp) {
        let browser = app.visitor();
        let people = ["ada", "grace", "ada", "noname"];
        let callbacks = begin(&browser, &people).await;
        for (callback, person) in callbacks.iter().zip(people) {
            assert_eq!(browser.get(callback).await.location(), "/profile");
            assert_eq!(subject(&browser).await, Some(format!("00u{person}")));
            assert_eq!(app.storage().sessions(), 1);
        }
        assert_eq!((events(&app, "sign_in"), events(&app, "session_replaced")), (4, 3));
    }

    /// It starts again by itself, and then brings the cookie of the session that it ends.
    async fn of_two_people_the_one_who_was_overtaken_is_signed_in(app: TestApp) {
        app.visitor().sign_in("ada").await;
        app.storage().execute("DELETE FROM sessions");
        let browser = app.visitor();
        let callback = browser.callback_for("ada").await;
        let slow = in_flight(&app, &browser);
        browser.sign_in("grace").await;
        let again = slow.get(&callback).await;
        assert_eq!(subject(&browser).await.as_deref(), Some("00ugrace"));
        let browser = same_cookies(&slow, browser);
        let callback = browser.choose(again.location(), "ada").await;
        assert_eq!(browser.get(&callback).await.location(), "/profile");
        assert_eq!(subject(&browser).await.as_deref(), Some("00uada"));
        assert_eq!(app.storage().sessions(), 1);
    }

    /// A session that has ended does not come back, nor does its key.
    async fn after_a_sign_out_a_tab_that_was_under_way_has_a_session_of_its_own(app: TestApp) {
        let ada = app.visitor();
        let callbacks = begin(&ada, &["ada", "ada"]).await;
        let slow = in_flight(&app, &ada);
        let first = in_flight(&app, &ada);
        first.get(&callbacks[0]).await;
        let ended = in_flight(&app, &first);
        assert_eq!(first.post("/logout", "").await.status, 303);
        slow.get(&callbacks[1]).await;
        assert!(slow.is_signed_in().await && !ended.is_signed_in().await);
        assert_ne!(session_cookie(&slow), session_cookie(&ended));
        assert_eq!(app.storage().sessions(), 1);
    }

    async fn an_attempt_that_was_used_gives_nobody_its_session(app: TestApp) {
        let ada = app.visitor();
        let callbacks = begin(&ada, &["ada", "ada"]).await;
        let thief = in_flight(&app, &ada);
        come_back(&app, &ada, &callbacks).await;
        let before = session(&app).key_hash;
        for callback in &callbacks {
            let again: Answer = in_flight(&app, &thief).get(callback).await;
            assert!(again.location().starts_with(&app.provider.issuer()), "{}", again.location());
            assert!(!again.cookies().iter().any(|cookie| cookie.starts_with(&format!("{}=", app.cookie_name(SESSION)))));
        }
        assert_eq!(session(&app).key_hash, before);
    }

    /// Over http, anybody on the way can give a browser cookies. Mallory's attempts bring them no session of Ada's, and her none
    /// of Mallory's.
    async fn attempts_that_were_planted_open_nothing(app: TestApp) {
        let mallory = app.visitor();
        let callbacks = begin(&mallory, &["grace", "grace", "grace"]).await;
        let planted = mallory.attempts();
        let first = in_flight(&app, &mallory);
        first.get(&callbacks[0]).await;
        let ada = app.visitor();
        let own = ada.callback_for("ada").await;
        for (name, value) in &planted {
            ada.set_app_cookie(name, value);
        }
        assert_eq!(ada.get(&own).await.location(), "/profile");
        assert_eq!(subject(&ada).await.as_deref(), Some("00uada"));
        assert!(!first.is_signed_in().await, "at most, it ends what they signed in with");
        // Nor do they end hers by using them afterwards.
        let second = in_flight(&app, &mallory);
        let again = second.get(&callbacks[1]).await;
        let callback = second.choose(again.location(), "grace").await;
        second.get(&callback).await;
        assert_eq!(subject(&second).await.as_deref(), Some("00ugrace"));
        assert_eq!(subject(&ada).await.as_deref(), Some("00uada"));
        let cookies = [&first, &second, &ada].map(session_cookie);
        assert!(cookies[0] != cookies[1] && cookies[1] != cookies[2] && cookies[0] != cookies[2]);
    }

    /// Somebody who can sign in as the same person, but not as strongly, has given this browser an attempt of theirs.
    async fn what_a_session_becomes_is_not_for_who_knew_its_key_before(app: TestApp) {
        app.provider.faults(|faults| faults.acr = Acr::Honoured);
        for later in ["/step-up?return_to=/profile", "/login"] {
            let mallory = app.visitor();
            let callback = mallory.callback_for("ada").await;
            let planted = mallory.attempts();
            mallory.get(&callback).await;
            let ada = app.visitor();
            for path in ["/login", later] {
                let request = ada.begin(path).await;
                let callback = ada.choose(&request, "ada").await;
                for (name, value) in &planted {
                    ada.set_app_cookie(name, value);
                }
                assert_eq!(ada.get(&callback).await.location(), "/profile");
            }
            assert!(ada.is_signed_in().await && !mallory.is_signed_in().await, "{later}");
            assert_ne!(session_cookie(&ada), session_cookie(&mallory));
            assert_eq!(app.storage().sessions(), 1);
            app.storage().execute("DELETE FROM sessions");
        }
    }

    /// A browser has removed it by then. Whoever planted it can't use it any more.
    async fn an_attempt_that_is_too_old_to_be_finished_does_not_count(app: TestApp) {
        let mallory = app.visitor();
        let callbacks = begin(&mallory, &["ada", "ada"]).await;
        let planted = mallory.attempts();
        in_flight(&app, &mallory).get(&callbacks[0]).await;
        let before = session(&app).key_hash;
        app.clock.shift(time::Duration::minutes(11));
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        for (name, value) in &planted {
            ada.set_app_cookie(name, value);
        }
        assert_eq!(ada.get(&callback).await.location(), "/profile");
        let kept = format!("SELECT COUNT(*) AS n FROM sessions WHERE key_hash = '{before}'");
        assert_eq!((app.storage().sessions(), app.storage().number(&kept)), (2, 1));
        let noted = "SELECT key_hash AS what FROM single_use WHERE key_hash IS NOT NULL";
        assert_eq!(app.storage().texts(noted), [before]);
    }
}

on_both! {
    /// No browser has brought its cookie since, which would have ended it.
    async fn a_session_that_has_expired_does_not_go_on(database: Database) {
        for timeout in ["SESSION_IDLE_TIMEOUT", "SESSION_ABSOLUTE_TIMEOUT", ""] {
            let variables = Vec::from_iter((!timeout.is_empty()).then_some((timeout, "2m")));
            let app = TestApp::spawn_with(database, &variables);
            let ada = app.visitor();
            let callbacks = begin(&ada, &["ada", "ada"]).await;
            let expired = in_flight(&app, &ada);
            expired.get(&callbacks[0]).await;
            if timeout.is_empty() {
                // As if the provider had said so.
                app.storage().execute("UPDATE sessions SET ends_at = created_at");
            }
            app.clock.shift(time::Duration::minutes(2));
            assert_eq!(ada.get(&callbacks[1]).await.location(), "/profile");
            assert!(ada.is_signed_in().await, "{timeout}");
            assert!(!expired.is_signed_in().await, "{timeout}");
            assert_eq!(app.storage().sessions(), 1);
        }
    }
}

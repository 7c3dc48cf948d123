//! OpenID Connect Front-Channel Logout 1.0: pages of the provider's show ours in a frame.

use awc::http::Method;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::{revoked, signed_in_with};
use crate::on_both;
use crate::support::provider_faults::edit_claims;
use crate::support::{Answer, Database, TestApp, Visitor};

const PATH: &str = "/frontchannel-logout";
const ON: (&str, &str) = ("OIDC_FRONTCHANNEL_LOGOUT", "true");

fn spawn(database: Database) -> TestApp {
    TestApp::spawn_with(database, &[ON])
}

/// A browser loads it in a frame of the provider's: without cookies.
async fn frame(app: &TestApp, query: &str) -> Answer {
    let answer = Visitor::new(&app.url).get(&format!("{PATH}?{query}")).await;
    is_the_page(&answer);
    answer
}

fn is_the_page(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let sentence = "<h1>You are signed out.</h1>";
    assert!(answer.body.contains(sentence), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.cookies().is_empty(), "{answer:?}");
}

/// A query with the provider's name.
fn of_issuer(app: &TestApp, sid: &str) -> String {
    format!("iss={}&sid={sid}", app.provider.issuer())
}

fn ended_sids(app: &TestApp) -> i64 {
    app.storage().number("SELECT COUNT(*) AS n FROM ended_sids")
}

on_both! {
    /// Front-Channel 2 (a)
    async fn a_frame_of_the_provider_ends_the_session_of_its_sid(database: Database) {
        let app = spawn(database);
        let one = signed_in_with(&app, "ada", "s1").await;
        let two = signed_in_with(&app, "ada", "s2").await;
        let grace = signed_in_with(&app, "grace", "s3").await;
        frame(&app, &of_issuer(&app, "s1")).await;
        assert!(!one.is_signed_in().await);
        assert!(two.is_signed_in().await && grace.is_signed_in().await);
        assert_eq!(revoked(&app), ["00uada front_channel"]);
        // Without a name, the only provider is meant.
        frame(&app, "sid=s2&x=1&x=2").await;
        assert!(!two.is_signed_in().await && grace.is_signed_in().await);
        // The person may sign in again at once: only the sessions have ended.
        assert!(app.signed_in("ada").await.is_signed_in().await);
        let voided = "SELECT COUNT(*) AS n FROM users WHERE signed_out_at IS NOT NULL";
        assert_eq!(app.storage().number(voided), 0);
    }

    /// Front-Channel 2 (b)
    /// Front-Channel 2 (g): another `iss` ends nothing
    async fn a_frame_without_a_sid_ends_nothing(database: Database) {
        let app = spawn(database);
        let ada = signed_in_with(&app, "ada", "s1").await;
        let nobody = app.signed_in("grace").await;
        let issuer = app.provider.issuer();
        for query in [
            String::new(),
            format!("iss={issuer}"),
            format!("iss={issuer}&sid="),
            format!("iss={issuer}&sub=00uada"),
            "iss=https://other.example&sid=s1".to_owned(),
            format!("iss={issuer}/&sid=s1"),
            "iss=&sid=s1".to_owned(),
            "sid=s1&sid=s1".to_owned(),
            "sid=s1&s%69d=s2".to_owned(),
            format!("iss={issuer}&iss={issuer}&sid=s1"),
        ] {
            frame(&app, &query).await;
            assert!(ada.is_signed_in().await, "{query}");
        }
        assert!(nobody.is_signed_in().await);
        assert_eq!(ended_sids(&app), 0);
        let refused = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'logout_refused'";
        assert_eq!(app.storage().number(refused), 10);
    }

    /// Front-Channel 2 (a): by POST too, as Okta sends it
    async fn a_post_does_the_same(database: Database) {
        let app = spawn(database);
        let one = signed_in_with(&app, "ada", "s1").await;
        let two = signed_in_with(&app, "ada", "s2").await;
        let stranger = Visitor::new(&app.url);
        is_the_page(&stranger.post(PATH, &of_issuer(&app, "s1")).await);
        assert!(!one.is_signed_in().await && two.is_signed_in().await);
        for (target, form) in [
            ("?sid=s2", "sid=s2".to_owned()),
            ("", format!("sid=s2&x={}", "x".repeat(17_000))),
            ("", "iss=https://other.example&sid=s2".to_owned()),
        ] {
            let target = format!("{PATH}{target}");
            is_the_page(&stranger.post(&target, &form).await);
            assert!(two.is_signed_in().await, "{target} {form:.40}");
        }
        let request = awc::Client::default().post(format!("{}{PATH}?sid=s2", app.url));
        let json = request.content_type("application/json").send_body("{}");
        assert_eq!(json.await.unwrap().status(), 200);
        assert!(two.is_signed_in().await);
        is_the_page(&stranger.post(&format!("{PATH}?iss={}", app.provider.issuer()), "sid=s2").await);
        assert!(!two.is_signed_in().await);
    }

    /// A session is found by the `sid` of the latest ID token that names one: a provider need not say it at each sign-in.
    async fn a_step_up_that_names_no_session_leaves_the_one_of_the_sign_in(database: Database) {
        let app = spawn(database);
        let step_up = async |ada: &Visitor| {
            let provider = ada.begin("/step-up").await;
            let callback = ada.choose(&provider, "ada").await;
            assert_eq!(ada.get(&callback).await.location(), "/profile");
        };
        let ada = signed_in_with(&app, "ada", "s1").await;
        edit_claims(&app, |claims| drop(claims.as_object_mut().unwrap().remove("sid")));
        step_up(&ada).await;
        frame(&app, "sid=s1").await;
        assert!(!ada.is_signed_in().await);
        // One that names another one belongs to that.
        app.clock.shift(time::Duration::SECOND);
        let ada = signed_in_with(&app, "ada", "s2").await;
        edit_claims(&app, |claims| claims["sid"] = "s3".into());
        step_up(&ada).await;
        app.provider.heal();
        frame(&app, "sid=s2").await;
        assert!(ada.is_signed_in().await);
        frame(&app, "sid=s3").await;
        assert!(!ada.is_signed_in().await);
    }

    /// Anybody can send it: what nobody has costs a read and leaves nothing.
    ///
    /// Front-Channel 5 (a)
    async fn a_stranger_takes_no_lock_and_leaves_no_row(database: Database) {
        let app = spawn(database);
        let ada = signed_in_with(&app, "ada", "s1").await;
        for nth in 0..20 {
            frame(&app, &format!("sid=made-up-{nth}")).await;
        }
        assert_eq!(ended_sids(&app), 0);
        if database == Database::Postgres {
            // As a sign-in that reads the table: who wants it alone waits.
            let mut sign_in = PgConnection::establish(&app.storage().url).unwrap();
            sign_in.batch_execute("BEGIN; SELECT 1 FROM ended_sids").unwrap();
            frame(&app, "sid=made-up").await;
            sign_in.batch_execute("COMMIT").unwrap();
        }
        assert!(ada.is_signed_in().await);
        frame(&app, "sid=s1").await;
        assert_eq!(ended_sids(&app), 1);
    }

    /// Front-Channel 2 (f)
    async fn a_sign_in_under_way_of_a_sid_that_ends_is_void(database: Database) {
        let app = spawn(database);
        signed_in_with(&app, "ada", "s1").await;
        let tab = app.visitor();
        edit_claims(&app, |claims| claims["sid"] = "s1".into());
        let callback = tab.callback_for("ada").await;
        frame(&app, "sid=s1").await;
        // It begins anew by itself.
        app.clock.shift(time::Duration::SECOND);
        let again = tab.get(&callback).await;
        assert!(again.location().starts_with(&app.provider.issuer()), "{again:?}");
        assert_eq!(app.storage().sessions(), 0);
        app.provider.heal();
    }
}

/// So it tells no stranger which `sid` lives.
///
/// Front-Channel 2 (d)
/// Front-Channel 5 (b)
#[actix_web::test]
async fn the_answer_is_the_same_for_a_sid_that_nobody_has() {
    let app = spawn(Database::Sqlite);
    let ada = signed_in_with(&app, "ada", "s1").await;
    let all = |answer: Answer| {
        let varies = ["date", "x-request-id"];
        let mut headers = answer.headers;
        headers.retain(|(name, _)| !varies.contains(&name.as_str()));
        headers.sort();
        (answer.status, headers, answer.body)
    };
    let nobodys = all(frame(&app, &of_issuer(&app, "none")).await);
    let other = all(frame(&app, "iss=https://other.example&sid=s1").await);
    let alive = all(frame(&app, &of_issuer(&app, "s1")).await);
    let ended = all(frame(&app, &of_issuer(&app, "s1")).await);
    assert!(!ada.is_signed_in().await);
    for answer in [&other, &alive, &ended] {
        assert_eq!(answer, &nobodys);
    }
}

/// Neither the session of a browser that sends its cookies all the same, nor cookies that open nothing.
///
/// Front-Channel 2 (e)
#[actix_web::test]
async fn the_frame_sets_and_clears_no_cookie() {
    let app = spawn(Database::Sqlite);
    let ada = signed_in_with(&app, "ada", "s1").await;
    let grace = signed_in_with(&app, "grace", "s2").await;
    ada.begin("/login").await;
    let cookies = ada.app_cookies();
    let target = format!("{PATH}?{}", of_issuer(&app, "s2"));
    is_the_page(&ada.get(&target).await);
    is_the_page(&ada.post(PATH, "sid=s2").await);
    assert!(ada.is_signed_in().await && !grace.is_signed_in().await);
    assert_eq!(ada.app_cookies(), cookies);
    // Their own session ends, and their cookies stay as they are.
    is_the_page(&ada.get(&format!("{PATH}?sid=s1")).await);
    assert_eq!(ada.app_cookies(), cookies);
    is_the_page(&ada.get(&target).await);
    let session = app.cookie_name("doorward");
    let twice = format!("{session}=a; {session}=b");
    let headers = [("cookie", twice.as_str())];
    is_the_page(&app.visitor().send(Method::GET, &target, &headers, "").await);
    for event in ["cookies_planted", "session_expired", "sign_out"] {
        let count = format!("SELECT COUNT(*) AS n FROM audit_events WHERE event = '{event}'");
        assert_eq!(app.storage().number(&count), 0, "{event}");
    }
    assert!(!ada.is_signed_in().await);
}

/// Other applications of the domain may have set more cookies than we read. Elsewhere the browser is told to delete them.
///
/// Front-Channel 2 (e)
#[actix_web::test]
async fn too_many_cookies_do_not_keep_a_session_from_ending() {
    let app = spawn(Database::Sqlite);
    for (cookies, sid) in [("a=1; ".repeat(65), "s1"), ("a".repeat(17_000), "s2")] {
        let ada = signed_in_with(&app, "ada", sid).await;
        let headers = [("cookie", cookies.as_str())];
        let stranger = Visitor::new(&app.url);
        let target = format!("{PATH}?{}", of_issuer(&app, sid));
        let answer = stranger.send(Method::GET, &target, &headers, "").await;
        is_the_page(&answer);
        assert_eq!(answer.header("clear-site-data"), None);
        assert!(!ada.is_signed_in().await);
        let elsewhere = stranger.send(Method::GET, "/", &headers, "").await;
        assert_eq!(elsewhere.status, 431);
    }
}

/// Front-Channel 2 (c)
#[actix_web::test]
async fn only_that_page_may_be_framed_and_only_by_the_provider() {
    let more = "https://login.example.com, https://[2001:db8::1]:8443/";
    let variables = [ON, ("OIDC_FRONTCHANNEL_FRAMES", more)];
    let app = TestApp::spawn_with(Database::Sqlite, &variables);
    let issuer = url::Url::parse(&app.provider.issuer()).unwrap();
    let issuer = issuer.origin().ascii_serialization();
    let only = |frames: &str| format!("default-src 'none'; frame-ancestors {issuer}{frames}");
    let framed = frame(&app, "sid=s1").await;
    let policy = only(" https://login.example.com https://[2001:db8::1]:8443");
    assert_eq!(
        framed.header("content-security-policy"),
        Some(policy.as_str())
    );
    assert_eq!(framed.header("x-frame-options"), None);
    for path in [
        "/",
        "/logout",
        "/profile",
        "/login",
        "/backchannel-logout",
        "/nothing",
    ] {
        let answer = app.visitor().get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
    }
    let wrong_verb = app.visitor().send(Method::PUT, PATH, &[], "").await;
    assert_eq!(wrong_verb.header("allow"), Some("GET, POST"));
    let policy = wrong_verb.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let alone = spawn(Database::Sqlite);
    let issuer = alone.provider.issuer();
    let answer = frame(&alone, "").await;
    let policy = answer.header("content-security-policy").unwrap();
    let expected = format!("default-src 'none'; frame-ancestors {issuer}");
    assert_eq!(policy, expected.trim_end_matches('/'));
}

#[actix_web::test]
async fn it_is_not_there_unless_wanted() {
    for variables in [&[][..], &[("OIDC_FRONTCHANNEL_LOGOUT", "false")]] {
        let app = TestApp::spawn_with(Database::Sqlite, variables);
        let ada = signed_in_with(&app, "ada", "s1").await;
        let stranger = Visitor::new(&app.url);
        let query = of_issuer(&app, "s1");
        let get = stranger.get(&format!("{PATH}?{query}")).await;
        let post = stranger.post(PATH, &query).await;
        for answer in [get, post] {
            assert_eq!(answer.status, 404, "{answer:?}");
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        }
        assert!(ada.is_signed_in().await);
    }
}

/// Front-Channel 5 (a)
#[actix_web::test]
async fn every_frame_counts_toward_the_limit() {
    let app = TestApp::spawn_with(Database::Sqlite, &[ON, ("RATE_LIMIT", "2")]);
    frame(&app, "sid=a").await;
    is_the_page(&Visitor::new(&app.url).post(PATH, "sid=b").await);
    let third = Visitor::new(&app.url).get(&format!("{PATH}?sid=c")).await;
    assert_eq!(third.status, 429);
    assert!(third.header("retry-after").is_some());
    let frames = "frame-ancestors 'none'";
    assert!(
        third
            .header("content-security-policy")
            .unwrap()
            .contains(frames)
    );
}

/// The page stays the same; the log and the metric say what happened.
#[actix_web::test]
async fn a_frame_during_an_outage_ends_nothing_and_the_next_one_does() {
    let app = spawn(Database::Sqlite);
    let ada = signed_in_with(&app, "ada", "s1").await;
    app.storage()
        .execute("ALTER TABLE audit_events RENAME TO gone");
    frame(&app, "sid=s1").await;
    app.storage()
        .execute("ALTER TABLE gone RENAME TO audit_events");
    assert!(ada.is_signed_in().await);
    assert_eq!(ended_sids(&app), 0);
    frame(&app, "sid=s1").await;
    assert!(!ada.is_signed_in().await);
}

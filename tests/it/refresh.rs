//! Cached documents become old while the provider responds slowly, or not at all.

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use time::Duration as Span;

use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint, Keep};

/// A refresh delays no page, on a busy machine. One that hangs is given up after ten seconds.
const UNHINDERED: Duration = Duration::from_secs(5);

fn hang(app: &TestApp, endpoint: Endpoint) {
    app.provider.faults(|faults| {
        let late = Canned::new(200, "application/json", "{}").late(Duration::from_secs(60));
        faults.canned.insert(endpoint, late);
    });
}

/// Until the provider was asked `count` times.
async fn asked(app: &TestApp, endpoint: Endpoint, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while app.provider.request_count(endpoint) < count {
        assert!(Instant::now() < deadline, "{endpoint:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[actix_web::test]
async fn a_discovery_that_hangs_does_not_hold_up_the_way_to_the_provider() {
    let app = TestApp::spawn();
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
    app.clock.shift(Span::hours(2));
    hang(&app, Endpoint::Discovery);
    for nth in 0..5 {
        let began = Instant::now();
        assert_eq!(app.visitor().get("/login").await.status, 303);
        let took = began.elapsed();
        assert!(took < UNHINDERED, "{nth}: {took:?}");
    }
    asked(&app, Endpoint::Discovery, 2).await;
    assert_eq!(
        app.provider.request_count(Endpoint::Discovery),
        2,
        "one asks for all"
    );
}

#[actix_web::test]
async fn keys_that_hang_do_not_hold_up_the_way_back() {
    let app = TestApp::spawn();
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
    app.clock.shift(Span::hours(2));
    app.provider.faults(|faults| {
        // Its clock went on too.
        faults.edit_claims = Some(Box::new(|claims| {
            for time in ["iat", "exp", "auth_time"] {
                claims[time] = (claims[time].as_i64().unwrap() + 7200).into();
            }
        }));
    });
    hang(&app, Endpoint::Keys);
    let visitor = app.visitor();
    let callback = visitor.callback_for("ada").await;
    let began = Instant::now();
    assert_eq!(visitor.get(&callback).await.location(), "/profile");
    assert!(began.elapsed() < UNHINDERED, "{:?}", began.elapsed());
}

#[actix_web::test]
async fn what_is_new_is_used_at_once_where_the_provider_answers() {
    let app = TestApp::spawn();
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
    app.clock.shift(Span::hours(2));
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            let place = document["authorization_endpoint"].as_str().unwrap();
            document["authorization_endpoint"] = format!("{place}?new=yes").into();
        }));
    });
    let location = app.visitor().begin("/login").await;
    assert!(location.contains("/authorize?new=yes&"), "{location}");
}

/// Logout 2 (b)
#[actix_web::test]
async fn a_hint_whose_key_is_published_no_more_is_left_out() {
    let app = TestApp::spawn();
    let hint_of = async |visitor: &crate::support::Visitor| {
        let out = visitor.post("/logout", "").await;
        let location = out.location().to_owned();
        assert!(location.contains("/end_session?"), "{location}");
        let url = url::Url::parse(&location).unwrap();
        let hint = url.query_pairs().any(|(name, _)| name == "id_token_hint");
        // The rest says enough of where to come back to.
        let client = url.query_pairs().any(|(name, _)| name == "client_id");
        assert!(client, "{location}");
        hint
    };
    let people = ["ada", "grace", "ada"].map(|person| (person, app.visitor()));
    for (person, visitor) in &people {
        assert_eq!(visitor.sign_in(person).await.location(), "/profile");
    }
    let [(_, ada), (_, grace), (_, last)] = people;
    assert!(hint_of(&ada).await, "published");
    app.provider.rotate_keys(Keep::Yes);
    app.clock.shift(Span::minutes(2));
    assert!(hint_of(&grace).await, "still published");
    app.provider.rotate_keys(Keep::No);
    app.clock.shift(Span::minutes(2));
    assert!(!hint_of(&last).await, "published no more");
}

#[actix_web::test]
async fn keys_that_hang_or_fail_hold_up_nobody_who_signs_out() {
    let app = TestApp::spawn();
    let (ada, grace) = (app.visitor(), app.visitor());
    for visitor in [&ada, &grace] {
        assert_eq!(visitor.sign_in("ada").await.location(), "/profile");
    }
    app.clock.shift(Span::minutes(2));
    app.provider.faults(|faults| {
        faults.canned.insert(Endpoint::Keys, Canned::html(500, ""));
    });
    let out = ada.post("/logout", "").await;
    assert!(
        out.location().contains("id_token_hint="),
        "nothing else is known"
    );
    hang(&app, Endpoint::Keys);
    let began = Instant::now();
    let out = grace.post("/logout", "").await;
    assert!(began.elapsed() < UNHINDERED, "{:?}", began.elapsed());
    assert!(
        out.location().contains("id_token_hint="),
        "nothing else is known"
    );
}

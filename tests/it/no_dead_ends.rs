//! A stale or replayed callback, and an overloaded provider, leave no person on a page without a way to continue.

use std::collections::BTreeMap;

use awc::http::Method;
use futures_util::future::join_all;
use time::Duration;

use crate::on_both;
use crate::support::provider::{Canned, Endpoint};
use crate::support::{TestApp, Visitor};

/// The parameters of a URL's query.
fn query(url: &str) -> BTreeMap<String, String> {
    url::Url::parse(url)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}

on_both! {
    /// RFC 9700 4.3.1
    async fn who_is_signed_in_goes_on_from_a_stale_callback(app: TestApp) {
        let ada = app.visitor();
        let provider = ada.begin("/login?return_to=/profile?tab=2").await;
        let callback = ada.choose(&provider, "ada").await;
        assert_eq!(ada.get(&callback).await.location(), "/profile?tab=2");
        // The Back button.
        assert_eq!(ada.get(&callback).await.location(), "/profile");
        assert_eq!(app.provider.request_count(Endpoint::Token), 1);

        // A second tab that took too long still knows where it wanted to go.
        let provider = ada.begin("/login?return_to=/profile?tab=3").await;
        let callback = ada.choose(&provider, "ada").await;
        app.clock.shift(Duration::minutes(11));
        assert_eq!(ada.get(&callback).await.location(), "/profile?tab=3");
        assert_eq!((app.provider.request_count(Endpoint::Token), app.storage().sessions()), (1, 1));
    }

    async fn a_stale_callback_starts_again_and_arrives_where_the_person_wanted(app: TestApp) {
        let ada = app.visitor();
        let provider = ada.begin("/login?return_to=/profile?tab=2").await;
        let callback = ada.choose(&provider, "ada").await;
        app.clock.shift(Duration::minutes(11));
        let restarted = ada.get(&callback).await;
        assert!(query(restarted.location())["state"].ends_with("~1"));
        // The provider knows the person and asks nothing.
        let back = ada.get(restarted.location()).await;
        assert_eq!(ada.get(back.location()).await.location(), "/profile?tab=2");
        assert!(ada.is_signed_in().await);
    }

    async fn without_cookies_it_ends_after_two_more_tries_with_a_page(app: TestApp) {
        let ada = app.visitor();
        let mut answer = {
            let callback = ada.callback_for("ada").await;
            ada.forget_all();
            ada.get(&callback).await
        };
        for tries in ["~1", "~2"] {
            assert!(query(answer.location())["state"].ends_with(tries));
            ada.forget_all();
            let back = ada.get(answer.location()).await;
            answer = ada.get(back.location()).await;
        }
        // One more look, since another tab may have signed in meanwhile: `tabs`.
        answer = ada.get(answer.location()).await;
        assert_eq!(
            answer.refusal(),
            (403, "Your browser did not keep our sign-in cookie, even on the second try.".to_owned())
        );
        assert!(answer.text("error-next").unwrap().contains("Allow cookies"));
        assert_eq!(answer.text("error-reference").unwrap().len(), 12);
        assert_eq!(app.storage().sessions(), 0);
        assert_eq!(app.provider.request_count(Endpoint::Token), 0);
    }
}

#[actix_web::test]
async fn who_must_wait_is_told_how_long_and_nobody_asks_meanwhile() {
    let app = TestApp::spawn();
    let busy = |header: &str, value: String| {
        let mut busy = Canned::json(429, &serde_json::json!({"error": "too many"}));
        busy.headers.push((header.to_owned(), value));
        app.provider
            .faults(|faults| drop(faults.canned.insert(Endpoint::Discovery, busy)));
    };
    busy("Retry-After", "30".to_owned());
    for _ in 0..3 {
        let answer = app.visitor().get("/login").await;
        assert_eq!(
            answer.refusal(),
            (502, "It can't sign anybody in right now.".to_owned())
        );
        assert_eq!(
            answer.text("error-next").as_deref(),
            Some("Try again in 30 seconds.")
        );
        assert_eq!(answer.header("retry-after"), Some("30"));
    }
    assert_eq!(
        app.provider.request_count(Endpoint::Discovery),
        1,
        "nobody asked meanwhile"
    );

    app.clock.shift(Duration::seconds(31));
    let reset = time::OffsetDateTime::now_utc().unix_timestamp() + 240;
    busy("X-Rate-Limit-Reset", reset.to_string());
    let next = app
        .visitor()
        .get("/login")
        .await
        .text("error-next")
        .unwrap();
    assert_eq!(next, "Try again in 4 minutes.");
    app.clock.shift(Duration::seconds(241));
    busy("Retry-After", "86400".to_owned());
    let answer = app.visitor().get("/login").await;
    let next = answer.text("error-next");
    assert_eq!(next.as_deref(), Some("Try again in 60 minutes."));
    assert_eq!(answer.header("retry-after"), Some("3600"));
    // However long it says, Doorward looks again after an hour.
    app.provider.heal();
    app.clock.shift(Duration::seconds(3599));
    assert_eq!(app.visitor().get("/login").await.status, 502);
    app.clock.shift(Duration::seconds(2));
    assert_eq!(app.visitor().get("/login").await.status, 303);
}

/// However many people come at once, discovery and keys are asked for once; and a failure is shared.
#[actix_web::test]
async fn many_at_once_need_one_request() {
    let app = TestApp::spawn();
    let slowly = |answer: Canned| answer.late(std::time::Duration::from_millis(300));
    app.provider.faults(|faults| {
        faults
            .canned
            .insert(Endpoint::Discovery, slowly(Canned::html(500, "no")));
    });
    let visitors: Vec<Visitor> = (0..20).map(|_| app.visitor()).collect();
    let began = std::time::Instant::now();
    let answers = join_all(visitors.iter().map(|visitor| visitor.get("/login"))).await;
    assert!(answers.iter().all(|answer| answer.status == 502));
    assert!(
        began.elapsed().as_secs() < 5,
        "they did not wait one after the other"
    );
    let failed = app.provider.request_count(Endpoint::Discovery);
    assert!(
        failed <= 2,
        "{failed} requests: one for each moment in which somebody came"
    );

    app.provider.heal();
    app.provider.forget_requests();
    let answers = join_all(visitors.iter().map(|visitor| visitor.get("/login"))).await;
    assert!(answers.iter().all(|answer| answer.status == 303));
    assert_eq!(app.provider.request_count(Endpoint::Discovery), 1);
    let callbacks = answers
        .iter()
        .zip(&visitors)
        .map(async |(answer, visitor)| {
            let callback = visitor.choose(answer.location(), "ada").await;
            visitor.get(&callback).await.status
        });
    assert!(
        join_all(callbacks)
            .await
            .into_iter()
            .all(|status| status == 303)
    );
    assert_eq!(app.provider.request_count(Endpoint::Keys), 1);
}

/// A reload of a page that was asked for by `POST` must not be a second sign-out.
#[actix_web::test]
async fn signing_out_twice_is_no_error() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    ada.sign_in("ada").await;
    ada.post("/logout", "").await;
    // It leads to the provider once more: `sign_out_twice` says why.
    let again = ada.post("/logout", "").await;
    let back = ada.get(again.location()).await;
    assert_eq!(ada.get(back.location()).await.location(), "/");
    for method in [Method::POST, Method::GET] {
        assert_eq!(ada.send(method, "/logout", &[], "").await.location(), "/");
    }
}

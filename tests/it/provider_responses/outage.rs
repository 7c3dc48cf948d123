//! A provider that is down, before, during and after a sign-in.

use serde_json::json;

use super::{UNREACHABLE, UNUSABLE, assert_nobody_is_signed_in, assert_page, assert_signs_in};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint};
use crate::support::provider_faults::answer_with;

#[actix_web::test]
async fn a_provider_that_is_down_at_start_is_found_when_it_comes() {
    let app = TestApp::spawn();
    app.provider.stop();
    let ada = app.visitor();
    for _ in 0..2 {
        let page = ada.get("/login").await;
        assert_page(
            &page,
            UNREACHABLE,
            "discovery: the provider can't be reached: ",
        );
        assert!(page.cookies().is_empty(), "{:?}", page.cookies());
    }
    for healthy in ["/", "/healthz", "/readyz"] {
        assert_eq!(ada.get(healthy).await.status, 200, "{healthy}");
    }
    app.provider.restart().unwrap();
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
}

#[actix_web::test]
async fn a_provider_that_dies_on_the_way_gets_a_page_and_works_when_it_is_back() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    app.provider.stop();
    let page = ada.get(&callback).await;
    assert_page(&page, UNUSABLE, "token: the provider can't be reached: ");
    assert_nobody_is_signed_in(&app, &ada, "down").await;
    app.provider.restart().unwrap();
    let again = ada.get(&callback).await;
    assert!(again.location().contains("/authorize?"), "starts again");
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
}

/// Core 10.1.1 (b)
#[actix_web::test]
async fn what_is_known_serves_on_while_discovery_and_keys_are_away() {
    let app = TestApp::spawn();
    assert_signs_in(&app, "ada").await;
    app.clock.shift(time::Duration::hours(2));
    answer_with(&app, Endpoint::Discovery, Canned::html(500, "no"));
    answer_with(&app, Endpoint::Keys, Canned::html(500, "no"));
    app.provider.faults(|faults| {
        faults.edit_claims = Some(Box::new(|claims| {
            claims["exp"] = json!(claims["exp"].as_u64().unwrap() + 86_400);
        }));
    });
    assert_signs_in(&app, "ada").await;
    assert_eq!(
        app.provider.request_count(Endpoint::Discovery),
        2,
        "they were asked again"
    );
    assert_eq!(
        app.provider.request_count(Endpoint::Keys),
        2,
        "they were asked again"
    );
}

//! Sign-out while the provider has no end-session endpoint, or is down.

use crate::support::TestApp;
use crate::support::provider_faults::edit_discovery;

/// Logout 2.1 (a): Discovery may lack `end_session_endpoint`
#[actix_web::test]
async fn a_provider_without_a_place_to_sign_out_leads_home() {
    let app = TestApp::spawn();
    edit_discovery(&app, |document| {
        drop(
            document
                .as_object_mut()
                .unwrap()
                .remove("end_session_endpoint"),
        )
    });
    let ada = app.visitor();
    ada.sign_in("ada").await;
    let out = ada.post("/logout", "").await;
    assert_eq!((out.status, out.location()), (303, "/"));
    assert!(ada.app_cookies().is_empty(), "{:?}", ada.app_cookies());
    assert_eq!(app.storage().sessions(), 0);
    assert!(!ada.is_signed_in().await);
}

/// Logout 2 (h)
#[actix_web::test]
async fn a_person_signs_out_of_doorward_while_the_provider_is_down() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    ada.sign_in("ada").await;
    let before = ada.app_cookies();
    app.provider.stop();
    let out = ada.post("/logout", "").await;
    // Where that is, is known still; whether it is back, the browser will see.
    let end_session = format!("{}/end_session?", app.provider.issuer());
    assert_eq!(out.status, 303);
    assert!(
        out.location().starts_with(&end_session),
        "{}",
        out.location()
    );
    assert_eq!(app.storage().sessions(), 0);
    assert!(!ada.is_signed_in().await);
    let kept = app.visitor();
    kept.set_app_cookie("doorward", &before["doorward"]);
    assert!(!kept.is_signed_in().await, "the old cookie opens nothing");
}

#[actix_web::test]
async fn a_person_signs_out_of_doorward_while_nothing_is_known_of_the_provider_any_more() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    ada.sign_in("ada").await;
    app.provider.stop();
    for _ in 0..4 {
        app.clock.shift(time::Duration::hours(7));
        assert!(ada.is_signed_in().await);
    }
    let out = ada.post("/logout", "").await;
    assert_eq!((out.status, out.location()), (303, "/"));
    assert_eq!(app.storage().sessions(), 0);
    assert!(!ada.is_signed_in().await);
}

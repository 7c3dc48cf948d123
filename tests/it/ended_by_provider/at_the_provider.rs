//! A session ends at the provider, and the provider says so itself.

use super::revoked;
use crate::on_both;
use crate::support::browser::{Browser, Look};
use crate::support::{Database, TestApp};

/// An app that has registered where to be told.
fn registered(app: &TestApp) {
    let uri = format!("{}/backchannel-logout", app.url);
    app.provider.register_backchannel_logout(&uri);
}

on_both! {
    async fn who_signs_out_at_the_provider_is_out_here(app: TestApp) {
        registered(&app);
        let (here, elsewhere) = (app.signed_in("ada").await, app.signed_in("ada").await);
        let page = here.get(&format!("{}/end_session", app.provider.issuer())).await;
        assert_eq!(page.status, 200);
        assert!(!here.is_signed_in().await);
        assert!(elsewhere.is_signed_in().await, "another session there");
        assert_eq!(revoked(&app), ["00uada back_channel"]);
        let statuses = Vec::from_iter(app.provider.told().into_iter().map(|told| told.status));
        assert_eq!(statuses, [Some(200)]);
    }
}

/// The provider tells us of the session that we have just ended ourselves.
#[actix_web::test]
async fn who_signs_out_here_ends_the_session_there_and_the_provider_is_content() {
    let app = TestApp::spawn();
    registered(&app);
    let ada = app.signed_in("ada").await;
    let out = ada.post("/logout", "").await;
    ada.get(out.location()).await;
    let statuses = Vec::from_iter(app.provider.told().into_iter().map(|told| told.status));
    assert_eq!(statuses, [Some(200)]);
    assert_eq!(revoked(&app), [""; 0]);
}

mod slow {
    use super::*;

    /// At the first request, although this process could know the session from its cache for a minute.
    #[actix_web::test]
    async fn in_a_browser_who_signs_out_at_the_provider_is_out_here_at_once() {
        let app = TestApp::spawn_with(Database::Postgres, &[("SESSION_CACHE", "1m")]);
        registered(&app);
        let browser = Browser::start(Look::DESKTOP).await;
        browser.goto(&app.url).await;
        browser.click("#login-button").await;
        browser.click("#person-ada").await;
        browser.wait_for("#claim-subject").await;
        browser.new_tab().await;
        browser.goto(&app.provider.issuer()).await;
        browser.click("#sign-out").await;
        browser
            .wait_for_url(|url| url.path() == "/end_session")
            .await;
        assert_eq!(browser.title().await, "You are signed out");
        browser.switch_tab(0).await;
        browser.reload().await;
        browser.wait_for("#person-ada").await;
        assert_eq!(app.storage().sessions(), 0);
    }
}

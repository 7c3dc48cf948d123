//! The provider ends a session, and the apps that were opened with it are closed, in Chromium.

mod slow {
    use super::super::proxied::{Proxied, Proxy};
    use crate::support::browser::{Browser, Look};

    #[actix_web::test]
    async fn in_a_browser_who_signs_out_at_the_provider_finds_both_apps_closed() {
        let proxied = Proxied::start(Proxy::Nginx);
        let provider = &proxied.app.provider;
        provider.register_backchannel_logout(&proxied.url("auth", "/backchannel-logout"));
        let browser = Browser::start(Look::DESKTOP).await;
        browser.goto(&proxied.url("wiki", "/")).await;
        browser.click("#person-grace").await;
        browser.wait_for("#seen").await;
        browser.new_tab().await;
        browser.goto(&proxied.url("metrics", "/")).await;
        browser.wait_for("#seen").await;

        browser.new_tab().await;
        browser.goto(&provider.issuer()).await;
        browser.click("#sign-out").await;
        browser
            .wait_for_url(|url| url.path() == "/end_session")
            .await;
        for tab in [0, 1] {
            browser.switch_tab(tab).await;
            // A script of the app is told so; it is not led anywhere.
            let script = "fetch('/data').then(answer => answer.status)";
            assert_eq!(browser.evaluate(script).await, 401, "tab {tab}");
            browser.reload().await;
            browser.wait_for("#person-grace, #seen").await;
            let url = browser.url().await;
            assert!(url.as_str().starts_with(&provider.issuer()), "{url}");
        }
        let told = provider.told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].status, Some(200));
        assert_eq!(proxied.app.storage().sessions(), 0);
    }
}

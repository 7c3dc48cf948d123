//! A person signs out, here or at the provider, and the apps that were opened with the session are closed, in Chromium.

mod slow {
    use std::time::Duration;

    use super::super::proxied::{Proxied, Proxy};
    use crate::support::browser::{Browser, Look};
    use crate::support::provider::Endpoint;

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

    /// As when a browser restores its tabs: both sign in at once, and the browser keeps the session's cookie of one response.
    #[actix_web::test]
    async fn in_a_browser_two_apps_that_signed_in_at_once_are_both_closed_by_signing_out() {
        let proxied = Proxied::start(Proxy::Nginx);
        let provider = &proxied.app.provider;
        let browser = Browser::start(Look::DESKTOP).await;
        // To the provider, they are signed in.
        browser.goto(&proxied.url("wiki", "/")).await;
        browser.click("#person-grace").await;
        browser.wait_for("#seen").await;
        proxied.app.storage().execute("DELETE FROM sessions");
        let before = provider.request_count(Endpoint::Token);
        provider.faults(|faults| {
            for endpoint in [Endpoint::Authorize, Endpoint::Token] {
                faults.delay.insert(endpoint, Duration::from_secs(2));
            }
        });
        browser.goto("about:blank").await;
        let apps = ["wiki", "metrics"];
        for (tab, app) in apps.into_iter().enumerate() {
            if tab > 0 {
                browser.new_tab().await;
            }
            // Later, so that the driver does not wait for the page.
            let url = proxied.url(app, "/");
            let restore = format!("setTimeout(() => {{ location = '{url}' }}, 200)");
            browser.evaluate(&restore).await;
        }
        for tab in 0..apps.len() {
            browser.switch_tab(tab).await;
            browser.wait_for("#seen").await;
        }
        provider.heal();
        assert_eq!(provider.request_count(Endpoint::Token), before + 2);
        assert_eq!(proxied.app.storage().sessions(), 1);

        browser.new_tab().await;
        browser.goto(&proxied.url("auth", "/")).await;
        browser.click("#logout-button").await;
        browser.wait_for("#login-button").await;
        assert_eq!(proxied.app.storage().sessions(), 0);
        for tab in 0..apps.len() {
            browser.switch_tab(tab).await;
            let script = "fetch('/data').then(answer => answer.status)";
            assert_eq!(browser.evaluate(script).await, 401, "tab {tab}");
            browser.reload().await;
            let is_provider = |url: &url::Url| url.as_str().starts_with(&provider.issuer());
            browser.wait_for_url(is_provider).await;
        }
    }
}

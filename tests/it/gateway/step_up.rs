//! Rules with `acr` and `max_age`: a tab goes through the provider for what its session lacks, once; a program is told.

use serde_json::json;
use time::Duration;

use super::support::{Browser, Gateway};
use crate::on_both;
use crate::support::provider::{Acr, Endpoint};
use crate::support::provider_faults::edit_claims;
use crate::support::rows::events;
use crate::support::{Answer, Database};

/// Rules for strong and for recent sign-ins.
pub const RULES: &str = r#"
[[rule]]
name = "recent"
hosts = ["recent.test"]
allow = "signed-in"
max_age = "1h"

[[rule]]
name = "strong"
hosts = ["strong.test"]
allow = "signed-in"
acr = ["phr", "phrh"]
max_age = "1h"

[[rule]]
name = "near"
hosts = ["far.test"]
networks = ["127.0.0.0/8", "::1"]
allow = "signed-in"

[[rule]]
name = "far"
hosts = ["far.test"]
allow = "signed-in"
acr = ["phr"]

[[rule]]
name = "wiki"
hosts = ["wiki.test"]
allow = "signed-in"
"#;

const SCRIPT: [(&str, &str); 1] = [("sec-fetch-mode", "cors")];

/// A provider that signs in as strongly as it is asked to.
pub fn start(database: Database) -> Gateway {
    let gateway = Gateway::start_with(database, RULES, &[]);
    gateway
        .app
        .provider
        .faults(|faults| faults.acr = Acr::Honoured);
    gateway
}

/// The values of a parameter in the requests that the provider got, oldest first.
fn asked_for(gateway: &Gateway, name: &str) -> Vec<String> {
    let requests = gateway.app.provider.requests(Endpoint::Authorize);
    let values = requests
        .iter()
        .filter_map(|request| request.query.get(name));
    values.map(str::to_owned).collect()
}

/// Time passes, here and at the provider.
fn pass(gateway: &Gateway, hours: u32) {
    gateway.app.clock.shift(Duration::hours(hours.into()));
    let secs = u64::from(hours) * 3600;
    gateway
        .app
        .provider
        .faults(|faults| faults.clock_ahead_secs += secs);
}

on_both! {
    async fn a_tab_steps_up_and_comes_to_the_page_that_it_asked_for(database: Database) {
        let gateway = start(database);
        let ada = Browser::new(&gateway);
        assert_eq!(ada.follow("http://wiki.test/", "ada").await.1.status, 200);
        let deep = "http://strong.test/admin?x=1&y=%2F";
        let (url, answer) = ada.follow(deep, "ada").await;
        assert_eq!((url.as_str(), answer.status), (deep, 200), "{}", answer.body);
        assert_eq!(answer.header("remote-user"), Some("00uada"));
        assert_eq!(asked_for(&gateway, "acr_values"), ["phr phrh"]);
        assert_eq!(asked_for(&gateway, "max_age"), ["3600"]);
        assert_eq!((events(&gateway.app, "sign_in"), events(&gateway.app, "step_up")), (1, 1));
        assert_eq!(gateway.app.storage().sessions(), 1);
        // Nobody was refused.
        assert_eq!(events(&gateway.app, "access_refused"), 0);
        // Its old handle at the other app opens nothing any more, and is replaced without a page.
        let script = ada.ask("GET", "http://wiki.test/", &SCRIPT).await;
        assert_eq!(script.status, 401);
        let requests = gateway.app.provider.request_count(Endpoint::Authorize);
        let (url, answer) = ada.follow("http://wiki.test/a?b", "nobody").await;
        assert_eq!((url.as_str(), answer.status), ("http://wiki.test/a?b", 200));
        assert_eq!(gateway.app.provider.request_count(Endpoint::Authorize), requests);
    }

    async fn a_session_that_is_too_old_for_a_rule_is_made_recent(database: Database) {
        let gateway = start(database);
        let ada = Browser::new(&gateway);
        assert_eq!(ada.follow("http://recent.test/", "ada").await.1.status, 200);
        assert_eq!(asked_for(&gateway, "max_age"), Vec::<String>::new());
        pass(&gateway, 2);
        assert_eq!(ada.ask("GET", "http://recent.test/", &SCRIPT).await.status, 401);
        let (url, answer) = ada.follow("http://recent.test/", "ada").await;
        assert_eq!((url.as_str(), answer.status), ("http://recent.test/", 200), "{}", answer.body);
        assert_eq!(asked_for(&gateway, "max_age"), ["3600"]);
        assert_eq!(events(&gateway.app, "step_up"), 1);
        assert_eq!(ada.ask("GET", "http://recent.test/", &SCRIPT).await.status, 200);
    }
}

/// RFC 9470 9 (a)
#[actix_web::test]
async fn a_provider_that_says_the_same_again_is_asked_once() {
    let gateway = start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    ada.follow("http://recent.test/", "ada").await;
    let long_ago = time::OffsetDateTime::now_utc().unix_timestamp();
    pass(&gateway, 2);
    edit_claims(&gateway.app, move |claims| {
        claims["auth_time"] = json!(long_ago)
    });
    let requests = gateway.app.provider.request_count(Endpoint::Authorize);
    let (url, page) = ada.follow("http://recent.test/", "ada").await;
    assert_eq!(page.status, 403, "{url}");
    assert_eq!(
        page.text("error-title").as_deref(),
        Some("A stronger sign-in is needed")
    );
    assert_eq!(
        gateway.app.provider.request_count(Endpoint::Authorize),
        requests + 1
    );
    assert!(ada.at_doorward.is_signed_in().await);
}

/// What comes back satisfies the leeway of the sign-in, and not the rule.
#[actix_web::test]
async fn a_step_up_that_does_not_satisfy_the_rule_ends_on_a_page_that_says_why() {
    let gateway = start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    let ago = time::OffsetDateTime::now_utc().unix_timestamp() - 3630;
    edit_claims(&gateway.app, move |claims| claims["auth_time"] = json!(ago));
    let (url, page) = ada.follow("http://recent.test/", "ada").await;
    assert_eq!(page.status, 403, "{url}");
    let sentence = page.text("refused-sentence").unwrap_or_default();
    assert!(sentence.contains("more recent than yours"), "{sentence}");
    assert_eq!(gateway.app.provider.request_count(Endpoint::Token), 2);
    assert_eq!(events(&gateway.app, "access_refused"), 1);
}

/// The rule that `/handover` finds is another one: it hands over a session that is not enough at the app.
#[actix_web::test]
async fn a_handover_that_brings_too_weak_a_session_ends_on_a_page_that_says_why() {
    let gateway = start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    let (url, page) = ada.follow("http://far.test/", "ada").await;
    assert_eq!(page.status, 403, "{url}");
    let sentence = page.text("refused-sentence").unwrap_or_default();
    assert!(sentence.contains("a stronger sign-in"), "{sentence}");
    assert_eq!(gateway.app.provider.request_count(Endpoint::Token), 1);
}

/// The browser has another session at Doorward than at the app, since only there its cookies were deleted.
#[actix_web::test]
async fn a_session_at_an_app_that_is_not_enough_gives_way_to_one_that_is() {
    let gateway = start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    ada.follow("http://recent.test/", "ada").await;
    pass(&gateway, 2);
    ada.at_doorward.forget_all();
    ada.at_doorward.sign_in("ada").await;
    assert_eq!(gateway.app.storage().sessions(), 2);
    let (url, answer) = ada.follow("http://recent.test/", "nobody").await;
    assert_eq!((url.as_str(), answer.status), ("http://recent.test/", 200));
}

#[actix_web::test]
async fn a_browser_without_cookies_is_not_sent_round_for_ever() {
    let gateway = start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    ada.follow("http://wiki.test/", "ada").await;
    let mut url = "http://strong.test/".to_owned();
    for hop in 0..30 {
        let issuer = gateway.app.provider.issuer();
        let answer = match url.starts_with("http://strong.test/") {
            _ if url.starts_with(&issuer) => {
                url = ada.at_doorward.choose(&url, "ada").await;
                continue;
            }
            true => ada.open(&url).await,
            false => ada.at_doorward.get(&url).await,
        };
        ada.at_doorward.forget_all();
        if answer.status != 303 {
            assert_eq!(answer.status, 403, "{url}: {}", answer.body);
            return;
        }
        assert!(hop < 29, "a redirect loop at {url}");
        url = answer.location().to_owned();
    }
}

fn challenge(answer: &Answer) -> &str {
    assert_eq!(answer.status, 401);
    answer.header("www-authenticate").unwrap()
}

/// RFC 9470 3
/// RFC 9470 4
/// RFC 9470 9 (b)
#[actix_web::test]
async fn a_script_is_told_what_its_session_lacks_and_where_to_get_it() {
    let gateway = start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    ada.follow("http://strong.test/", "ada").await;
    pass(&gateway, 2);
    let answer = ada.ask("GET", "http://strong.test/api?x=1", &SCRIPT).await;
    let path = "/step-up?return_to=http%3A%2F%2Fstrong.test%2Fapi%3Fx%3D1";
    let sign_in = format!("{}{path}", gateway.app.url);
    assert_eq!(
        challenge(&answer),
        format!(
            "Doorward realm=\"strong.test\", error=\"insufficient_user_authentication\", \
             acr_values=\"phr phrh\", max_age=\"3600\", sign_in=\"{sign_in}\""
        )
    );
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let expected = json!({"error": "insufficient_user_authentication", "sign_in": sign_in});
    assert_eq!(body, expected);
    assert!(answer.cookies().is_empty());
    let long = format!("http://strong.test/api?x={}", "y".repeat(2000));
    let long = ada.ask("GET", &long, &SCRIPT).await;
    assert!(challenge(&long).len() <= 1024, "{}", challenge(&long));
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let frame = ada.ask("GET", "http://strong.test/", &frame).await;
    assert_eq!(frame.status, 401);
    assert!(frame.body.contains("/step-up?return_to="), "{}", frame.body);
    // Who is not signed in is told where to sign in, and not what the rule requires.
    let stranger = Browser::new(&gateway);
    let plain = stranger
        .ask("GET", "http://strong.test/api?x=1", &SCRIPT)
        .await;
    for word in ["error=", "acr_values", "max_age", "phr"] {
        assert!(!challenge(&plain).contains(word), "{}", challenge(&plain));
        assert!(!plain.body.contains(word), "{}", plain.body);
    }
    // The address leads through the provider with what this rule requires, and back.
    gateway.app.provider.forget_requests();
    let (url, answer) = ada.follow(&sign_in, "ada").await;
    assert_eq!(
        (url.as_str(), answer.status),
        ("http://strong.test/api?x=1", 200)
    );
    assert_eq!(asked_for(&gateway, "acr_values"), ["phr phrh"]);
    assert_eq!(asked_for(&gateway, "max_age"), ["3600"]);
}

/// The provider's clock is behind, or it counts whole seconds: to it, the sign-in is recent enough, and it asks for nothing.
/// Core 3.1.2.1 (h)
#[actix_web::test]
async fn a_provider_for_which_the_sign_in_is_still_recent_asks_again() {
    let gateway = start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    assert_eq!(ada.follow("http://recent.test/", "ada").await.1.status, 200);
    gateway.app.clock.shift(Duration::seconds(3610));
    gateway
        .app
        .provider
        .faults(|faults| faults.clock_ahead_secs += 3570);
    let handover = ada.open("http://recent.test/").await.location().to_owned();
    let provider = ada.at_doorward.get(&handover).await.location().to_owned();
    // Its page, or nothing but a redirect.
    let page = ada.at_doorward.get(&provider).await;
    let callback = match page.status {
        303 => page.location().to_owned(),
        _ => ada.at_doorward.choose(&provider, "ada").await,
    };
    let (url, page) = ada.follow(&callback, "ada").await;
    assert_eq!((page.status, url.as_str()), (200, "http://recent.test/"));
    // Where something else is missing, the provider decides what it asks for.
    let asked = asked_for(&gateway, "prompt");
    assert!(asked.contains(&"login".to_owned()));
    ada.follow("http://strong.test/", "ada").await;
    assert_eq!(asked_for(&gateway, "prompt"), asked);
}

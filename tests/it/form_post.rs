//! Answers that come by POST and are long: Azure AD B2C has codes of several thousand characters.

use awc::http::Method;

use crate::on_both;
use crate::support::app::FORM_POST;
use crate::support::browser::{Browser, Look};
use crate::support::provider::{Endpoint, Params};
use crate::support::{Answer, Database, TestApp, Visitor};

const CALLBACK: &str = "/authorization-code/callback";

/// Where the provider would send the browser, as the form that it posts.
async fn form_for(visitor: &Visitor, person: &str) -> String {
    let callback = visitor.callback_for(person).await;
    callback.split_once('?').unwrap().1.to_owned()
}

/// A form of the provider's page: the browser sends none of our cookies with it.
async fn post_from_the_provider(app: &TestApp, visitor: &Visitor, form: &str) -> Answer {
    let kept = visitor.app_cookies();
    kept.keys()
        .for_each(|name| visitor.set_app_cookie(name, ""));
    let headers = [
        ("origin", app.provider.issuer()),
        ("sec-fetch-site", "cross-site".to_owned()),
    ];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let answer = visitor.send(Method::POST, CALLBACK, &headers, form).await;
    for (name, value) in kept {
        if !visitor.app_cookies().contains_key(&name) {
            visitor.set_app_cookie(&name, &value);
        }
    }
    answer
}

/// The hidden fields of a page's one form, entities decoded.
fn fields(page: &Answer) -> Params {
    assert_eq!(page.body.matches("<form").count(), 1);
    assert!(
        page.body
            .contains(&format!("method=\"post\" action=\"{CALLBACK}\"")),
        "{}",
        page.body
    );
    let mut fields = Params::default();
    for input in page.body.split("<input").skip(1) {
        let attribute = |name: &str| {
            let (_, rest) = input.split_once(&format!("{name}=\"")).unwrap();
            let value = rest.split('"').next().unwrap();
            let entities = [
                ("&lt;", "<"),
                ("&gt;", ">"),
                ("&quot;", "\""),
                ("&#39;", "'"),
                ("&#x2F;", "/"),
                ("&amp;", "&"),
            ];
            entities
                .iter()
                .fold(value.to_owned(), |value, (entity, text)| {
                    value.replace(entity, text)
                })
        };
        fields.push(&attribute("name"), attribute("value"));
    }
    fields
}

/// Presses the page's button: a form of our own page, with all our cookies.
async fn press(app: &TestApp, visitor: &Visitor, page: &Answer, origin: &str) -> Answer {
    let headers = [("origin", origin), ("sec-fetch-site", "same-origin")];
    let headers = match origin == app.url {
        // Over plain http there is no Fetch Metadata.
        true => &headers[..1],
        false => &headers[..],
    };
    let form = fields(page).encode();
    visitor.send(Method::POST, CALLBACK, headers, &form).await
}

/// RFC 6749 4.1.2 (c): by POST, 15,000 characters
#[actix_web::test]
async fn a_code_of_any_length_signs_in() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let mut by_button = 0;
    for padding in [0, 500, 1000, 1100, 1200, 1400, 2900, 6000, 9000, 15_000] {
        app.provider.faults(|faults| faults.code_padding = padding);
        let ada = app.visitor();
        let form = form_for(&ada, "ada").await;
        let posted = post_from_the_provider(&app, &ada, &form).await;
        let head: usize = posted
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum();
        assert!(head < 3000, "{padding}: {head}");
        let back = match posted.status {
            303 => ada.get(posted.location()).await,
            200 => {
                by_button += 1;
                assert_eq!(posted.cookies(), [""; 0]);
                assert_eq!(posted.header("cache-control"), Some("no-store"));
                press(
                    &app,
                    &ada,
                    &posted,
                    if padding % 1000 == 0 {
                        "null"
                    } else {
                        &app.url
                    },
                )
                .await
            }
            status => panic!("{padding}: {status} {}", posted.body),
        };
        assert_eq!(back.location(), "/profile", "{padding}");
        assert!(ada.is_signed_in().await);
        assert_eq!(ada.app_cookies().len(), 1);
    }
    assert!((3..8).contains(&by_button), "{by_button}");
    let long = format!("state=x&code={}", "a".repeat(17_000));
    assert_eq!(
        post_from_the_provider(&app, &app.visitor(), &long)
            .await
            .status,
        413
    );
}

#[actix_web::test]
async fn what_the_standard_does_not_name_takes_no_room() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let ada = app.visitor();
    let form = form_for(&ada, "ada").await;
    let more = format!(
        "session_state={}&id_token={}&{form}",
        "s".repeat(5000),
        "i".repeat(5000)
    );
    let posted = post_from_the_provider(&app, &ada, &more).await;
    assert_eq!(posted.status, 303);
    assert_eq!(ada.get(posted.location()).await.location(), "/profile");
}

#[actix_web::test]
async fn what_the_page_posts_again_is_escaped_and_only_what_counts() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let hostile = "\"><script>alert(1)</script><input name='x' value=\"'&quot;";
    let mut answer = Params::default();
    for name in [
        "state",
        "code",
        "iss",
        "error",
        "error_description",
        "x",
        "<b>",
        "id_token",
    ] {
        answer.push(name, format!("{name}{hostile}{}", "é".repeat(100)));
    }
    answer.push("y", "z".repeat(2000));
    let page = post_from_the_provider(&app, &app.visitor(), &answer.encode()).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(!page.body.contains("<script") && !page.body.contains("<b>"));
    let mut sent = fields(&page).0;
    sent.sort();
    let mut expected = answer.0[..5].to_vec();
    expected.sort();
    assert_eq!(sent, expected);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"));
}

/// Only a page of ours posts with our cookies: anybody else's answer is kept apart from them, whatever comes with it.
///
/// Form Post 4 (c)
#[actix_web::test]
async fn another_sites_form_is_never_finished_at_once() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let ada = app.visitor();
    let form = form_for(&ada, "ada").await;
    let upper = app.url.to_uppercase();
    for headers in [
        &[][..],
        &[("origin", "null")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", "null"), ("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[
            ("origin", app.url.as_str()),
            ("sec-fetch-site", "cross-site"),
        ],
        &[
            ("origin", app.url.as_str()),
            ("origin", "https://evil.example"),
        ],
        &[("origin", &upper)],
        &[("sec-fetch-site", "same-origin")],
    ] {
        let posted = ada.send(Method::POST, CALLBACK, headers, &form).await;
        assert!(
            posted.location().starts_with(&format!("{CALLBACK}?state=")),
            "{headers:?}"
        );
    }
    assert_eq!(app.provider.request_count(Endpoint::Token), 0);
}

on_both! {
    async fn a_response_that_another_tab_replaced_starts_again(database: Database) {
        let app = TestApp::spawn_with(database, &FORM_POST);
        let ada = app.visitor();
        let place = |tab: &str| format!("/login?return_to=/profile?tab={tab}");
        let mut forms = Vec::new();
        for tab in ["1", "2"] {
            let there = ada.begin(&place(tab)).await.replace("form_post", "query");
            let callback = ada.choose(&there, "ada").await;
            forms.push(callback.split_once('?').unwrap().1.to_owned());
        }
        let one = post_from_the_provider(&app, &ada, &forms[0]).await;
        let two = post_from_the_provider(&app, &ada, &forms[1]).await;
        // The first tab's answer is gone, but not where it wanted to go.
        let restarted = ada.begin(one.location()).await;
        assert!(restarted.starts_with(&app.provider.issuer()), "{restarted}");
        assert_eq!(ada.get(two.location()).await.location(), "/profile?tab=2");
        let back = ada.get(&restarted.replace("form_post", "query")).await;
        let (_, form) = back.location().split_once('?').unwrap();
        let posted = post_from_the_provider(&app, &ada, form).await;
        assert_eq!(ada.get(posted.location()).await.location(), "/profile?tab=1");
    }
}

mod slow {
    use super::*;

    /// In a browser: the provider's page posts by itself, and ours has one button.
    #[actix_web::test]
    async fn a_person_with_a_long_code_signs_in_by_one_more_button() {
        let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
        for (padding, has_button) in [(2900, true), (200, false)] {
            app.provider.faults(|faults| faults.code_padding = padding);
            let browser = Browser::start(Look::DESKTOP).await;
            browser.goto(&app.url).await;
            browser.click("#login-button").await;
            browser.click("#person-ada").await;
            if has_button {
                browser.click("#continue-button").await;
            }
            browser.wait_for("#claim-subject").await;
            assert_eq!(browser.url().await.as_str(), format!("{}/profile", app.url));
            let errors = browser.console_errors().await;
            assert!(
                errors.iter().all(|error| error.contains("favicon")),
                "{errors:?}"
            );
            for url in browser.requested_urls().await {
                assert!(!url.contains("code="), "{url:.100}");
            }
        }
    }
}

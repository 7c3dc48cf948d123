//! From Doorward's host to an app's.

use super::support::{Browser, Gateway, NAVIGATION};
use crate::on_both;
use crate::support::Database;

on_both! {
    async fn a_person_comes_to_the_page_that_they_asked_for(database: Database) {
        let gateway = Gateway::start(database);
        let ada = Browser::new(&gateway);
        let deep = "http://wiki.test/reports/a%20b?x=1&y=%2F&_z";
        let (url, answer) = ada.follow(deep, "ada").await;
        assert_eq!((url.as_str(), answer.status), (deep, 200));
        assert_eq!(answer.header("remote-email"), Some("ada@example.com"));
        assert!(answer.cookies().is_empty());
        // The next request goes straight through, of a tab and of a script.
        assert_eq!(ada.open("http://wiki.test/").await.status, 200);
        assert_eq!(ada.ask("PUT", "http://wiki.test/x", &[]).await.status, 200);
        // Another app is another handover, without another sign-in.
        let (url, answer) = ada.follow("http://metrics.test/", "nobody").await;
        assert_eq!(answer.status, 403, "{url}");
        assert_eq!(answer.text("refused-app").as_deref(), Some(""));
        assert!(answer.body.contains("http://metrics.test"));
        assert!(answer.body.contains("ada@example.com"));
    }

    async fn signing_out_anywhere_closes_every_app(database: Database) {
        let gateway = Gateway::start(database);
        let grace = Browser::new(&gateway);
        for app in ["http://wiki.test/", "http://metrics.test/"] {
            assert_eq!(grace.follow(app, "grace").await.1.status, 200);
        }
        assert_eq!(gateway.app.storage().sessions(), 1);
        grace.at_doorward.post("/logout", "").await;
        for app in ["http://wiki.test/", "http://metrics.test/"] {
            assert_eq!(grace.open(app).await.status, 303);
            assert_eq!(grace.ask("GET", app, &[("sec-fetch-mode", "cors")]).await.status, 401);
        }
    }

    async fn a_code_is_of_no_use_to_another_browser(database: Database) {
        let gateway = Gateway::start(database);
        let (ada, eve) = (Browser::new(&gateway), Browser::new(&gateway));
        ada.at_doorward.sign_in("ada").await;
        let handover = ada.open("http://wiki.test/").await.location().to_owned();
        let code = ada.at_doorward.get(&handover).await.location().to_owned();
        assert!(code.contains("?_doorward="), "{code}");
        let stolen = eve.open(&code).await;
        assert!(stolen.location().contains("/refused?why="), "{stolen:?}");
        let late = ada.open(&code).await;
        // Ada's browser keeps cookies: she begins again, once.
        assert!(late.location().contains("/handover?request="), "{late:?}");
        let (_, answer) = ada.follow(late.location(), "ada").await;
        assert_eq!(answer.status, 200);
        assert_eq!(eve.ask("GET", &code, &[]).await.status, 403);
    }
}

/// Eve sends Bob to her own handover: she is not Bob, and Bob is not sent round for ever.
#[actix_web::test]
async fn a_handover_that_somebody_else_began_ends_on_a_page_that_says_why() {
    let gateway = Gateway::start(Database::Sqlite);
    let (bob, eve) = (Browser::new(&gateway), Browser::new(&gateway));
    bob.at_doorward.sign_in("ada").await;
    let of_eve = eve.open("http://wiki.test/").await.location().to_owned();
    let (url, page) = bob.follow(&of_eve, "ada").await;
    assert_eq!(page.status, 403, "{url}");
    assert!(
        page.body.contains("did not keep our cookie"),
        "{}",
        page.body
    );
    assert!(page.has("refused-reference"));
}

/// Eve sends Bob to her own handover and reads his code in a log. However it arrived, it opens nothing for her.
#[actix_web::test]
async fn a_code_of_a_handover_that_somebody_else_began_is_spent_however_it_arrives() {
    let gateway = Gateway::start(Database::Sqlite);
    let post = |target: &str, referer: &'static str| {
        ("POST", format!("http://wiki.test{target}"), referer)
    };
    for ((method, url, referer), arrives_by, is_at_the_app) in [
        (("GET", "http://wiki.test/".to_owned(), ""), "GET", true),
        (("GET", "http://wiki.test/".to_owned(), ""), "HEAD", true),
        (("GET", "http://wiki.test/".to_owned(), ""), "HEAD", false),
        (post("/?_doorward=x", ""), "GET", false),
        (post("/", "http://wiki.test/?a&_doorward=x"), "GET", false),
    ] {
        let (bob, eve) = (Browser::new(&gateway), Browser::new(&gateway));
        bob.at_doorward.sign_in("ada").await;
        if is_at_the_app {
            bob.follow("http://wiki.test/", "ada").await;
        }
        let headers = [&NAVIGATION[..], &[("referer", referer)]].concat();
        let of_eve = eve.ask(method, &url, &headers).await;
        let code = bob.at_doorward.get(of_eve.location()).await;
        let code = code.location().to_owned();
        bob.ask(arrives_by, &code, &NAVIGATION).await;
        let (_, code) = code.rsplit_once("_doorward=").unwrap();
        eve.open(&format!("http://wiki.test/?_doorward={code}"))
            .await;
        let answer = eve.open("http://wiki.test/").await;
        assert_eq!(
            answer.status, 303,
            "{method} {url} {referer} {arrives_by} {is_at_the_app}"
        );
    }
}

/// Where some paths of a host bypass the gateway, nobody takes a code out of use that arrives there, and the app's log has it.
#[actix_web::test]
async fn a_code_goes_only_to_the_path_that_the_gateway_was_asked_about() {
    let gateway = Gateway::start(Database::Sqlite);
    let bob = Browser::new(&gateway);
    bob.at_doorward.sign_in("ada").await;
    let long = format!("/{}?q", "p".repeat(700));
    for (method, target, referer, expected) in [
        (
            "POST",
            "/save?x",
            "http://wiki.test/open",
            "/save?x&_doorward=",
        ),
        (
            "POST",
            "/save",
            "http://wiki.test/open?a=b",
            "/save?_doorward=",
        ),
        ("GET", "/a?b", "http://wiki.test/open", "/a?b&_doorward="),
        ("GET", "/a?_doorward=x", "", ""),
        ("POST", "/a?_doorward=x", "", "/a?_doorward="),
        // Bob's browser would ask for `/open` instead.
        ("GET", "/checked/../open", "", "401"),
        ("GET", "/checked/%2e%2E/open", "", "401"),
        ("GET", "/checked/.%2e/open", "", "401"),
        ("POST", "/checked/./open", "", "401"),
        ("GET", "/checked/..", "", "401"),
        ("GET", "/checked\\..\\open", "", "401"),
        (
            "GET",
            "/checked/..%2fopen",
            "",
            "/checked/..%2fopen?_doorward=",
        ),
        ("GET", "/.well-known/..x", "", "/.well-known/..x?_doorward="),
        // It does not fit into a URL of ours.
        ("GET", long.as_str(), "", "401"),
        ("POST", long.as_str(), "http://wiki.test/open", "401"),
    ] {
        let eve = Browser::new(&gateway);
        let headers = [&NAVIGATION[..], &[("referer", referer)]].concat();
        let url = format!("http://wiki.test{target}");
        let asked = eve.ask(method, &url, &headers).await;
        let case = format!("{method} {target} {referer}");
        if expected == "401" {
            assert_eq!((asked.status, asked.cookies().len()), (401, 0), "{case}");
            assert!(
                asked.body.contains("return_to=http%3A%2F%2Fwiki.test%2F\""),
                "{}",
                asked.body
            );
            continue;
        }
        let sent = bob.at_doorward.get(asked.location()).await;
        let at_the_app = format!("http://wiki.test{expected}");
        match expected.is_empty() {
            // Its code is no code.
            true => assert!(asked.location().contains("/refused?"), "{case}"),
            false => assert!(sent.location().starts_with(&at_the_app), "{case}: {sent:?}"),
        }
    }
}

#[actix_web::test]
async fn a_browser_that_keeps_no_cookies_ends_on_a_page_that_says_why() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    ada.at_doorward.sign_in("ada").await;
    let handover = ada.open("http://wiki.test/").await.location().to_owned();
    ada.cookies.borrow_mut().clear();
    let (_, page) = ada.follow(&handover, "ada").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("Allow cookies"), "{}", page.body);
}

#[actix_web::test]
async fn six_tabs_at_once_all_arrive() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    ada.at_doorward.sign_in("ada").await;
    let mut handovers = Vec::new();
    for tab in 0..6 {
        handovers.push(
            ada.open(&format!("http://wiki.test/{tab}"))
                .await
                .location()
                .to_owned(),
        );
    }
    for (tab, handover) in handovers.iter().enumerate() {
        let (url, answer) = ada.follow(handover, "ada").await;
        assert_eq!(
            (url, answer.status),
            (format!("http://wiki.test/{tab}"), 200)
        );
    }
}

#[actix_web::test]
async fn a_post_comes_back_as_a_get_of_the_page_that_sent_it() {
    let gateway = Gateway::start(Database::Sqlite);
    for (referer, expected) in [
        ("http://wiki.test/form?a=b", "http://wiki.test/form?a=b"),
        ("http://evil.test/form", "http://wiki.test/save?x"),
        ("", "http://wiki.test/save?x"),
    ] {
        let ada = Browser::new(&gateway);
        let headers = [&NAVIGATION[..], &[("referer", referer)]].concat();
        let posted = ada.ask("POST", "http://wiki.test/save?x", &headers).await;
        let (url, answer) = ada.follow(posted.location(), "ada").await;
        assert_eq!((url.as_str(), answer.status), (expected, 200), "{referer}");
    }
}

#[actix_web::test]
async fn a_link_of_an_app_leads_back_to_it_and_to_no_stranger() {
    let gateway = Gateway::start(Database::Sqlite);
    let longest = format!("http://wiki.test/{:a>495}", "");
    let too_long = format!("{longest}a");
    for (wanted, expected) in [
        ("http://wiki.test/a?b=c", "http://wiki.test/a?b=c"),
        (&longest, &longest),
        (&too_long, "/profile"),
        ("http://other.test/", "/profile"),
        ("http://wiki.test.evil.test/", "/profile"),
        ("http://wiki.test@evil.test/", "/profile"),
        ("//wiki.test/", "/profile"),
        ("javascript://wiki.test/%0aalert(1)", "/profile"),
    ] {
        let ada = Browser::new(&gateway);
        let wanted: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        let provider = ada
            .at_doorward
            .begin(&format!("/login?return_to={wanted}"))
            .await;
        let callback = ada.at_doorward.choose(&provider, "ada").await;
        let back = ada.at_doorward.get(&callback).await;
        assert_eq!(back.location(), expected, "{wanted}");
    }
}

/// On its way, others could read what such an app is sent.
#[actix_web::test]
async fn a_link_of_an_app_leads_from_https_to_no_http() {
    const URL: &str = "https://auth.test";
    let gateway = Gateway::start_with(
        Database::Sqlite,
        super::support::RULES,
        &[("PUBLIC_URL", URL)],
    );
    for path in ["/login", "/step-up"] {
        for (scheme, expected) in [("https", "https://wiki.test/a"), ("http", "/profile")] {
            let ada = Browser::new(&gateway).at_doorward;
            let wanted = format!("{path}?return_to={scheme}%3A%2F%2Fwiki.test%2Fa");
            let provider = ada.begin(&wanted).await;
            let callback = ada.choose(&provider, "ada").await;
            let back = ada.get(callback.strip_prefix(URL).unwrap()).await;
            assert_eq!(back.location(), expected, "{wanted}");
        }
    }
}

/// The host may be somebody else's by now.
#[actix_web::test]
async fn a_handover_to_a_host_that_no_rule_names_any_more_leads_nowhere() {
    let gateway = Gateway::start(Database::Sqlite);
    let handover = Browser::new(&gateway).open("http://wiki.test/").await;
    let (_, handover) = handover.location().rsplit_once("/handover").unwrap();
    let rules = super::support::RULES.replace("wiki.test", "other.test");
    let without = Gateway::start_with(Database::Sqlite, &rules, &[]);
    let eve = Browser::new(&without);
    let page = eve.at_doorward.get(&format!("/handover{handover}")).await;
    assert_eq!(page.status, 400);
    let login = format!(
        "/login?return_to=%2Fhandover{}",
        handover.replace('?', "%3F").replace('=', "%3D")
    );
    let provider = eve.at_doorward.begin(&login).await;
    let callback = eve.at_doorward.choose(&provider, "ada").await;
    let back = eve.at_doorward.get(&callback).await;
    assert_eq!(eve.at_doorward.get(back.location()).await.status, 400);
}

#[actix_web::test]
async fn what_is_not_sealed_by_us_is_a_page() {
    let gateway = Gateway::start(Database::Sqlite);
    let eve = Browser::new(&gateway);
    for path in [
        "/handover",
        "/handover?request=x",
        "/refused",
        "/refused?why=AAAA",
    ] {
        let page = eve.at_doorward.get(path).await;
        assert_eq!(page.status, 400, "{path}");
        assert_eq!(
            page.text("error-title").as_deref(),
            Some("This link does not work")
        );
    }
    let without = crate::support::TestApp::spawn();
    let forwarded = gateway.ask("/auth/forward", &[]).await;
    assert_eq!(forwarded.status, 400);
    assert_eq!(without.visitor().get("/handover").await.status, 400);
}

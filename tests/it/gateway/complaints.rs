//! What people complain about in other gateways, where no test of this gateway's own behaviour shows it: `docs/gateway.md` has all.

use super::support::{Browser, Gateway, NAVIGATION};
use crate::support::{Database, provider_faults};

/// oauth2-proxy #1158 and traefik-forward-auth #115: one sign-in for hosts that have nothing in common.
#[actix_web::test]
async fn apps_on_unrelated_domains_share_one_sign_in_and_no_cookie() {
    let rules = "[[rule]]\nname = 'all'\nhosts = ['wiki.example.org', 'shop.test', '*.apps.internal']\nallow = 'signed-in'\n";
    let gateway = Gateway::start_with(Database::Sqlite, rules, &[]);
    let ada = Browser::new(&gateway);
    ada.at_doorward.sign_in("ada").await;
    let mut handles = Vec::new();
    for host in ["wiki.example.org", "shop.test", "a.apps.internal"] {
        let (url, answer) = ada.follow(&format!("http://{host}/x"), "nobody").await;
        assert_eq!((url, answer.status), (format!("http://{host}/x"), 200));
        handles.push(ada.cookie_header(host));
    }
    assert_eq!(gateway.app.storage().sessions(), 1);
    handles.sort();
    handles.dedup();
    assert_eq!(handles.len(), 3, "{handles:?}");
}

/// oauth2-proxy #2163: what is no tab leaves no cookie, and tabs that are never finished leave five at most.
#[actix_web::test]
async fn cookies_of_unfinished_sign_ins_do_not_pile_up() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    for at in 0..30 {
        let url = format!("http://wiki.test/{at}");
        let script = ada.ask("GET", &url, &[("sec-fetch-mode", "cors")]).await;
        assert_eq!((script.status, script.cookies().len()), (401, 0));
        assert_eq!(ada.open(&url).await.status, 303);
    }
    let kept = ada.cookies.borrow()["wiki.test"].len();
    assert_eq!(kept, 5);
    let header = ada.cookie_header("wiki.test");
    assert!(header.len() < 2048, "{} bytes", header.len());
}

/// oauth2-proxy #388: a cookie that holds tokens or groups is too big for the app's server.
#[actix_web::test]
async fn the_cookie_of_an_app_is_small_however_much_is_known_of_the_person() {
    let gateway = Gateway::start(Database::Sqlite);
    let groups = Vec::from_iter((0..500).map(|at| format!("a-group-with-a-long-name-{at}")));
    provider_faults::edit_userinfo(&gateway.app, move |claims| {
        claims["groups"] = serde_json::json!(groups);
    });
    let ada = Browser::new(&gateway);
    assert_eq!(ada.follow("http://wiki.test/", "ada").await.1.status, 200);
    let header = ada.cookie_header("wiki.test");
    assert!(header.contains("doorward-app"), "{header}");
    let handle = header.split("; ").find(|it| it.starts_with("doorward-app"));
    let length = handle.unwrap().len();
    assert!(length < 256, "{length} bytes");
}

/// authelia #8519: the app's own `Authorization` neither breaks the sign-in nor is it looked at.
#[actix_web::test]
async fn an_authorization_header_is_the_apps_own() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    for value in ["Basic YWRhOng=", "Bearer x", "Digest", ""] {
        let own = ("authorization", value);
        let before = ada.ask("GET", "http://metrics.test/", &[own]).await;
        assert_eq!(before.status, 401, "{value}");
        let tab = [&NAVIGATION[..], &[own]].concat();
        let tab = ada.ask("GET", "http://wiki.test/", &tab).await;
        let (_, answer) = ada.follow(tab.location(), "ada").await;
        assert_eq!(answer.status, 200, "{value}");
        let after = ada.ask("GET", "http://wiki.test/", &[own]).await;
        assert_eq!(after.status, 200, "{value}");
        ada.cookies.borrow_mut().clear();
    }
}

/// pomerium #2176: a script of another origin can read that its session has ended.
#[actix_web::test]
async fn a_script_can_read_that_its_session_has_ended() {
    let gateway = Gateway::start(Database::Sqlite);
    let grace = Browser::new(&gateway);
    grace.follow("http://metrics.test/", "grace").await;
    let script = [("origin", "https://spa.test"), ("sec-fetch-mode", "cors")];
    let url = "http://metrics.test/api";
    assert_eq!(grace.ask("GET", url, &script).await.status, 200);
    grace.at_doorward.post("/logout", "").await;
    let ended = grace.ask("GET", url, &script).await;
    assert_eq!(ended.status, 401);
    let allowed = ended.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://spa.test"));
    let credentials = ended.header("access-control-allow-credentials");
    assert_eq!(credentials, Some("true"));
    assert!(ended.body.contains("sign_in_needed"), "{}", ended.body);
}

/// oauth2-proxy #2832: Envoy puts the path after a prefix, and takes no other "yes" than 200.
#[actix_web::test]
async fn envoy_asks_below_a_prefix_and_gets_200() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    ada.follow("http://wiki.test/", "ada").await;
    let cookies = ada.cookie_header("wiki.test");
    let headers = [
        ("host", "wiki.test"),
        ("x-forwarded-proto", "http"),
        ("cookie", &cookies),
    ];
    let path = "/auth/ext-authz/reports/a%20b?x=1";
    let known = gateway.ask(path, &headers).await;
    assert_eq!(known.status, 200);
    assert_eq!(known.header("remote-email"), Some("ada@example.com"));
    let tab = [&NAVIGATION[..], &headers[..2]].concat();
    let tab = gateway.ask(path, &tab).await;
    assert_eq!(tab.status, 303);
    let location = tab.location();
    assert!(location.contains("/handover?request="), "{location}");
}

/// authelia #2747: http behind something that ends TLS. The log says which header is wrong.
#[actix_web::test]
async fn plain_http_behind_tls_is_refused_and_the_log_names_the_header() {
    let https = [
        ("PUBLIC_URL", "https://auth.test"),
        ("SESSION_KEY", crate::support::app::SESSION_KEY),
    ];
    let gateway = Gateway::start_with(Database::Sqlite, super::support::RULES, &https);
    let ada = Browser::new(&gateway);
    let answer = ada.open("http://wiki.test/").await;
    assert_eq!(answer.status, 400);
    let id = answer.header("x-request-id").unwrap();
    let lines = crate::support::log::lines_with(&format!("doorward::gateway [{id}]"));
    assert!(lines[0].contains("malformed_scheme"), "{lines:?}");
    assert!(lines[0].contains("X-Forwarded-Proto"), "{lines:?}");
}

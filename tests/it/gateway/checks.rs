//! What proxies are told.

use super::support::{Browser, Gateway, NAVIGATION};
use crate::support::{Database, log};

const IDENTITY: [&str; 9] = [
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
    "x-auth-request-user",
    "x-auth-request-preferred-username",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-doorward-jwt",
];

#[actix_web::test]
async fn an_allowed_answer_is_200_with_every_identity_header() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    let public = ada.open("http://wiki.test/healthz").await;
    ada.follow("http://wiki.test/", "ada").await;
    let own = ada.open("http://wiki.test/").await;
    for (answer, is_empty) in [(&public, true), (&own, false)] {
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        for name in IDENTITY {
            assert!(answer.header(name).is_some(), "{name}");
        }
        assert_eq!(answer.header("remote-user").unwrap().is_empty(), is_empty);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.cookies().is_empty());
        for name in [
            "strict-transport-security",
            "content-security-policy",
            "cross-origin-opener-policy",
        ] {
            assert_eq!(
                answer.header(name),
                None,
                "the answer belongs to the app's host"
            );
        }
    }
}

#[actix_web::test]
async fn what_is_no_tab_gets_401_and_the_address_to_go_to() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    let script = ada
        .ask(
            "GET",
            "http://wiki.test/api?x=1",
            &[("sec-fetch-mode", "cors")],
        )
        .await;
    assert_eq!(script.status, 401);
    assert!(script.cookies().is_empty());
    let sign_in = format!(
        "{}/login?return_to=http%3A%2F%2Fwiki.test%2Fapi%3Fx%3D1",
        gateway.app.url
    );
    let challenge = format!("Doorward realm=\"wiki.test\", sign_in=\"{sign_in}\"");
    assert_eq!(script.header("www-authenticate"), Some(challenge.as_str()));
    let body: serde_json::Value = serde_json::from_str(&script.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"error": "sign_in_needed", "sign_in": sign_in})
    );
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let frame = ada.ask("GET", "http://wiki.test/", &frame).await;
    assert_eq!(frame.status, 401);
    assert!(frame.body.contains("target=\"_blank\""), "{}", frame.body);
    // A long address is named without its query, one that is too long altogether by its origin.
    for (path, ending) in [
        (format!("/a?{}", "q".repeat(2000)), "wiki.test%2Fa\""),
        (
            format!("/{}", "p".repeat(2000)),
            "return_to=http%3A%2F%2Fwiki.test\"",
        ),
    ] {
        let answer = ada
            .ask("GET", &format!("http://wiki.test{path}"), &[])
            .await;
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(
            challenge.len() <= 1024 && challenge.ends_with(ending),
            "{challenge}"
        );
    }
}

#[actix_web::test]
async fn scripts_of_named_origins_may_read_the_refusal_and_their_preflight_passes() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    for (origin, is_named) in [("https://spa.test", true), ("https://evil.test", false)] {
        let headers = [("origin", origin), ("sec-fetch-mode", "cors")];
        let refused = ada.ask("GET", "http://metrics.test/", &headers).await;
        assert_eq!(refused.status, 401);
        assert_eq!(
            refused.header("access-control-allow-origin"),
            is_named.then_some(origin)
        );
        assert_eq!(refused.header("vary"), Some("Origin"));
        let headers = [("origin", origin), ("access-control-request-method", "PUT")];
        let preflight = ada.ask("OPTIONS", "http://metrics.test/", &headers).await;
        assert_eq!(preflight.status, if is_named { 200 } else { 403 });
    }
}

#[actix_web::test]
async fn each_address_reads_its_own_headers_only() {
    let gateway = Gateway::start(Database::Sqlite);
    let forward = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "wiki.test"),
        ("x-forwarded-uri", "/healthz"),
    ];
    let nginx = [
        ("x-original-method", "GET"),
        ("x-original-url", "http://wiki.test/healthz"),
    ];
    for (path, headers, status) in [
        ("/auth/forward", &forward[..], 200),
        ("/auth/request", &nginx, 200),
        ("/auth/forward", &nginx, 400),
        ("/auth/request", &forward, 403),
        ("/auth/forward", &forward[..3], 400),
        ("/auth/request", &nginx[..1], 403),
        ("/auth/ext-authz/healthz", &forward, 403),
        ("/auth", &forward, 404),
        ("/auth/forward/x", &forward, 404),
        ("/", &forward, 404),
    ] {
        let answer = gateway.ask(path, headers).await;
        assert_eq!(answer.status, status, "{path} {headers:?}");
    }
    for at in 0..forward.len() {
        let doubled = [&forward[..], &forward[at..=at]].concat();
        assert_eq!(gateway.ask("/auth/forward", &doubled).await.status, 400);
    }
    // The public listener knows none of them.
    let public = gateway.app.visitor();
    for path in ["/auth/forward", "/auth/request", "/auth/ext-authz/healthz"] {
        assert_eq!(public.get(path).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn a_peer_that_is_no_proxy_of_ours_gets_403_whatever_it_sends() {
    let gateway = Gateway::start_with(
        Database::Sqlite,
        super::support::RULES,
        &[("TRUSTED_PROXIES", "192.0.2.1")],
    );
    let ada = Browser::new(&gateway);
    let answer = ada.open("http://wiki.test/healthz").await;
    assert_eq!((answer.status, answer.cookies().len()), (403, 0));
    let id = answer.header("x-request-id").unwrap();
    let lines = log::lines_with(&format!("doorward::gateway [{id}]"));
    assert!(lines[0].contains("untrusted_peer"), "{lines:?}");
}

#[actix_web::test]
async fn the_log_names_the_rule_and_neither_query_nor_code() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    let answer = ada.open("http://metrics.test/secret?token=geheim").await;
    let id = answer.header("x-request-id").unwrap();
    let lines = log::lines_with(&format!("doorward::gateway [{id}]"));
    assert_eq!(lines.len(), 1);
    let expected = "forward sign_in method=GET url=http://metrics.test/secret rule=metrics in ";
    assert!(lines[0].contains(expected), "{lines:?}");
    assert!(log::lines_with("geheim").is_empty());
}

#[actix_web::test]
async fn a_refusal_of_a_tab_is_a_page_of_ours() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    ada.follow("http://wiki.test/", "ada").await;
    let unknown = ada.open("http://unknown.test/").await;
    let page = ada.at_doorward.get(unknown.location()).await;
    assert_eq!(page.status, 403);
    assert!(
        page.body.contains("No rule lets anybody open"),
        "{}",
        page.body
    );
    assert_eq!(
        page.text("refused-reference").as_deref(),
        unknown.header("x-request-id")
    );
    // That host may be anybody's.
    assert!(!page.has("refused-action") && !page.body.contains("href=\"http://unknown"));
    let long = format!("http://wiki.test/{}/../healthz", "%E4%B8%AD".repeat(100));
    for (url, target) in [
        (
            "http://wiki.test/a%2Fb/../../healthz?q",
            "/a%2Fb/../../healthz",
        ),
        (long.as_str(), "/"),
    ] {
        let headers = ada.open(url).await;
        let page = ada.at_doorward.get(headers.location()).await;
        assert!(page.has("refused-action"), "{}", page.body);
        let link = format!("href=\"http://wiki.test{}\"", target.replace('/', "&#x2F;"));
        let plain = format!("href=\"http://wiki.test{target}\"");
        assert!(
            page.body.contains(&link) || page.body.contains(&plain),
            "{}",
            page.body
        );
    }
    let script = ada
        .ask("GET", "http://unknown.test/", &[("sec-fetch-mode", "cors")])
        .await;
    assert_eq!((script.status, script.header("location")), (403, None));
    assert_eq!(NAVIGATION.len(), 2);
}

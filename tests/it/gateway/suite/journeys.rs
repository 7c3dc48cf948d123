//! From host to host, as a browser goes.

use super::client::{Client, FETCH, NAVIGATION, header, location};
use crate::gateway::proxied::{Proxied, Proxy, UNRELATED, status};

const NAMES: [&str; 6] = [
    "remote-user",
    "remote-name",
    "remote-email",
    "x-auth-request-user",
    "x-auth-request-preferred-username",
    "x-auth-request-email",
];

pub async fn one_sign_in_opens_hosts_that_have_nothing_in_common_and_one_sign_out_closes_them(
    proxy: Proxy,
) {
    let proxied = Proxied::start(proxy);
    let mut ada = Client::default();
    let deep = proxied.url("wiki", "/reports?x=1&y=%2F&z");
    let (url, page) = ada.enter(&deep, "ada");
    assert_eq!((url.as_str(), status(&page)), (deep.as_str(), 200));
    assert!(
        page.contains("get /reports?x=1&amp;y=%2f&amp;z http/1.1"),
        "{page}"
    );
    for name in NAMES {
        let sent = page.matches(&format!("\n{name}: ")).count();
        assert_eq!(sent, 1, "{name}: {page}");
    }
    // Nobody asks her again, at a host that shares no domain with Doorward's.
    let unrelated = format!("http://{UNRELATED}:{}/a?b", proxied.port);
    let arrives = ada.open(&unrelated);
    let (url, page) = ada.follow(&arrives, None);
    assert_eq!((url.as_str(), status(&page)), (unrelated.as_str(), 200));
    assert!(page.contains(&format!("\nhost: {UNRELATED}")), "{page}");
    assert!(page.contains("\nremote-email: ada@example.com"), "{page}");
    // What was posted once there is a session arrives.
    let posted = ada.send("POST", &unrelated, NAVIGATION, "x=y");
    assert!(posted.contains("body: 3<"), "{posted}");

    let metrics = proxied.url("metrics", "/");
    let arrives = ada.open(&metrics);
    let (url, page) = ada.follow(&arrives, None);
    assert!(url.starts_with(&proxied.url("auth", "/handover?")), "{url}");
    assert_eq!(status(&page), 403, "{page}");
    assert!(page.contains("ada@example.com"), "{page}");
    // She is on her way there no more than to the others: a script gets no page.
    assert_eq!(status(&ada.fetch(&metrics)), 401);

    ada.send("POST", &proxied.url("auth", "/logout"), "", "");
    for url in [&deep, &unrelated] {
        assert_eq!(status(&ada.fetch(url)), 401, "{url}");
        assert!(location(&ada.open(url)).contains("/handover?"), "{url}");
    }
}

pub async fn a_refusal_fits_what_asked(proxy: Proxy) {
    let proxied = Proxied::start(proxy);
    let mut nobody = Client::default();
    let page = proxied.url("wiki", "/page?a=b");
    for (headers, expected) in [
        (FETCH, 401),
        ("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n", 401),
        (
            "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
            401,
        ),
        (&format!("{NAVIGATION}Sec-Purpose: prefetch\r\n"), 401),
        (
            "Accept: text/html\r\nX-Requested-With: XMLHttpRequest\r\n",
            401,
        ),
        ("Accept: */*\r\n", 401),
        ("", 401),
        (NAVIGATION, 303),
        ("Accept: text/html,*/*\r\n", 303),
    ] {
        let response = nobody.send("GET", &page, headers, "");
        assert_eq!(status(&response), expected, "{headers}: {response}");
        assert_eq!(
            header(&response, "cache-control"),
            Some("no-store"),
            "{response}"
        );
        let cookie = header(&response, "set-cookie");
        assert_eq!(cookie.is_some(), expected == 303, "{headers}: {response}");
        let challenge = header(&response, "www-authenticate").unwrap_or_default();
        let realm = format!("Doorward realm=\"wiki.localhost:{}\"", proxied.port);
        assert_eq!(challenge.starts_with(&realm), expected == 401, "{response}");
    }
    let frame = nobody.send(
        "GET",
        &page,
        "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
        "",
    );
    let grpc = nobody.send("GET", &page, "Content-Type: application/grpc\r\n", "");
    match proxy {
        // It says 401 as gRPC does: UNAUTHENTICATED.
        Proxy::Envoy => assert_eq!(header(&grpc, "grpc-status"), Some("16"), "{grpc}"),
        _ => assert_eq!(status(&grpc), 401, "{grpc}"),
    }
    // nginx responds with a page of its own.
    assert_eq!(
        frame.contains("target=\"_blank\""),
        proxy.name() != "nginx",
        "{frame}"
    );

    // The body of a POST is lost, and the page that it was sent from comes back; without one, the same path.
    let form = proxied.url("wiki", "/form?step=2");
    for (referer, back) in [
        (format!("Referer: {form}\r\n"), &form),
        ("Referer: http://evil.test/\r\n".to_owned(), &page),
        (String::new(), &page),
    ] {
        let mut ada = Client::default();
        let response = ada.send("POST", &page, &format!("{NAVIGATION}{referer}"), "x=y");
        assert_eq!(status(&response), 303, "{referer}: {response}");
        let (url, response) = ada.follow(&response, Some("ada"));
        assert_eq!((&url, status(&response)), (back, 200), "{response}");
        assert!(response.contains("<pre id=\"seen\">get "), "{response}");
        assert!(response.contains("body: 0<"), "{response}");
    }
    assert_eq!(status(&nobody.send("POST", &page, FETCH, "x=y")), 401);
    assert_eq!(status(&nobody.send("DELETE", &page, NAVIGATION, "")), 401);
}

//! Who asks, as the access log tells it.

use awc::http::Method;

use crate::support::{Database, TestApp, log};

/// What the access log says of a request for a path of its own with these headers.
async fn logged(variables: &[(&str, &str)], headers: &[(&str, &str)]) -> String {
    let app = TestApp::spawn_with(Database::Sqlite, variables);
    let path = format!("/{}", doorward::random::id());
    app.visitor().send(Method::GET, &path, headers, "").await;
    let lines = log::lines_with(&format!("GET {path} 404"));
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    line.split_whitespace().nth(3).unwrap().to_owned()
}

#[actix_web::test]
async fn a_trusted_proxy_says_for_whom_it_asks() {
    let trusted = ("TRUSTED_PROXIES", "127.0.0.0/8");
    let claim = ("X-Forwarded-For", "203.0.113.9, 198.51.100.7");
    assert_eq!(logged(&[trusted], &[claim]).await, "198.51.100.7");
    let forwarded = ("CLIENT_ADDR_HEADER", "forwarded");
    let claim = ("Forwarded", "for=\"[2001:db8::7]:80\"");
    assert_eq!(logged(&[trusted, forwarded], &[claim]).await, "2001:db8::7");
}

#[actix_web::test]
async fn anybody_else_is_who_they_are() {
    let claims = [
        ("X-Forwarded-For", "198.51.100.7"),
        ("Forwarded", "for=198.51.100.7"),
    ];
    assert_eq!(logged(&[], &claims).await, "127.0.0.1");
    let others = [("TRUSTED_PROXIES", "10.0.0.0/8 unix")];
    assert_eq!(logged(&others, &claims).await, "127.0.0.1");
}

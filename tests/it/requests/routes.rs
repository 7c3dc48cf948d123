//! Addresses and verbs.

use awc::http::Method;

use super::has_security_headers;
use crate::support::TestApp;

const NOT_FOUND: &str = "There is nothing at this address.";

const NOT_ALLOWED: &str = "This address does not accept that kind of request.";

#[actix_web::test]
async fn there_is_nothing_elsewhere() {
    let app = TestApp::spawn();
    let visitor = app.visitor();
    for path in [
        "/nothing",
        "/profile/",
        "/login/x",
        "//",
        "//login",
        "/LOGIN",
        "/index.html",
        "/.env",
        "/.git/config",
        "/assets",
        "/assets/",
        "/assets/nothing.css",
        "/assets/..%2f.env",
        "/assets/%2e%2e%2fCargo.toml",
        "/assets/style.css%00",
        "/authorization-code",
        "/authorization-code/callback/",
        "/admin",
        "/metrics/x",
        "/<script>alert(1)</script>",
    ] {
        for method in [Method::GET, Method::POST] {
            let answer = visitor.send(method, path, &[], "").await;
            assert!(!answer.body.contains("<script"));
            has_security_headers(&answer, false);
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            // The route of assets exists for any name, and accepts GET only.
            if answer.status == 405 && path.starts_with("/assets/") {
                continue;
            }
            let refusal = match path {
                // The response to a path of a file is a line of text.
                "/assets/nothing.css"
                | "/assets/..%2f.env"
                | "/assets/%2e%2e%2fCargo.toml"
                | "/assets/style.css%00" => (answer.status, answer.body.trim_end().to_owned()),
                _ => answer.refusal(),
            };
            assert_eq!(refusal, (404, NOT_FOUND.to_owned()), "{path}");
        }
    }
}

#[actix_web::test]
async fn an_address_answers_its_own_verbs_and_names_them() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    ada.sign_in("ada").await;
    let all = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "FOO",
    ];
    for (path, verbs) in [
        ("/", &["GET", "HEAD"][..]),
        ("/login", &["GET", "HEAD", "POST"]),
        ("/authorization-code/callback", &["GET"]),
        ("/profile", &["GET", "HEAD"]),
        ("/logout", &["GET", "POST"]),
        ("/healthz", &["GET", "HEAD"]),
        ("/readyz", &["GET", "HEAD"]),
        ("/assets/favicon.svg", &["GET", "HEAD"]),
    ] {
        for verb in all {
            // Other tests cover HEAD for these two.
            if verbs.contains(&verb) || verb == "HEAD" {
                continue;
            }
            let answer = ada
                .send(Method::from_bytes(verb.as_bytes()).unwrap(), path, &[], "")
                .await;
            let allow: Vec<&str> = answer
                .header("allow")
                .unwrap_or_default()
                .split(", ")
                .collect();
            assert!(
                verbs.iter().all(|right| allow.contains(right)),
                "{verb} {path}: {allow:?}"
            );
            assert!(!allow.contains(&verb), "{verb} {path}");
            has_security_headers(&answer, false);
            let refusal = match path {
                // For programs: a line of text.
                "/healthz" | "/readyz" | "/assets/favicon.svg" => {
                    (answer.status, answer.body.trim_end().to_owned())
                }
                _ => answer.refusal(),
            };
            assert_eq!(refusal, (405, NOT_ALLOWED.to_owned()), "{verb} {path}");
        }
    }
    assert!(ada.is_signed_in().await);
}

#[actix_web::test]
async fn head_answers_as_get_without_the_page() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    ada.sign_in("ada").await;
    for path in [
        "/",
        "/profile",
        "/healthz",
        "/readyz",
        "/assets/favicon.svg",
        "/nothing",
    ] {
        let get = ada.get(path).await;
        let head = ada.send(Method::HEAD, path, &[], "").await;
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{path}"
        );
        for header in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(header), get.header(header), "{path} {header}");
        }
        has_security_headers(&head, false);
    }
    assert_eq!(
        app.visitor()
            .send(Method::HEAD, "/login", &[], "")
            .await
            .status,
        303
    );
}

//! What went wrong in other gateways and in proxies, tested by name.

use super::proxied::{Proxied, Proxy, status};
use super::support::{Browser, Gateway};
use crate::support::Database;

/// oauth2-proxy let in whoever said that they were a health check, or knew a header that a proxy sets.
#[actix_web::test]
async fn ghsa_5hvv_no_other_header_grants_access() {
    let gateway = Gateway::start(Database::Sqlite);
    let eve = Browser::new(&gateway);
    for (name, value) in [
        ("user-agent", "GoogleHC/1.0"),
        ("user-agent", "kube-probe/1.30"),
        ("authorization", "Basic YWRhOmFkYQ=="),
        ("authorization", "Bearer eyJhbGciOiJub25lIn0.e30."),
        ("remote-user", "00uada"),
        ("remote-email", "ada@example.com"),
        ("x-auth-request-user", "00uada"),
        ("x-auth-request-email", "ada@example.com"),
        ("x-forwarded-user", "00uada"),
        ("x-forwarded-access-token", "x"),
        ("x-doorward-jwt", "eyJhbGciOiJub25lIn0.e30."),
        ("x-real-ip", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;host=wiki.test"),
        ("x-original-url", "http://wiki.test/healthz"),
        ("x-original-uri", "/healthz"),
        ("x-rewrite-url", "/healthz"),
        ("x-envoy-original-path", "/healthz"),
        ("x-http-method-override", "OPTIONS"),
        ("cookie", "doorward=x; doorward-app=x; _oauth2_proxy=x"),
    ] {
        let answer = eve.ask("GET", "http://wiki.test/", &[(name, value)]).await;
        assert_eq!(answer.status, 401, "{name}: {value}");
        assert_eq!(answer.header("remote-user"), None, "{name}: {value}");
    }
}

/// Traefik passed on what clients write in `X_Forwarded_…`, and in `X-Forwarded-Prefix`.
#[actix_web::test]
async fn cve_2026_39858_aliases_and_prefix() {
    let gateway = Gateway::start(Database::Sqlite);
    let eve = Browser::new(&gateway);
    let public = [
        ("x_forwarded_uri", "/healthz"),
        ("x.forwarded.uri", "/healthz"),
        ("x_forwarded_host", "metrics.test"),
        ("x_forwarded_method", "OPTIONS"),
        ("x-forwarded-prefix", "/healthz"),
        ("x-forwarded-path", "/healthz"),
        ("x-forwarded-port", "1"),
    ];
    let answer = eve.ask("GET", "http://wiki.test/", &public).await;
    assert_eq!(answer.status, 401);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("realm=\"wiki.test\""), "{challenge}");
    // Nor are they read in place of a header that is missing.
    let without = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "http"),
        ("x_forwarded_host", "wiki.test"),
        ("x_forwarded_uri", "/healthz"),
    ];
    assert_eq!(gateway.ask("/auth/forward", &without).await.status, 400);
}

mod slow {
    use super::*;

    /// Caddy before 2.11.4 passed on `Remote_User`, which many apps take for `Remote-User`.
    #[actix_web::test]
    async fn cve_2026_52845_underscore_names_do_not_reach_the_app() {
        for proxy in [
            Proxy::Nginx,
            Proxy::NginxCurrent,
            Proxy::Caddy,
            Proxy::CaddyCurrent,
            Proxy::Haproxy,
            Proxy::HaproxyCurrent,
            Proxy::Traefik,
            Proxy::Envoy,
        ] {
            let proxied = Proxied::start(proxy);
            for name in [
                "Remote_User",
                "Remote_Email",
                "REMOTE_GROUPS",
                "X_Auth_Request_User",
                "X-Auth_Request-Groups",
                "X_Doorward_Jwt",
            ] {
                let answer = proxied.get("/public", &format!("{name}: mallory\r\n"));
                assert_eq!(status(&answer), 200, "{proxy:?} {name}: {answer}");
                assert!(!answer.contains("mallory"), "{proxy:?} {name}: {answer}");
            }
        }
    }

    /// The host of the line counts, for nginx and for the rules: `$http_host` would be that of the header.
    #[actix_web::test]
    async fn nginx_an_absolute_form_line_borrows_no_rule() {
        for proxy in [Proxy::Nginx, Proxy::NginxCurrent] {
            let proxied = Proxied::start(proxy);
            let port = proxied.port;
            for (line, host, expected) in [
                ("metrics", "wiki", 401),
                ("wiki", "metrics", 200),
                ("wiki", "wiki", 200),
            ] {
                let answer = proxied.raw(&format!(
                    "GET http://{line}.localhost:{port}/public HTTP/1.1\r\nHost: {host}.localhost:{port}\r\n\
                     Connection: close\r\n\r\n"
                ));
                assert_eq!(
                    status(&answer),
                    expected,
                    "{proxy:?} {line} {host}: {answer}"
                );
            }
        }
    }
}

//! The server does what each row of the table of routes says.

use std::net::SocketAddr;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, CONTENT_TYPE};
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{Error, dev::Service};

use super::Assembled;
use crate::http::route::{Errors, Optional, Place, Rate, Returning, Route, Routes};
use crate::http::routes::ROUTES;
use crate::oidc::ResponseMode;
use crate::public_url::PublicUrl;
use crate::session::ReturnTo;

const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO",
];

/// An address on the route.
fn address(route: &Route) -> String {
    route.path.replace("{file}", "favicon.svg")
}

/// The response to a request from `peer`.
async fn ask(
    service: &impl Service<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = Error>,
    method: &str,
    path: &str,
    peer: [u8; 4],
) -> ServiceResponse {
    let request = TestRequest::with_uri(path)
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .peer_addr(SocketAddr::from((peer, 9)))
        .to_request();
    try_call_service(service, request).await.unwrap()
}

#[actix_web::test]
async fn a_route_takes_its_verbs_and_names_them_when_it_refuses_another() {
    for (mode, name) in [
        (ResponseMode::Query, "query"),
        (ResponseMode::FormPost, "form_post"),
    ] {
        let app = Assembled::with(&[
            ("OIDC_RESPONSE_MODE", name),
            ("OIDC_FRONTCHANNEL_LOGOUT", "true"),
        ]);
        let service = init_service(app.doorward.application()).await;
        for route in &ROUTES {
            let allow = route.allow(Optional {
                response_mode: mode,
                frontchannel_logout: true,
            });
            let is_form_post = allow == "GET, POST" && route.path.ends_with("/callback");
            assert_eq!(
                is_form_post,
                route.path.ends_with("/callback") && name == "form_post"
            );
            for method in METHODS {
                let response = ask(&service, method, &address(route), [192, 0, 2, 1]).await;
                let is_right = allow.split(", ").any(|verb| verb == method);
                let status = response.status().as_u16();
                assert_eq!(status != 405, is_right, "{method} {}: {status}", route.path);
                if is_right {
                    continue;
                }
                let header = |name| response.headers().get(name).unwrap().to_str().unwrap();
                assert_eq!(header(ALLOW), allow, "{}", route.path);
                let media_type = match route.errors {
                    Errors::Page => "text/html; charset=utf-8",
                    Errors::Text => "text/plain; charset=utf-8",
                };
                assert_eq!(header(CONTENT_TYPE), media_type, "{}", route.path);
            }
        }
    }
}

#[actix_web::test]
async fn a_limited_route_refuses_the_third_request_of_two_and_no_other_does() {
    let app = Assembled::with(&[("RATE_LIMIT", "2"), ("OIDC_FRONTCHANNEL_LOGOUT", "true")]);
    let service = init_service(app.doorward.application()).await;
    for (number, route) in (1..).zip(&ROUTES) {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let response = ask(&service, "GET", &address(route), [192, 0, 2, number]).await;
            statuses.push(response.status().as_u16() == 429);
        }
        let is_limited = route.rate == Rate::Limited;
        assert_eq!(statuses, [false, false, is_limited], "{}", route.path);
    }
}

#[actix_web::test]
async fn below_a_path_a_route_is_at_the_root_too_only_if_the_table_says_so() {
    let app = Assembled::with(&[
        ("PUBLIC_URL", "http://localhost/doorward"),
        ("OIDC_FRONTCHANNEL_LOGOUT", "true"),
    ]);
    let service = init_service(app.doorward.application()).await;
    let peer = [192, 0, 2, 1];
    for route in &ROUTES {
        let address = address(route);
        let below = ask(&service, "GET", &format!("/doorward{address}"), peer).await;
        assert_ne!(below.status().as_u16(), 404, "{address}");
        let at_root = ask(&service, "GET", &address, peer).await;
        let is_there = at_root.status().as_u16() != 404;
        assert_eq!(is_there, route.place == Place::RootToo, "{address}");
    }
    let home = ask(&service, "GET", "/doorward", peer).await;
    assert_eq!(home.status().as_u16(), 200);
}

fn label(routes: &Routes, path: &str) -> &'static str {
    Route::label(routes.find(path))
}

#[test]
fn a_path_is_on_its_route_or_on_none() {
    let routes = Routes::new(&ROUTES, PublicUrl::parse("http://localhost").unwrap());
    for route in &ROUTES {
        assert_eq!(label(&routes, &address(route)), route.path);
    }
    for stray in ["", "/x", "/login/", "/LOGIN", "/assets/", "/assets/a/b"] {
        let found = label(&routes, stray);
        assert_eq!(
            found,
            if stray.is_empty() { "/" } else { "none" },
            "{stray}"
        );
    }
    let below = PublicUrl::parse("http://localhost/doorward").unwrap();
    let routes = Routes::new(&ROUTES, below);
    for (path, found) in [
        ("/doorward", "/"),
        ("/doorward/", "/"),
        ("/doorward/login", "/login"),
        ("/doorward/healthz", "/healthz"),
        ("/healthz", "/healthz"),
        ("/login", "none"),
        ("/doorwards/login", "none"),
        ("/doorwardlogin", "none"),
    ] {
        assert_eq!(label(&routes, path), found, "{path}");
    }
}

fn return_to(wanted: &str, public_url: &str) -> Option<String> {
    let public_url = PublicUrl::parse(public_url).unwrap();
    let routes = Routes::new(&ROUTES, public_url.clone());
    let kept = ReturnTo::parse(wanted, &public_url, |path| routes.may_return_to(path));
    kept.map(|kept| kept.as_str().to_owned())
}

#[test]
fn a_sign_in_returns_to_a_route_if_the_table_allows_it() {
    for public_url in [
        "https://app.example.com",
        "https://app.example.com/doorward",
    ] {
        let parsed = PublicUrl::parse(public_url).unwrap();
        for route in &ROUTES {
            let path = parsed.at(&address(route));
            let hidden = path.replace('l', "%6c");
            let is_allowed = route.return_to == Returning::Allowed;
            for wanted in [
                path.clone(),
                format!("{path}?a=b"),
                format!("/x/..{path}"),
                hidden,
            ] {
                assert_eq!(
                    return_to(&wanted, public_url).is_some(),
                    is_allowed,
                    "{wanted}"
                );
            }
        }
    }
}

#[test]
fn below_a_path_a_sign_in_returns_to_any_address_but_our_login_and_logout() {
    let parse = |wanted| return_to(wanted, "https://app.example.com/doorward");
    for place in [
        "/",
        "/doorward",
        "/doorward/profile?a=b",
        "/login",
        "/other/app",
    ] {
        assert_eq!(parse(place).as_deref(), Some(place));
    }
    for loops in [
        "/doorward/login",
        "/doorward/%6cogout",
        "/x/../doorward/login?a",
    ] {
        assert_eq!(parse(loops), None, "{loops}");
    }
    for elsewhere in [
        "profile",
        "//doorward/profile",
        "https://evil.example/doorward",
    ] {
        assert_eq!(parse(elsewhere), None, "{elsewhere}");
    }
}

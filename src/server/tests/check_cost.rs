//! What a check of a signed-in person costs, the most frequent request of all: allocations on its thread, and queries.

use std::net::SocketAddr;

use actix_web::App;
use actix_web::http::StatusCode;
use actix_web::http::header::COOKIE;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::Data;
use futures_util::FutureExt;

use super::Assembled;
use crate::http::gateway_routes::routes;
use crate::server::gateway_endpoint::gateway;
use crate::session::internals::signed_in_at;

/// More than a 404 of the framework: the value of `X-Request-Id`.
const AT_MOST: u64 = 1;

/// The same in bytes: that value, more headers, and the future of a request that waits for nothing.
const AT_MOST_BYTES: u64 = 4096;

#[actix_web::test]
async fn a_check_from_memory_asks_nobody_and_allocates_no_more_than_its_response() {
    let app = Assembled::with(&[("SESSION_CACHE", "1m")]);
    let doorward = &app.doorward;
    let access = doorward.rules.as_ref().unwrap().access.clone();
    let gateway = gateway(doorward, access, doorward.worker().refresh_tokens);
    let cookie = signed_in_at(&doorward.sessions, "wiki.test").await;
    let cookie = format!("theme=dark; {}={}", cookie.name(), cookie.value());
    let service = init_service(
        App::new()
            .app_data(Data::new(gateway))
            .app_data(Data::new(doorward.worker()))
            .configure(routes),
    )
    .await;
    let request = |path: &str| {
        TestRequest::with_uri(path)
            .peer_addr(SocketAddr::from(([10, 0, 0, 1], 9)))
            .insert_header((COOKIE, cookie.as_str()))
            .insert_header(("x-forwarded-for", "192.0.2.7"))
            .insert_header(("x-forwarded-method", "GET"))
            .insert_header(("x-forwarded-proto", "http"))
            .insert_header(("x-forwarded-host", "wiki.test"))
            .insert_header(("x-forwarded-uri", "/reports?x=1"))
            .insert_header(("x-original-method", "GET"))
            .insert_header(("x-original-url", "http://wiki.test/reports?x=1"))
            .to_request()
    };
    let first = call_service(&service, request("/auth/forward")).await;
    assert_eq!(first.status(), StatusCode::OK);
    let token = first.headers().get("x-doorward-jwt").unwrap();
    assert!(token.len() > 100);
    // No query can succeed from now on.
    doorward.db.close();
    let cost = |path: &str| {
        // What the cache does now and then is not in all of them.
        let counts = (0..50).map(|_| {
            let request = request(path);
            let mut answer = None;
            let counted = allocation_counter::measure(|| {
                answer = call_service(&service, request).now_or_never();
            });
            let answer = answer.expect("it waits for nothing");
            (
                answer.status().as_u16(),
                counted.count_total,
                counted.bytes_total,
            )
        });
        counts.min().unwrap()
    };
    let (_, floor, floor_bytes) = cost("/nothing");
    for path in ["/auth/forward", "/auth/request"] {
        let (status, count, bytes) = cost(path);
        assert_eq!(status, 200);
        assert!(
            bytes <= floor_bytes + AT_MOST_BYTES,
            "{path}: {bytes} bytes, and {floor_bytes} for a 404"
        );
        assert!(
            count <= floor + AT_MOST,
            "{path}: {count}, and {floor} for a 404"
        );
    }
}

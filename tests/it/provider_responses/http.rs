//! HTTP itself: redirects, compression, connections that break, and responses that take too long.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{UNUSABLE, assert_page, assert_refused, redirect};
use crate::support::process::PATIENCE;
use crate::support::provider::{Canned, Endpoint};
use crate::support::provider_faults::answer_with;
use crate::support::{TestApp, Visitor};

/// `{"sub":"00uada","name":"Zipped"}`, compressed.
fn gzipped() -> Canned {
    let body = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 46, 77, 82, 178, 82, 50, 48, 40, 77, 76, 73,
        84, 210, 81, 202, 75, 204, 77, 5, 242, 163, 50, 11, 10, 82, 83, 148, 106, 1, 166, 182, 86,
        0, 32, 0, 0, 0,
    ];
    let mut canned = Canned::new(200, "application/json", body);
    canned
        .headers
        .push(("Content-Encoding".into(), "gzip".into()));
    canned
}

/// RFC 6749 4.1.2 (a): sent again only where a kept connection was closed before the first byte of a response
#[actix_web::test]
async fn a_connection_that_breaks_is_refused_and_the_code_is_sent_once_more_at_most() {
    let app = TestApp::spawn();
    answer_with(&app, Endpoint::Token, Canned::reset());
    let cause = "token: the provider can't be reached: the connection was closed before a response";
    assert_refused(&app, UNUSABLE, cause).await;
    // Discovery came over the first connection.
    assert_eq!(app.provider.request_count(Endpoint::Token), 2);
}

/// Core 16.4, 16.8
/// RFC 6750 5.3 (b): Tokens are sent only to their resource (MUST)
#[actix_web::test]
async fn a_redirect_is_not_followed() {
    let app = TestApp::spawn();
    for (endpoint, what) in [(Endpoint::Token, "token"), (Endpoint::Userinfo, "userinfo")] {
        for status in [301, 302, 303, 307, 308] {
            let (canned, target) = redirect(status);
            answer_with(&app, endpoint, canned);
            let cause = format!("{what}: the provider responded with status {status}");
            assert_refused(&app, UNUSABLE, &cause).await;
            assert!(target.accept().is_err(), "no request was sent there");
        }
        app.provider.heal();
    }
}

/// RFC 8725 3.4 to 3.6: Inputs of ECDH, passwords as MAC keys, compression before encryption
#[actix_web::test]
async fn a_compressed_answer_is_neither_asked_for_nor_unpacked() {
    let app = TestApp::spawn();
    answer_with(&app, Endpoint::Userinfo, gzipped());
    let cause = "the userinfo response is refused: not a JSON object";
    assert_refused(&app, UNUSABLE, cause).await;
    answer_with(&app, Endpoint::Token, gzipped());
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
    for endpoint in [
        Endpoint::Discovery,
        Endpoint::Token,
        Endpoint::Keys,
        Endpoint::Userinfo,
    ] {
        for request in app.provider.requests(endpoint) {
            assert_eq!(
                request.header("accept-encoding"),
                Some("identity"),
                "{endpoint:?}"
            );
        }
    }
}

mod slow {
    use super::*;

    /// One test waits for the ten seconds; all that takes so long is in it, side by side.
    #[actix_web::test]
    async fn a_slow_provider_costs_the_person_ten_seconds_and_nobody_else_any() {
        let app = TestApp::spawn();
        let [ada, grace, lin] = [(); 3].map(|()| app.visitor());
        let [late, dripping] = [
            ada.callback_for("ada").await,
            grace.callback_for("ada").await,
        ];
        let has_answered = std::cell::Cell::new(false);
        let timed = async |visitor: &Visitor, callback: &str| {
            let began = Instant::now();
            (visitor.get(callback).await, began.elapsed())
        };
        let asked = async |endpoint: Endpoint, times: usize| {
            let began = Instant::now();
            while app.provider.request_count(endpoint) < times {
                assert!(began.elapsed() < PATIENCE, "{endpoint:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };

        let never = Canned::json(200, &json!({})).late(Duration::from_secs(30));
        answer_with(&app, Endpoint::Token, never);
        let others = async {
            asked(Endpoint::Token, 1).await;
            app.provider.heal();
            let drops =
                Canned::json(200, &json!({"sub": "00uada"})).dripping(Duration::from_secs(2));
            answer_with(&app, Endpoint::Userinfo, drops);
            let by_drops = timed(&grace, &dripping);
            let meanwhile = async {
                asked(Endpoint::Userinfo, 1).await;
                app.provider.heal();
                assert_eq!(lin.get("/").await.status, 200);
                assert_eq!(lin.sign_in("grace").await.location(), "/profile");
                assert!(lin.is_signed_in().await);
                assert!(!has_answered.get(), "the others were held up");
            };
            futures_util::future::join(by_drops, meanwhile).await.0
        };
        let late = async {
            let late = timed(&ada, &late).await;
            has_answered.set(true);
            late
        };
        // How long ten seconds take on this machine now.
        let ten_seconds = async {
            let began = Instant::now();
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(Visitor::new(&app.url).get("/").await.status, 200);
            began.elapsed()
        };
        let both = futures_util::future::join(late, others);
        let ((late, dripping), ten_seconds) = futures_util::future::join(both, ten_seconds).await;

        for ((page, took), what) in [(late, "token"), (dripping, "userinfo")] {
            let cause = format!("{what}: the provider did not respond within 10 s");
            assert_page(&page, UNUSABLE, &cause);
            let limits = Duration::from_millis(9500)..ten_seconds + Duration::from_secs(4);
            assert!(limits.contains(&took), "{what}: {took:?}");
        }
        assert!(!ada.is_signed_in().await && !grace.is_signed_in().await);
        assert_eq!((app.storage().users(), app.storage().sessions()), (1, 1));
    }
}

//! What the worst requests within the budget cost: the CPU time of the thread that serves them, all layers of the
//! application passed. Reading the bytes off the connection is the framework's, and comes before.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{COOKIE, HeaderName};
use actix_web::test::{TestRequest, init_service, try_call_service};
use nix::time::{ClockId, clock_gettime};

use super::Assembled;

/// A few milliseconds, even of a build that is not optimized.
const AT_MOST: Duration = Duration::from_millis(5);

/// Of several runs the best counts: the clock also ticks while caches are cold.
const RUNS: usize = 3;

const CALLBACK: &str = "/authorization-code/callback";

/// A request, to be made as often as it is run.
struct Worst {
    what: &'static str,
    method: Method,
    uri: String,
    headers: Vec<(HeaderName, String)>,
    body: String,
}

impl Worst {
    fn get(what: &'static str, uri: String) -> Worst {
        Worst {
            what,
            method: Method::GET,
            uri,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    fn with(mut self, name: HeaderName, value: String) -> Worst {
        self.headers.push((name, value));
        self
    }
}

/// `text` as often as `bytes` allow.
fn filled(text: &str, bytes: usize) -> String {
    text.repeat(bytes / text.len())
}

/// As many attempts as the budget allows, none of them sealed by us.
fn attempts() -> String {
    let cookies = (0..64).map(|n| format!("doorward-login-{n:016}={}", "A".repeat(220)));
    cookies.collect::<Vec<_>>().join("; ")
}

fn worst() -> Vec<Worst> {
    let mut all = Vec::new();
    for pair in [
        "state=x&",
        "state&",
        "&",
        "code=x&",
        "%73tate=%78&",
        "a=;",
        "+",
        "%",
    ] {
        let query = filled(pair, 8 << 10);
        all.push(Worst::get("a callback", format!("{CALLBACK}?{query}")).with(COOKIE, attempts()));
        all.push(Worst::get("the home page", format!("/?{query}")));
    }
    let state = format!("{CALLBACK}?code=x&state={}", "0".repeat(8000));
    all.push(Worst::get("a long state", state).with(COOKIE, attempts()));
    all.push(Worst::get("a sign-in", "/login".to_owned()).with(COOKIE, attempts()));
    for wanted in ["/../", "%2F..", "/%2e%2e", "/a", "%25", "\u{e9}", "{"] {
        let wanted = filled(wanted, 2700);
        let encoded = url::form_urlencoded::byte_serialize(wanted.as_bytes());
        let wanted: String = encoded.collect::<String>().chars().take(8000).collect();
        all.push(Worst::get(
            "a place to return to",
            format!("/login?return_to=%2F{wanted}"),
        ));
        all.push(Worst::get(
            "a page to sign in for",
            format!("/profile?{wanted}"),
        ));
    }
    for path in ["/", "/%2e%2e", "/a", "%25", "/assets", "//."] {
        all.push(Worst::get("a path", format!("/{}", filled(path, 2000))));
    }
    let session = |value: &str| format!("doorward={}", filled(value, (16 << 10) - 9));
    for cookies in [
        filled(";", 16 << 10),
        filled(" \t", 16 << 10),
        filled("=", 16 << 10),
        filled("doorward=x; ", 64 * 12),
        session("A"),
        session("%41"),
        session("="),
    ] {
        all.push(Worst::get("cookies", "/profile".to_owned()).with(COOKIE, cookies));
    }
    let forwarded = HeaderName::from_static("x-forwarded-for");
    for hop in ["10.0.0.1,", ",", "[", "10.0.0.1:1 ,", "\u{7f}x,"] {
        let hops = filled(hop.trim_start_matches('\u{7f}'), 100 << 10);
        all.push(Worst::get("hops", "/".to_owned()).with(forwarded.clone(), hops));
    }
    for pair in ["state=x&", "&", "state=&", "%73=%78&", "code=x&state=y&"] {
        all.push(Worst {
            method: Method::POST,
            body: filled(pair, 16 << 10),
            ..Worst::get("a form", CALLBACK.to_owned())
        });
    }
    all
}

fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .unwrap()
        .into()
}

#[actix_web::test]
async fn no_request_costs_more_than_a_few_milliseconds_whatever_is_in_it() {
    let app = Assembled::with(&[]);
    let service = init_service(app.doorward.application()).await;
    let mut dearest = (Duration::ZERO, String::new());
    for worst in worst() {
        let mut best = Duration::MAX;
        let shown = format!("{} {:.60}", worst.what, worst.uri);
        for _ in 0..RUNS {
            let request = TestRequest::default()
                .method(worst.method.clone())
                .uri(&worst.uri)
                .peer_addr(SocketAddr::from(([10, 0, 0, 1], 9)))
                .set_payload(worst.body.clone());
            let headers = worst.headers.iter().cloned();
            let request = headers
                .fold(request, TestRequest::append_header)
                .to_request();
            let before = cpu_time();
            let answer = try_call_service(&service, request).await;
            best = best.min(cpu_time() - before);
            let status = answer.map_or(500, |answer| answer.status().as_u16());
            assert!(status < 500, "{shown}: {status}");
        }
        if best > dearest.0 {
            dearest = (best, shown);
        }
    }
    assert!(dearest.0 < AT_MOST, "{dearest:?}");
}

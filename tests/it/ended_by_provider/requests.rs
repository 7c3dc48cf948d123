//! Requests at the three addresses that no provider sends: other verbs, other versions of HTTP, other lengths.

use std::io::{Read, Write};

use serde_json::json;

use super::{logout_claims, revocation_token};
use crate::support::raw::{connect, raw};
use crate::support::{Database, TestApp};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const BACK: &str = "/backchannel-logout";
const FRONT: &str = "/frontchannel-logout";
const UNIVERSAL: &str = "/universal-logout";

fn spawn() -> TestApp {
    let variables = [("OIDC_FRONTCHANNEL_LOGOUT", "true"), ("RATE_LIMIT", "0")];
    TestApp::spawn_with(Database::Sqlite, &variables)
}

/// A form that ends the sessions of nobody.
fn form(app: &TestApp) -> String {
    let claims = logout_claims(app, json!({"sub": "nobody"}));
    format!("logout_token={}", app.provider.sign_id_token(&claims))
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[actix_web::test]
async fn every_other_verb_is_405_and_says_which_are_right() {
    let app = spawn();
    for (path, allow) in [(BACK, "POST"), (UNIVERSAL, "POST"), (FRONT, "GET, POST")] {
        for verb in [
            "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND", "FOO", "post",
            "Post", "get", "P",
        ] {
            if allow.split(", ").any(|it| it == verb) {
                continue;
            }
            let request =
                format!("{verb} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let answer = raw(&app, request.as_bytes());
            assert_eq!(status(&answer), "405", "{verb} {path}: {answer}");
            assert_eq!(header(&answer, "allow"), Some(allow), "{verb} {path}");
            assert_eq!(header(&answer, "set-cookie"), None, "{verb} {path}");
            assert!(
                !answer.contains("localhost"),
                "nothing comes back: {answer}"
            );
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(body.is_empty(), verb == "HEAD", "{verb} {path}: {answer}");
        }
        let long = format!(
            "{} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "A".repeat(17)
        );
        assert_eq!(status(&raw(&app, long.as_bytes())), "431", "{path}");
    }
}

#[actix_web::test]
async fn what_is_not_http_is_400_and_nothing_is_done() {
    let app = spawn();
    let form = form(&app);
    let len = form.len();
    for head in [
        "POST /backchannel-logout".to_owned(),
        "POST  /backchannel-logout HTTP/1.1".to_owned(),
        "POST /backchannel-logout HTTP/1.1\r\nno header".to_owned(),
        format!("POST /backchannel-logout HTTP/2.0\r\n{FORM}\r\nContent-Length: {len}"),
        format!(
            "POST /backchannel-logout HTTP/1.1\r\n{FORM}\r\nContent-Length: {len}\r\nContent-Length: {}",
            len + 1
        ),
        format!(
            "POST /backchannel-logout HTTP/1.1\r\n{FORM}\r\nContent-Length: {len}\r\nContent-Length: {len}"
        ),
        format!("POST /backchannel-logout HTTP/1.1\r\n{FORM}\r\nContent-Length: +{len}"),
        format!("POST /backchannel-logout HTTP/1.1\r\n{FORM}\r\nContent-Length: -1"),
        format!(
            "POST /backchannel-logout HTTP/1.1\r\n{FORM}\r\nContent-Length: {len}\r\nTransfer-Encoding: chunked"
        ),
        format!("POST /backchannel-logout HTTP/1.1\r\n{FORM}\r\nTransfer-Encoding: gzip"),
        "\0\u{1}\u{2}".to_owned(),
    ] {
        let answer = raw(
            &app,
            format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n{form}").as_bytes(),
        );
        assert_eq!(status(&answer), "400", "{head}: {answer}");
    }
    // The token is not used up by any of this.
    let right = format!(
        "POST {BACK} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{FORM}\r\nContent-Length: {len}\r\n\r\n{form}"
    );
    assert_eq!(status(&raw(&app, right.as_bytes())), "200");
}

#[actix_web::test]
async fn http_1_0_will_do() {
    let app = spawn();
    let form = form(&app);
    let request = format!(
        "POST {BACK} HTTP/1.0\r\n{FORM}\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = raw(&app, request.as_bytes());
    assert_eq!(status(&answer), "200", "{answer}");
    let request = format!("GET {FRONT}?sid=s HTTP/1.0\r\n\r\n");
    let answer = raw(&app, request.as_bytes());
    assert_eq!(status(&answer), "200", "{answer}");
}

/// curl sends this with a body of a kilobyte or more.
#[actix_web::test]
async fn a_body_that_waits_to_be_asked_for_is_asked_for() {
    let app = spawn();
    let form = form(&app);
    let mut stream = connect(&app);
    let head = format!(
        "POST {BACK} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n{FORM}\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(form.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), "200", "{answer}");
}

#[actix_web::test]
async fn a_body_in_chunks_may_have_extensions_and_trailers() {
    let app = spawn();
    for (trailers, expected) in [("", "200"), ("X-Checksum: 1\r\nX-More: 2\r\n", "200")] {
        let form = form(&app);
        let (one, two) = form.split_at(100);
        let request = format!(
            "POST {BACK} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{FORM}\r\nTransfer-Encoding: chunked\r\n\r\n\
             {:x};a=b\r\n{one}\r\n{:X}\r\n{two}\r\n0\r\n{trailers}\r\n",
            one.len(),
            two.len()
        );
        let answer = raw(&app, request.as_bytes());
        assert_eq!(status(&answer), expected, "{trailers}: {answer}");
    }
}

/// Back-channel in `raw`.
#[actix_web::test]
async fn at_the_other_addresses_too_a_body_of_16_kib_is_read_and_one_byte_more_is_not() {
    let app = spawn();
    for (len, of_frame, of_revocation) in [(16 * 1024, 0, "404"), (16 * 1024 + 1, 1, "400")] {
        let ada = super::signed_in_with(&app, "ada", "s1").await;
        let form = "sid=s1&x=";
        let form = format!("{form}{}", "x".repeat(len - form.len()));
        let request = format!(
            "POST {FRONT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{FORM}\r\nContent-Length: {len}\r\n\r\n{form}"
        );
        let answer = raw(&app, request.as_bytes());
        assert_eq!(status(&answer), "200", "{answer}");
        assert_eq!(app.storage().sessions(), of_frame, "{len}");
        ada.post("/logout", "").await;
        let body =
            json!({"sub_id": {"format": "email", "email": "nobody@example.com"}}).to_string();
        let body = format!("{body}{}", " ".repeat(len - body.len()));
        let request = format!(
            "POST {UNIVERSAL} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {}\r\nContent-Length: {len}\r\n\r\n{body}",
            revocation_token(&app, json!({}))
        );
        let answer = raw(&app, request.as_bytes());
        assert_eq!(status(&answer), of_revocation, "{answer}");
    }
}

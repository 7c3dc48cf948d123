//! Where people may be sent after they have signed in.

use super::{UNREADABLE, refused};
use crate::on_both;
use crate::support::TestApp;
use crate::support::visitor::Answer;

/// `/login?return_to=…`.
fn login_for(wanted: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::from("/login?"));
    query.append_pair("return_to", wanted).finish()
}

fn hostile_values() -> Vec<String> {
    let lines = include_str!("../../data/return_to_hostile.txt").lines();
    lines
        .map(|line| serde_json::from_str(&format!("\"{line}\"")).expect(line))
        .collect()
}

/// How many characters the sealed attempt of an answer has: the value itself is sealed.
fn attempt_len(answer: &Answer) -> usize {
    let cookies = answer.cookies();
    let attempt = cookies
        .iter()
        .find(|cookie| cookie.starts_with("doorward-login-") && !cookie.contains("Max-Age=0"));
    let (_, value) = attempt.unwrap().split_once('=').unwrap();
    value.split(';').next().unwrap().len()
}

on_both! {
    /// RFC 6749 10.15
    /// RFC 9700 2.1 (a)
    /// IPSIE 3.2.2 (c)
    async fn no_hostile_return_to_is_followed(app: TestApp) {
        let ada = app.visitor();
        let profile = attempt_len(&app.visitor().get("/login").await);
        for (at, wanted) in hostile_values().iter().enumerate() {
            let login = login_for(wanted);
            let answer = app.visitor().get(&login).await;
            assert_eq!(answer.status, 303, "{wanted:?}");
            // What is kept has the length of `/profile`; only what is just as long could still be something else.
            assert_eq!(attempt_len(&answer), profile, "{wanted:?} is kept");
            if at % 20 == 0 || wanted.len() == "/profile".len() {
                let callback = ada.choose(&ada.begin(&login).await, "ada").await;
                assert_eq!(ada.get(&callback).await.location(), "/profile", "{wanted:?}");
            }
        }
    }
}

#[actix_web::test]
async fn the_attempt_of_the_longest_return_to_fits_a_cookie() {
    let app = TestApp::spawn();
    // Some characters become three when an address is written properly.
    for wanted in ["a", "\"", "<", "{"].map(|character| format!("/{}", character.repeat(511))) {
        let answer = app.visitor().get(&login_for(&wanted)).await;
        assert_eq!(answer.status, 303);
        let cookie = answer.cookies().into_iter().map(str::len).max();
        assert!(
            cookie.unwrap() < 4096,
            "{wanted:.8}…: browsers drop a cookie of {cookie:?} characters"
        );
    }
}

/// A browser encodes the characters of a link once; decoded they are letters again.
#[actix_web::test]
async fn letters_beyond_ascii_are_a_place_to_return_to() {
    let app = TestApp::spawn();
    for (written, lands) in [
        ("/berichte/%C3%BCber", "/berichte/%C3%BCber"),
        ("/berichte/%25C3%25BCber", "/berichte/%C3%BCber"),
        (
            "/%E5%A0%B1%E5%91%8A?q=%C3%A9",
            "/%E5%A0%B1%E5%91%8A?q=%C3%A9",
        ),
        ("/berichte/%FCber", "/profile"),
        ("/%E2%80%AEgnp.exe", "/profile"),
    ] {
        let ada = app.visitor();
        let there = ada.begin(&format!("/login?return_to={written}")).await;
        let callback = ada.choose(&there, "ada").await;
        assert_eq!(ada.get(&callback).await.location(), lands, "{written}");
    }
}

/// The router reads `%6c` as `l`.
///
/// RFC 9700 2.1 (a)
#[actix_web::test]
async fn signing_in_or_out_is_no_place_to_return_to_however_it_is_spelled() {
    let app = TestApp::spawn();
    for wanted in [
        "/%6cogin",
        "/logi%6E",
        "/%6cogout",
        "/log%6fut",
        "/%6C%6F%67%6F%75%74",
        "/log%6Fut?x",
        "/x/../%6cogout",
        "/%61uthorization-code/callback",
        "/authorization%2dcode/callback",
        "/authorization-code/call%62ack",
    ] {
        // Only paths that the router reads as one of these pages must be refused.
        if app.visitor().get(wanted).await.status == 404 {
            continue;
        }
        let ada = app.visitor();
        let callback = ada
            .choose(&ada.begin(&login_for(wanted)).await, "ada")
            .await;
        assert_eq!(ada.get(&callback).await.location(), "/profile", "{wanted}");
    }
}

#[actix_web::test]
async fn a_query_that_can_not_be_read_is_refused() {
    let app = TestApp::spawn();
    let answer = app.visitor().get("/login?return_to=/a&return_to=/b").await;
    refused(answer, 400, UNREADABLE).await;
}

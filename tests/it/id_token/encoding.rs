//! Three parts, base64url, JSON objects (RFC 7515).

use serde_json::json;

use super::{assert_refused, edit_part, replace};
use crate::support::TestApp;
use crate::support::provider_faults::{edit_claims, edit_header, edit_token};

/// Core 3.1.3.7 (1): a token of five parts is refused
/// RFC 7515 5.2
#[actix_web::test]
async fn what_has_not_three_parts_is_refused() {
    let app = TestApp::spawn();
    let edits: [fn(String) -> String; 8] = [
        |_| String::new(),
        |_| "x".to_owned(),
        |token| token.rsplit_once('.').unwrap().0.to_owned(),
        |token| format!("{token}.x"),
        |token| format!("{token}."),
        |token| format!(".{token}"),
        |token| format!("{token}.x.y"),
        |token| token.replace('.', "\u{0}"),
    ];
    for edit in edits {
        edit_token(&app, edit);
        assert_refused(&app, "malformed: it does not have three parts").await;
    }
}

/// RFC 7515 5.2
#[actix_web::test]
async fn what_is_not_base64url_is_refused() {
    let app = TestApp::spawn();
    let edits: [fn(String) -> String; 5] = [
        |token| format!("!{token}"),
        |token| format!(" {token}"),
        |token| {
            format!(
                "{}.x",
                token.rsplit_once('.').unwrap().0.replacen('.', "=.", 1)
            )
        },
        |token| format!("{{}}.{}", token.split_once('.').unwrap().1),
        |token| format!("é{token}"),
    ];
    for edit in edits {
        edit_token(&app, edit);
        assert_refused(&app, "malformed: a part is not base64url").await;
    }
    // The signature is judged as such.
    let edits: [fn(String) -> String; 3] = [
        |token| format!("{token}\n"),
        |token| format!("{token}="),
        |token| format!("{token}!"),
    ];
    for edit in edits {
        edit_token(&app, edit);
        assert_refused(&app, "its signature is wrong").await;
    }
}

/// RFC 7515 5.2
#[actix_web::test]
async fn what_is_not_json_is_refused() {
    let app = TestApp::spawn();
    for (header, cause) in [
        ("", "malformed: not a JSON object"),
        ("{", "malformed: not JSON (line 1, column 1)"),
        ("<html>", "malformed: not a JSON object"),
        ("null", "malformed: not a JSON object"),
        ("7", "malformed: not a JSON object"),
        ("{}", "its header has no alg"),
        (
            "{\"alg\":null}",
            "its header's alg is null, expected a string",
        ),
        ("\"RS256\"", "malformed: not a JSON object"),
    ] {
        edit_token(&app, move |token| {
            edit_part(&token, 0, |bytes| *bytes = header.as_bytes().to_vec())
        });
        assert_refused(&app, cause).await;
    }
}

/// RFC 7515 4
#[actix_web::test]
async fn a_header_with_a_name_twice_is_refused() {
    let app = TestApp::spawn();
    edit_token(&app, |token| {
        edit_part(&token, 0, |header| {
            replace(header, "{", "{\"alg\":\"none\",");
        })
    });
    assert_refused(&app, "malformed: its alg appears twice").await;
}

/// RFC 7515, 4: the header is an object, though serde would take an array for one.
///
/// RFC 7515 4
#[actix_web::test]
async fn a_header_that_is_an_array_is_refused() {
    let app = TestApp::spawn();
    edit_header(&app, |header| {
        *header = json!(["RS256", "rsa-1", "JWT", null])
    });
    assert_refused(&app, "malformed: ").await;
}

/// Core 13.3
#[actix_web::test]
async fn a_payload_that_is_no_object_is_refused() {
    let app = TestApp::spawn();
    edit_claims(&app, |claims| {
        let in_order = ["iss", "sub", "aud", "azp", "exp", "iat"].map(|name| claims[name].clone());
        *claims = json!(in_order);
    });
    assert_refused(&app, "malformed: ").await;
    for payload in [json!([]), json!([{}]), json!(null), json!("text")] {
        edit_claims(&app, move |claims| *claims = payload.clone());
        assert_refused(&app, "malformed: not a JSON object").await;
    }
    edit_claims(&app, |claims| *claims = json!({}));
    assert_refused(&app, "it has no iss").await;
}

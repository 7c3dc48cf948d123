//! The key set.

use serde_json::json;

use super::{UNREACHABLE, UNUSABLE, assert_refused, assert_signs_in, huge};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint};
use crate::support::provider_faults::answer_with;

/// Discovery 3 (h)
#[actix_web::test]
async fn keys_that_are_none_are_refused_and_not_remembered() {
    let app = TestApp::spawn();
    for body in [
        "<html>We are back soon</html>",
        "",
        "null",
        "[]",
        "{}",
        "{\"keys\":{}}",
    ] {
        answer_with(&app, Endpoint::Keys, Canned::html(200, body));
        assert_refused(&app, UNUSABLE, "the provider's keys are refused: ").await;
    }
    app.provider.heal();
    assert_signs_in(&app, "ada").await;
}

/// RFC 7517, 5: a key set is an object, though serde would take an array for one.
#[actix_web::test]
async fn keys_in_an_array_are_refused() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_keys = Some(Box::new(|keys| *keys = json!([keys["keys"]])));
    });
    assert_refused(&app, UNUSABLE, "the provider's keys are refused: ").await;
}

#[actix_web::test]
async fn keys_that_can_not_be_had_are_said_to_be_so() {
    let app = TestApp::spawn();
    answer_with(&app, Endpoint::Keys, Canned::html(500, "no"));
    assert_refused(
        &app,
        UNREACHABLE,
        "keys: the provider responded with status 500",
    )
    .await;
    answer_with(&app, Endpoint::Keys, huge());
    assert_refused(
        &app,
        UNREACHABLE,
        "keys: the provider's response can't be read",
    )
    .await;
    app.provider.heal();
    assert_signs_in(&app, "ada").await;
}

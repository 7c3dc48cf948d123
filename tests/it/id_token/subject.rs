//! `sub`: who it is.

use serde_json::json;

use super::{assert_accepted, assert_refused, set_claim};
use crate::on_both;
use crate::support::TestApp;

/// Core 2 (a)
/// Suite basic `missing-sub`: refuse an ID token without `sub`
#[actix_web::test]
async fn an_id_token_about_nobody_is_refused() {
    let app = TestApp::spawn();
    set_claim(&app, "sub", None);
    assert_refused(&app, "it has no sub").await;
    set_claim(&app, "sub", json!(""));
    assert_refused(
        &app,
        "its sub is empty, over 255 characters or not printable",
    )
    .await;
}

on_both! {
    /// Core 2 (a)
    /// RFC 8725 3.8
    async fn a_subject_that_is_none_is_refused(app: TestApp) {
        for wrong in ["s".repeat(256), "a\u{0}b".into(), "a\nb".into(), "\u{7f}".into()] {
            let subject = wrong.clone();
            set_claim(&app, "sub", json!(subject));
            app.provider.faults(|faults| {
                faults.edit_userinfo = Some(Box::new(move |claims| claims["sub"] = json!(wrong)));
            });
            assert_refused(&app, "its sub is empty, over 255 characters or not printable").await;
        }
    }

    /// Core 2 (a)
    async fn a_subject_of_255_characters_is_accepted(app: TestApp) {
        let subject = json!("s".repeat(255));
        set_claim(&app, "sub", subject.clone());
        app.provider.faults(|faults| {
            faults.edit_userinfo = Some(Box::new(move |claims| claims["sub"] = subject.clone()));
        });
        assert_accepted(&app, "255").await;
    }
}

/// Core 2 (a)
#[actix_web::test]
async fn a_subject_of_a_wrong_type_is_refused() {
    let app = TestApp::spawn();
    for wrong in [json!(7), json!(null), json!(["00uada"]), json!({})] {
        set_claim(&app, "sub", wrong);
        assert_refused(&app, "its sub is ").await;
    }
}

//! RP-Initiated Logout.

use serde_json::json;

use crate::support::TestApp;

/// RP-Initiated Logout 1.0, 2.
///
/// Logout 2 (c): `client_id` is ours and matches the hint (MUST, if sent)
#[actix_web::test]
async fn the_end_session_request_has_all_that_it_needs() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    let mut states = Vec::new();
    for _ in 0..2 {
        ada.sign_in("ada").await;
        let out = ada.post("/logout", "").await;
        let url = url::Url::parse(out.location()).unwrap();
        let pairs: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(pairs["client_id"], crate::support::app::CLIENT_ID);
        assert_eq!(pairs["post_logout_redirect_uri"], app.url);
        assert_eq!(pairs["id_token_hint"].split('.').count(), 3);
        assert_eq!((pairs["state"].len(), pairs.len()), (43, 4));
        states.push(pairs["state"].clone());
    }
    assert_ne!(states[0], states[1]);
}

/// Logout 3 (b)
/// Suite logout `rp-init-logout-no-state`
#[actix_web::test]
async fn back_without_a_state_is_the_sign_in_page() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    for _ in 0..2 {
        ada.sign_in("ada").await;
        ada.post("/logout", "").await;
        let home = ada.get("/").await;
        assert!(home.status == 200 && home.has("login-button"));
    }
}

/// Logout 2 (b): one over 16 KiB is left out
#[actix_web::test]
async fn an_id_token_that_is_far_too_long_is_no_hint() {
    for (groups_len, is_hint) in [(10 << 10, true), (20 << 10, false)] {
        let app = TestApp::spawn();
        app.provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(move |claims| {
                claims["groups"] = json!("g".repeat(groups_len))
            }));
        });
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        let out = ada.post("/logout", "").await;
        // By a redirect, or by a form where that fits no address.
        let has_hint = out.status == 200 && out.body.contains("name=\"id_token_hint\"");
        assert_eq!(has_hint, is_hint, "{groups_len}");
        let is_redirect = out
            .header("location")
            .is_some_and(|url| url.contains("client_id="));
        assert_eq!(is_redirect, !is_hint, "{groups_len}");
    }
}

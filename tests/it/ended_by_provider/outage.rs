//! The provider asks while the database is away.

use serde_json::json;

use super::{log_out, post, revocation_token, universal};
use crate::support::{Database, TestApp};

fn spawn() -> TestApp {
    TestApp::spawn_with(Database::Sqlite, &[("RATE_LIMIT", "5")])
}

async fn during_an_outage(app: &TestApp, act: impl AsyncFnOnce()) {
    let storage = app.storage();
    storage.execute("ALTER TABLE single_use RENAME TO elsewhere");
    act().await;
    storage.execute("ALTER TABLE elsewhere RENAME TO single_use");
}

/// Else it would lock out a provider that tries again.
#[actix_web::test]
async fn an_outage_of_ours_does_not_count_toward_the_limit() {
    let app = spawn();
    let ada = app.signed_in("ada").await;
    let sub_id = json!({"format": "email", "email": "ada@example.com"});
    let body = json!({"sub_id": sub_id}).to_string();
    during_an_outage(&app, async || {
        for nth in 0..10 {
            let answer = log_out(&app, json!({"sub": "00uada"})).await;
            let error = r#"{"error":"temporarily_unavailable"}"#;
            assert_eq!((answer.status, answer.body.as_str()), (400, error), "{nth}");
            let token = revocation_token(&app, json!({}));
            let answer = universal(&app, Some(&token), &body).await;
            assert_eq!((answer.status, answer.body.as_str()), (503, error), "{nth}");
        }
    })
    .await;
    assert_eq!(log_out(&app, json!({"sub": "00uada"})).await.status, 200);
    assert!(!ada.is_signed_in().await);
    // What is refused counts, during an outage too. The sign-in was two requests.
    during_an_outage(&app, async || {
        for nth in 0..7 {
            let answer = post(&app, "logout_token=a.b.c").await;
            assert_eq!(answer.status, if nth < 3 { 400 } else { 429 }, "{nth}");
        }
    })
    .await;
}

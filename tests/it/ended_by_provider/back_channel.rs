//! OpenID Connect Back-Channel Logout 1.0.

use serde_json::json;

use super::{log_out, logout_claims, post, revoked, signed_in_with};
use crate::on_both;
use crate::support::TestApp;
use crate::support::provider_faults::edit_claims;

on_both! {
    /// Back-Channel 2.6 (9 to 11)
    /// Back-Channel 2.7 (a)
    /// Back-Channel 2.8 (a)
    /// Back-Channel 2.8 (b)
    async fn a_logout_token_ends_the_session_of_its_sid_and_no_other(app: TestApp) {
        let one = signed_in_with(&app, "ada", "s1").await;
        let two = signed_in_with(&app, "ada", "s2").await;
        let grace = signed_in_with(&app, "grace", "s3").await;
        let answer = log_out(&app, json!({"sid": "s1"})).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.cookies().is_empty(), "{answer:?}");
        assert!(!one.is_signed_in().await);
        assert!(two.is_signed_in().await && grace.is_signed_in().await);
        assert_eq!(revoked(&app), ["00uada back_channel"]);
    }

    /// Back-Channel 2.7 (a)
    async fn a_logout_token_of_a_sub_ends_all_of_the_person(app: TestApp) {
        let one = signed_in_with(&app, "ada", "s1").await;
        let two = app.signed_in("ada").await;
        let grace = app.signed_in("grace").await;
        assert_eq!(log_out(&app, json!({"sub": "00uada"})).await.status, 200);
        assert!(!one.is_signed_in().await && !two.is_signed_in().await);
        assert!(grace.is_signed_in().await);
        assert_eq!(revoked(&app), ["00uada back_channel"; 2]);
    }

    /// Back-Channel 2.6 (9 to 11)
    async fn a_logout_token_with_anothers_sid_ends_nothing(app: TestApp) {
        let ada = signed_in_with(&app, "ada", "s1").await;
        let grace = signed_in_with(&app, "grace", "s2").await;
        assert_eq!(log_out(&app, json!({"sub": "00uada", "sid": "s2"})).await.status, 200);
        assert!(ada.is_signed_in().await && grace.is_signed_in().await);
        assert_eq!(log_out(&app, json!({"sub": "00uada", "sid": "s1"})).await.status, 200);
        assert!(!ada.is_signed_in().await && grace.is_signed_in().await);
        assert_eq!(revoked(&app), ["00uada back_channel"]);
    }

    /// Back-Channel 2.6 (8)
    async fn a_logout_token_that_comes_twice_is_refused_the_second_time(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let token = app.provider.sign_id_token(&logout_claims(&app, json!({"sub": "00uada"})));
        let form = format!("logout_token={token}");
        assert_eq!(post(&app, &form).await.status, 200);
        assert!(!ada.is_signed_in().await);
        app.clock.shift(time::Duration::SECOND);
        let ada = app.signed_in("ada").await;
        assert_eq!(post(&app, &form).await.status, 400);
        assert!(ada.is_signed_in().await);
    }

    async fn a_logout_token_that_could_not_be_acted_on_may_come_again(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let token = app.provider.sign_id_token(&logout_claims(&app, json!({"sub": "00uada"})));
        let form = format!("logout_token={token}");
        app.storage().execute("ALTER TABLE ended_sids RENAME TO elsewhere; ALTER TABLE audit_events RENAME TO gone");
        let answer = post(&app, &form).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.body, r#"{"error":"temporarily_unavailable"}"#);
        assert_eq!(answer.header("retry-after"), Some("5"));
        app.storage().execute("ALTER TABLE elsewhere RENAME TO ended_sids; ALTER TABLE gone RENAME TO audit_events");
        assert!(ada.is_signed_in().await);
        assert_eq!(post(&app, &form).await.status, 200);
        assert!(!ada.is_signed_in().await);
    }

    /// Neither by the person nor by the session at the provider, whichever comes first.
    ///
    /// Back-Channel 2.7 (c)
    async fn a_sign_in_under_way_does_not_survive_a_logout_token(app: TestApp) {
        app.signed_in("ada").await;
        for named in [json!({"sub": "00uada"}), json!({"sid": "s9"}), json!({"sub": "00uada", "sid": "s9"})] {
            app.clock.shift(time::Duration::SECOND);
            let visitor = app.visitor();
            let provider = visitor.begin("/login").await;
            edit_claims(&app, |claims| claims["sid"] = "s9".into());
            let callback = visitor.choose(&provider, "ada").await;
            app.clock.shift(time::Duration::SECOND);
            assert_eq!(log_out(&app, named.clone()).await.status, 200);
            // It begins anew by itself.
            app.clock.shift(time::Duration::SECOND);
            let again = visitor.get(&callback).await;
            assert!(again.location().starts_with(&app.provider.issuer()), "{named}: {again:?}");
            assert!(!visitor.is_signed_in().await, "{named}");
            let callback = visitor.choose(again.location(), "ada").await;
            assert_eq!(visitor.get(&callback).await.location(), "/profile", "{named}");
            assert!(visitor.is_signed_in().await, "{named}");
            app.provider.heal();
        }
    }

    async fn a_first_sign_in_under_way_does_not_survive_a_logout_token_of_its_sid(app: TestApp) {
        for named in [json!({"sid": "s9"}), json!({"sub": "00uada", "sid": "s9"})] {
            let visitor = app.visitor();
            let provider = visitor.begin("/login").await;
            edit_claims(&app, |claims| claims["sid"] = "s9".into());
            let callback = visitor.choose(&provider, "ada").await;
            assert_eq!(log_out(&app, named.clone()).await.status, 200);
            let again = visitor.get(&callback).await;
            assert!(again.location().starts_with(&app.provider.issuer()), "{named}: {again:?}");
            assert_eq!(app.storage().users(), 0, "{named}");
            app.provider.heal();
        }
    }

    async fn whoever_has_more_sessions_than_fit_one_transaction_loses_all(app: TestApp) {
        let ada = app.signed_in("ada").await;
        app.storage().execute(
            "INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
             SELECT 'made-up-' || i, user_id, state, created_at, last_seen_at FROM n, sessions",
        );
        assert_eq!(app.storage().sessions(), 1201);
        assert_eq!(log_out(&app, json!({"sub": "00uada"})).await.status, 200);
        assert_eq!(app.storage().sessions(), 0);
        assert!(!ada.is_signed_in().await);
        assert_eq!(revoked(&app).len(), 1201);
    }
}

/// Back-Channel 2.7 (b)
#[actix_web::test]
async fn after_our_own_sign_out_the_answer_is_200() {
    let app = TestApp::spawn();
    let ada = signed_in_with(&app, "ada", "s1").await;
    ada.post("/logout", "").await;
    for named in [
        json!({"sid": "s1"}),
        json!({"sub": "00uada"}),
        json!({"sub": "nobody"}),
        json!({"sid": "none"}),
    ] {
        assert_eq!(log_out(&app, named.clone()).await.status, 200, "{named}");
    }
}

#[actix_web::test]
async fn a_sign_in_afterwards_is_another_session() {
    let app = TestApp::spawn();
    signed_in_with(&app, "ada", "s1").await;
    log_out(&app, json!({"sub": "00uada", "sid": "s1"})).await;
    app.clock.shift(time::Duration::seconds(1));
    let ada = signed_in_with(&app, "ada", "s1").await;
    assert!(ada.is_signed_in().await);
}

/// The two transactions see each other, whichever is first.
mod on_postgres {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use serde_json::json;

    use super::super::{log_out, sid_hash, signed_in_with, somebody_waits};
    use crate::support::provider_faults::edit_claims;
    use crate::support::{Database, TestApp};

    #[actix_web::test]
    async fn a_sign_in_waits_for_a_logout_of_its_sid_and_is_void() {
        let app = TestApp::spawn_on(Database::Postgres);
        app.signed_in("ada").await;
        let visitor = app.visitor();
        let callback = visitor.callback_for("ada").await;
        edit_claims(&app, |claims| claims["sid"] = "s9".into());
        let hash = sid_hash(&app, "s9");
        let mut logout = PgConnection::establish(&app.storage().url).unwrap();
        logout
            .batch_execute(&format!(
                "BEGIN; LOCK TABLE ended_sids IN ACCESS EXCLUSIVE MODE; \
                 INSERT INTO ended_sids VALUES ('{hash}', now() AT TIME ZONE 'UTC' + interval '1 second')"
            ))
            .unwrap();
        let waits = async {
            somebody_waits(&app).await;
            logout.batch_execute("COMMIT").unwrap();
        };
        let (answer, ()) = tokio::join!(visitor.get(&callback), waits);
        assert!(
            answer.location().starts_with(&app.provider.issuer()),
            "{answer:?}"
        );
        assert_eq!(app.storage().sessions(), 1);
        app.provider.heal();
    }

    #[actix_web::test]
    async fn a_logout_waits_for_a_sign_in_of_its_sid_and_ends_it() {
        let app = TestApp::spawn_on(Database::Postgres);
        signed_in_with(&app, "ada", "s1").await;
        let mut sign_in = PgConnection::establish(&app.storage().url).unwrap();
        sign_in
            .batch_execute(
                "BEGIN; INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at, sid_hash) \
                 SELECT 'under way', user_id, state, created_at, last_seen_at, sid_hash FROM sessions \
                 WHERE NOT EXISTS (SELECT 1 FROM ended_sids WHERE ended_sids.sid_hash = sessions.sid_hash)",
            )
            .unwrap();
        let waits = async {
            somebody_waits(&app).await;
            sign_in.batch_execute("COMMIT").unwrap();
        };
        let (answer, ()) = tokio::join!(log_out(&app, json!({"sid": "s1"})), waits);
        assert_eq!(answer.status, 200);
        assert_eq!(app.storage().sessions(), 0);
    }

    /// Another person's session of that `sid` appears after the look for one.
    #[actix_web::test]
    async fn a_logout_that_waits_for_a_sign_in_of_another_person_does_not_end_it() {
        let app = TestApp::spawn_on(Database::Postgres);
        let ada = signed_in_with(&app, "ada", "s1").await;
        app.signed_in("grace").await;
        let mut sign_in = PgConnection::establish(&app.storage().url).unwrap();
        sign_in
            .batch_execute(&format!(
                "BEGIN; SELECT 1 FROM ended_sids; UPDATE sessions SET sid_hash = '{}' \
                 WHERE user_id = (SELECT id FROM users WHERE subject = '00ugrace')",
                sid_hash(&app, "s1")
            ))
            .unwrap();
        let waits = async {
            somebody_waits(&app).await;
            sign_in.batch_execute("COMMIT").unwrap();
        };
        let named = json!({"sub": "00uada", "sid": "s1"});
        let (answer, ()) = tokio::join!(log_out(&app, named), waits);
        assert_eq!(answer.status, 200);
        assert!(!ada.is_signed_in().await);
        let left = "SELECT subject AS what FROM sessions JOIN users ON users.id = user_id";
        assert_eq!(app.storage().texts(left), ["00ugrace"]);
    }
}

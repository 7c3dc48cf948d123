//! The provider signs out somebody whom Doorward does not know yet: their first sign-in may be under way.

use serde_json::json;

use super::{log_out, revocation_token, universal};
use crate::on_both;
use crate::support::TestApp;
use crate::support::provider_faults::{edit_claims, edit_userinfo};

/// How the provider names whose sessions end.
#[derive(Clone, Copy, Debug)]
enum By {
    Sub,
    SubAndSid,
    Subject,
    Email,
}

const ALL: [By; 4] = [By::Sub, By::SubAndSid, By::Subject, By::Email];

/// The provider signs Ada out. Whether anybody here was called so.
async fn sign_ada_out(app: &TestApp, by: By) -> bool {
    let sub_id = match by {
        By::Sub => {
            assert_eq!(log_out(app, json!({"sub": "00uada"})).await.status, 200);
            return true;
        }
        By::SubAndSid => {
            let claims = json!({"sub": "00uada", "sid": "s9"});
            assert_eq!(log_out(app, claims).await.status, 200);
            return true;
        }
        By::Subject => {
            json!({"format": "iss_sub", "iss": app.provider.issuer(), "sub": "00uada"})
        }
        By::Email => json!({"format": "email", "email": "ADA@example.com"}),
    };
    let token = revocation_token(app, json!({}));
    let answer = universal(app, Some(&token), &json!({"sub_id": sub_id}).to_string()).await;
    assert!([204, 404].contains(&answer.status), "{by:?}: {answer:?}");
    answer.status == 204
}

on_both! {
    async fn it_does_not_survive(app: TestApp) {
        for by in ALL {
            let visitor = app.visitor();
            let provider = visitor.begin("/login").await;
            edit_claims(&app, |claims| claims["sid"] = "s9".into());
            let callback = visitor.choose(&provider, "ada").await;
            sign_ada_out(&app, by).await;
            // It begins anew by itself.
            app.clock.shift(time::Duration::SECOND);
            let again = visitor.get(&callback).await;
            assert!(again.location().starts_with(&app.provider.issuer()), "{by:?}: {again:?}");
            assert_eq!(app.storage().users(), 0, "{by:?}");
            // Nobody else's is void.
            app.provider.heal();
            assert!(app.signed_in("grace").await.is_signed_in().await, "{by:?}");
            let callback = visitor.choose(again.location(), "ada").await;
            assert_eq!(visitor.get(&callback).await.location(), "/profile", "{by:?}");
            app.storage().execute("DELETE FROM sessions; DELETE FROM users");
            app.clock.shift(time::Duration::SECOND);
        }
    }

    /// Whichever is first.
    async fn it_and_a_logout_at_the_same_time_leave_no_session(app: TestApp) {
        for by in [ALL; 8].concat() {
            edit_claims(&app, |claims| claims["sid"] = "s9".into());
            let visitor = app.visitor();
            let callback = visitor.callback_for("ada").await;
            let (_, _) = tokio::join!(visitor.get(&callback), sign_ada_out(&app, by));
            assert_eq!(app.storage().sessions(), 0, "{by:?}");
            app.storage().execute("DELETE FROM users");
        }
        app.provider.heal();
    }

    /// Another account with the same email is known.
    async fn a_first_sign_in_with_an_email_that_is_known_does_not_survive_either(app: TestApp) {
        app.signed_in("ada").await;
        app.storage().execute("UPDATE users SET subject = 'another'");
        let visitor = app.visitor();
        let callback = visitor.callback_for("ada").await;
        assert!(sign_ada_out(&app, By::Email).await);
        let again = visitor.get(&callback).await;
        assert!(again.location().starts_with(&app.provider.issuer()), "{again:?}");
        assert_eq!((app.storage().users(), app.storage().sessions()), (1, 0));
    }

    /// By then they are known, since they have signed in once more.
    async fn one_that_comes_back_after_a_later_one_does_not_survive_either(app: TestApp) {
        for by in ALL {
            let slow = app.visitor();
            let provider = slow.begin("/login").await;
            edit_claims(&app, |claims| claims["sid"] = "s9".into());
            let callback = slow.choose(&provider, "ada").await;
            sign_ada_out(&app, by).await;
            app.provider.heal();
            app.clock.shift(time::Duration::SECOND);
            let ada = app.signed_in("ada").await;
            edit_claims(&app, |claims| claims["sid"] = "s9".into());
            let again = slow.get(&callback).await;
            assert!(again.location().starts_with(&app.provider.issuer()), "{by:?}: {again:?}");
            assert!(ada.is_signed_in().await, "{by:?}");
            assert_eq!(app.storage().sessions(), 1, "{by:?}");
            app.storage().execute("DELETE FROM sessions; DELETE FROM users");
            app.provider.heal();
            app.clock.shift(time::Duration::SECOND);
        }
    }

    /// The sign-in brings another email than the one by which Ada is known. Either is hers.
    async fn a_sign_in_with_another_email_than_before_survives_neither(app: TestApp) {
        for (email, is_known) in [("Lovelace@example.com", false), ("ada@example.com", true)] {
            app.signed_in("ada").await;
            app.clock.shift(time::Duration::SECOND);
            let visitor = app.visitor();
            let callback = visitor.callback_for("ada").await;
            let sub_id = json!({"format": "email", "email": email});
            let token = revocation_token(&app, json!({}));
            edit_userinfo(&app, |claims| claims["email"] = "lovelace@Example.com".into());
            let answer = universal(&app, Some(&token), &json!({"sub_id": sub_id}).to_string()).await;
            assert_eq!(answer.status, if is_known { 204 } else { 404 }, "{email}");
            app.clock.shift(time::Duration::SECOND);
            let again = visitor.get(&callback).await;
            assert!(again.location().starts_with(&app.provider.issuer()), "{email}: {again:?}");
            let known = app.storage().texts("SELECT email AS what FROM users");
            assert_eq!(known, ["ada@example.com"], "nothing of it is written");
            // Which is what the sign-in brought.
            let callback = visitor.choose(again.location(), "ada").await;
            assert_eq!(visitor.get(&callback).await.location(), "/profile", "{email}");
            let known = app.storage().texts("SELECT email AS what FROM users");
            assert_eq!(known, ["lovelace@Example.com"]);
            app.provider.heal();
            app.clock.shift(time::Duration::SECOND);
        }
    }
}

mod on_postgres {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;

    use super::super::{sid_hash, somebody_waits};
    use super::*;
    use crate::support::Database;

    /// It is written, and not yet committed. An operator may have set another isolation for the whole database.
    #[actix_web::test]
    async fn a_logout_waits_for_a_first_sign_in_and_ends_it() {
        for (by, isolation) in ALL.into_iter().flat_map(|by| {
            ["read committed", "repeatable read", "serializable"].map(|isolation| (by, isolation))
        }) {
            let app = TestApp::spawn_on(Database::Postgres);
            let name = app.storage().url.rsplit('/').next().unwrap();
            app.storage().execute(&format!(
                "ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}';
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = '{name}' AND pid <> pg_backend_pid();"
            ));
            app.visitor().get("/readyz").await;
            let (issuer, sid) = (app.provider.issuer(), sid_hash(&app, "s9"));
            let mut sign_in = PgConnection::establish(&app.storage().url).unwrap();
            sign_in
                .batch_execute(&format!(
                    "BEGIN; INSERT INTO users (id, issuer, subject, email, email_key, email_verified, created_at, last_sign_in_at) \
                     VALUES ('a', '{issuer}', '00uada', 'Ada@example.com', 'ada@example.com', true, now(), now()); \
                     SELECT 1 FROM ended_sids; \
                     INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at, sid_hash) \
                     VALUES ('under way', 'a', '', now(), now(), '{sid}')"
                ))
                .unwrap();
            let commits = async {
                somebody_waits(&app).await;
                sign_in.batch_execute("COMMIT").unwrap();
            };
            let (is_known, ()) = tokio::join!(sign_ada_out(&app, by), commits);
            assert!(is_known, "{by:?}, {isolation}");
            assert_eq!(app.storage().sessions(), 0, "{by:?}, {isolation}");
            assert_eq!(super::super::revoked(&app).len(), 1, "{by:?}, {isolation}");
        }
    }
}

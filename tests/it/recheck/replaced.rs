//! While a process asks about a session, another one gives the session a new key, or replaces it by another one. Many providers
//! revoke, with one refresh token, all of the same session there: the answer that comes too late must not revoke the new token.

mod slow {
    use std::time::Duration;

    use actix_web::rt::time::sleep;
    use futures_util::future::join;

    use crate::on_both;
    use crate::recheck::{Another, due, refreshes, start, until};
    use crate::support::provider::Endpoint;
    use crate::support::rows::session;

    on_both! {
        async fn a_token_that_comes_after_a_step_up_or_a_second_sign_in_is_forgotten(database: Database) {
            for path in ["/step-up?return_to=/profile", "/login"] {
                let app = start(database);
                let ada = app.signed_in("ada").await;
                let another = Another::start(&app, &ada);
                let before = session(&app).key_hash;
                app.provider.faults(|faults| {
                    let late = Duration::from_secs(6);
                    faults.late_response.insert(Endpoint::Token, late);
                });
                due(&app);
                let again = async {
                    until("asked", || refreshes(&app.provider) == 1).await;
                    app.provider.heal();
                    // Sessions know the second in which they began.
                    sleep(Duration::from_millis(1100)).await;
                    let provider = ada.begin(path).await;
                    let callback = ada.choose(&provider, "ada").await;
                    assert_eq!(ada.get(&callback).await.location(), "/profile", "{path}");
                };
                let (is_in, ()) = join(another.there.is_signed_in(), again).await;
                assert!(is_in, "{path}");
                assert_ne!(session(&app).key_hash, before, "{path}");
                // It has the answer then.
                another.stop();
                assert_eq!(app.provider.request_count(Endpoint::Revoke), 0, "{path}");
                // The claim of the former key holds nobody up.
                app.storage().execute("UPDATE sessions SET recheck_at = '2020-01-01 00:00:00'");
                assert!(ada.is_signed_in().await, "{path}");
                until("asked again", || refreshes(&app.provider) == 2).await;
            }
        }
    }
}

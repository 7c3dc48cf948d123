//! While a process asks about a session, another one gives the session a new key, or replaces it by another one. Many providers
//! revoke, with one refresh token, all of the same session there: the answer that comes too late must not revoke the new token.

mod slow {
    use std::time::Duration;

    use futures_util::future::join;
    use time::PrimitiveDateTime;
    use time::macros::format_description;

    use crate::on_both;
    use crate::recheck::{Another, due, refreshes, start, until};
    use crate::support::provider::Endpoint;
    use crate::support::rows::session;

    /// A second sign-in of that very second, or one that was sent to the database before the claim and written after it.
    fn began(claimed_until: &str, earlier: i64) -> String {
        let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        let until = PrimitiveDateTime::parse(&claimed_until[..19], form).unwrap();
        let at = until - time::Duration::seconds(30 + earlier);
        format!(
            "UPDATE sessions SET created_at = '{}'",
            at.format(form).unwrap()
        )
    }

    on_both! {
        async fn a_token_that_comes_after_a_step_up_or_a_second_sign_in_is_forgotten(database: Database) {
            for (path, earlier) in [("/step-up?return_to=/profile", None), ("/login", Some(0)), ("/login", Some(3))] {
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
                    let claimed_until = app.storage().text("SELECT CAST(recheck_claimed_until AS TEXT) AS what FROM sessions");
                    let provider = ada.begin(path).await;
                    let callback = ada.choose(&provider, "ada").await;
                    assert_eq!(ada.get(&callback).await.location(), "/profile", "{path}");
                    if let Some(earlier) = earlier {
                        app.storage().execute(&began(&claimed_until, earlier));
                    }
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

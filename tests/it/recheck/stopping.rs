//! A process that is asked to stop finishes what no request waits for any more.

mod slow {
    use std::time::Duration;

    use crate::on_both;
    use crate::recheck::{Another, due, refreshes, start};
    use crate::support::provider::Endpoint;
    use crate::support::rows::session;

    on_both! {
        /// As at each deployment. The provider has replaced the refresh token, and would see the old one again.
        async fn an_answer_that_comes_when_its_request_is_over_is_recorded(database: Database) {
            let app = start(database);
            let ada = app.signed_in("ada").await;
            let another = Another::start(&app, &ada);
            app.provider.faults(|faults| {
                let late = Duration::from_secs(5);
                faults.late_response.insert(Endpoint::Token, late);
            });
            due(&app);
            // The page did not wait for the answer.
            assert!(another.there.is_signed_in().await);
            assert_eq!((refreshes(&app.provider), session(&app).recheck_round), (1, 0));
            another.stop();
            assert_eq!(session(&app).recheck_round, 1);
            app.provider.heal();
            due(&app);
            assert!(ada.is_signed_in().await);
            assert_eq!((refreshes(&app.provider), session(&app).recheck_round), (2, 2));
            assert_eq!(app.provider.live_refresh_tokens(), 1);
        }

        async fn tokens_of_sessions_that_have_ended_are_revoked(database: Database) {
            let app = start(database);
            let ada = app.signed_in("ada").await;
            for _ in 0..40 {
                app.signed_in("ada").await;
            }
            let another = Another::start(&app, &ada);
            app.provider.faults(|faults| {
                let late = Duration::from_millis(500);
                faults.late_response.insert(Endpoint::Revoke, late);
            });
            assert_eq!(another.there.post("/sessions/end-others", "").await.status, 303);
            another.stop();
            assert_eq!(app.provider.live_refresh_tokens(), 1);
        }
    }
}

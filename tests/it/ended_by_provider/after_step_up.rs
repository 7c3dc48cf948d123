//! Which session at the provider a session belongs to after a step-up.

use serde_json::json;

use super::{log_out, signed_in_with};
use crate::on_both;
use crate::support::provider_faults::edit_claims;
use crate::support::{TestApp, Visitor};

/// Steps up with an ID token whose `sid` is this one, or that has none.
async fn step_up(app: &TestApp, visitor: &Visitor, sid: Option<&'static str>) {
    edit_claims(app, move |claims| match sid {
        Some(sid) => claims["sid"] = sid.into(),
        None => drop(claims.as_object_mut().unwrap().remove("sid")),
    });
    let provider = visitor.begin("/step-up?return_to=/profile").await;
    let callback = visitor.choose(&provider, "ada").await;
    assert_eq!(visitor.get(&callback).await.location(), "/profile");
    app.provider.heal();
}

on_both! {
    /// The provider does not say that its session is another one, so it is the same.
    async fn a_step_up_without_a_sid_is_still_of_the_session_at_the_provider(app: TestApp) {
        let ada = signed_in_with(&app, "ada", "s1").await;
        step_up(&app, &ada, None).await;
        assert_eq!(log_out(&app, json!({"sid": "s1"})).await.status, 200);
        assert!(!ada.is_signed_in().await);
    }

    /// Whoever signs in anew there has another session, and the end of the old one is not its end.
    async fn a_step_up_with_another_sid_is_of_that_session(app: TestApp) {
        let ada = signed_in_with(&app, "ada", "s1").await;
        step_up(&app, &ada, Some("s2")).await;
        assert_eq!(log_out(&app, json!({"sid": "s1"})).await.status, 200);
        assert!(ada.is_signed_in().await);
        assert_eq!(log_out(&app, json!({"sid": "s2"})).await.status, 200);
        assert!(!ada.is_signed_in().await);
    }

    /// Its end was said while the person was at the provider.
    async fn a_step_up_does_not_survive_the_end_of_its_session_at_the_provider(app: TestApp) {
        for logout in [json!({"sid": "s3"}), json!({"sub": "00uada"})] {
            let ada = signed_in_with(&app, "ada", "s3").await;
            edit_claims(&app, |claims| claims["sid"] = "s3".into());
            let provider = ada.begin("/step-up?return_to=/profile").await;
            let callback = ada.choose(&provider, "ada").await;
            assert_eq!(log_out(&app, logout.clone()).await.status, 200);
            let again = ada.get(&callback).await;
            assert!(again.location().starts_with(&app.provider.issuer()), "{logout}: {again:?}");
            // It asks for as much as before.
            assert!(again.location().contains("max_age=300"), "{again:?}");
            assert!(!ada.is_signed_in().await, "{logout}");
            assert_eq!(app.storage().sessions(), 0, "{logout}");
            app.clock.shift(time::Duration::seconds(2));
            app.provider.faults(|faults| { faults.clock_ahead_secs += 2; });
        }
    }
}

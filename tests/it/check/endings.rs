//! How the provider can end sessions here, and what to register for it.

use serde_json::json;

use super::check_with;
use crate::support::TestApp;

/// The report's lines about it, without the spaces that make columns.
fn lines(app: &TestApp, variables: &[(&str, &str)]) -> Vec<String> {
    let (_, printed) = check_with(app, &[], variables);
    let lines = printed.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.join(" ")
    });
    let about = ["ok back_channel ", "ok universal ", "ok revocation "];
    let is_about = |line: &String| about.iter().any(|start| line.starts_with(start));
    lines.filter(is_about).collect()
}

#[actix_web::test]
async fn what_the_provider_offers_to_end_sessions_is_told() {
    let app = TestApp::spawn();
    let to_register = "register http://localhost:APP/backchannel-logout there.";
    for (back, session, front, expected) in [
        (true, true, false, format!("the provider sends logout tokens, of single sessions, too: {to_register}")),
        (true, false, true, format!("the provider sends logout tokens, of all sessions of a person at once: {to_register}")),
        (false, true, true, "the provider sends no logout tokens, only front-channel logout through the browser.".to_owned()),
        (false, false, false, "the provider's document does not offer logout tokens: sessions here end by their own timeouts.".to_owned()),
    ] {
        app.provider.faults(|faults| {
            faults.edit_discovery = Some(Box::new(move |document| {
                document["backchannel_logout_supported"] = json!(back);
                document["backchannel_logout_session_supported"] = json!(session);
                document["frontchannel_logout_supported"] = json!(front);
                document["revocation_endpoint"] = json!("https://op.example/revoke");
            }));
        });
        assert_eq!(
            lines(&app, &[]),
            [
                format!("ok back_channel {expected}"),
                "ok universal global token revocation, if the provider has it, goes to http://localhost:APP/universal-logout.".to_owned(),
                "ok revocation the provider has a revocation endpoint.".to_owned(),
            ]
        );
    }
}

#[actix_web::test]
async fn okta_is_told_to_have_universal_logout_and_who_signs_it() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            let endpoint = document["issuer"].as_str().unwrap().to_owned() + "/oauth2/v1/authorize";
            document["authorization_endpoint"] = json!(endpoint);
            document["backchannel_logout_supported"] = json!(null);
        }));
    });
    let found = lines(&app, &[]);
    assert_eq!(
        found[..2],
        [
            "ok back_channel Okta sends no logout tokens: Universal Logout does the same.",
            "ok universal Okta's Universal Logout: register http://localhost:APP/universal-logout there.",
        ]
    );
    let found = lines(
        &app,
        &[("UNIVERSAL_LOGOUT_ISSUER", "https://dev-1.okta.com")],
    );
    assert_eq!(
        found[1],
        "ok universal Okta's Universal Logout: register http://localhost:APP/universal-logout there; \
         https://dev-1.okta.com signs it."
    );
}

#[actix_web::test]
async fn front_channel_logout_is_told_if_either_side_has_it() {
    let app = TestApp::spawn();
    let on = [("OIDC_FRONTCHANNEL_LOGOUT", "true")];
    let line = |variables: &[(&str, &str)]| {
        let (_, printed) = check_with(&app, &[], variables);
        let line = printed
            .lines()
            .find(|line| line.contains(" front_channel "));
        let words: Vec<_> = line.unwrap().split_whitespace().collect();
        words.join(" ")
    };
    assert_eq!(
        line(&on),
        "can't tell front_channel the provider's document does not offer it; if it has it all the same, register \
         http://localhost:APP/frontchannel-logout there."
    );
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            document["frontchannel_logout_supported"] = json!(true);
        }));
    });
    assert_eq!(
        line(&on),
        "ok front_channel the provider's pages can sign people out by a frame: register \
         http://localhost:APP/frontchannel-logout there."
    );
    assert_eq!(
        line(&[]),
        "ok front_channel off, and the provider offers it: OIDC_FRONTCHANNEL_LOGOUT."
    );
}

//! The discovery document and its issuer.

use serde_json::json;

use super::{UNTOLD, assert_only_discovery_fails, check_with, complaints};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint};

const ISSUER_FORMS: &str = "Fix: check that OIDC_ISSUER is exact (Okta: https://{domain} is the org server, \
                            https://{domain}/oauth2/default a custom one; Keycloak: https://{host}/realms/{realm}; \
                            Entra ID: https://login.microsoftonline.com/{tenant}/v2.0; Auth0: https://{domain}/ with \
                            its slash; Authentik: https://{host}/application/o/{slug}/; others: docs/providers.md).";

#[actix_web::test]
async fn a_provider_that_is_down() {
    let app = TestApp::spawn();
    app.provider.stop();
    assert_only_discovery_fails(
        complaints(&app),
        "fault discovery the provider can't be reached: Connection refused (os error 111). \
         Fix: check OIDC_ISSUER, DNS, and whether this host may open outgoing connections.",
    );
}

#[actix_web::test]
async fn a_discovery_document_that_is_not_there_or_is_none() {
    let app = TestApp::spawn();
    for (canned, fault) in [
        (Canned::html(404, "<h1>Not Found</h1>"), format!("fault discovery the provider responded with status 404. {ISSUER_FORMS}")),
        (Canned::html(301, "<h1>Moved</h1>"), format!("fault discovery the provider responded with status 301. {ISSUER_FORMS}")),
        (Canned::html(200, "<h1>Welcome</h1>"), format!("fault discovery the discovery document is refused: not a JSON object. {ISSUER_FORMS}")),
        (Canned::json(200, &json!({"issuer": app.provider.issuer()})), format!("fault discovery the discovery document is refused: it has no authorization_endpoint. {ISSUER_FORMS}")),
        (Canned::html(503, ""), "fault discovery the provider responded with status 503. Fix: ask the provider's operator, or try again later.".to_owned()),
    ] {
        app.provider.faults(|faults| {
            faults.canned.insert(Endpoint::Discovery, canned);
        });
        assert_only_discovery_fails(complaints(&app), &fault);
    }
}

#[actix_web::test]
async fn a_document_of_another_issuer() {
    let app = TestApp::spawn();
    for (path, okta) in [
        ("", "Okta's org server"),
        ("/oauth2/default", "Okta's custom server \"default\""),
    ] {
        let other = format!("https://dev-123456.okta.com{path}");
        let issuer = other.clone();
        app.provider.faults(|faults| {
            faults.edit_discovery =
                Some(Box::new(move |document| document["issuer"] = json!(issuer)));
        });
        let expected = format!(
            "fault issuer OIDC_ISSUER is \"http://127.0.0.1:PROVIDER\", but the document there says {other:?}, {okta}. \
             Fix: set OIDC_ISSUER={other} if that is the provider you mean (Okta: a custom domain can change the \
             issuer, see the application's issuer mode)."
        );
        let mut found = complaints(&app);
        assert_eq!(found.remove(0), expected);
        let untold = UNTOLD[1..].iter();
        let untold = untold.map(|line| line.replace("the discovery document", "the right issuer"));
        assert_eq!(found, untold.collect::<Vec<_>>());
        for endpoint in [
            Endpoint::Keys,
            Endpoint::Authorize,
            Endpoint::Token,
            Endpoint::EndSession,
        ] {
            assert_eq!(app.provider.request_count(endpoint), 0, "{endpoint:?}");
        }
    }
}

#[actix_web::test]
async fn okta_under_a_custom_domain_is_recognised() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            let endpoint = document["issuer"].as_str().unwrap().to_owned() + "/oauth2/v1/authorize";
            document["authorization_endpoint"] = json!(endpoint);
        }));
    });
    let (_, printed) = check_with(&app, &[], &[]);
    let issuer = "ok          issuer         http://127.0.0.1:PROVIDER, Okta's org server under a custom domain.\n";
    assert!(printed.contains(issuer), "{printed}");
}

//! What discovery may say: issuers with a slash, endpoints with a query, keys that change.

use serde_json::json;

use super::discovery_says;
use crate::support::provider::Endpoint;
use crate::support::{Database, TestApp};

/// The trailing slash is removed before the well-known path is appended; the issuer itself is compared exactly.
///
/// Discovery 4, 4.1
#[actix_web::test]
async fn an_issuer_with_a_trailing_slash_is_another_issuer() {
    let app = TestApp::spawn();
    let with_slash = format!("{}/", app.provider.issuer());
    let slashed = TestApp::spawn_with(Database::Sqlite, &[("OIDC_ISSUER", &with_slash)]);
    let answer = slashed.visitor().get("/login").await;
    assert_eq!(answer.status, 502);
    discovery_says(&app.provider, "issuer", json!(with_slash));
    assert_eq!(slashed.visitor().get("/login").await.status, 303);
}

/// OpenID Connect Discovery 3: endpoints may have a query of their own (RFC 6749, 3.1 and 3.2: kept).
///
/// RFC 6749 3.1 (a): A query of the authorization endpoint is kept (MUST)
/// IPSIE 3.2.2 (d)
#[actix_web::test]
async fn endpoints_with_a_query_keep_it() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            for endpoint in [
                "authorization_endpoint",
                "token_endpoint",
                "end_session_endpoint",
            ] {
                let with_query = format!("{}?tenant=a", document[endpoint].as_str().unwrap());
                document[endpoint] = json!(with_query);
            }
        }));
    });
    let ada = app.visitor();
    assert!(
        ada.begin("/login")
            .await
            .contains("/authorize?tenant=a&client_id=")
    );
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    let token = app.provider.requests(Endpoint::Token).remove(0);
    assert_eq!(token.query.get("tenant"), Some("a"));
    assert!(
        ada.post("/logout", "")
            .await
            .location()
            .contains("/end_session?tenant=a&id_token_hint=")
    );
}

/// A key that is rotated just before it signs: the one that was fetched a moment ago does not do.
#[actix_web::test]
async fn a_key_rotated_just_before_signing_signs_in() {
    use crate::support::provider::Keep;
    for with_kid in [true, false] {
        let app = TestApp::spawn();
        if !with_kid {
            app.provider.faults(|faults| {
                faults.edit_keys = Some(Box::new(|document| {
                    let keys = document["keys"].as_array_mut().unwrap();
                    keys.retain(|key| key["alg"] == "RS256");
                    keys.iter_mut()
                        .for_each(|key| drop(key.as_object_mut().unwrap().remove("kid")));
                }));
                faults.edit_header = Some(Box::new(|header| {
                    drop(header.as_object_mut().unwrap().remove("kid"))
                }));
            });
        }
        assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
        app.provider.rotate_keys(Keep::No);
        assert_eq!(
            app.visitor().sign_in("ada").await.location(),
            "/profile",
            "{with_kid}"
        );
    }
}

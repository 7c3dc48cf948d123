//! A gateway whose `PUBLIC_URL` has a path: each address that browsers and apps get is below it.

use super::support::{Browser, Gateway, NAVIGATION, RULES};
use crate::support::Database;

#[actix_web::test]
async fn every_address_is_below_the_path_of_public_url() {
    let settings = [("PUBLIC_URL", "/door/ward"), ("GATEWAY_JWT", "true")];
    let rules = format!(
        "{RULES}[[rule]]\nname='strong'\nhosts=['strong.test']\nallow='signed-in'\nacr=['phr']\n"
    );
    let gateway = Gateway::start_with(Database::Sqlite, &rules, &settings);
    let public_url = gateway.app.variables["PUBLIC_URL"].clone();
    assert!(public_url.ends_with("/door/ward"), "{public_url}");
    let ada = Browser::new(&gateway);
    let departure = ada.open("http://wiki.test/a?b").await;
    let handover = format!("{public_url}/handover?request=");
    assert!(departure.location().starts_with(&handover), "{departure:?}");
    let (arrived, answer) = ada.follow("http://wiki.test/a?b", "ada").await;
    assert_eq!(
        (answer.status, arrived.as_str()),
        (200, "http://wiki.test/a?b")
    );

    let token = answer.header("x-doorward-jwt").unwrap();
    let claims = super::signed::claims(token);
    assert_eq!(claims["iss"], public_url.as_str());
    let keys = ada
        .at_doorward
        .get(&format!("{public_url}/.well-known/jwks.json"))
        .await;
    assert_eq!(keys.status, 200);
    let kid = super::signed::header(token)["kid"].clone();
    assert!(keys.body.contains(kid.as_str().unwrap()), "{}", keys.body);
    let at_root = ada.at_doorward.get("/.well-known/jwks.json").await;
    assert_eq!(at_root.status, 404);

    let (page, refused) = ada.follow("http://metrics.test/", "ada").await;
    assert!(page.starts_with(&format!("{public_url}/")), "{page}");
    assert_eq!(refused.status, 403);
    let unnamed = ada.ask("GET", "http://other.test/", &NAVIGATION).await;
    let why = format!("{public_url}/refused?why=");
    assert!(unnamed.location().starts_with(&why), "{unnamed:?}");
    assert_eq!(ada.at_doorward.get(unnamed.location()).await.status, 403);

    for (url, path) in [
        ("http://wiki.test/", "login"),
        ("http://metrics.test/", "login"),
    ] {
        let script = Browser::new(&gateway).ask("GET", url, &[]).await;
        let challenge = script.header("www-authenticate").unwrap();
        let sign_in = format!("sign_in=\"{public_url}/{path}?return_to=");
        assert!(challenge.contains(&sign_in), "{challenge}");
    }
    // A stronger sign-in, which this provider does not confirm.
    let (page, refused) = ada.follow("http://strong.test/", "ada").await;
    assert!(page.starts_with(&format!("{public_url}/")), "{page}");
    assert_eq!(refused.status, 403);
}

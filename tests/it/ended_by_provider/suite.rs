//! The logout plans of the OpenID Foundation's conformance suite, module by module: each test does what the module of its
//! name does, as the provider.
//!
//! The person signs out here; while the suite answers the end-session request, it posts a logout token or loads our page in
//! a frame, and then sends the browser back.

use serde_json::{Value, json};
use url::Url;

use super::{EVENT, id_token_of, logout_claims, now, post, signed_in_with};
use crate::support::provider::Signing;
use crate::support::provider_faults::sign_with;
use crate::support::{Answer, Database, TestApp, Visitor};

const SID: &str = "suite";

/// As the plan is registered: RS256, though the suite publishes an ES256 key too.
fn spawn() -> TestApp {
    let variables = [
        ("OIDC_ID_TOKEN_ALGS", "RS256"),
        ("OIDC_FRONTCHANNEL_LOGOUT", "true"),
    ];
    TestApp::spawn_with(Database::Sqlite, &variables)
}

/// The end-session request of a person who signs out here.
async fn sign_out(person: &Visitor) -> Url {
    let answer = person.post("/logout", "").await;
    assert!(!person.is_signed_in().await);
    Url::parse(answer.location()).unwrap()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(it, _)| it == name);
    found.map(|(_, value)| value.into_owned())
}

/// The provider sends the browser back, and the person is on the sign-in page.
async fn goes_back(person: &Visitor, end_session: &Url) {
    let back = person.get(end_session.as_str()).await;
    let back = Url::parse(back.location()).unwrap();
    assert_eq!(parameter(&back, "state"), parameter(end_session, "state"));
    shows_the_sign_in_page(person, back.as_str()).await;
}

async fn shows_the_sign_in_page(person: &Visitor, address: &str) {
    let mut answer = person.get(address).await;
    if answer.status == 303 {
        answer = person.get(answer.location()).await;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.has("login-button"), "{}", answer.body);
}

/// Claims of the suite's logout token: with `sub`, `sid` and one that nobody knows.
fn claims(app: &TestApp) -> Value {
    let more = json!({"sub": "00uada", "sid": SID, "urn:example:unknown": [1]});
    logout_claims(app, more)
}

/// The suite's form has a second parameter.
async fn post_token(app: &TestApp, token: &str) -> Answer {
    post(app, &format!("logout_token={token}&foo=bar")).await
}

/// The module whose logout token is sent with these claims, signed so: the answer is exactly `status`, never stored, and
/// what is left of the session at the provider, in another browser, has ended or not.
async fn back_channel(signing: Signing, edit: impl Fn(&mut Value), status: u16) {
    let app = spawn();
    let person = signed_in_with(&app, "ada", SID).await;
    let elsewhere = signed_in_with(&app, "ada", SID).await;
    let end_session = sign_out(&person).await;
    let mut claims = claims(&app);
    edit(&mut claims);
    sign_with(&app, signing);
    let token = app.provider.sign_id_token(&claims);
    app.provider.heal();
    let answer = post_token(&app, &token).await;
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(elsewhere.is_signed_in().await, status == 400);
    goes_back(&person, &end_session).await;
}

fn without(name: &str) -> impl Fn(&mut Value) {
    move |claims| drop(claims.as_object_mut().unwrap().remove(name))
}

fn with(name: &str, value: Value) -> impl Fn(&mut Value) {
    move |claims| claims[name] = value.clone()
}

/// Suite back-channel `rp-backchannel-rpinitlogout`
///
/// Back-Channel 2.4 (d)
#[actix_web::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout() {
    back_channel(Signing::Rs256, |_| (), 200).await;
}

/// The session is gone by then in most browsers: that is 200 too.
///
/// Suite back-channel, in all answers
#[actix_web::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_where_nothing_is_left() {
    let app = spawn();
    let person = signed_in_with(&app, "ada", SID).await;
    let end_session = sign_out(&person).await;
    let token = app.provider.sign_id_token(&claims(&app));
    let answer = post_token(&app, &token).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    goes_back(&person, &end_session).await;
}

/// Suite back-channel `rp-backchannel-rpinitlogout-alg-none`
#[actix_web::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_alg_none() {
    back_channel(Signing::None, |_| (), 400).await;
}

/// Suite back-channel `rp-backchannel-rpinitlogout-no-event`
#[actix_web::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_no_event() {
    back_channel(Signing::Rs256, without("events"), 400).await;
}

/// Suite back-channel `rp-backchannel-rpinitlogout-with-nonce`
#[actix_web::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce() {
    back_channel(Signing::Rs256, with("nonce", json!("a nonce")), 400).await;
}

/// Suite back-channel `rp-backchannel-rpinitlogout-wrong-alg`
#[actix_web::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg() {
    back_channel(Signing::Es256, |_| (), 400).await;
}

/// Suite back-channel `rp-backchannel-rpinitlogout-wrong-aud`
#[actix_web::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud() {
    back_channel(Signing::Rs256, with("aud", json!("somebody else")), 400).await;
}

/// Suite back-channel `rp-backchannel-rpinitlogout-wrong-event`
#[actix_web::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event() {
    let events = json!({format!("{EVENT}-of-another-kind"): {}});
    back_channel(Signing::Rs256, with("events", events), 400).await;
}

/// Suite back-channel `rp-backchannel-rpinitlogout-wrong-iss`
#[actix_web::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss() {
    let iss = json!("https://issuer.example/wrong/");
    back_channel(Signing::Rs256, with("iss", iss), 400).await;
}

/// What a page of the provider's loads, and may frame.
async fn frame(app: &TestApp) {
    let issuer = app.provider.issuer();
    let target = format!("/frontchannel-logout?iss={issuer}&sid={SID}");
    let answer = Visitor::new(&app.url).get(&target).await;
    assert_eq!(answer.status, 200);
    let policy = answer.header("content-security-policy").unwrap();
    let ancestors = policy.split_once("frame-ancestors ").unwrap().1;
    assert!(issuer.starts_with(ancestors), "{policy}");
    assert_eq!(answer.header("x-frame-options"), None);
}

/// Suite front-channel `rp-frontchannel-rpinitlogout`
#[actix_web::test]
async fn oidcc_client_test_rp_frontchannel_rpinitlogout() {
    let app = spawn();
    let person = signed_in_with(&app, "ada", SID).await;
    let elsewhere = signed_in_with(&app, "ada", SID).await;
    let end_session = sign_out(&person).await;
    frame(&app).await;
    assert!(!elsewhere.is_signed_in().await);
    goes_back(&person, &end_session).await;
}

/// Suite front-channel `rp-frontchannel-opinitlogout`
#[actix_web::test]
async fn oidcc_client_test_rp_frontchannel_opinitlogout() {
    let app = spawn();
    let person = signed_in_with(&app, "ada", SID).await;
    frame(&app).await;
    let profile = person.get("/profile").await;
    assert_eq!(profile.location(), "/login?return_to=%2Fprofile");
}

/// Signs in and out as the RP-initiated plan wants it, up to the end-session request, while the suite calls both addresses.
async fn rp_initiated(app: &TestApp) -> (Visitor, Url) {
    let hint = id_token_of(app, "ada").await;
    let person = signed_in_with(app, "grace", SID).await;
    let end_session = sign_out(&person).await;
    let found = parameter(&end_session, "id_token_hint").unwrap();
    assert_ne!(found, hint, "it is the ID token of this sign-in");
    let payload = found.split('.').nth(1).unwrap();
    let payload = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, payload);
    let payload: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
    assert_eq!(
        (&payload["sub"], &payload["sid"]),
        (&json!("00ugrace"), &json!(SID))
    );
    assert!(payload["exp"].as_i64().unwrap() > now(app));
    let back = parameter(&end_session, "post_logout_redirect_uri");
    assert_eq!(back, app.variables.get("PUBLIC_URL").cloned());
    let sub = json!({"sub": "00ugrace", "sid": SID});
    let token = app.provider.sign_id_token(&logout_claims(app, sub));
    assert_eq!(post_token(app, &token).await.status, 200);
    frame(app).await;
    (person, end_session)
}

/// Suite logout `rp-init-logout`
/// Suite logout, in all a back-channel or front-channel logout URI
#[actix_web::test]
async fn oidcc_client_test_rp_init_logout() {
    let app = spawn();
    let (person, end_session) = rp_initiated(&app).await;
    goes_back(&person, &end_session).await;
}

/// Suite logout `rp-init-logout-other-state`
#[actix_web::test]
async fn oidcc_client_test_rp_init_logout_other_state() {
    let app = spawn();
    let (person, _) = rp_initiated(&app).await;
    let back = format!("{}/?state=another", app.url);
    shows_the_sign_in_page(&person, &back).await;
    assert_eq!(person.sign_in("grace").await.location(), "/profile");
}

/// Suite logout `rp-init-logout-no-state`
#[actix_web::test]
async fn oidcc_client_test_rp_init_logout_no_state() {
    let app = spawn();
    let (person, end_session) = rp_initiated(&app).await;
    assert!(parameter(&end_session, "state").is_some());
    shows_the_sign_in_page(&person, &app.url).await;
    assert_eq!(person.sign_in("grace").await.location(), "/profile");
}

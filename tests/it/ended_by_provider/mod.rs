//! The provider ends sessions: back-channel logout, front-channel logout, and Universal Logout.

mod after_step_up;
mod at_the_provider;
mod back_channel;
mod cookies;
mod decisions;
mod first_sign_in;
mod front_channel;
mod hostile;
mod outage;
mod raw;
mod requests;
mod strangers;
mod suite;
mod universal;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::provider_faults::edit_claims;
use crate::support::{Answer, TestApp, Visitor};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Seconds since 1970 by the app's clock.
fn now(app: &TestApp) -> i64 {
    app.clock.now().unix_timestamp()
}

/// Claims of a logout token that Doorward accepts, without `sub` and `sid`.
fn logout_claims(app: &TestApp, more: Value) -> Value {
    static COUNT: Mutex<u32> = Mutex::new(0);
    let mut count = COUNT.lock().unwrap();
    *count += 1;
    let mut claims = json!({
        "iss": app.provider.issuer(), "aud": crate::support::app::CLIENT_ID, "iat": now(app), "exp": now(app) + 120,
        "jti": format!("jti-{count}"), "events": {EVENT: {}},
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// Posts a form to the back-channel, as a provider would: without cookies.
async fn post(app: &TestApp, form: &str) -> Answer {
    Visitor::new(&app.url)
        .post("/backchannel-logout", form)
        .await
}

/// The provider signs these claims and posts them.
pub async fn log_out(app: &TestApp, more: Value) -> Answer {
    let token = app.provider.sign_id_token(&logout_claims(app, more));
    post(app, &format!("logout_token={token}")).await
}

/// Signs in as `person` with this `sid`, which the provider would make up.
async fn signed_in_with(app: &TestApp, person: &str, sid: &'static str) -> Visitor {
    edit_claims(app, move |claims| claims["sid"] = sid.into());
    let visitor = app.signed_in(person).await;
    app.provider.heal();
    visitor
}

/// The subjects and reasons of the sessions that were revoked, oldest first.
pub(crate) fn revoked(app: &TestApp) -> Vec<String> {
    app.storage().texts(
        "SELECT COALESCE(subject, '-') || ' ' || COALESCE(reason, '-') AS what \
         FROM audit_events WHERE event = 'session_revoked' ORDER BY id",
    )
}

/// Posts a body with a bearer token.
pub(crate) async fn universal(app: &TestApp, token: Option<&str>, body: &str) -> Answer {
    let mut request = awc::Client::default()
        .post(format!("{}/universal-logout", app.url))
        .content_type("application/json");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let mut response = request.send_body(body.to_owned()).await.unwrap();
    let body = response.body().await.unwrap();
    let headers = response.headers().iter();
    Answer {
        status: response.status().as_u16(),
        headers: Vec::from_iter(
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())),
        ),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// A revocation token, with these claims changed.
pub(crate) fn revocation_token(app: &TestApp, more: Value) -> String {
    let claims = revocation_claims(app, more);
    signed_as(app, "global-token-revocation+jwt", &claims)
}

fn revocation_claims(app: &TestApp, more: Value) -> Value {
    static COUNT: Mutex<u32> = Mutex::new(0);
    let mut count = COUNT.lock().unwrap();
    *count += 1;
    let mut claims = json!({
        "iss": app.provider.issuer(), "aud": format!("{}/universal-logout", app.url),
        "sub": crate::support::app::CLIENT_ID, "jti": format!("rev-{count}"),
        "nbf": now(app) - 300, "iat": now(app), "exp": now(app) + 300,
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// A token of the provider whose header says this `typ`.
fn signed_as(app: &TestApp, typ: &'static str, claims: &Value) -> String {
    app.provider.faults(|faults| {
        faults.edit_header = Some(Box::new(move |header| header["typ"] = typ.into()));
    });
    let token = app.provider.sign_id_token(claims);
    app.provider.heal();
    token
}

/// The ID token of the next sign-in of this person, and their browser.
async fn id_token_of(app: &TestApp, person: &str) -> String {
    let seen = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&seen);
    app.provider.faults(|faults| {
        faults.edit_id_token = Some(Box::new(move |token| {
            *kept.lock().unwrap() = token.clone();
            token
        }));
    });
    app.signed_in(person).await;
    app.provider.heal();
    Arc::try_unwrap(seen).map_or_else(
        |seen| seen.lock().unwrap().clone(),
        |seen| seen.into_inner().unwrap(),
    )
}

/// Waits until somebody waits for a lock of this database.
async fn somebody_waits(app: &TestApp) {
    let deadline = std::time::Instant::now() + crate::support::process::PATIENCE;
    while app.storage().number(
        "SELECT COUNT(*) AS n FROM pg_locks JOIN pg_database ON pg_database.oid = database \
         WHERE datname = current_database() AND NOT granted",
    ) == 0
    {
        assert!(std::time::Instant::now() < deadline, "nobody waits");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// As `Sessions::sid_hash`.
fn sid_hash(app: &TestApp, sid: &str) -> String {
    use base64::Engine;
    let text = format!("{}\n{sid}", app.provider.issuer());
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
}

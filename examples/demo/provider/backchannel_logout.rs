//! Tells the clients that sessions have ended here (OpenID Connect Back-Channel Logout 1.0).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use url::{Host, Url};

use super::id_token;
use super::seen::Params;
use super::state::{Session, State, opaque};

/// How long a client may take. The person waits for the slowest of them.
const PATIENCE: Duration = Duration::from_secs(3);

const LIFETIME_SECS: u64 = 120;

/// A logout token that was posted, and the status of the response, if there was one.
#[derive(Clone, Debug)]
pub struct Told {
    pub uri: String,
    pub sid: String,
    pub status: Option<u16>,
}

/// Posts a logout token for each session to each address that is registered.
pub async fn tell(state: &State, ended: &[Session]) {
    let uris = state.memory().backchannel_logout_uris.clone();
    let pairs = ended
        .iter()
        .flat_map(|session| uris.iter().map(move |uri| (session, uri)));
    let told = join_all(pairs.map(|(session, uri)| async move {
        let token = id_token::signed_as(state, "logout+jwt", &claims(state, session));
        let status = post(uri, &token).await;
        if status != Some(200) {
            eprintln!("demo provider: {uri} does not take a logout token: {status:?}");
        }
        Told {
            uri: uri.clone(),
            sid: session.sid.clone(),
            status,
        }
    }));
    let told = told.await;
    state.memory().told.extend(told);
}

/// 2.4. The session alone: whoever has another one stays signed in there.
fn claims(state: &State, session: &Session) -> Value {
    let now = state.now_secs();
    json!({
        "iss": state.issuer,
        "aud": state.client_id,
        "iat": now,
        "exp": now + LIFETIME_SECS,
        "jti": opaque(),
        "sid": session.sid,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    })
}

async fn post(uri: &str, token: &str) -> Option<u16> {
    let mut form = Params::default();
    form.push("logout_token", token);
    let request = awc::Client::default().post(uri).timeout(PATIENCE);
    let request = match address(&Url::parse(uri).ok()?) {
        Some(address) => request.address(address),
        None => request,
    };
    let request = request.content_type("application/x-www-form-urlencoded");
    let response = request.send_body(form.encode()).await.ok()?;
    Some(response.status().as_u16())
}

/// Like a browser, it finds every name below localhost on this machine, which the system may not.
fn address(uri: &Url) -> Option<SocketAddr> {
    let Some(Host::Domain(host)) = uri.host() else {
        return None;
    };
    let is_here = host == "localhost" || host.ends_with(".localhost");
    let port = uri.port_or_known_default()?;
    is_here.then_some((Ipv4Addr::LOCALHOST, port).into())
}

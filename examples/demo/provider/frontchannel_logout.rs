//! Shows the clients in frames that sessions have ended here (OpenID Connect Front-Channel Logout 1.0). Only the page that
//! stays here has them: a browser that is sent back to the app at once would not wait for them.

use super::seen::Params;
use super::state::{Session, State};

/// The addresses for the frames: each that is registered, for each session.
pub fn addresses(state: &State, ended: &[Session]) -> Vec<String> {
    let uris = state.memory().frontchannel_logout_uris.clone();
    let pairs = ended
        .iter()
        .flat_map(|session| uris.iter().map(move |uri| (session, uri)));
    let addresses = pairs.map(|(session, uri)| {
        let mut params = Params::default();
        params.push("iss", &state.issuer);
        params.push("sid", &session.sid);
        let separator = if uri.contains('?') { '&' } else { '?' };
        format!("{uri}{separator}{}", params.encode())
    });
    addresses.collect()
}

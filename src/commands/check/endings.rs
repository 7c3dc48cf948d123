//! How the provider can end sessions here, and what to register for it.

use super::report::Finding;
use crate::oidc::Registration;
use crate::oidc::okta::Okta;
use crate::oidc::probe::Endings;

/// Whether the provider tells us that a session of its own has ended, and where to.
pub fn back_channel(endings: &Endings, uri: &str, okta: Option<&Okta>) -> Finding {
    const CHECK: &str = "back_channel";
    match (endings, okta) {
        (
            Endings {
                back_channel: true,
                back_channel_session,
                ..
            },
            _,
        ) => {
            let what = match back_channel_session {
                true => "of single sessions, too",
                false => "of all sessions of a person at once",
            };
            Finding::ok(
                CHECK,
                format!("the provider sends logout tokens, {what}: register {uri} there"),
            )
        }
        (_, Some(_)) => Finding::ok(
            CHECK,
            "Okta sends no logout tokens: Universal Logout does the same",
        ),
        (
            Endings {
                front_channel: true,
                ..
            },
            None,
        ) => Finding::ok(
            CHECK,
            "the provider sends no logout tokens, only front-channel logout through the browser",
        ),
        (_, None) => Finding::ok(
            CHECK,
            "the provider's document does not offer logout tokens: sessions here end by their own timeouts",
        ),
    }
}

/// Whether the provider's pages sign people out by a frame; `uri` if that is switched on here.
pub fn front_channel(endings: &Endings, uri: Option<&str>) -> Finding {
    const CHECK: &str = "front_channel";
    match (uri, endings.front_channel) {
        (Some(uri), true) => Finding::ok(
            CHECK,
            format!("the provider's pages can sign people out by a frame: register {uri} there"),
        ),
        (Some(uri), false) => Finding::unknown(
            CHECK,
            format!(
                "the provider's document does not offer it; if it has it all the same, register {uri} there"
            ),
        ),
        (None, true) => Finding::ok(
            CHECK,
            "off, and the provider offers it: OIDC_FRONTCHANNEL_LOGOUT",
        ),
        (None, false) => Finding::ok(CHECK, "off"),
    }
}

/// Where Okta ends all sessions of a person.
pub fn universal(registration: &Registration, okta: Option<&Okta>) -> Finding {
    const CHECK: &str = "universal";
    let uri = &registration.universal_logout_uri;
    let Some(okta) = okta else {
        return Finding::ok(
            CHECK,
            format!("global token revocation, if the provider has it, goes to {uri}"),
        );
    };
    let register = format!("Okta's Universal Logout: register {uri} there");
    match (&registration.universal_logout_issuer, &okta.custom_server) {
        (Some(issuer), _) => Finding::ok(CHECK, format!("{register}; {issuer} signs it")),
        (None, None) => Finding::ok(CHECK, register),
        // Okta's pages disagree about who signs it.
        (None, Some(_)) => Finding::ok(
            CHECK,
            format!(
                "{register}. If it is refused because of its iss, set UNIVERSAL_LOGOUT_ISSUER to the URL of the organization"
            ),
        ),
    }
}

/// Whether tokens can be revoked.
pub fn revocation(endings: &Endings) -> Finding {
    let message = match endings.revocation {
        true => "the provider has a revocation endpoint",
        false => "the provider has no revocation endpoint: refresh tokens can't be revoked there",
    };
    Finding::ok("revocation", message)
}

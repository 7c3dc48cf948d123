//! Compares what the provider offers with what the settings require.

use jsonwebtoken::Algorithm;
use url::Url;

use super::report::Finding;
use crate::oidc::probe::{self, EndSession, Keys};
use crate::oidc::{self, ClientAuthMethod, Metadata, Registration};

/// Whether ID tokens can be verified.
pub fn keys(keys: Result<Keys, oidc::Error>, registration: &Registration) -> Finding {
    let keys = match keys {
        Ok(keys) => keys,
        Err(cause) => {
            return Finding::fault(
                "keys",
                cause.to_string(),
                "ask the provider's operator: jwks_uri must return its keys",
            );
        }
    };
    let count = keys.count;
    let faulty = match &keys.faulty[..] {
        [] => String::new(),
        faulty => format!(
            "; tokens signed with these keys are rejected: {}",
            faulty.join("; ")
        ),
    };
    if keys.algs.is_empty() {
        return Finding::fault(
            "keys",
            format!(
                "none of the {count} usable keys is for an algorithm that the provider says it signs with{faulty}"
            ),
            match registration.id_token_algs {
                _ if !faulty.is_empty() => PUBLISH_VALID_KEYS,
                Some(_) => "check OIDC_ID_TOKEN_ALGS",
                None => {
                    "let the provider sign with RS256, PS256, ES256 or EdDSA, or set OIDC_ID_TOKEN_ALGS to \
                         what it signs with"
                }
            },
        );
    }
    if !keys.ambiguous.is_empty() {
        return Finding::fault(
            "keys",
            format!(
                "several are for {} and none of them has a kid, so a token's key can't be determined{faulty}",
                names(&keys.ambiguous)
            ),
            PUBLISH_KIDS,
        );
    }
    let usable = format!("{count} can be used, for {}", names(&keys.algs));
    match (keys.nameless, faulty.is_empty()) {
        (0, true) => Finding::ok("keys", usable),
        (0, false) => Finding::warning("keys", format!("{usable}{faulty}"), PUBLISH_VALID_KEYS),
        (nameless, _) => Finding::warning(
            "keys",
            format!(
                "{usable}; {nameless} without kid: a token that names its key is not verified with these{faulty}"
            ),
            PUBLISH_KIDS,
        ),
    }
}

const PUBLISH_VALID_KEYS: &str =
    "ask the provider's operator to publish these keys as RFC 7518 says";
const PUBLISH_KIDS: &str = "let the provider publish the kid of each key";

fn names(algs: &[Algorithm]) -> String {
    let names: Vec<String> = algs.iter().map(|alg| format!("{alg:?}")).collect();
    names.join(" ")
}

/// Whether the provider offers the scopes of `OIDC_SCOPES`.
pub fn scopes(wanted: &str, offered: Option<&[String]>) -> Finding {
    let Some(offered) = offered else {
        return Finding::unknown("scopes", "the provider does not list its scopes");
    };
    let is_missing = |scope: &&str| !offered.iter().any(|offered| offered == scope);
    let missing: Vec<&str> = wanted.split_ascii_whitespace().filter(is_missing).collect();
    match missing.is_empty() {
        true => Finding::ok("scopes", format!("all are offered: {wanted}")),
        false => Finding::warning(
            "scopes",
            format!("the provider does not list: {}", missing.join(" ")),
            "remove them from OIDC_SCOPES, or add them at the authorization server (Okta does not list custom scopes, \
             so there they may be right)",
        ),
    }
}

/// Whether the provider offers our method of client authentication.
pub fn client_auth(metadata: &Metadata, registration: &Registration) -> Finding {
    match probe::client_auth(metadata, registration) {
        Err(cause) => Finding::fault(
            "client_auth",
            cause.to_string(),
            "let the application authenticate by client secret",
        ),
        Ok(method) if is_offered(method, metadata) => {
            Finding::ok("client_auth", format!("{} is offered", method.name()))
        }
        Ok(method) => Finding::warning(
            "client_auth",
            format!("the provider does not list {}", method.name()),
            "check OIDC_CLIENT_AUTH_METHOD",
        ),
    }
}

fn is_offered(method: ClientAuthMethod, metadata: &Metadata) -> bool {
    let mut offered = metadata.token_auth_methods.iter();
    offered.any(|offered| offered == method.name())
}

/// Whether the provider offers our response mode.
pub fn response_mode(registration: &Registration, offered: Option<&[String]>) -> Finding {
    let mode = registration.response_mode.name();
    match offered {
        None => Finding::unknown(
            "response_mode",
            "the provider does not list its response modes",
        ),
        Some(offered) if offered.iter().any(|offered| offered == mode) => {
            Finding::ok("response_mode", format!("{mode} is offered"))
        }
        Some(_) => Finding::warning(
            "response_mode",
            format!("the provider does not list {mode}"),
            "check OIDC_RESPONSE_MODE",
        ),
    }
}

/// Whether the provider knows each `acr` that a sign-in may need.
pub fn acr(wanted: &[String], offered: Option<&[String]>) -> Finding {
    if wanted.is_empty() {
        return Finding::ok("acr", "none is asked for");
    }
    let Some(offered) = offered else {
        return Finding::unknown("acr", "the provider does not list its acr values");
    };
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|acr| !offered.contains(acr))
        .map(String::as_str)
        .collect();
    match missing.is_empty() {
        true => Finding::ok("acr", format!("all are offered: {}", wanted.join(" "))),
        false => Finding::warning(
            "acr",
            format!("the provider does not list: {}", missing.join(" ")),
            "check OIDC_ACR_VALUES, OIDC_REQUIRED_ACR, STEP_UP_ACR and acr in RULES_FILE: a sign-in that needs what the provider does not know is refused",
        ),
    }
}

/// Whether people can sign out at the provider too, and return.
pub fn end_session(metadata: &Metadata, registration: &Registration, found: EndSession) -> Finding {
    let endpoint = metadata.end_session_endpoint.as_ref();
    let endpoint = endpoint.map_or("the end-session endpoint", Url::as_str);
    let ours = &registration.post_logout_redirect_uri;
    match found {
        EndSession::None => Finding::warning(
            "end_session",
            "the provider has no end-session endpoint: people sign out of this application, but stay signed in at the provider",
            "tell people so, or shorten the provider's sessions",
        ),
        EndSession::Registered => {
            Finding::ok("end_session", format!("people sign out at {endpoint}, too"))
        }
        EndSession::NotRegistered => Finding::fault(
            "end_session",
            format!(
                "{endpoint} rejects our post-logout redirect URI {ours}: sign-out ends there on an error page"
            ),
            format!(
                "at the provider, add exactly {ours} to the application's post-logout redirect URIs"
            ),
        ),
        EndSession::CannotTell(why) => Finding::unknown(
            "end_session",
            format!(
                "no clear response from {endpoint} about our post-logout redirect URI {ours}: {why}"
            ),
        ),
    }
}

//! Whether the provider knows this client: its id, redirect URI and secret.

use super::report::Finding;
use crate::oidc::probe::Acceptance;
use crate::oidc::{self, AuthorizationError, FetchError, Registration};

/// Judges the authorization endpoint's response to our request.
pub fn id(acceptance: Acceptance, registration: &Registration) -> Finding {
    let redirect_uri = &registration.redirect_uri;
    match acceptance {
        Acceptance::Accepted => Finding::ok(
            "client",
            format!("the provider knows it and its redirect URI {redirect_uri}"),
        ),
        Acceptance::AcceptedBut(error) => {
            let message = format!(
                "the provider knows it and its redirect URI {redirect_uri}, but responds with {error}"
            );
            match (&error, error.hint()) {
                // These may only mean that no person is signed in at the provider.
                (
                    AuthorizationError::AccessDenied
                    | AuthorizationError::ServerError
                    | AuthorizationError::TemporarilyUnavailable
                    | AuthorizationError::AuthenticationExpired,
                    Some(hint),
                ) => Finding::warning("client", message, hint),
                (_, Some(hint)) => Finding::fault("client", message, hint),
                (_, None) => Finding::fault(
                    "client",
                    message,
                    "look up that code in the provider's manual",
                ),
            }
        }
        Acceptance::Refused { page_names } => {
            let about = match page_names[..] {
                [] => String::new(),
                _ => format!(" that names {}", page_names.join(" and ")),
            };
            Finding::fault(
                "client",
                format!("the authorization endpoint shows an error page (status 400){about}"),
                format!(
                    "at the provider, compare the application's client id with OIDC_CLIENT_ID, and add \
                     exactly {redirect_uri} to its sign-in redirect URIs"
                ),
            )
        }
        Acceptance::CannotTell(why) => Finding::unknown(
            "client",
            format!("no clear response from the authorization endpoint: {why}"),
        ),
    }
}

/// Judges the token endpoint's response to a made-up code.
pub fn secret(outcome: Result<(), oidc::Error>) -> Finding {
    match outcome {
        Ok(()) => Finding::ok(
            "client_secret",
            "the token endpoint accepts it: it rejected a made-up code, not the client",
        ),
        Err(oidc::Error::TokenRefused { status, refusal })
            if status == 401 || refusal.code == "invalid_client" =>
        {
            refused(&refusal.code)
        }
        // RFC 6749, 5.2: 401 is about the client, never about the code, whatever the body says.
        Err(oidc::Error::Fetch {
            cause: FetchError::Status { status: 401, .. },
            ..
        }) => refused("status 401"),
        // A redirect is not followed. 408, 425 and 429 are temporary.
        Err(oidc::Error::Fetch {
            cause: FetchError::Status { status, .. },
            ..
        }) if (300..500).contains(&status) && !matches!(status, 408 | 425 | 429) => Finding::fault(
            "client_secret",
            format!("the token endpoint responds with status {status}, as if it did not exist"),
            "ask the provider's operator whether the discovery document's token_endpoint is right",
        ),
        Err(cause) => Finding::unknown("client_secret", cause.to_string()),
    }
}

fn refused(why: &str) -> Finding {
    Finding::fault(
        "client_secret",
        format!("the token endpoint rejects the client: {why}"),
        "copy the application's client secret into OIDC_CLIENT_SECRET again, and check its client authentication",
    )
}

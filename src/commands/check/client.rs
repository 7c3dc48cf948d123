//! Whether the provider knows us: client id, redirect URI, client secret.

use super::report::Finding;
use crate::oidc::probe::Acceptance;
use crate::oidc::{self, AuthorizationError, FetchError, Registration};

/// By what the authorization endpoint makes of our request.
pub fn id(acceptance: Acceptance, registration: &Registration) -> Finding {
    let redirect_uri = &registration.redirect_uri;
    match acceptance {
        Acceptance::Accepted => Finding::ok(
            "client",
            format!("the provider knows it, and its redirect URI {redirect_uri}"),
        ),
        Acceptance::AcceptedBut(error) => {
            let message = format!(
                "the provider knows it and its redirect URI {redirect_uri}, but answers {error}"
            );
            match (&error, error.hint()) {
                // These may only say that nobody is signed in there.
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
                    "look that code up in the provider's manual",
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
                    "at the provider, compare the application's client id with OIDC_CLIENT_ID, and have \
                     {redirect_uri} among its sign-in redirect URIs, to the letter"
                ),
            )
        }
        Acceptance::CannotTell(why) => Finding::unknown(
            "client",
            format!("asked at the authorization endpoint whether it knows us, {why}"),
        ),
    }
}

/// By what the token endpoint makes of a made-up code.
pub fn secret(outcome: Result<(), oidc::Error>) -> Finding {
    match outcome {
        Ok(()) => Finding::ok(
            "client_secret",
            "the token endpoint accepts it: it refused a made-up code, not the client",
        ),
        Err(oidc::Error::TokenRefused { status, refusal })
            if status == 401 || refusal.code == "invalid_client" =>
        {
            refused(&refusal.code)
        }
        // RFC 6749, 5.2: 401 is of us, never of the code, whatever else it says.
        Err(oidc::Error::Fetch {
            cause: FetchError::Status { status: 401, .. },
            ..
        }) => refused("status 401"),
        // A redirect is not followed, and of the moment are these three.
        Err(oidc::Error::Fetch {
            cause: FetchError::Status { status, .. },
            ..
        }) if (300..500).contains(&status) && !matches!(status, 408 | 425 | 429) => Finding::fault(
            "client_secret",
            format!("the token endpoint answers with status {status}, as if it did not exist"),
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

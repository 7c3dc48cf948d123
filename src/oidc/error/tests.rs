//! Which errors are temporary, which need an administrator, and what the log says.

use super::*;
use crate::oidc::CertificateFault;

#[test]
fn a_provider_that_has_too_much_to_do_says_when_to_ask_again() {
    for (status, is_busy) in [(429, true), (503, true), (500, false), (404, false)] {
        let error = Error::fetching(Endpoint::Token)(FetchError::Status {
            status,
            retry_after_secs: Some(30),
        });
        assert_eq!(error.is_busy(), is_busy, "{status}");
        assert_eq!(error.retry_after_secs(), Some(30));
    }
    let refused = Error::CodeRefused(refusal("invalid_grant", None));
    assert!(!refused.is_busy());
    assert_eq!(refused.retry_after_secs(), None);
}

fn refusal(code: &str, description: Option<&str>) -> Refusal {
    Refusal {
        code: code.to_owned(),
        description: description.map(str::to_owned),
    }
}

fn refused(code: &str) -> Error {
    Error::TokenRefused {
        status: 400,
        refusal: refusal(code, None),
    }
}

#[test]
fn what_no_waiting_cures_is_a_fault_of_set_up() {
    let status = |endpoint, status| {
        Error::fetching(endpoint)(FetchError::Status {
            status,
            retry_after_secs: None,
        })
    };
    for (error, expected) in [
        (Error::Discovery(String::new()), true),
        (refused("invalid_client"), true),
        (refused("unauthorized_client"), true),
        (refused("server_error"), false),
        (Error::CodeRefused(refusal("invalid_grant", None)), false),
        (status(Endpoint::Discovery, 404), true),
        (status(Endpoint::Keys, 403), true),
        (status(Endpoint::Token, 401), true),
        (status(Endpoint::Token, 404), false),
        (status(Endpoint::Userinfo, 401), false),
        (status(Endpoint::Discovery, 429), false),
        (status(Endpoint::Discovery, 500), false),
        (
            Error::fetching(Endpoint::Discovery)(FetchError::Timeout),
            false,
        ),
        (
            Error::fetching(Endpoint::Discovery)(FetchError::Certificate(CertificateFault {
                what: String::new(),
                fix: String::new(),
            })),
            true,
        ),
    ] {
        assert_eq!(error.is_misconfiguration(), expected, "{error}");
    }
}

#[test]
fn the_log_says_what_was_wrong() {
    for (error, text) in [
        (
            Error::fetching(Endpoint::Discovery)(FetchError::Timeout),
            "discovery: the provider did not respond within 10 s",
        ),
        (
            Error::Keys("not a JSON object".to_owned()),
            "the provider's keys are refused: not a JSON object",
        ),
        (
            refused("invalid_client"),
            "the token endpoint responded with \"invalid_client\"",
        ),
        (
            Error::CodeRefused(refusal("invalid_grant", Some("Code\nnot valid"))),
            "the token endpoint responded with invalid_grant: the code is stale, used before, or was \
             made for another redirect URI; it says \"Code\\nnot valid\"",
        ),
        (
            Error::AccessTokenRefused {
                status: 401,
                refusal: refusal("invalid_token", Some("")),
            },
            "userinfo: the provider responded with status 401: \"invalid_token\"",
        ),
        (
            IdTokenError::Expired.into(),
            "the ID token is refused: it has expired",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

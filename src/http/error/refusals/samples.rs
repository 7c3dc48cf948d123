//! One error for each way in which a request can fail.

use crate::db;
use crate::http::error::Error;
use crate::observe::metrics::Endpoint;
use crate::oidc::internals::Typ;
use crate::oidc::{
    self, AuthorizationError, CertificateFault, FetchError, IdTokenError, JwsError,
    MalformedResponse, Unmet,
};
use crate::session::{AttemptError, ReturnTo};

pub fn of_attempts() -> [Error; 10] {
    let return_to = ReturnTo::ours("/profile".to_owned());
    [
        Error::MalformedResponse(MalformedResponse::Twice("code".to_owned())),
        Error::NoCode,
        AttemptError::NoState.into(),
        AttemptError::NotThisBrowser.into(),
        AttemptError::ResponseReplaced.into(),
        AttemptError::Forged.into(),
        AttemptError::Used.into(),
        AttemptError::EndedByProvider.into(),
        AttemptError::Expired {
            return_to,
            step_up: None,
        }
        .into(),
        Error::TooManyRequests {
            retry_after_secs: 1,
        },
    ]
}

pub fn of_authorization() -> [Error; 15] {
    [
        ("access_denied", None),
        ("login_required", None),
        ("interaction_required", None),
        ("consent_required", None),
        ("account_selection_required", None),
        ("unmet_authentication_requirements", None),
        ("invalid_request", None),
        ("unsupported_response_type", None),
        ("unsupported_response_mode", None),
        ("invalid_scope", None),
        ("unauthorized_client", None),
        ("server_error", None),
        ("temporarily_unavailable", None),
        ("temporarily_unavailable", Some("authentication_expired")),
        ("…", None),
    ]
    .map(
        |(code, description): (_, Option<&str>)| Error::Authorization {
            error: AuthorizationError::parse(code, description),
            description: description.map(str::to_owned),
        },
    )
}

/// Each call with each way in which it can fail.
pub fn of_fetches() -> Vec<oidc::Error> {
    let status = |status| FetchError::Status {
        status,
        retry_after_secs: None,
    };
    let causes = [
        FetchError::Connection("…".to_owned()),
        FetchError::Certificate(CertificateFault {
            what: "…".to_owned(),
            fix: "…".to_owned(),
        }),
        FetchError::Timeout,
        FetchError::NoFreeConnection,
        FetchError::Body("…".to_owned()),
        status(429),
        status(503),
        status(401),
        status(404),
        status(500),
    ];
    let each = |cause: FetchError| {
        [
            Endpoint::Discovery,
            Endpoint::Keys,
            Endpoint::Token,
            Endpoint::Userinfo,
        ]
        .map(|endpoint| oidc::Error::fetching(endpoint)(cause.clone()))
    };
    causes.into_iter().flat_map(each).collect()
}

pub fn of_responses() -> Vec<oidc::Error> {
    let said = || "…".to_owned();
    let refusal = |code: &str| oidc::Refusal {
        code: code.to_owned(),
        description: None,
    };
    let token_refused = |status, code| oidc::Error::TokenRefused {
        status,
        refusal: refusal(code),
    };
    vec![
        oidc::Error::Discovery(said()),
        oidc::Error::Keys(said()),
        oidc::Error::ResponseIssuer("…"),
        oidc::Error::CodeRefused(refusal("invalid_grant")),
        token_refused(401, "invalid_client"),
        token_refused(400, "server_error"),
        oidc::Error::TokenResponse(said()),
        oidc::Error::TokenType(said()),
        oidc::Error::AccessTokenRefused {
            status: 401,
            refusal: refusal("invalid_token"),
        },
        oidc::Error::Userinfo(said()),
        oidc::Error::UserinfoSubject,
    ]
}

/// What is required of the authentication, and not met.
pub fn of_authentication() -> [IdTokenError; 4] {
    let found = Some("…".to_owned());
    let expected = vec!["…".to_owned()];
    [
        Unmet::Acr { found, expected },
        Unmet::NoAuthTime,
        Unmet::AuthTimeAhead,
        Unmet::TooLongAgo,
    ]
    .map(IdTokenError::Authentication)
}

pub fn of_id_tokens() -> impl Iterator<Item = IdTokenError> {
    let said = || "…".to_owned();
    let rs256 = jsonwebtoken::Algorithm::RS256;
    let of_jws = [
        JwsError::Malformed(said()),
        JwsError::Header(said()),
        JwsError::Critical,
        JwsError::Type {
            found: Some(said()),
            expected: Typ::optional(&["JWT"]),
        },
        JwsError::Algorithm {
            found: said(),
            expected: vec![rs256],
        },
        JwsError::UnsupportedAlgorithm(said()),
        JwsError::UnknownKey(said()),
        JwsError::UnusableKey {
            kid: said(),
            why: said(),
        },
        JwsError::NoKey(rs256),
        JwsError::AmbiguousKey,
        JwsError::Signature { has_kid: true },
        JwsError::Signature { has_kid: false },
    ];
    let of_claims = [
        IdTokenError::Payload(said()),
        IdTokenError::Claim(said()),
        IdTokenError::Issuer(said()),
        IdTokenError::Audience,
        IdTokenError::AuthorizedParty,
        IdTokenError::NoAuthorizedParty,
        IdTokenError::Expired,
        IdTokenError::NotYetValid,
        IdTokenError::Nonce,
        IdTokenError::NoNonce,
        IdTokenError::AccessTokenHash,
        IdTokenError::Subject,
        IdTokenError::Events,
        IdTokenError::SessionOver,
    ];
    let of_jws = of_jws.into_iter().map(IdTokenError::from);
    of_jws.chain(of_claims).chain(of_authentication())
}

pub fn of_ourselves() -> [Error; 10] {
    [
        Error::Blocked {
            user_id: "…".to_owned(),
        },
        Error::StepUpSubject,
        Error::OtherIssuer("…".to_owned()),
        Error::CrossSiteSignOut,
        Error::HandoverForged,
        db::Error::Unavailable("…".to_owned()).into(),
        Error::SignOut(db::Error::Unavailable("…".to_owned())),
        Error::Session("…".to_owned()),
        Error::Internal("…".to_owned()),
        Error::SignInNeeded {
            login: "/login".to_owned(),
        },
    ]
}

//! Why a signed token is not verified.

use std::fmt;

use jsonwebtoken::Algorithm;

use crate::oidc::jose::algorithm;
use crate::oidc::jose::json::quoted;
use crate::oidc::jose::typ::Typ;

/// Why a token was not verified.
#[derive(Clone, Debug, PartialEq)]
pub enum JwsError {
    /// It does not have three parts, or one is not base64url, or the header is not JSON.
    Malformed(String),
    /// A member of its header is missing or of a wrong type.
    Header(String),
    /// `crit` asks for an extension, and we know none (RFC 7515, 4.1.11).
    Critical,
    /// `typ` says that it is another kind of token.
    Type {
        /// What it says.
        found: Option<String>,
        /// What it should say.
        expected: Typ,
    },
    /// `alg` is one that Doorward verifies, but not one of those that are expected.
    Algorithm {
        /// What it says.
        found: String,
        /// What may have signed.
        expected: Vec<Algorithm>,
    },
    /// `alg` is one that Doorward never verifies.
    UnsupportedAlgorithm(String),
    /// No published key has its `kid`.
    UnknownKey(String),
    /// Keys with its `kid` are published, but none is usable.
    UnusableKey {
        /// Their `kid`.
        kid: String,
        /// Why each of them is not usable.
        why: String,
    },
    /// It has no `kid`, and no key is published for its `alg`.
    NoKey(Algorithm),
    /// It has no `kid`, and several keys are published for its `alg`.
    AmbiguousKey,
    /// The signature is wrong.
    Signature {
        /// Whether the token has a `kid`, and so said which key to use.
        has_kid: bool,
    },
}

impl JwsError {
    /// Its name in audit events of tokens that were posted here.
    pub fn reason(&self) -> &'static str {
        match self {
            JwsError::Malformed(_) | JwsError::Header(_) | JwsError::Critical => "malformed",
            JwsError::Type { .. } => "type",
            JwsError::Algorithm { .. } | JwsError::UnsupportedAlgorithm(_) => "algorithm",
            JwsError::UnknownKey(_)
            | JwsError::UnusableKey { .. }
            | JwsError::NoKey(_)
            | JwsError::AmbiguousKey => "key",
            JwsError::Signature { .. } => "signature",
        }
    }

    /// Whether newer keys may help: the token names a key that we do not have, or names none and those that we have
    /// do not fit (OpenID Connect Core 10.1.1).
    pub fn may_be_rotation(&self) -> bool {
        match self {
            JwsError::UnknownKey(_)
            | JwsError::UnusableKey { .. }
            | JwsError::NoKey(_)
            | JwsError::AmbiguousKey
            | JwsError::Signature { has_kid: false } => true,
            JwsError::Malformed(_)
            | JwsError::Header(_)
            | JwsError::Critical
            | JwsError::Type { .. }
            | JwsError::Algorithm { .. }
            | JwsError::UnsupportedAlgorithm(_)
            | JwsError::Signature { has_kid: true } => false,
        }
    }
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(cause) => write!(f, "malformed: {cause}"),
            Self::Header(cause) => f.write_str(cause),
            Self::Critical => f.write_str("it has critical header parameters"),
            Self::Type { found, expected } => match found {
                Some(found) => write!(f, "its typ is {}, expected {expected}", quoted(found)),
                None => write!(f, "it has no typ, expected {expected}"),
            },
            Self::Algorithm { found, expected } => {
                let (found, expected) = (quoted(found), algorithm::list(expected));
                write!(f, "its alg is {found}, expected {expected}")
            }
            Self::UnsupportedAlgorithm(found) => {
                let found = quoted(found);
                write!(f, "its alg is {found}, which Doorward does not verify")
            }
            Self::UnknownKey(kid) => write!(f, "no published key has the kid {}", quoted(kid)),
            Self::UnusableKey { kid, why } => {
                let kid = quoted(kid);
                write!(
                    f,
                    "the key with the kid {kid} is published, but can't be used: {why}"
                )
            }
            Self::NoKey(alg) => write!(f, "it has no kid, and no key for {alg:?} is published"),
            Self::AmbiguousKey => f.write_str("it has no kid and several keys are published"),
            Self::Signature { .. } => f.write_str("its signature is wrong"),
        }
    }
}

impl std::error::Error for JwsError {}

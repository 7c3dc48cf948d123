//! One sign-in for tests, benchmarks and fuzz targets: who takes part in it, and its ID token, which Doorward accepts.
//! No part of a release.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::oidc::flow::groups::GroupsClaim;
use crate::oidc::flow::id_token::{self, Claims, Expectation, IdTokenError};
use crate::oidc::jose::jws::{self, Expected};
use crate::oidc::jose::key_set::KeySet;

/// The provider.
pub const ISSUER: &str = "https://op.example";
/// Doorward at the provider.
pub const CLIENT_ID: &str = "doorward";
/// The nonce of the attempt.
pub const NONCE: &str = "n-0S6_WzA2Mj";
/// When the ID token is issued and judged, in seconds since 1970.
pub const NOW: i64 = 1_800_000_000;

/// The example of OpenID Connect Core, A.3: an access token.
pub const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
/// Its hash by SHA-256, from the same place.
pub const AT_HASH: &str = "77QmUPtjPfzWtF2AnpK9RQ";

/// The claims of the ID token.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "00u1", "aud": [CLIENT_ID], "azp": CLIENT_ID, "exp": NOW + 300,
        "iat": NOW, "nbf": NOW, "auth_time": NOW - 5, "nonce": NONCE, "at_hash": AT_HASH,
        "name": "Ada",
    })
}

/// Verifies and judges an ID token as a sign-in does, at [`NOW`].
///
/// # Errors
/// The first check that fails.
pub fn verify(token: &str, keys: &KeySet) -> Result<Claims, IdTokenError> {
    let algs = [
        Algorithm::RS256,
        Algorithm::PS256,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ];
    let expected = Expected {
        algs: &algs,
        typ: id_token::TYP,
    };
    let signed = jws::verify(token, keys, &expected)?;
    let expected = Expectation {
        issuer: ISSUER,
        client_id: CLIENT_ID,
        nonce: id_token::Nonce::Of(NONCE),
        access_token: ACCESS_TOKEN,
        groups: &GroupsClaim::default(),
    };
    let now = OffsetDateTime::from_unix_timestamp(NOW).expect("it is a date");
    id_token::judge(&signed, &expected, now)
}

//! What the bearer token of a global token revocation must claim (Okta's Universal Logout, and
//! draft-parecki-oauth-global-token-revocation). This only judges.

use std::fmt;

use time::{Duration, OffsetDateTime};

use crate::oidc::flow::identifiers::is_id;
use crate::oidc::jose::audience::Audience;
use crate::oidc::jose::json::{Object, quoted};
use crate::oidc::jose::jws::{JwsError, Verified};
use crate::oidc::jose::numeric_date::NumericDate;
use crate::oidc::jose::typ::Typ;

/// The `typ` of a revocation token.
pub const TYP: Typ = Typ::required(&["global-token-revocation+jwt"]);

/// The longest time from `iat` to `exp`.
const LIFETIME: Duration = Duration::minutes(10);

/// What a revocation token must claim.
pub struct Expectation<'a> {
    /// Who signs it.
    pub issuer: &'a str,
    /// The address that it is for.
    pub audience: &'a str,
    /// Our client id.
    pub client_id: &'a str,
}

/// A revocation token that allows one revocation.
#[derive(Debug, PartialEq)]
pub struct RevocationToken {
    /// The token's own identifier, for the replay check.
    pub jti: String,
    /// When it expires, in UTC.
    pub exp: OffsetDateTime,
}

/// Judges what the provider signed as a revocation token. Whether its `jti` came before is for the caller to find out.
///
/// # Errors
/// The first check that fails.
pub fn judge(
    signed: &Verified,
    expected: &Expectation<'_>,
    now: OffsetDateTime,
) -> Result<RevocationToken, RevocationTokenError> {
    use RevocationTokenError as Error;
    let names = [
        "iss", "aud", "sub", "iat", "exp", "nbf", "jti", "nonce", "events",
    ];
    let claims = Object::read(signed.payload(), &names).map_err(Error::Payload)?;
    let date = |name| claims.required(name, NumericDate::EXPECTED, NumericDate::read);
    for other in ["nonce", "events"] {
        if claims.has(other) {
            return Err(Error::OtherKind(other));
        }
    }
    let iss = claims.text("iss").map_err(Error::Claim)?;
    if iss != expected.issuer {
        let expected = expected.issuer.to_owned();
        return Err(Error::Issuer {
            found: iss,
            expected,
        });
    }
    // One string, or an array of it alone: a token for two addresses could be used at both.
    let aud = Audience::read(&claims).map_err(Error::Claim)?;
    if !aud.is_only(expected.audience) {
        return Err(Error::Audience(aud.to_string()));
    }
    if claims.text("sub").map_err(Error::Claim)? != expected.client_id {
        return Err(Error::Subject);
    }
    let (exp, iat) = (
        date("exp").map_err(Error::Claim)?,
        date("iat").map_err(Error::Claim)?,
    );
    if exp.is_past(now) {
        return Err(Error::Expired);
    }
    // Okta's nbf is five minutes before iat: the lifetime is measured from iat.
    let nbf = claims.optional("nbf", NumericDate::EXPECTED, NumericDate::read);
    if iat.is_future(now)
        || nbf
            .map_err(Error::Claim)?
            .is_some_and(|nbf| nbf.is_future(now))
    {
        return Err(Error::NotYetValid);
    }
    if exp.time() - iat.time() > LIFETIME {
        return Err(Error::Lifetime);
    }
    let jti = claims.text("jti").map_err(Error::Claim)?;
    if !is_id(&jti) {
        return Err(Error::Id);
    }
    Ok(RevocationToken {
        jti,
        exp: exp.time(),
    })
}

/// Why a revocation token is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum RevocationTokenError {
    /// The provider did not sign it as expected.
    Jws(JwsError),
    /// Its payload is not a JSON object.
    Payload(String),
    /// A claim is missing or of a wrong type.
    Claim(String),
    /// It has this claim of another kind of token.
    OtherKind(&'static str),
    /// `iss` is another issuer.
    Issuer {
        /// What it says.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// `aud` is not our address.
    Audience(String),
    /// `sub` is not our client id.
    Subject,
    /// `exp` is past.
    Expired,
    /// `iat` or `nbf` is in the future.
    NotYetValid,
    /// From `iat` to `exp` it is too long.
    Lifetime,
    /// `jti` is empty, too long or not printable.
    Id,
}

impl RevocationTokenError {
    /// Its name in audit events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Jws(cause) => cause.reason(),
            Self::Payload(_) | Self::Claim(_) | Self::Lifetime | Self::Id => "malformed",
            Self::OtherKind(_) => "type",
            Self::Issuer { .. } => "issuer",
            Self::Audience(_) => "audience",
            Self::Subject => "subject",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
        }
    }
}

impl fmt::Display for RevocationTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jws(cause) => cause.fmt(f),
            Self::Payload(cause) => write!(f, "malformed: {cause}"),
            Self::Claim(cause) => f.write_str(cause),
            Self::OtherKind(claim) => write!(f, "it has {claim}, so it is another kind of token"),
            Self::Issuer { found, expected } => write!(
                f,
                "its iss is {}, expected {} (UNIVERSAL_LOGOUT_ISSUER, else OIDC_ISSUER)",
                quoted(found),
                quoted(expected)
            ),
            Self::Audience(found) => write!(
                f,
                "its aud is {found}, not the address of /universal-logout below PUBLIC_URL"
            ),
            Self::Subject => f.write_str("its sub is not OIDC_CLIENT_ID"),
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not valid yet"),
            Self::Lifetime => f.write_str("its exp is more than ten minutes after its iat"),
            Self::Id => f.write_str("its jti is empty, over 512 bytes or not printable"),
        }
    }
}

impl std::error::Error for RevocationTokenError {}

#[cfg(test)]
mod tests;

//! What an ID token must claim, numbered as in OpenID Connect Core 3.1.3.7. This only judges: it takes a verified
//! payload, an expectation and the time, and returns claims or the reason of a refusal.

mod error;
mod refreshed;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use time::OffsetDateTime;

use crate::oidc::flow::groups::GroupsClaim;
use crate::oidc::flow::identifiers::{is_id, is_subject};
use crate::oidc::flow::logout_token::EVENTS;
use crate::oidc::flow::profile::Profile;
use crate::oidc::jose::audience::Audience;
use crate::oidc::jose::json::{self, Object};
use crate::oidc::jose::jws::Verified;
use crate::oidc::jose::numeric_date::NumericDate;
use crate::oidc::jose::typ::Typ;
use crate::random;
pub use error::IdTokenError;
pub use refreshed::{Former, RefreshedTokenError, Renewed, judge_refreshed};

/// The `typ` of an ID token, where it has one.
pub const TYP: Typ = Typ::optional(&["JWT"]);

/// The longest `acr` that is kept, in bytes: it is a URI or a word.
const ACR_LIMIT: usize = 512;

/// What an ID token must claim to be for this sign-in.
pub struct Expectation<'a> {
    /// The configured issuer.
    pub issuer: &'a str,
    /// Our client id.
    pub client_id: &'a str,
    /// The nonce of the authorization request.
    pub nonce: Nonce<'a>,
    /// The access token that came with it.
    pub access_token: &'a str,
    /// Where the groups are.
    pub groups: &'a GroupsClaim,
}

/// What the nonce must be.
#[derive(Clone, Copy)]
pub enum Nonce<'a> {
    /// This one.
    Of(&'a str),
    /// This one, or none: in an ID token of a refresh (OpenID Connect Core 12.2).
    NoneOr(Option<&'a str>),
}

impl Nonce<'_> {
    fn judge(self, found: Option<&str>) -> Result<(), IdTokenError> {
        let is = |expected: &str| found.is_some_and(|found| random::is_same(found, expected));
        match self {
            Nonce::Of(_) if found.is_none() => Err(IdTokenError::NoNonce),
            Nonce::NoneOr(_) if found.is_none() => Ok(()),
            Nonce::Of(expected) | Nonce::NoneOr(Some(expected)) if is(expected) => Ok(()),
            Nonce::Of(_) | Nonce::NoneOr(_) => Err(IdTokenError::Nonce),
        }
    }
}

/// The claims of an ID token that Doorward uses.
#[derive(Debug)]
pub struct Claims {
    iss: String,
    /// The person's identifier at the issuer.
    pub sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: NumericDate,
    iat: NumericDate,
    nbf: Option<NumericDate>,
    nonce: Option<String>,
    at_hash: Option<String>,
    /// How strongly the person was authenticated, in the provider's words (OpenID Connect Core 2).
    pub acr: Option<String>,
    /// When the person was authenticated, in UTC.
    pub auth_time: Option<OffsetDateTime>,
    /// The session at the provider (Back-Channel Logout 1.0, 2.1).
    pub sid: Option<String>,
    /// When the provider's session ends, in UTC, and the person must be asked again (IPSIE SL1).
    pub session_expiry: Option<OffsetDateTime>,
    /// The claims about the person, often none.
    pub profile: Profile,
}

impl Claims {
    /// A claim that security depends on must have its type; `null` is a wrong type. With a wrong type,
    /// `acr` and `auth_time` count as absent, and then they meet no requirement.
    fn read(payload: &[u8], groups: &GroupsClaim) -> Result<Claims, IdTokenError> {
        let names = [
            "iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "acr", EVENTS,
        ];
        let more = ["auth_time", "sid", "session_expiry"];
        let names = [&names[..], &more, &Profile::claims(groups)].concat();
        let claims = Object::read(payload, &names).map_err(IdTokenError::Payload)?;
        if claims.has(EVENTS) {
            return Err(IdTokenError::Events);
        }
        Claims::from_object(&claims, groups).map_err(IdTokenError::Claim)
    }

    fn from_object(claims: &Object, groups: &GroupsClaim) -> Result<Claims, String> {
        let text = |name| claims.optional(name, "a string", json::text);
        let date = |name| claims.required(name, NumericDate::EXPECTED, NumericDate::read);
        Ok(Claims {
            iss: claims.text("iss")?,
            sub: claims.text("sub")?,
            aud: Audience::read(claims)?,
            azp: text("azp")?,
            exp: date("exp")?,
            iat: date("iat")?,
            nbf: claims.optional("nbf", NumericDate::EXPECTED, NumericDate::read)?,
            nonce: text("nonce")?,
            at_hash: text("at_hash")?,
            acr: claims
                .lenient("acr", json::text)
                .filter(|acr| !acr.is_empty() && acr.len() <= ACR_LIMIT),
            auth_time: claims
                .lenient("auth_time", NumericDate::read)
                .map(NumericDate::time),
            sid: claims.lenient("sid", json::text).filter(|sid| is_id(sid)),
            session_expiry: claims
                .optional(
                    "session_expiry",
                    NumericDate::EXPECTED_SECS,
                    NumericDate::read_secs,
                )?
                .map(NumericDate::time),
            profile: Profile::read(claims, groups),
        })
    }

    /// Whether the provider's session goes on (IPSIE SL1). To the second, without leeway.
    fn judge_session(&self, now: OffsetDateTime) -> Result<(), IdTokenError> {
        match self.session_expiry {
            Some(over_at) if over_at <= now => Err(IdTokenError::SessionOver),
            _ => Ok(()),
        }
    }
}

/// Judges what the provider signed as an ID token.
///
/// # Errors
/// The first check that fails.
pub fn judge(
    signed: &Verified,
    expected: &Expectation<'_>,
    now: OffsetDateTime,
) -> Result<Claims, IdTokenError> {
    let claims = judge_but_for_expiry(signed, expected, now)?;
    claims.judge_session(now)?;
    Ok(claims)
}

/// [`judge`] without the question whether the provider's session is over.
fn judge_but_for_expiry(
    signed: &Verified,
    expected: &Expectation<'_>,
    now: OffsetDateTime,
) -> Result<Claims, IdTokenError> {
    // 1: an encrypted token is rejected; 6 to 8: signature and algorithm. `jws::verify` has checked all of these.
    let claims = Claims::read(signed.payload(), expected.groups)?;
    judge_claims(&claims, signed.alg(), expected, now)?;
    Ok(claims)
}

fn judge_claims(
    claims: &Claims,
    alg: Algorithm,
    expected: &Expectation<'_>,
    now: OffsetDateTime,
) -> Result<(), IdTokenError> {
    // 2: the issuer, exactly.
    if claims.iss != expected.issuer {
        return Err(IdTokenError::Issuer(claims.iss.clone()));
    }
    // 3: the audience names us.
    if !claims.aud.names(expected.client_id) {
        return Err(IdTokenError::Audience);
    }
    // 4 and 5: with several audiences, the authorized party is us.
    match &claims.azp {
        Some(party) if party != expected.client_id => return Err(IdTokenError::AuthorizedParty),
        None if claims.aud.is_several() => return Err(IdTokenError::NoAuthorizedParty),
        _ => (),
    }
    // 9: it has not expired.
    if claims.exp.is_past(now) {
        return Err(IdTokenError::Expired);
    }
    // 10: it was not issued in the future.
    if claims.iat.is_future(now) || claims.nbf.is_some_and(|nbf| nbf.is_future(now)) {
        return Err(IdTokenError::NotYetValid);
    }
    // 11: the nonce is the one of this attempt.
    expected.nonce.judge(claims.nonce.as_deref())?;
    // 12 and 13 (acr, auth_time): `requirement.rs`, for what a sign-in requires.
    // Core 3.1.3.8: the access token's hash, where it is given.
    if let Some(at_hash) = &claims.at_hash
        && *at_hash != access_token_hash(alg, expected.access_token)
    {
        return Err(IdTokenError::AccessTokenHash);
    }
    // Core 2: the subject.
    if !is_subject(&claims.sub) {
        return Err(IdTokenError::Subject);
    }
    Ok(())
}

/// `at_hash` (OpenID Connect Core 3.1.3.6): the left half of the access token's hash, by the hash function of the
/// ID token's `alg`. Ed25519 uses SHA-512.
fn access_token_hash(alg: Algorithm, access_token: &str) -> String {
    use Algorithm::{ES384, EdDSA, PS384, PS512, RS384, RS512};
    let hash = match alg {
        RS384 | PS384 | ES384 => &digest::SHA384,
        RS512 | PS512 | EdDSA => &digest::SHA512,
        _ => &digest::SHA256,
    };
    let hash = digest::digest(hash, access_token.as_bytes());
    let hash = hash.as_ref();
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests;

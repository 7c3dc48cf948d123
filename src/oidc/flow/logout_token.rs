//! What a logout token must claim (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6). Like [`id_token`](super::id_token),
//! this only judges.

use std::fmt;

use serde_json::Value;
use time::OffsetDateTime;

use crate::oidc::flow::identifiers::{is_id, is_subject};
use crate::oidc::jose::audience::Audience;
use crate::oidc::jose::json::{self, Object, quoted};
use crate::oidc::jose::jws::{JwsError, Verified};
use crate::oidc::jose::numeric_date::NumericDate;
use crate::oidc::jose::typ::Typ;

/// The `typ` of a logout token. Most providers send `JWT` or none: its `events` decide.
pub const TYP: Typ = Typ::optional(&["JWT", "logout+jwt"]);

/// The claim that makes a token a logout token.
pub const EVENTS: &str = "events";

/// The member of `events` that must be there.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A logout token that is to be acted on, once.
#[derive(Debug, PartialEq)]
pub struct LogoutToken {
    /// Whose sessions end.
    pub who: Who,
    /// The token's own identifier, for the replay check.
    pub jti: String,
    /// When it expires, in UTC.
    pub exp: OffsetDateTime,
}

/// Whose sessions a logout token ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// All of the person with this subject.
    Subject(String),
    /// Those that belong to this session at the provider.
    Session(String),
    /// Those that belong to this session at the provider and are of the person with this subject.
    Both {
        /// The person.
        sub: String,
        /// The session at the provider.
        sid: String,
    },
}

/// Judges what the provider signed as a logout token. Whether its `jti` came before is for the caller to find out.
///
/// # Errors
/// The first check that fails.
pub fn judge(
    signed: &Verified,
    issuer: &str,
    client_id: &str,
    now: OffsetDateTime,
) -> Result<LogoutToken, LogoutTokenError> {
    use LogoutTokenError as Error;
    let names = [
        "iss", "aud", "iat", "exp", "nbf", "jti", "sub", "sid", "nonce", EVENTS,
    ];
    let claims = Object::read(signed.payload(), &names).map_err(Error::Payload)?;
    let date = |name| claims.required(name, NumericDate::EXPECTED, NumericDate::read);
    let text = |name| claims.optional(name, "a string", json::text);
    let iss = claims.text("iss").map_err(Error::Claim)?;
    if iss != issuer {
        return Err(Error::Issuer(iss));
    }
    let aud = Audience::read(&claims).map_err(Error::Claim)?;
    if !aud.names(client_id) {
        return Err(Error::Audience(aud.to_string()));
    }
    if !claims.has("exp") {
        return Err(Error::NoExpiry);
    }
    let exp = date("exp").map_err(Error::Claim)?;
    if exp.is_past(now) {
        return Err(Error::Expired);
    }
    let iat = date("iat").map_err(Error::Claim)?;
    let nbf = claims.optional("nbf", NumericDate::EXPECTED, NumericDate::read);
    if iat.is_future(now)
        || nbf
            .map_err(Error::Claim)?
            .is_some_and(|nbf| nbf.is_future(now))
    {
        return Err(Error::NotYetValid);
    }
    // What the event holds does not count: Keycloak has a member of its own there.
    let has_event =
        |events: &Value| Some(()).filter(|()| events.get(EVENT).is_some_and(Value::is_object));
    if claims.lenient(EVENTS, has_event).is_none() {
        return Err(Error::Event);
    }
    // Of any type: with a nonce, it could pass for an ID token elsewhere.
    if claims.has("nonce") {
        return Err(Error::Nonce);
    }
    let sub = text("sub").map_err(Error::Claim)?;
    let sid = text("sid").map_err(Error::Claim)?;
    let is_usable = sub.as_deref().is_none_or(is_subject) && sid.as_deref().is_none_or(is_id);
    let who = match (sub, sid) {
        _ if !is_usable => return Err(Error::Subject),
        (Some(sub), Some(sid)) => Who::Both { sub, sid },
        (Some(sub), None) => Who::Subject(sub),
        (None, Some(sid)) => Who::Session(sid),
        (None, None) => return Err(Error::Subject),
    };
    let jti = claims.text("jti").map_err(Error::Claim)?;
    if !is_id(&jti) {
        return Err(Error::Id);
    }
    Ok(LogoutToken {
        who,
        jti,
        exp: exp.time(),
    })
}

/// Why a logout token is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum LogoutTokenError {
    /// The provider did not sign it as expected.
    Jws(JwsError),
    /// Its payload is not a JSON object.
    Payload(String),
    /// A claim is missing or of a wrong type.
    Claim(String),
    /// `iss` is another issuer.
    Issuer(String),
    /// `aud` does not name us.
    Audience(String),
    /// There is no `exp`.
    NoExpiry,
    /// `exp` is past.
    Expired,
    /// `iat` or `nbf` is in the future.
    NotYetValid,
    /// `events` lacks the event of a logout token.
    Event,
    /// It has a `nonce`, so it is an ID token.
    Nonce,
    /// It has neither `sub` nor `sid`, or one that can't be used.
    Subject,
    /// `jti` is empty, too long or not printable.
    Id,
}

impl LogoutTokenError {
    /// Its name in audit events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Jws(cause) => cause.reason(),
            Self::Payload(_) | Self::Claim(_) | Self::NoExpiry | Self::Id => "malformed",
            Self::Issuer(_) => "issuer",
            Self::Audience(_) => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Event => "event",
            Self::Nonce => "nonce",
            Self::Subject => "subject",
        }
    }
}

impl fmt::Display for LogoutTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jws(cause) => cause.fmt(f),
            Self::Payload(cause) => write!(f, "malformed: {cause}"),
            Self::Claim(cause) => f.write_str(cause),
            Self::Issuer(found) => write!(f, "its iss is {}, not OIDC_ISSUER", quoted(found)),
            Self::Audience(found) => write!(f, "its aud is {found}, which does not name OIDC_CLIENT_ID"),
            Self::NoExpiry => f.write_str(
                "it has no exp, which Back-Channel Logout 1.0 requires (Keycloak before 24 sends none)",
            ),
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not valid yet"),
            Self::Event => write!(f, "its events lack {EVENT}"),
            Self::Nonce => f.write_str("it has a nonce, so it is an ID token"),
            Self::Subject => f.write_str(
                "it has neither sub nor sid, or one that is empty, too long or not printable",
            ),
            Self::Id => f.write_str("its jti is empty, over 512 bytes or not printable"),
        }
    }
}

impl std::error::Error for LogoutTokenError {}

#[cfg(test)]
mod tests;

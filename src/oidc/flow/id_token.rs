//! The checks of an ID token, numbered as in OpenID Connect Core 1.0, 3.1.3.7. Judging only: bytes,
//! keys, an expectation and the time come in; claims or a refusal go out.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::Value;
use time::OffsetDateTime;

use crate::oidc::flow::profile::Profile;
use crate::oidc::jose::json::{self, Object, quoted};
use crate::oidc::jose::jws::{self, JwsError};
use crate::oidc::jose::key_set::KeySet;
use crate::oidc::jose::numeric_date::NumericDate;
use crate::random;

/// How far the provider's clock may be from ours.
const LEEWAY_SECS: f64 = 60.0;

/// OpenID Connect Core 2: a subject has at most 255 ASCII characters.
const SUBJECT_LIMIT: usize = 255;

/// What an ID token must say to be ours.
pub struct Expectation<'a> {
    /// The configured issuer.
    pub issuer: &'a str,
    /// Our client id.
    pub client_id: &'a str,
    /// The nonce of the authorization request.
    pub nonce: &'a str,
    /// The access token that came with it.
    pub access_token: &'a str,
    /// The algorithms that may have signed it.
    pub algs: &'a [Algorithm],
}

/// The claims of a verified ID token that Doorward uses.
#[derive(Debug)]
pub struct Claims {
    iss: String,
    /// The person's name at the issuer.
    pub sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: NumericDate,
    iat: NumericDate,
    nbf: Option<NumericDate>,
    nonce: Option<String>,
    at_hash: Option<String>,
    /// What it says of the person, often nothing.
    pub profile: Profile,
}

impl Claims {
    /// What security rests on must have its type, and is not `null` where it is there. What nothing asks for is not
    /// read: `auth_time`, `acr`.
    fn read(payload: &[u8]) -> Result<Claims, JwsError> {
        let names = [
            "iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash",
        ];
        let names = [&names[..], &Profile::CLAIMS].concat();
        let claims = Object::read(payload, &names).map_err(JwsError::Malformed)?;
        Claims::of(&claims).map_err(JwsError::Member)
    }

    fn of(claims: &Object) -> Result<Claims, String> {
        let text = |name| claims.optional(name, "a string", json::text);
        let date = |name| claims.required(name, NumericDate::EXPECTED, NumericDate::read);
        Ok(Claims {
            iss: claims.text("iss")?,
            sub: claims.text("sub")?,
            aud: Audience::of(claims)?,
            azp: text("azp")?,
            exp: date("exp")?,
            iat: date("iat")?,
            nbf: claims.optional("nbf", NumericDate::EXPECTED, NumericDate::read)?,
            nonce: text("nonce")?,
            at_hash: text("at_hash")?,
            profile: Profile::read(claims),
        })
    }
}

/// `aud`: one, or a list (RFC 7519, 4.1.3).
#[derive(Debug)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// The audience of these claims, who must have one.
    pub(super) fn of(claims: &Object) -> Result<Audience, String> {
        claims.required("aud", "a string or an array of strings", |aud| match aud {
            Value::String(audience) => Some(Audience::One(audience.clone())),
            Value::Array(list) => {
                let list: Option<Vec<String>> = list.iter().map(json::text).collect();
                list.map(Audience::Several)
            }
            _ => None,
        })
    }

    /// Whether it names `client_id`.
    pub(super) fn names(&self, client_id: &str) -> bool {
        match self {
            Audience::One(audience) => audience == client_id,
            Audience::Several(list) => list.iter().any(|audience| audience == client_id),
        }
    }

    fn is_several(&self) -> bool {
        matches!(self, Audience::Several(list) if list.len() > 1)
    }
}

/// Why an ID token is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum IdTokenError {
    /// It is not signed JSON of the provider's.
    Jws(JwsError),
    /// `iss` is another.
    Issuer(String),
    /// `aud` does not name us.
    Audience,
    /// `azp` is another.
    AuthorizedParty,
    /// There are several audiences, and no `azp`.
    NoAuthorizedParty,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It answers another authorization request.
    Nonce,
    /// It does not say which authorization request it answers.
    NoNonce,
    /// It came with another access token.
    AccessTokenHash,
    /// `sub` is empty, too long or not printable.
    Subject,
}

impl fmt::Display for IdTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jws(cause) => cause.fmt(f),
            Self::Issuer(found) => write!(f, "its iss is {}, not OIDC_ISSUER", quoted(found)),
            Self::Audience => f.write_str("its aud does not name OIDC_CLIENT_ID"),
            Self::AuthorizedParty => f.write_str("its azp is not OIDC_CLIENT_ID"),
            Self::NoAuthorizedParty => f.write_str("it has several audiences and no azp"),
            Self::Expired => f.write_str("it has expired: check both clocks"),
            Self::NotYetValid => f.write_str("it is not valid yet: check both clocks"),
            Self::Nonce => f.write_str("its nonce is not the one of this attempt"),
            Self::NoNonce => f.write_str("it has no nonce"),
            Self::AccessTokenHash => f.write_str("its at_hash is not of this access token"),
            Self::Subject => f.write_str("its sub is empty, over 255 characters or not printable"),
        }
    }
}

impl From<JwsError> for IdTokenError {
    fn from(cause: JwsError) -> Self {
        IdTokenError::Jws(cause)
    }
}

/// Verifies `token` in full.
///
/// # Errors
/// The first check that fails. See [`JwsError::may_be_rotation`] for when newer keys may help.
pub fn verify_id_token(
    token: &str,
    keys: &KeySet,
    expected: &Expectation<'_>,
    now: OffsetDateTime,
) -> Result<Claims, IdTokenError> {
    // 1 and 6 to 8 come first: nothing is believed before the signature is.
    let (payload, alg) = jws::verified(token, keys, expected.algs)?;
    let claims = Claims::read(&payload)?;
    judge_claims(&claims, alg, expected, now)?;
    Ok(claims)
}

fn judge_claims(
    claims: &Claims,
    alg: Algorithm,
    expected: &Expectation<'_>,
    now: OffsetDateTime,
) -> Result<(), IdTokenError> {
    // 2: the issuer, to the letter.
    if claims.iss != expected.issuer {
        return Err(IdTokenError::Issuer(claims.iss.clone()));
    }
    // 3: the audience names us.
    if !claims.aud.names(expected.client_id) {
        return Err(IdTokenError::Audience);
    }
    // 4 and 5: among several audiences it must say that it was made for us.
    match &claims.azp {
        Some(party) if party != expected.client_id => return Err(IdTokenError::AuthorizedParty),
        None if claims.aud.is_several() => return Err(IdTokenError::NoAuthorizedParty),
        _ => (),
    }
    // 9 and 10: its time.
    if is_over(claims.exp, now) {
        return Err(IdTokenError::Expired);
    }
    let now = now.unix_timestamp() as f64;
    let begins = claims
        .iat
        .secs()
        .max(claims.nbf.as_ref().map_or(0.0, NumericDate::secs));
    if begins - LEEWAY_SECS > now {
        return Err(IdTokenError::NotYetValid);
    }
    // 11: the nonce of this very attempt.
    let nonce = claims.nonce.as_deref().ok_or(IdTokenError::NoNonce)?;
    if !random::is_same(nonce, expected.nonce) {
        return Err(IdTokenError::Nonce);
    }
    // 3.1.3.8: the access token's hash, where it is given.
    if let Some(at_hash) = &claims.at_hash
        && *at_hash != access_token_hash(alg, expected.access_token)
    {
        return Err(IdTokenError::AccessTokenHash);
    }
    if !is_subject(&claims.sub) {
        return Err(IdTokenError::Subject);
    }
    Ok(())
}

/// Whether the time of a token that expires at `exp` is over (RFC 7519, 4.1.4).
pub(super) fn is_over(exp: NumericDate, now: OffsetDateTime) -> bool {
    exp.secs() + LEEWAY_SECS <= now.unix_timestamp() as f64
}

/// Whether `sub` can be one (OpenID Connect Core 2), which also keeps NUL away from the database.
fn is_subject(sub: &str) -> bool {
    (1..=SUBJECT_LIMIT).contains(&sub.len()) && !sub.chars().any(char::is_control)
}

/// `at_hash`: the left half of the hash that the signature's algorithm uses (OpenID Connect Core
/// 3.1.3.6). Ed25519 hashes with SHA-512.
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
mod tests {
    use super::*;

    /// The first is that of OpenID Connect Core, A.3; the others differ from it by their hash.
    #[test]
    fn the_hash_of_an_access_token_is_that_of_the_signatures_algorithm() {
        let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        let hash = |alg| access_token_hash(alg, access_token);
        assert_eq!(hash(Algorithm::RS256), "77QmUPtjPfzWtF2AnpK9RQ");
        for alg in [Algorithm::PS256, Algorithm::ES256] {
            assert_eq!(hash(alg), hash(Algorithm::RS256));
        }
        for (alg, characters) in [
            (Algorithm::RS384, 32),
            (Algorithm::PS384, 32),
            (Algorithm::ES384, 32),
            (Algorithm::RS512, 43),
            (Algorithm::PS512, 43),
            (Algorithm::EdDSA, 43),
        ] {
            assert_eq!(hash(alg).len(), characters, "{alg:?}");
        }
    }

    const NOW: i64 = 1_800_000_000;

    /// How good claims are judged once they are changed so.
    fn judged(changes: serde_json::Value) -> Result<(), IdTokenError> {
        let mut claims = serde_json::json!({
            "iss": "https://op.example", "sub": "00u1", "aud": "id", "nonce": "n",
            "exp": NOW + 300, "iat": NOW,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let claims = Claims::read(claims.to_string().as_bytes())?;
        let expected = Expectation {
            issuer: "https://op.example",
            client_id: "id",
            nonce: "n",
            access_token: "a",
            algs: &[],
        };
        let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
        judge_claims(&claims, Algorithm::RS256, &expected, now)
    }

    #[test]
    fn its_time_counts_with_a_minute_to_either_side() {
        use serde_json::json;
        assert_eq!(judged(json!({"exp": NOW - 59})), Ok(()));
        let expired = judged(json!({"exp": NOW - 60}));
        assert_eq!(expired, Err(IdTokenError::Expired));
        for name in ["iat", "nbf"] {
            assert_eq!(judged(json!({name: NOW + 60})), Ok(()));
            let early = judged(json!({name: NOW + 61}));
            assert_eq!(early, Err(IdTokenError::NotYetValid), "{name}");
        }
    }

    #[test]
    fn among_several_audiences_it_must_say_that_it_was_made_for_us() {
        use serde_json::json;
        let refused = Err(IdTokenError::AuthorizedParty);
        assert_eq!(judged(json!({"aud": ["id"]})), Ok(()));
        let silent = judged(json!({"aud": ["id", "b"]}));
        assert_eq!(silent, Err(IdTokenError::NoAuthorizedParty));
        assert_eq!(judged(json!({"aud": ["id", "b"], "azp": "b"})), refused);
        assert_eq!(judged(json!({"aud": ["id", "b"], "azp": "id"})), Ok(()));
    }

    #[test]
    fn the_access_tokens_hash_must_fit_where_it_is_given() {
        use serde_json::json;
        let at_hash = access_token_hash(Algorithm::RS256, "a");
        assert_eq!(judged(json!({"at_hash": at_hash})), Ok(()));
        let of_another = access_token_hash(Algorithm::RS256, "b");
        let refused = judged(json!({"at_hash": of_another}));
        assert_eq!(refused, Err(IdTokenError::AccessTokenHash));
    }

    #[test]
    fn a_subject_has_255_printable_bytes_at_most() {
        use serde_json::json;
        assert_eq!(judged(json!({"sub": "a".repeat(255)})), Ok(()));
        for sub in ["", "a\0", "a\nb", &"a".repeat(256)] {
            let refused = judged(json!({"sub": sub}));
            assert_eq!(refused, Err(IdTokenError::Subject), "{sub:?}");
        }
    }

    #[test]
    fn the_log_says_which_check_failed() {
        for (error, text) in [
            (
                JwsError::AmbiguousKey.into(),
                "it has no kid and several keys are published",
            ),
            (
                IdTokenError::Issuer("https://evil.example".to_owned()),
                "its iss is \"https://evil.example\", not OIDC_ISSUER",
            ),
            (
                IdTokenError::AuthorizedParty,
                "its azp is not OIDC_CLIENT_ID",
            ),
            (
                IdTokenError::NoAuthorizedParty,
                "it has several audiences and no azp",
            ),
            (IdTokenError::NoNonce, "it has no nonce"),
            (
                IdTokenError::NotYetValid,
                "it is not valid yet: check both clocks",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}

//! The userinfo request and its response (OpenID Connect Core 5.3).

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use url::Url;

use crate::observe::metrics::Endpoint;
use crate::oidc::error::Error;
use crate::oidc::flow::groups::GroupsClaim;
use crate::oidc::flow::id_token::IdTokenError;
use crate::oidc::flow::profile::Profile;
use crate::oidc::flow::refusal::Refusal;
use crate::oidc::http::client::Http;
use crate::oidc::http::request::Request;
use crate::oidc::http::response::Response;
use crate::oidc::jose::audience::Audience;
use crate::oidc::jose::json::Object;
use crate::oidc::jose::jws::{JwsError, Verified};
use crate::oidc::jose::numeric_date::NumericDate;
use crate::oidc::jose::typ::Typ;

/// Reads userinfo with the access token.
pub async fn fetch(
    http: &Http,
    endpoint: &Url,
    access_token: &SecretString,
) -> Result<Response, Error> {
    let make = || Request::get(endpoint.clone()).bearer(access_token);
    let response = http.send(Endpoint::Userinfo, make).await;
    let response = response.map_err(Error::fetching(Endpoint::Userinfo))?;
    match refusal(&response, access_token) {
        Some(refusal) => Err(refusal),
        None => response.ok().map_err(Error::fetching(Endpoint::Userinfo)),
    }
}

/// Why the access token is refused, if the response says so (RFC 6750, 3.1).
fn refusal(response: &Response, access_token: &SecretString) -> Option<Error> {
    let status = response.status;
    let refusal = Refusal::of_challenge(response.challenge.as_deref()?)?;
    let refusal = refusal.without(&[access_token.expose_secret()]);
    matches!(status, 400 | 401 | 403).then_some(Error::AccessTokenRefused { status, refusal })
}

/// A userinfo response, before it is compared with the ID token.
pub struct Userinfo {
    sub: String,
    profile: Profile,
}

impl Userinfo {
    fn read(claims: &Object, groups: &GroupsClaim) -> Result<Userinfo, String> {
        Ok(Userinfo {
            sub: claims.text("sub")?,
            profile: Profile::read(claims, groups),
        })
    }

    /// OpenID Connect Core 5.3.2: without the same `sub`, nothing of it may be used.
    pub fn about(self, subject: &str) -> Result<Profile, Error> {
        match self.sub == subject {
            true => Ok(self.profile),
            false => Err(Error::UserinfoSubject),
        }
    }
}

/// The `typ` of signed userinfo, where it has one.
pub const TYP: Typ = Typ::optional(&["JWT"]);

/// Judges a userinfo response in JSON.
pub fn judge(body: &[u8], subject: &str, groups: &GroupsClaim) -> Result<Profile, Error> {
    let names = [&["sub"][..], &Profile::claims(groups)].concat();
    let userinfo = Object::read(body, &names).and_then(|claims| Userinfo::read(&claims, groups));
    userinfo.map_err(Error::Userinfo)?.about(subject)
}

/// Judges a signed userinfo response (OpenID Connect Core 5.3.2: `iss` is the provider and `aud` names
/// us; both SHOULD be there. Doorward requires them, or a token for another purpose could pass).
pub fn judge_signed(
    signed: &Verified,
    issuer: &str,
    client_id: &str,
    groups: &GroupsClaim,
    now: OffsetDateTime,
) -> Result<Userinfo, IdTokenError> {
    let names = [&["iss", "aud", "sub", "exp"][..], &Profile::claims(groups)].concat();
    let claims = Object::read(signed.payload(), &names).map_err(IdTokenError::Payload)?;
    let found = claims.text("iss").map_err(IdTokenError::Claim)?;
    if found != issuer {
        return Err(IdTokenError::Issuer(found));
    }
    let audience = Audience::read(&claims).map_err(IdTokenError::Claim)?;
    if !audience.names(client_id) {
        return Err(IdTokenError::Audience);
    }
    // It may be absent; if it is there, it counts (RFC 7519, 4.1.4).
    let exp = claims.optional("exp", NumericDate::EXPECTED, NumericDate::read);
    if exp
        .map_err(IdTokenError::Claim)?
        .is_some_and(|exp| exp.is_past(now))
    {
        return Err(IdTokenError::Expired);
    }
    Userinfo::read(&claims, groups).map_err(IdTokenError::Claim)
}

/// Why signed userinfo is refused. Its algorithms are configured elsewhere than those of ID tokens.
pub fn refused(cause: IdTokenError) -> Error {
    Error::Userinfo(match cause {
        IdTokenError::Jws(JwsError::Algorithm { .. }) => {
            format!("{cause} (discovery's userinfo_signing_alg_values_supported)")
        }
        cause => cause.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::jose::jws::{self, Expected};
    use crate::oidc::jose::signer::Signer;
    use jsonwebtoken::Algorithm;
    use serde_json::{Value, json};

    #[test]
    fn userinfo_must_be_an_object_about_the_same_person() {
        let judge = |body: &[u8], subject| judge(body, subject, &GroupsClaim::default());
        assert!(judge(br#"{"sub":"a","name":"A"}"#, "a").is_ok());
        assert!(matches!(
            judge(br#"{"sub":"b"}"#, "a"),
            Err(Error::UserinfoSubject)
        ));
        for body in [
            r#"["a"]"#,
            r#"{"name":"A"}"#,
            r#"{"sub":1}"#,
            "<html>",
            "",
            "null",
        ] {
            assert!(
                matches!(judge(body.as_bytes(), "a"), Err(Error::Userinfo(_))),
                "{body}"
            );
        }
    }

    #[test]
    fn signed_userinfo_must_be_of_our_issuer_and_for_us() {
        let signer = Signer::new(Algorithm::ES256);
        let judged = |claims: Value| {
            let token = signer.sign(&json!({"alg": "ES256", "kid": "a"}), &claims);
            let algs = &[Algorithm::ES256];
            let signed = jws::verify(&token, &signer.key_set(), &Expected { algs, typ: TYP });
            let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
            let groups = GroupsClaim::default();
            judge_signed(&signed.unwrap(), "https://op.example", "id", &groups, now)
                .map(|userinfo| userinfo.sub)
        };
        let claims = |iss: &str, aud: &str| json!({"iss": iss, "aud": aud, "sub": "a"});
        let ours = judged(claims("https://op.example", "id"));
        assert_eq!(ours, Ok("a".to_owned()));
        let anothers = judged(claims("https://evil.example", "id"));
        let issuer = IdTokenError::Issuer("https://evil.example".to_owned());
        assert_eq!(anothers, Err(issuer));
        let for_another = judged(claims("https://op.example", "other"));
        assert_eq!(for_another, Err(IdTokenError::Audience));
        let until = |exp: Value| {
            let mut claims = claims("https://op.example", "id");
            claims["exp"] = exp;
            judged(claims)
        };
        assert_eq!(until(json!(1_800_000_300)), Ok("a".to_owned()));
        assert_eq!(until(json!(1_799_999_000)), Err(IdTokenError::Expired));
        assert!(until(json!("1800000300")).is_err());
    }
}

//! The ID token: its claims, how it is signed, correctly or wrongly, and how it is read back as a logout hint.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use super::faults::{Faults, edited};
use super::keys::{Keys, foreign_jwk, sign_foreign};
use super::people::Person;
use super::seen;
use super::state::{Grant, State};

pub const LIFETIME_SECS: u64 = 3600;

/// How ID tokens are signed. The header says the `alg` of the variant and the `kid` of the key that should be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    #[default]
    Rs256,
    /// By the key that is published for RS256.
    Rs384,
    /// By the key that is published for RS256.
    Rs512,
    Ps256,
    Es256,
    EdDsa,
    /// `alg` none, with an empty signature.
    None,
    /// An HMAC with this secret, under the `kid` of the RSA key.
    Hs256(Vec<u8>),
    /// RS256 by a key that was never published, under the `kid` of one that was.
    Foreign,
    /// The same, with that key in the header as `jwk`.
    ForeignEmbedded,
}

/// OpenID Connect Core 2 and 3.1.3.6.
pub fn claims(
    state: &State,
    faults: &Faults,
    grant: &Grant,
    person: &Person,
    access_token: &str,
) -> Value {
    let now = state.now_secs();
    let mut claims = json!({
        "iss": state.issuer,
        "sub": person.sub,
        "aud": state.client_id,
        "iat": now,
        "exp": now + LIFETIME_SECS,
        "auth_time": grant.session.auth_time_secs,
        "at_hash": at_hash(&faults.signing, access_token),
        "sid": grant.session.sid,
    });
    if faults.auth_time_in_millis {
        claims["auth_time"] = json!(grant.session.auth_time_secs * 1000);
    }
    if let Some(acr) = &grant.session.acr {
        claims["acr"] = json!(acr);
    }
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = json!(nonce);
    }
    if faults.full_id_token {
        for (name, value) in person.claims_for(&grant.scope) {
            claims[name] = value;
        }
    }
    edited(claims, &faults.edit_claims)
}

/// Header, claims and signature in their compact form (RFC 7515 3.1), as the faults say.
pub fn compact(state: &State, faults: &Faults, claims: &Value) -> String {
    // The keys are locked for single statements, not around the edits, which may ask the provider for keys.
    let header = header(&state.keys(), &faults.signing);
    let header = edited(header, &faults.edit_header);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let [header, claims] = [&header, claims].map(|part| encode(part.to_string().as_bytes()));
    let message = format!("{header}.{claims}");
    let signature = encode(&sign(&state.keys(), &faults.signing, message.as_bytes()));
    let token = format!("{message}.{signature}");
    seen::report_secret("an ID token", &token);
    match &faults.edit_id_token {
        Some(edit) => edit(token),
        None => token,
    }
}

/// Claims that are no ID token's, with this `typ`.
pub fn signed_as(state: &State, typ: &str, claims: &Value) -> String {
    let mut header = header(&state.keys(), &Signing::Rs256);
    header["typ"] = typ.into();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let [header, claims] = [&header, claims].map(|part| encode(part.to_string().as_bytes()));
    let message = format!("{header}.{claims}");
    let signature = sign(&state.keys(), &Signing::Rs256, message.as_bytes());
    let token = format!("{message}.{}", encode(&signature));
    seen::report_secret("a logout token", &token);
    token
}

/// The claims of an ID token that this provider signed for this client; it may have expired (RP-Initiated Logout 2).
pub fn claims_of_hint(state: &State, hint: &str) -> Result<Value, String> {
    let header = decode_header(hint).map_err(|error| error.to_string())?;
    let keys = state.keys().published();
    let keys: JwkSet = serde_json::from_value(keys).expect("the published keys are a JWK set");
    let kid = header.kid.as_deref().unwrap_or_default();
    let key = keys.find(kid).ok_or("signed with a key that is not ours")?;
    let key = DecodingKey::from_jwk(key).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.set_required_spec_claims(&["iss", "aud", "sub"]);
    validation.set_issuer(&[&state.issuer]);
    validation.set_audience(&[&state.client_id]);
    let token = decode::<Value>(hint, &key, &validation).map_err(|error| error.to_string())?;
    Ok(token.claims)
}

fn header(keys: &Keys, signing: &Signing) -> Value {
    match signing {
        Signing::Rs256 | Signing::Foreign => json!({"alg": "RS256", "kid": keys.rsa_kid()}),
        Signing::Rs384 => json!({"alg": "RS384", "kid": keys.rsa_kid()}),
        Signing::Rs512 => json!({"alg": "RS512", "kid": keys.rsa_kid()}),
        Signing::Ps256 => json!({"alg": "PS256", "kid": keys.pss_kid()}),
        Signing::Es256 => json!({"alg": "ES256", "kid": keys.ec_kid()}),
        Signing::EdDsa => json!({"alg": "EdDSA", "kid": keys.ed_kid()}),
        Signing::None => json!({"alg": "none", "kid": keys.rsa_kid()}),
        Signing::Hs256(_) => json!({"alg": "HS256", "kid": keys.rsa_kid()}),
        Signing::ForeignEmbedded => {
            let kid = keys.rsa_kid();
            json!({"alg": "RS256", "kid": kid, "jwk": foreign_jwk(&kid)})
        }
    }
}

fn sign(keys: &Keys, signing: &Signing, message: &[u8]) -> Vec<u8> {
    match signing {
        Signing::Rs256 => keys.sign_rsa(&RSA_PKCS1_SHA256, message),
        Signing::Rs384 => keys.sign_rsa(&RSA_PKCS1_SHA384, message),
        Signing::Rs512 => keys.sign_rsa(&RSA_PKCS1_SHA512, message),
        Signing::Ps256 => keys.sign_rsa(&RSA_PSS_SHA256, message),
        Signing::Es256 => keys.sign_ec(message),
        Signing::EdDsa => keys.sign_ed(message),
        Signing::None => Vec::new(),
        Signing::Hs256(secret) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            hmac::sign(&key, message).as_ref().to_vec()
        }
        Signing::Foreign | Signing::ForeignEmbedded => sign_foreign(&RSA_PKCS1_SHA256, message),
    }
}

/// The left half of the hash that the signature uses; Ed25519 uses SHA-512 (RFC 8032 5.1).
fn at_hash(signing: &Signing, access_token: &str) -> String {
    let algorithm = match signing {
        Signing::Rs384 => &SHA384,
        Signing::Rs512 | Signing::EdDsa => &SHA512,
        _ => &SHA256,
    };
    let hash = digest(algorithm, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
}

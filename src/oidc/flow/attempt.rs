//! The authorization request (OpenID Connect Core 3.1.2.1, RFC 7636) and the response to it
//! (RFC 6749, 4.1.2).

use std::borrow::Cow;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::oidc::Registration;
use crate::oidc::provider::metadata::Metadata;

/// The three secrets of one attempt to sign in, all of one seed. Whoever keeps that can finish it.
#[derive(Clone)]
pub struct Attempt {
    /// Comes back in the response (RFC 6749, 10.12).
    pub state: String,
    /// Comes back in the ID token (OpenID Connect Core 3.1.2.1).
    pub nonce: String,
    /// Proves at the token endpoint that we asked (RFC 7636, 4.1).
    pub code_verifier: String,
    seed: Seed,
}

/// What a browser keeps of an [`Attempt`]: much less than its secrets, since it may keep many.
#[derive(Clone, Serialize, Deserialize)]
pub struct Seed(String, u8);

/// How often in a row an attempt that came to nothing is begun again without asking the person.
const AGAIN_AT_MOST: u8 = 2;

/// The state for coming back once more without an attempt: no attempt has it.
const LAST_LOOK: &str = "~3";

/// Stands between a state and how often it was begun again. Not among the characters of base64url.
const AGAIN_MARK: char = '~';

impl Attempt {
    /// Fresh secrets of 256 bits each.
    pub fn new() -> Self {
        Seed(crate::random::secret(), 0).into()
    }

    /// What it can be made from again.
    pub fn into_seed(self) -> Seed {
        self.seed
    }

    /// A fresh attempt in place of the one that `stale_state` names, unless that was the second in
    /// place of another. The count travels in the state, since a browser without cookies keeps
    /// nothing else; whoever makes one up gains no more than by a link to `/login`.
    pub fn again(stale_state: &str) -> Option<Self> {
        let count = stale_state
            .rsplit_once(AGAIN_MARK)
            .map_or(Ok(0), |(_, count)| count.parse());
        let count: u8 = count.unwrap_or(AGAIN_AT_MOST);
        (count < AGAIN_AT_MOST).then(|| Seed(crate::random::secret(), count + 1).into())
    }

    /// The state for coming back once more without an attempt, if `stale_state` is the last one that [`Attempt::again`]
    /// gives: meanwhile another tab may have signed in.
    pub fn last_look(stale_state: &str) -> Option<&'static str> {
        let (_, count) = stale_state.rsplit_once(AGAIN_MARK)?;
        let is_last = count.parse() == Ok(AGAIN_AT_MOST);
        is_last.then_some(LAST_LOOK)
    }

    /// Whether [`Attempt::last_look`] gave this state: no response comes with it.
    pub fn is_last_look(state: &str) -> bool {
        state == LAST_LOOK
    }
}

impl From<Seed> for Attempt {
    /// Each secret is a hash of its own: the state, which the provider and the browser's history know, tells nothing of
    /// the others.
    fn from(seed: Seed) -> Self {
        let Seed(secret, again) = &seed;
        let derive = |what: &str| {
            let labelled = format!("{what} {secret}");
            URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, labelled.as_bytes()))
        };
        let state = match again {
            0 => derive("state"),
            again => format!("{}{AGAIN_MARK}{again}", derive("state")),
        };
        Attempt {
            state,
            nonce: derive("nonce"),
            code_verifier: derive("code_verifier"),
            seed,
        }
    }
}

impl Default for Attempt {
    fn default() -> Self {
        Attempt::new()
    }
}

/// Where to send the browser.
pub fn authorization_request(
    metadata: &Metadata,
    registration: &Registration,
    attempt: &Attempt,
    login_hint: Option<&str>,
) -> Url {
    let mut url = metadata.authorization_endpoint.clone();
    let mut query = url.query_pairs_mut();
    query
        .append_pair("client_id", &registration.client_id)
        .append_pair("redirect_uri", registration.redirect_uri.as_str())
        .append_pair("response_type", "code")
        .append_pair("response_mode", registration.response_mode.name())
        .append_pair("scope", &registration.scopes)
        .append_pair("state", &attempt.state)
        .append_pair("nonce", &attempt.nonce)
        .append_pair("code_challenge", &code_challenge(&attempt.code_verifier))
        .append_pair("code_challenge_method", "S256");
    if let Some(login_hint) = login_hint {
        query.append_pair("login_hint", login_hint);
    }
    drop(query);
    url
}

/// RFC 7636, 4.2.
fn code_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// How the authorization response comes back (OAuth 2.0 Multiple Response Type Encoding Practices,
/// 2.1; OAuth 2.0 Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of a GET.
    #[default]
    Query,
    /// In the body of a POST.
    FormPost,
}

impl ResponseMode {
    /// Its name in the authorization request.
    pub fn name(self) -> &'static str {
        match self {
            ResponseMode::Query => "query",
            ResponseMode::FormPost => "form_post",
        }
    }
}

/// What came back to the redirect URI, nothing of it believed yet.
#[derive(Default)]
pub struct AuthorizationResponse {
    /// Names the attempt.
    pub state: Option<String>,
    /// To be exchanged, once.
    pub code: Option<SecretString>,
    /// The provider's error code (RFC 6749, 4.1.2.1; OpenID Connect Core 3.1.2.6).
    pub error: Option<String>,
    /// For the log only: anybody can write it.
    pub error_description: Option<String>,
    /// `iss` (RFC 9207).
    pub issuer: Option<String>,
}

/// What can't be an authorization response.
#[derive(Debug, PartialEq)]
pub enum MalformedResponse {
    /// A parameter came twice (RFC 6749, 3.1).
    Twice(String),
}

impl AuthorizationResponse {
    /// Reads a query or a form. Parameters that are not the standard's are passed over, empty ones count as
    /// absent.
    pub fn parse(parameters: &str) -> Result<Self, MalformedResponse> {
        let mut response = AuthorizationResponse::default();
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
            let known = matches!(
                &*name,
                "state" | "code" | "error" | "error_description" | "iss"
            );
            if !known {
                continue;
            }
            if seen.contains(&name) {
                return Err(MalformedResponse::Twice(name.into_owned()));
            }
            if !value.is_empty() {
                match &*name {
                    "state" => response.state = Some(value.into_owned()),
                    "code" => response.code = Some(value.into_owned().into()),
                    "error" => response.error = Some(value.into_owned()),
                    "iss" => response.issuer = Some(value.into_owned()),
                    _ => response.error_description = Some(value.into_owned()),
                }
            }
            seen.push(name);
        }
        Ok(response)
    }

    /// The parameters that count, in the encoding of forms.
    pub fn to_form(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(self.parameters()).finish()
    }

    /// The names and values of those that count.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let code = self.code.as_ref().map(ExposeSecret::expose_secret);
        let parameters = [
            ("state", self.state.as_deref()),
            ("code", code),
            ("iss", self.issuer.as_deref()),
            ("error", self.error.as_deref()),
            ("error_description", self.error_description.as_deref()),
        ];
        let there = |(name, value)| Some((name, value?));
        parameters.into_iter().filter_map(there)
    }

    /// The state that comes first in a query, whether or not the rest can be read: the attempt that it names is used
    /// up in any case.
    pub fn first_state(parameters: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(parameters.as_bytes());
        let (_, state) = pairs.find(|(name, value)| name == "state" && !value.is_empty())?;
        Some(state.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::tests::{metadata, registration};
    use serde_json::json;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        assert_eq!(
            code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn every_attempt_has_secrets_of_its_own() {
        let (one, two) = (Attempt::new(), Attempt::new());
        assert_eq!(one.state.len(), 43);
        assert_ne!(one.state, two.state);
        assert_ne!(one.nonce, two.nonce);
        assert_ne!(one.code_verifier, two.code_verifier);
        assert_ne!(one.state, one.nonce);
    }

    #[test]
    fn an_attempt_is_begun_again_twice_at_most() {
        let first = Attempt::new();
        let second = Attempt::again(&first.state).unwrap();
        let third = Attempt::again(&second.state).unwrap();
        assert!(second.state.ends_with("~1") && third.state.ends_with("~2"));
        assert_ne!(second.nonce, third.nonce);
        for spent in [
            third.state.as_str(),
            "x~3",
            "x~255",
            "x~256",
            "x~",
            "x~-1",
            "x~a",
        ] {
            assert!(Attempt::again(spent).is_none(), "{spent}");
        }
    }

    #[test]
    fn after_the_last_attempt_there_is_one_look_more() {
        let last = Attempt::last_look("x~2").unwrap();
        for other in ["x", "x~1", "x~3", "x~", "x~a", "x~2a", ""] {
            assert_eq!(Attempt::last_look(other), None, "{other}");
        }
        assert!(Attempt::is_last_look(last));
        assert!(Attempt::again(last).is_none() && Attempt::last_look(last).is_none());
        for other in ["x", "x~2", "x~3", "x~4", "3", "x~a", ""] {
            assert!(!Attempt::is_last_look(other), "{other}");
        }
    }

    #[test]
    fn what_counts_of_a_response_is_written_as_a_form() {
        let query = "x=1&error_description=e%26+f&code=a%20b&id_token=i&state=s&iss=";
        let response = AuthorizationResponse::parse(query).unwrap();
        assert_eq!(
            response.to_form(),
            "state=s&code=a+b&error_description=e%26+f"
        );
    }

    #[test]
    fn a_response_is_read_once_over() {
        let query = "code=a%20b&state=s&iss=https%3A%2F%2Fop.example&x=1&x=2&error=";
        let response = AuthorizationResponse::parse(query).unwrap();
        assert_eq!(response.state.as_deref(), Some("s"));
        assert_eq!(response.code.unwrap().expose_secret(), "a b");
        assert_eq!(response.issuer.as_deref(), Some("https://op.example"));
        assert_eq!(response.error, None);
    }

    #[test]
    fn a_parameter_that_comes_twice_is_refused() {
        for query in ["code=a&code=b", "state=s&code=a&state=s", "error=&error="] {
            assert!(AuthorizationResponse::parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn an_attempt_comes_of_its_seed_again_and_its_secrets_are_different_ones() {
        let state_of = |stale: &str| Attempt::again(stale).unwrap().state;
        for attempt in [Attempt::new(), Attempt::again("x").unwrap()] {
            let (state, nonce) = (attempt.state.clone(), attempt.nonce.clone());
            let verifier = attempt.code_verifier.clone();
            let secrets = [&state[..43], &nonce, &verifier];
            assert!(secrets.iter().all(|secret| secret.len() == 43));
            assert!(
                secrets[0] != secrets[1] && secrets[1] != secrets[2] && secrets[0] != secrets[2]
            );
            let seed = serde_json::to_string(&attempt.into_seed()).unwrap();
            assert!(secrets.iter().all(|secret| !seed.contains(*secret)));
            let again = Attempt::from(serde_json::from_str::<Seed>(&seed).unwrap());
            assert_eq!(
                (again.state, again.nonce, again.code_verifier),
                (state, nonce, verifier)
            );
        }
        assert!(state_of("x").ends_with("~1") && state_of("x~1").ends_with("~2"));
    }

    #[test]
    fn of_several_states_the_first_is_used_up() {
        for (query, first) in [
            ("state=s&code=a&state=t", Some("s")),
            ("code=a&code=b&st%61te=s", Some("s")),
            ("state=&state=s", Some("s")),
            ("state&code=a", None),
            ("", None),
        ] {
            let found = AuthorizationResponse::first_state(query);
            assert_eq!(found.as_deref(), first, "{query}");
        }
    }

    #[test]
    fn the_request_asks_for_a_code_with_all_that_protects_it() {
        let attempt = Attempt {
            state: "s".to_owned(),
            nonce: "n".to_owned(),
            code_verifier: "v".to_owned(),
            ..Attempt::new()
        };
        for (response_mode, name) in [
            (ResponseMode::Query, "query"),
            (ResponseMode::FormPost, "form_post"),
        ] {
            let registration = Registration {
                response_mode,
                ..registration()
            };
            let url =
                authorization_request(&metadata(json!({})), &registration, &attempt, Some("a@b"));
            assert_eq!(
                url.as_str(),
                format!(
                    "https://op.example/authorize?client_id=id&\
                     redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&response_type=code&\
                     response_mode={name}&scope=openid+email&state=s&nonce=n&\
                     code_challenge=TJRIXgwhrmxBzh3-e2v6zupato5AokdvUCCOUm9QYIA&\
                     code_challenge_method=S256&login_hint=a%40b"
                )
            );
        }
    }
}

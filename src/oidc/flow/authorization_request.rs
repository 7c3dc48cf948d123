//! The authorization request (OpenID Connect Core 3.1.2.1; RFC 7636, 4.3).

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use crate::oidc::Registration;
use crate::oidc::flow::attempt::Attempt;
use crate::oidc::flow::requirement::Requirement;
use crate::oidc::provider::metadata::Metadata;

/// The longest URL with a `login_hint`, in bytes: the head of the response that leads there must fit a proxy's buffer.
const LIMIT_WITH_HINT: usize = 1400;

/// The URL to which the browser is sent. `step_up` is what this sign-in requires beyond what each does. A `login_hint` that
/// would make it longer than 1400 bytes is left out.
pub fn authorization_request(
    metadata: &Metadata,
    registration: &Registration,
    attempt: &Attempt,
    login_hint: Option<&str>,
    step_up: Option<&Requirement>,
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
    let own = step_up.map(|step_up| &step_up.acr[..]);
    let acr = own
        .filter(|own| !own.is_empty())
        .unwrap_or(&registration.acr_values);
    if !acr.is_empty() {
        query.append_pair("acr_values", &acr.join(" "));
    }
    let max_ages = [
        registration.required.max_age,
        step_up.and_then(|step_up| step_up.max_age),
    ];
    if let Some(max_age) = max_ages.into_iter().flatten().min() {
        query.append_pair("max_age", &max_age.as_secs().to_string());
    }
    drop(query);
    match login_hint {
        Some(login_hint) => with_hint(url, login_hint),
        None => url,
    }
}

fn with_hint(url: Url, login_hint: &str) -> Url {
    let mut hinted = url.clone();
    hinted
        .query_pairs_mut()
        .append_pair("login_hint", login_hint);
    match hinted.as_str().len() <= LIMIT_WITH_HINT {
        true => hinted,
        false => url,
    }
}

/// RFC 7636, 4.2.
fn code_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// How the authorization response is sent back (OAuth 2.0 Multiple Response Type Encoding Practices,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::tests::{metadata, registration};
    use serde_json::json;

    /// RFC 7636 4.2
    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        assert_eq!(
            code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn the_request_asks_for_a_code_with_all_that_protects_it() {
        let mut attempt = Attempt::new();
        attempt.state = "s".to_owned();
        attempt.nonce = "n".to_owned();
        attempt.code_verifier = "v".to_owned();
        for (response_mode, name) in [
            (ResponseMode::Query, "query"),
            (ResponseMode::FormPost, "form_post"),
        ] {
            let registration = Registration {
                response_mode,
                ..registration()
            };
            let metadata = metadata(json!({}));
            let url = authorization_request(&metadata, &registration, &attempt, Some("a@b"), None);
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

    #[test]
    fn a_login_hint_that_would_make_the_request_too_long_is_left_out() {
        let (metadata, attempt) = (metadata(json!({})), Attempt::new());
        let len = |hint: Option<&str>| {
            let url = authorization_request(&metadata, &registration(), &attempt, hint, None);
            url.as_str().len()
        };
        let bare = len(None);
        // An emoji has twelve bytes when it is encoded.
        for (count, hint) in [(1, "a"), (12, "\u{1f600}")] {
            let room = LIMIT_WITH_HINT - bare - "&login_hint=".len();
            let longest = hint.repeat(room / count);
            let found = len(Some(&longest));
            assert!(
                (LIMIT_WITH_HINT - count + 1..=LIMIT_WITH_HINT).contains(&found),
                "{found}"
            );
            assert_eq!(len(Some(&format!("{longest}{hint}"))), bare);
        }
    }

    /// Core 3.1.2.1 (g)
    /// RFC 9470 4
    #[test]
    fn a_sign_in_asks_for_what_it_requires() {
        let secs = std::time::Duration::from_secs;
        let sent = |acr_values: &[&str], max_age, step_up: Option<(&[&str], Option<u64>)>| {
            let list = |acr: &[&str]| acr.iter().map(|it| (*it).to_owned()).collect();
            let of = |acr: &[&str], max_age: Option<u64>| Requirement {
                acr: list(acr),
                max_age: max_age.map(secs),
            };
            let registration = Registration {
                acr_values: list(acr_values),
                required: of(&["never sent"], max_age),
                ..registration()
            };
            let metadata = metadata(json!({}));
            let step_up = step_up.map(|(acr, max_age)| of(acr, max_age));
            let attempt = Attempt::new();
            let url =
                authorization_request(&metadata, &registration, &attempt, None, step_up.as_ref());
            let value = |name: &str| {
                let found = url.query_pairs().find(|(key, _)| key == name);
                found.map_or_else(String::new, |(_, value)| value.into_owned())
            };
            (value("acr_values"), value("max_age"))
        };
        let pair = |acr: &str, max_age: &str| (acr.to_owned(), max_age.to_owned());
        assert_eq!(sent(&[], None, None), pair("", ""));
        assert_eq!(sent(&["a", "b"], Some(0), None), pair("a b", "0"));
        assert_eq!(
            sent(&["a"], Some(60), Some((&["phr", "phrh"], Some(3600)))),
            pair("phr phrh", "60")
        );
        assert_eq!(sent(&["a"], None, Some((&[], Some(300)))), pair("a", "300"));
    }
}

//! Asking the provider what `doorward check` tells: facts, each with the reason why there is none. Nobody signs in,
//! and what can't be told is not guessed.

mod end_session;

use jsonwebtoken::Algorithm;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::oidc::error::Error;
use crate::oidc::flow::attempt::Attempt;
use crate::oidc::flow::authorization_error::AuthorizationError;
use crate::oidc::flow::authorization_request::authorization_request;
use crate::oidc::flow::authorization_response::AuthorizationResponse;
use crate::oidc::flow::token;
use crate::oidc::http::client::Http;
use crate::oidc::http::response::Answer;
use crate::oidc::jose::json::{self, Object};
use crate::oidc::jose::key_set::Choice;
use crate::oidc::provider::keys;
use crate::oidc::provider::metadata::{self, Metadata};
use crate::oidc::{ClientAuth, Registration};

pub use end_session::{EndSession, end_session};

/// What lies where the discovery document should.
pub struct Discovery {
    /// Where that is.
    pub location: Url,
    /// How far the provider's clock is ahead of ours, if its answer had a `Date`: at least, since a `Date` has no
    /// fraction and an answer takes its time.
    pub clock_offset: Option<Duration>,
    /// The document.
    pub document: Result<Published, Error>,
}

/// What a provider says of itself.
pub struct Published {
    /// What it calls itself; it may not be what we call it.
    pub issuer: String,
    /// What Doorward uses, judged as that issuer's.
    pub metadata: Result<Metadata, Error>,
    /// `scopes_supported`, if it says (OpenID Connect Discovery 1.0, 3).
    pub scopes: Option<Vec<String>>,
    /// `response_modes_supported`, if it says.
    pub response_modes: Option<Vec<String>>,
    /// What it demands of every sign-in that Doorward does not do, by the member that says so.
    pub demands: Vec<&'static str>,
}

/// Members by which a provider demands of every sign-in what Doorward does not do: RFC 9126, 5 and RFC 9101, 10.5.
const DEMANDS: [&str; 2] = [
    "require_pushed_authorization_requests",
    "require_signed_request_object",
];

/// What the published keys are good for.
pub struct Keys {
    /// How many can be used.
    pub count: usize,
    /// For which of the algorithms that the provider may sign with.
    pub algs: Vec<Algorithm>,
    /// For which of these no key has a `kid`, though there are several: nobody can tell which signed.
    pub ambiguous: Vec<Algorithm>,
    /// How many of those that can be used have no `kid`: a token that names its key is not verified with them.
    pub nameless: usize,
    /// Keys for signatures that should be usable and are not, and why.
    pub faulty: Vec<String>,
}

/// What the authorization endpoint makes of our client id and redirect URI.
#[derive(Debug, PartialEq)]
pub enum Acceptance {
    /// It came back to the redirect URI, as it does when only the person is missing.
    Accepted,
    /// It came back to the redirect URI, with another error.
    AcceptedBut(AuthorizationError),
    /// It shows an error page instead, and does not come back (RFC 6749, 4.1.2.1).
    Refused {
        /// Which of the two parameters its page names.
        page_names: Vec<&'static str>,
    },
    /// Something else: why nothing follows from it.
    CannotTell(String),
}

/// Fetches the discovery document, whatever it is.
pub async fn discovery(http: &Http, issuer: &str) -> Result<Discovery, Error> {
    let location = metadata::location(issuer)?;
    let asked_at = OffsetDateTime::now_utc();
    let answer = http.get(&location, None).await;
    let answered_at = OffsetDateTime::now_utc();
    let provider_time = answer.as_ref().ok().and_then(|answer| answer.provider_time);
    let document = answer
        .and_then(Answer::ok)
        .map_err(Error::fetching("discovery"))
        .and_then(|answer| published(&answer.text().map_err(Error::Discovery)?));
    Ok(Discovery {
        location,
        clock_offset: provider_time.map(|time| offset(time, asked_at, answered_at)),
        document,
    })
}

/// The offset of that size which is nearest to none: the provider's clock showed `time` or up to a second more, at
/// some moment between asking and answering.
fn offset(time: OffsetDateTime, asked_at: OffsetDateTime, answered_at: OffsetDateTime) -> Duration {
    let least = time - answered_at;
    let most = time + Duration::SECOND - asked_at;
    Duration::ZERO.clamp(least.min(most), most)
}

fn published(body: &[u8]) -> Result<Published, Error> {
    let names = ["issuer", "scopes_supported", "response_modes_supported"];
    let names = [&names[..], &DEMANDS].concat();
    let document = Object::read(body, &names).map_err(Error::Discovery)?;
    let is_demanded = |name| document.lenient(name, Value::as_bool) == Some(true);
    let issuer = document.text("issuer").map_err(Error::Discovery)?;
    Ok(Published {
        metadata: metadata::parse(body, &issuer),
        issuer,
        scopes: document.lenient("scopes_supported", json::texts),
        response_modes: document.lenient("response_modes_supported", json::texts),
        demands: DEMANDS
            .into_iter()
            .filter(|name| is_demanded(name))
            .collect(),
    })
}

/// What the published keys are good for.
pub async fn keys(
    http: &Http,
    metadata: &Metadata,
    registration: &Registration,
) -> Result<Keys, Error> {
    let (keys, _) = keys::fetch(http, &metadata.jwks_uri).await?;
    let mut algs = registration.id_token_algs(metadata);
    algs.retain(|alg| keys.serves(*alg));
    let is_ambiguous = |alg: &Algorithm| matches!(keys.choose(None, *alg), Choice::Ambiguous);
    let ambiguous = algs.iter().copied();
    let ambiguous = ambiguous.filter(|alg| is_ambiguous(alg) && !keys.has_kid_for(*alg));
    Ok(Keys {
        count: keys.count(),
        ambiguous: ambiguous.collect(),
        algs,
        nameless: keys.count_without_kid(),
        faulty: keys.invalid(),
    })
}

/// How the token endpoint will be told who we are.
pub fn client_auth(metadata: &Metadata, registration: &Registration) -> Result<ClientAuth, Error> {
    token::client_auth(registration.client_auth, metadata)
}

/// Asks the authorization endpoint for somebody who is signed in there already (`prompt=none`, OpenID Connect Core
/// 3.1.2.1), as a browser without cookies.
pub async fn authorization(
    http: &Http,
    metadata: &Metadata,
    registration: &Registration,
) -> Acceptance {
    let attempt = Attempt::new();
    let request = authorization_request(metadata, registration, &attempt, None);
    // The answer must come as a redirect, whatever mode is configured; for a code that is the default.
    let mut url = request.clone();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(
            request
                .query_pairs()
                .filter(|(name, _)| name != "response_mode"),
        )
        .append_pair("prompt", "none");
    match http.get(&url, None).await {
        Ok(answer) => judge(&answer, &url, &registration.redirect_uri, &attempt.state),
        Err(cause) => Acceptance::CannotTell(cause.to_string()),
    }
}

fn judge(answer: &Answer, asked: &Url, redirect_uri: &Url, state: &str) -> Acceptance {
    let cannot_tell = |why: &str| Acceptance::CannotTell(why.to_owned());
    match (answer.status, &answer.location) {
        (301..=303 | 307 | 308, Some(location)) => match asked.join(location) {
            Ok(back) if is_at(&back, redirect_uri) => judge_response(&back, state),
            _ => cannot_tell("it sends the browser elsewhere, though it was asked not to"),
        },
        (400, _) => {
            let page = String::from_utf8_lossy(&answer.body);
            let names = ["client_id", "redirect_uri"];
            let page_names = names.into_iter().filter(|name| page.contains(name));
            Acceptance::Refused {
                page_names: page_names.collect(),
            }
        }
        (200, _) => cannot_tell("it shows a page, though it was asked not to"),
        (status, _) => cannot_tell(&format!("it answers with status {status}")),
    }
}

/// Whether `url` is `redirect_uri`, with parameters of its own.
fn is_at(url: &Url, redirect_uri: &Url) -> bool {
    url.origin() == redirect_uri.origin() && url.path() == redirect_uri.path()
}

fn judge_response(back: &Url, state: &str) -> Acceptance {
    let response = AuthorizationResponse::parse(back.query().unwrap_or_default());
    let Ok(response) = response else {
        return Acceptance::CannotTell("it comes back with a malformed response".to_owned());
    };
    if response.state.as_deref() != Some(state) {
        return Acceptance::CannotTell("it comes back without the state that we sent".to_owned());
    }
    match response.error {
        None if response.code.is_some() => Acceptance::Accepted,
        None => Acceptance::CannotTell("it comes back with neither a code nor an error".to_owned()),
        Some(error) if error.needs_the_person() => Acceptance::Accepted,
        Some(error) => Acceptance::AcceptedBut(error),
    }
}

/// What the token endpoint makes of our client id and secret: it is shown a made-up code, and must refuse that
/// (RFC 6749, 5.2: `invalid_grant`) or us (`invalid_client`).
pub async fn client_secret(
    http: &Http,
    metadata: &Metadata,
    registration: &Registration,
) -> Result<(), Error> {
    let code = crate::random::secret().into();
    let verifier = Attempt::new().code_verifier;
    match token::exchange(
        http,
        metadata,
        registration,
        &registration.client_secret,
        &code,
        &verifier,
    )
    .await
    {
        Err(Error::CodeRefused(_)) => Ok(()),
        Err(cause) => Err(cause),
        Ok(_) => Err(Error::TokenResponse("a made-up code was taken".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, location: Option<&str>, body: &str) -> Acceptance {
        let header = |name| location.filter(|_| name == "location");
        let answer = Answer::read(status, header, body.as_bytes().to_vec());
        let asked = Url::parse("https://op.example/authorize?x=y").unwrap();
        let redirect_uri = Url::parse("https://app.example/authorization-code/callback").unwrap();
        judge(&answer, &asked, &redirect_uri, "s")
    }

    #[test]
    fn only_a_way_back_to_us_means_accepted() {
        const BACK: &str = "https://app.example/authorization-code/callback";
        for query in [
            "error=login_required&state=s",
            "state=s&error=interaction_required",
            "code=c&state=s",
        ] {
            let answer = judged(302, Some(&format!("{BACK}?{query}")), "");
            assert_eq!(answer, Acceptance::Accepted, "{query}");
        }
        let but = judged(
            303,
            Some(&format!("{BACK}?error=invalid_scope&state=s")),
            "",
        );
        assert_eq!(
            but,
            Acceptance::AcceptedBut(AuthorizationError::InvalidScope)
        );
        for elsewhere in [
            format!("{BACK}?error=login_required"),
            format!("{BACK}?error=login_required&state=other"),
            format!("{BACK}?error=login_required&state=s&state=s"),
            format!("{BACK}?state=s"),
            format!("{BACK}/more?error=login_required&state=s"),
            "http://app.example/authorization-code/callback?error=login_required&state=s"
                .to_owned(),
            "https://app.example.evil/authorization-code/callback?error=login_required&state=s"
                .to_owned(),
            "/authorization-code/callback?error=login_required&state=s".to_owned(),
            "/login".to_owned(),
            "https://".to_owned(),
        ] {
            let answer = judged(302, Some(&elsewhere), "");
            assert!(
                matches!(answer, Acceptance::CannotTell(_)),
                "{elsewhere}: {answer:?}"
            );
        }
    }

    #[test]
    fn only_a_bad_request_means_refused() {
        let page_names = vec!["redirect_uri"];
        let page = "<p>The 'redirect_uri' parameter must be a Login redirect URI</p>";
        assert_eq!(judged(400, None, page), Acceptance::Refused { page_names });
        let page_names = Vec::new();
        assert_eq!(judged(400, None, "no"), Acceptance::Refused { page_names });
        for status in [200, 204, 302, 401, 403, 404, 429, 500, 503] {
            let answer = judged(status, None, "client_id");
            assert!(
                matches!(answer, Acceptance::CannotTell(_)),
                "{status}: {answer:?}"
            );
        }
    }

    #[test]
    fn an_offset_is_what_can_be_said_for_sure() {
        let at = |millis: i64| OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(millis);
        for (time, asked_at, answered_at, expected) in [
            (10_000, 10_200, 10_300, 0),
            (10_000, 10_900, 11_100, 0),
            (9_000, 10_200, 10_300, -200),
            (10_000, 8_000, 8_500, 1_500),
            (10_000, 8_000, 12_000, 0),
            (3_610_000, 10_000, 10_000, 3_600_000),
            (10_000, 3_610_000, 3_610_000, -3_599_000),
        ] {
            let offset = offset(at(time), at(asked_at), at(answered_at));
            assert_eq!(offset.whole_milliseconds(), expected);
        }
    }
}

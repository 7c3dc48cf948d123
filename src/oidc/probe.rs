//! The facts for `doorward check`: what the provider publishes, and how it responds to us. No sign-in takes place. A fact
//! that can't be determined comes with the reason.

mod client;
mod end_session;

use jsonwebtoken::Algorithm;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::observe::metrics::Endpoint;
use crate::oidc::error::Error;
use crate::oidc::http::client::Http;
use crate::oidc::http::request::Request;
use crate::oidc::http::response::Response;
use crate::oidc::jose::json::{self, Object};
use crate::oidc::jose::key_set::Choice;
use crate::oidc::provider::keys;
use crate::oidc::provider::metadata::{self, Metadata};
use crate::oidc::registration::Registration;

pub use client::{Acceptance, authorization, client_auth, client_secret};
pub use end_session::{EndSession, end_session};

/// The response at the address of the discovery document.
pub struct Discovery {
    /// The address.
    pub location: Url,
    /// How far the provider's clock is ahead of ours, if its response had a `Date`. A lower bound, since a `Date` has no
    /// fraction and a response takes time.
    pub clock_offset: Option<Duration>,
    /// The document.
    pub document: Result<Published, Error>,
}

/// What a provider publishes.
pub struct Published {
    /// Its issuer, which may differ from the configured one.
    pub issuer: String,
    /// What Doorward uses of it, judged as that issuer's.
    pub metadata: Result<Metadata, Error>,
    /// `scopes_supported`, if it says (OpenID Connect Discovery 1.0, 3).
    pub scopes: Option<Vec<String>>,
    /// `response_modes_supported`, if it says.
    pub response_modes: Option<Vec<String>>,
    /// `acr_values_supported`, if it says.
    pub acr_values: Option<Vec<String>>,
    /// How it can end sessions here, and have tokens revoked.
    pub endings: Endings,
    /// What it requires of every sign-in and Doorward does not support, by the names of the members.
    pub unsupported_requirements: Vec<&'static str>,
}

/// What the provider publishes about the end of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endings {
    /// `backchannel_logout_supported`: it sends logout tokens (OpenID Connect Back-Channel Logout 1.0, 2.1).
    pub back_channel: bool,
    /// `backchannel_logout_session_supported`: they can name the session.
    pub back_channel_session: bool,
    /// `frontchannel_logout_supported` (OpenID Connect Front-Channel Logout 1.0, 3).
    pub front_channel: bool,
    /// Whether it has a `revocation_endpoint` (RFC 7009).
    pub revocation: bool,
}

/// Members that require of every sign-in what Doorward does not support: RFC 9126, 5 and RFC 9101, 10.5.
const UNSUPPORTED_REQUIREMENTS: [&str; 2] = [
    "require_pushed_authorization_requests",
    "require_signed_request_object",
];

/// What the published keys can be used for.
pub struct Keys {
    /// How many can be used.
    pub count: usize,
    /// Those algorithms of the provider that some key serves.
    pub algs: Vec<Algorithm>,
    /// Those with several keys of which none has a `kid`, so that the key of a token can't be determined.
    pub ambiguous: Vec<Algorithm>,
    /// How many usable keys have no `kid`: a token that names its key is not verified with them.
    pub nameless: usize,
    /// Signing keys that can't be used, and why.
    pub faulty: Vec<String>,
}

/// Fetches the discovery document, even one of another issuer.
pub async fn discovery(http: &Http, issuer: &str) -> Result<Discovery, Error> {
    let location = metadata::location(issuer)?;
    let sent_at = OffsetDateTime::now_utc();
    let make = || Request::get(location.clone());
    let response = http.send(Endpoint::Discovery, make).await;
    let received_at = OffsetDateTime::now_utc();
    let provider_time = response.as_ref().ok().and_then(|it| it.provider_time);
    let document = response
        .and_then(Response::ok)
        .map_err(Error::fetching(Endpoint::Discovery))
        .and_then(|response| published(&response.text().map_err(Error::Discovery)?));
    Ok(Discovery {
        location,
        clock_offset: provider_time.map(|time| offset(time, sent_at, received_at)),
        document,
    })
}

/// The smallest offset that is possible: the provider's clock showed `time`, or up to a second more, at some moment
/// between sending and receiving.
fn offset(time: OffsetDateTime, sent_at: OffsetDateTime, received_at: OffsetDateTime) -> Duration {
    let least = time - received_at;
    let most = time + Duration::SECOND - sent_at;
    Duration::ZERO.clamp(least.min(most), most)
}

fn published(body: &[u8]) -> Result<Published, Error> {
    let names = [
        "issuer",
        "scopes_supported",
        "response_modes_supported",
        "acr_values_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "frontchannel_logout_supported",
        "revocation_endpoint",
    ];
    let names = [&names[..], &UNSUPPORTED_REQUIREMENTS].concat();
    let document = Object::read(body, &names).map_err(Error::Discovery)?;
    let is_true = |name| document.lenient(name, Value::as_bool) == Some(true);
    let issuer = document.text("issuer").map_err(Error::Discovery)?;
    Ok(Published {
        metadata: metadata::parse(body, &issuer),
        issuer,
        scopes: document.lenient("scopes_supported", json::texts),
        response_modes: document.lenient("response_modes_supported", json::texts),
        acr_values: document.lenient("acr_values_supported", json::texts),
        endings: Endings {
            back_channel: is_true("backchannel_logout_supported"),
            back_channel_session: is_true("backchannel_logout_session_supported"),
            front_channel: is_true("frontchannel_logout_supported"),
            revocation: document
                .lenient("revocation_endpoint", json::text)
                .is_some(),
        },
        unsupported_requirements: UNSUPPORTED_REQUIREMENTS
            .into_iter()
            .filter(|name| is_true(name))
            .collect(),
    })
}

/// What the published keys can be used for.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_the_smallest_that_is_possible() {
        let at = |millis: i64| OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(millis);
        for (time, sent_at, received_at, expected) in [
            (10_000, 10_200, 10_300, 0),
            (10_000, 10_900, 11_100, 0),
            (9_000, 10_200, 10_300, -200),
            (10_000, 8_000, 8_500, 1_500),
            (10_000, 8_000, 12_000, 0),
            (3_610_000, 10_000, 10_000, 3_600_000),
            (10_000, 3_610_000, 3_610_000, -3_599_000),
        ] {
            let offset = offset(at(time), at(sent_at), at(received_at));
            assert_eq!(offset.whole_milliseconds(), expected);
        }
    }
}

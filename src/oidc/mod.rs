//! The protocol: Doorward as a relying party of OpenID Connect Core 1.0. Knows neither handlers nor the database, neither
//! templates nor the environment.
//!
//! [`RelyingParty`] has a method for each step of a sign-in. `flow/` holds the steps: each builds a request and judges the
//! response, without I/O. `client_auth/` authenticates a request, `http/` sends it, `jose/` verifies signatures,
//! `provider/` knows and caches what the provider publishes. [`probe`] collects facts for `doorward check`.

mod client_auth;
mod error;
#[cfg(any(test, fuzzing, feature = "internals"))]
pub mod example;
mod flow;
mod http;
mod jose;
pub mod okta;
pub mod probe;
#[cfg(test)]
mod properties;
mod provider;
mod registration;
mod relying_party;
#[cfg(test)]
mod tests;

pub use client_auth::ClientAuthMethod;
pub use error::Error;
pub use flow::attempt::{Attempt, Seed};
pub use flow::authorization_error::AuthorizationError;
pub use flow::authorization_request::ResponseMode;
pub use flow::authorization_response::{AuthorizationResponse, MalformedResponse};
pub use flow::end_session::EndSessionRequest;
pub use flow::groups::GroupsClaim;
pub use flow::id_token::{Claims, Former, IdTokenError};
pub use flow::logout_token::{LogoutToken, LogoutTokenError, Who};
pub use flow::profile::Profile;
pub use flow::refresh::Refreshed;
pub use flow::refusal::Refusal;
pub use flow::requirement::{Requirement, Unmet, acr_values};
pub use flow::revocation_request::RevokedSubject;
pub use flow::revocation_token::{RevocationToken, RevocationTokenError};
pub use flow::token::TokenResponse;
pub use http::certificate_fault::CertificateFault;
pub use http::client::Http;
pub use http::names::{THREADS as RESOLVER_THREADS, start as start_resolver};
pub use http::proxy::{Exceptions, Proxy, Upstream};
pub use http::response::{FetchError, TIME_LIMIT};
pub use http::trust_roots::{count_roots, tls_config};
pub use jose::algorithm::allowed as allowed_algorithm;
pub use jose::jws::JwsError;
pub use provider::metadata::{Metadata, is_confidential};
pub use registration::Registration;
pub use relying_party::{PostedTokenError, RefreshError, RelyingParty};

/// What the fuzz targets and the benchmarks use.
#[cfg(any(test, fuzzing, feature = "internals"))]
pub(crate) mod internals {
    pub use crate::oidc::http::response_head::{Head, read as read_head};
    pub use crate::oidc::jose::key_set::KeySet;
    pub use crate::oidc::jose::signer::Signer;
    pub use crate::oidc::jose::typ::Typ;
    pub use crate::oidc::provider::metadata::parse as parse_discovery;
}

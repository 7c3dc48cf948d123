//! How Doorward is registered at the provider, and which algorithms follow from that.

use jsonwebtoken::Algorithm;
use secrecy::SecretString;
use url::Url;

use crate::oidc::client_auth::ClientAuthMethod;
use crate::oidc::flow::authorization_request::ResponseMode;
use crate::oidc::flow::groups::GroupsClaim;
use crate::oidc::flow::requirement::Requirement;
use crate::oidc::jose::algorithm;
use crate::oidc::provider::metadata::Metadata;

/// How Doorward is registered at the provider.
pub struct Registration {
    /// The issuer, exactly as the provider writes it.
    pub issuer: String,
    /// `client_id` (RFC 6749, 2.2).
    pub client_id: String,
    /// `client_secret` (RFC 6749, 2.3.1) at start-up; [`RelyingParty::replace_client_secret`](super::RelyingParty)
    /// replaces it.
    pub client_secret: SecretString,
    /// How to authenticate at the token endpoint; if nothing is configured, discovery decides.
    pub client_auth: Option<ClientAuthMethod>,
    /// How the authorization response is sent back.
    pub response_mode: ResponseMode,
    /// Where the authorization response is sent.
    pub redirect_uri: Url,
    /// Where the browser comes back to after signing out, exactly as it is registered.
    pub post_logout_redirect_uri: String,
    /// The scopes, separated by spaces; `openid` is among them.
    pub scopes: String,
    /// Replaces the discovery document's list for ID tokens, and for nothing else.
    pub id_token_algs: Option<Vec<Algorithm>>,
    /// Where the provider says which groups a person is in.
    pub groups: GroupsClaim,
    /// `acr_values` of each authorization request, unless a sign-in requires others.
    pub acr_values: Vec<String>,
    /// How each person must have been authenticated.
    pub required: Requirement,
    /// Where it ends all sessions of a person: the audience of its revocation tokens.
    pub universal_logout_uri: String,
    /// Who signs these tokens, if it is not `issuer`.
    pub universal_logout_issuer: Option<String>,
}

impl Registration {
    /// The algorithms that the provider signs ID tokens with: what is configured, else what it publishes.
    pub fn id_token_algs(&self, metadata: &Metadata) -> Vec<Algorithm> {
        match &self.id_token_algs {
            Some(configured) => configured.clone(),
            None => algorithm::allowed_of(&metadata.id_token_algs),
        }
    }
}

/// The algorithms that the provider may sign userinfo with: what it publishes, else all that Doorward verifies. Then
/// the key's own type and `alg` decide, and those are the issuer's too.
pub fn userinfo_algs(metadata: &Metadata) -> Vec<Algorithm> {
    match &metadata.userinfo_algs {
        Some(published) => algorithm::allowed_of(published),
        None => algorithm::all(),
    }
}

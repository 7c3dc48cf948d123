//! What the gateway's handlers need.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use arc_swap::ArcSwap;

use crate::accounts::audit::Audit;
use crate::gateway::Headers;
use crate::gateway::identity::{self, UserName};
use crate::gateway::rules::Rules;
use crate::gateway::visitor::Visitor;
use crate::http::identity_tokens::IdentityTokens;
use crate::http::refresh_tokens::RefreshTokens;
use crate::http::shutdown::Shutdown;
use crate::public_url::PublicUrl;
use crate::session::{AppHeaders, CachedSession, Sessions};
use crate::settings::TrustedProxies;

/// What a path begins with that Envoy's `path_prefix` adds.
pub const EXT_AUTHZ: &str = "/auth/ext-authz";

/// Who may pass, and what apps know them by. Clones share the rules, which are replaced when their file changes.
#[derive(Clone)]
pub struct Access {
    /// The rules.
    pub rules: Arc<ArcSwap<Rules>>,
    /// `GATEWAY_USER`.
    pub user_name: UserName,
    /// With `GATEWAY_JWT`: what proves to apps who a visitor is.
    pub tokens: Option<IdentityTokens>,
}

/// What the gateway's handlers need.
pub struct Gateway {
    /// Who may pass.
    pub access: Access,
    /// The sessions of signed-in people.
    pub sessions: Arc<Sessions>,
    /// What asks the provider again.
    pub refresh_tokens: RefreshTokens,
    /// The audit of who enters apps, and who is refused.
    pub audit: Arc<Audit>,
    /// Where browsers reach us.
    pub public_url: PublicUrl,
    /// The proxies that may ask.
    pub trusted_proxies: TrustedProxies,
    /// Whether the process is stopping.
    pub shutdown: Shutdown,
}

/// The headers of a request, as the rules read them.
pub struct RequestHeaders<'a>(pub &'a HeaderMap);

impl Headers for RequestHeaders<'_> {
    /// A look-up by text would allocate.
    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let name = HeaderName::from_static(name);
        self.0.get_all(name).map(|value| value.as_bytes())
    }
}

/// The visitor whose session this is.
pub fn visitor(session: &CachedSession) -> Visitor<'_> {
    let CachedSession {
        user,
        acr,
        auth_time,
        ..
    } = session;
    Visitor {
        user_id: &user.id,
        subject: &user.subject,
        name: user.name.as_deref(),
        email: user.email.as_deref(),
        email_verified: user.email_verified,
        preferred_username: user.preferred_username.as_deref(),
        groups: &user.groups.0,
        acr: acr.as_deref(),
        auth_time: *auth_time,
    }
}

/// What apps are told of somebody who is not signed in, or whom they have no name for.
static NOBODY: LazyLock<AppHeaders> =
    LazyLock::new(|| to_headers(identity::headers(None, UserName::default())));

/// What apps are told of the visitor whose session this is.
pub fn app_headers<'s>(
    session: Option<&'s CachedSession>,
    visitor: Option<&Visitor<'_>>,
    user_name: UserName,
) -> &'s AppHeaders {
    let (Some(session), Some(visitor)) = (session, visitor) else {
        return &NOBODY;
    };
    let headers = || Box::new(to_headers(identity::headers(Some(visitor), user_name)));
    session.app_headers.get_or_init(headers)
}

/// Bytes beyond ASCII are UTF-8.
fn to_headers(headers: [(&'static str, Cow<'_, str>); 8]) -> AppHeaders {
    headers.map(|(name, value)| {
        let value = HeaderValue::from_bytes(value.as_bytes());
        let empty = HeaderValue::from_static("");
        (HeaderName::from_static(name), value.unwrap_or(empty))
    })
}

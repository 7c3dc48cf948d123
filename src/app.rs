//! What the handlers of one worker thread need.

use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};
use url::Url;

use crate::audit::Audit;
use crate::client::TrustedProxies;
use crate::db::Db;
use crate::handlers::Readiness;
use crate::oidc::{Http, RelyingParty};
use crate::pages::Pages;
use crate::paths::Base;
use crate::rate_limit::RateLimit;
use crate::session::Sessions;
use crate::shutdown::Leaving;

/// What the handlers of one worker thread need.
pub struct App {
    /// The protocol.
    pub provider: Arc<RelyingParty>,
    /// This worker's connections to the provider.
    pub http: Http,
    /// Who is signed in.
    pub sessions: Arc<Sessions>,
    /// The people.
    pub db: Db,
    /// What happens to them.
    pub audit: Arc<Audit>,
    /// What they see.
    pub pages: Arc<Pages>,
    /// Where they see it.
    pub public_url: Url,
    /// Its path.
    pub base: Base,
    /// Whom to believe about who asks.
    pub trusted_proxies: TrustedProxies,
    /// How often one address may sign in.
    pub rate_limit: Arc<RateLimit>,
    /// Whether the database answered a moment ago.
    pub readiness: Readiness,
    /// Whether the process is about to stop.
    pub leaving: Leaving,
    /// On every answer.
    pub security_headers: Vec<(HeaderName, HeaderValue)>,
}

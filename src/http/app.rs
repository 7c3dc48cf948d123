//! What the handlers of one worker thread need.

use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};

use crate::accounts::audit::Audit;
use crate::db::Db;
use crate::http::middleware::rate_limit::RateLimit;
use crate::http::pages::Pages;
use crate::http::readiness::Readiness;
use crate::http::route::Routes;
use crate::http::shutdown::Shutdown;
use crate::oidc::{Http, RelyingParty};
use crate::public_url::PublicUrl;
use crate::session::Sessions;
use crate::settings::TrustedProxies;

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
    pub public_url: PublicUrl,
    /// Whom to believe about who asks.
    pub trusted_proxies: TrustedProxies,
    /// How often one address may sign in.
    pub rate_limit: Arc<RateLimit>,
    /// Whether the database answered a moment ago.
    pub readiness: Readiness,
    /// Whether the process is about to stop.
    pub shutdown: Shutdown,
    /// The routes' rules.
    pub routes: Routes,
    /// On every response.
    pub security_headers: Vec<(HeaderName, HeaderValue)>,
}

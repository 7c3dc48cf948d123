//! What the handlers of one worker thread need.

use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};

use crate::accounts::audit::Audit;
use crate::db::Db;
use crate::http::gateway::Access;
use crate::http::middleware::rate_limit::RateLimit;
use crate::http::pages::Pages;
use crate::http::readiness::Readiness;
use crate::http::refresh_tokens::RefreshTokens;
use crate::http::route::Routes;
use crate::http::shutdown::Shutdown;
use crate::oidc::{Http, RelyingParty, Requirement};
use crate::public_url::PublicUrl;
use crate::session::Sessions;
use crate::settings::TrustedProxies;

/// What the handlers of one worker thread need.
pub struct App {
    /// The protocol.
    pub provider: Arc<RelyingParty>,
    /// This worker's connections to the provider.
    pub http: Http,
    /// What is done with refresh tokens.
    pub refresh_tokens: RefreshTokens,
    /// The sessions of signed-in people.
    pub sessions: Arc<Sessions>,
    /// The database.
    pub db: Db,
    /// The audit of sign-ins and sign-outs.
    pub audit: Arc<Audit>,
    /// The HTML pages.
    pub pages: Arc<Pages>,
    /// Where browsers reach us.
    pub public_url: PublicUrl,
    /// The proxies whose headers tell the client's address.
    pub trusted_proxies: TrustedProxies,
    /// How many sign-ins one address may start.
    pub rate_limit: Arc<RateLimit>,
    /// Who may pass the gateway, if there is one.
    pub access: Option<Access>,
    /// What `/step-up` requires, where no rule of an app does.
    pub step_up: Requirement,
    /// The policy of the page that the provider may show in a frame.
    pub framed_policy: HeaderValue,
    /// Whether the database responds.
    pub readiness: Readiness,
    /// Whether the process is stopping.
    pub shutdown: Shutdown,
    /// The table of routes.
    pub routes: Routes,
    /// The headers of every response.
    pub security_headers: Vec<(HeaderName, HeaderValue)>,
}

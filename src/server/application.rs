//! What one worker serves, and the order in which a request passes through it.

use actix_web::App as ActixApp;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, PayloadConfig};

use crate::http::app::App;
use crate::http::asking::Asking;
use crate::http::middleware::layers;
use crate::http::middleware::security_headers::{framed_policy, security_headers};
use crate::http::refresh_tokens::RefreshTokens;
use crate::http::route::{Optional, Routes};
use crate::http::routes;
use crate::oidc::Http;
use crate::server::Doorward;
use crate::session::{identity_middleware, reseal, session_middleware, session_scope};

/// The longest body that is read, in bytes.
const BODY_LIMIT: usize = 16 * 1024;

impl Doorward {
    /// What one worker serves.
    pub(crate) fn application(
        &self,
    ) -> ActixApp<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        // Run in the reverse order: the layers of `http::middleware`, session scope, session, reseal, identity, handler.
        ActixApp::new()
            .app_data(Data::new(self.worker()))
            .app_data(PayloadConfig::new(BODY_LIMIT))
            .app_data(self.public_url.clone())
            .configure(
                Routes::new(&routes::ROUTES, self.public_url.clone()).register(Optional {
                    response_mode: self.provider.response_mode(),
                    frontchannel_logout: self.frontchannel_logout.is_some(),
                }),
            )
            .wrap(identity_middleware())
            .wrap(from_fn(reseal))
            .wrap(session_middleware(&self.sessions))
            .wrap(from_fn(session_scope))
            .wrap(from_fn(layers))
    }

    /// What the main thread does for one of the others.
    fn asking(&self) -> impl FnOnce() -> Asking + Send + use<> {
        let (tls, proxy) = (self.tls.clone(), self.proxy.clone());
        let (provider, sessions) = (self.provider.clone(), self.sessions.clone());
        let shutdown = self.shutdown.clone();
        move || Asking::new(provider, Http::new(tls, &proxy), sessions, shutdown)
    }

    /// What the handlers of one thread need.
    pub(super) fn worker(&self) -> App {
        let http = Http::new(self.tls.clone(), &self.proxy);
        App {
            provider: self.provider.clone(),
            refresh_tokens: RefreshTokens::new(
                self.sessions.clone(),
                self.shutdown.clone(),
                self.asking(),
            ),
            http,
            sessions: self.sessions.clone(),
            db: self.db.clone(),
            audit: self.audit.clone(),
            pages: self.pages.clone(),
            security_headers: security_headers(
                &self.public_url,
                self.provider.issuer(),
                self.hsts_include_subdomains,
            ),
            public_url: self.public_url.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            rate_limit: self.rate_limit.clone(),
            access: self.rules.as_ref().map(|rules| rules.access.clone()),
            step_up: self.step_up.clone(),
            framed_policy: framed_policy(self.frontchannel_logout.as_deref().unwrap_or_default()),
            readiness: self.readiness.clone(),
            shutdown: self.shutdown.clone(),
            routes: Routes::new(&routes::ROUTES, self.public_url.clone()),
        }
    }
}

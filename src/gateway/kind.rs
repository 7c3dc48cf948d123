//! How proxies ask.

/// How a proxy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Caddy, Traefik and HAProxy: `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.
    Forward,
    /// nginx: `X-Original-Method` and `X-Original-URL`.
    Request,
    /// Envoy: the request has the original method, host and path itself, and `X-Forwarded-Proto`.
    ExtAuthz,
}

impl Kind {
    /// All of them, in this order.
    pub const ALL: [Kind; 3] = [Kind::Forward, Kind::Request, Kind::ExtAuthz];

    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Forward => "forward",
            Kind::Request => "request",
            Kind::ExtAuthz => "ext_authz",
        }
    }
}

//! What an operator should know at start although it works.

use crate::oidc;
use crate::public_url::PublicUrl;
use crate::settings::TrustedProxies;

/// Whether cookies can be read on the way.
pub fn about_plain_http(public_url: &PublicUrl) {
    if !oidc::is_confidential(public_url.url()) {
        log::warn!(
            "PUBLIC_URL is plain http: whoever listens on the network can take over sessions; use https"
        );
    }
}

/// Whether clients' addresses can be told, on which RATE_LIMIT and the audit depend.
pub fn about_proxies(trusted: &TrustedProxies, tls_is_elsewhere: bool, tcp: bool, unix: bool) {
    if unix && !trusted.unix {
        log::warn!(
            "TRUSTED_PROXIES lacks `unix`: clients' addresses are unknown, and all clients behind a Unix \
             socket share one RATE_LIMIT"
        );
    }
    if tcp && tls_is_elsewhere && trusted.is_nobody() {
        log::warn!(
            "TRUSTED_PROXIES names no proxy, but there must be one (PUBLIC_URL is https, and TLS_CERT_FILE is \
             unset): all clients have its address and share one RATE_LIMIT"
        );
    }
}

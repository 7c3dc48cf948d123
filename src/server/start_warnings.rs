//! What an operator should know at start although it works.

use std::path::Path;

use crate::db::{self, DatabaseUrl};
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

/// Whether the database can be written, as far as that is known at start.
pub fn about_writing(url: &DatabaseUrl, is_read_only: Result<bool, db::Error>) {
    match (is_read_only, url) {
        (Ok(false), _) => (),
        (Ok(true), DatabaseUrl::Sqlite(path)) => log::warn!(
            "{} can't be written, so nobody can sign in or out: give it and its folder to Doorward's user \
             (chown), and mount it for writing",
            path.display()
        ),
        (Ok(true), DatabaseUrl::Postgres(_)) => log::warn!(
            "Postgres accepts no writes, so nobody can sign in or out: set DATABASE_URL to the primary, not a \
             standby, with a role that may write"
        ),
        (Err(cause), _) => log::warn!("whether the database can be written is not known: {cause}"),
    }
}

/// That the key beside the database is gone, with which its sessions could be opened.
pub fn about_lost_key(file: &Path) {
    log::warn!(
        "{} is gone, although the database has sessions: everybody must sign in again, with a new key. To keep \
         the sessions, stop Doorward, put the former file there (or set SESSION_KEY, if it was set before), and \
         start again",
        file.display()
    );
}

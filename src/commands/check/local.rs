//! What can be checked without asking anybody: the settings.

use secrecy::ExposeSecret;

use crate::commands::check::report::Finding;
use crate::db::DatabaseUrl;
use crate::oidc;
use crate::server::session_key_file;
use crate::settings::{Complaint, Settings};

/// The checks below that need settings without a complaint.
pub const CHECKS: [&str; 3] = ["public_url", "session_key", "tls_roots"];

/// One of the settings is wrong.
pub fn complaint(complaint: &Complaint) -> Finding {
    let Complaint {
        variable,
        fault,
        example,
    } = complaint;
    let fix = format!("for example {variable}={example}");
    Finding::fault("settings", format!("{variable} {fault}"), fix)
}

/// Checks settings without a complaint.
pub fn check(settings: &Settings) -> Vec<Finding> {
    vec![
        Finding::ok("settings", "all that is needed is there and can be used"),
        public_url(settings),
        session_key(settings),
        tls_roots(settings),
    ]
}

/// What the cookies can be, by `PUBLIC_URL` alone.
fn public_url(settings: &Settings) -> Finding {
    let url = &settings.provider.registration.post_logout_redirect_uri;
    let is_local = oidc::is_confidential(settings.public_url.url());
    match settings.public_url.url().scheme() {
        "https" => Finding::ok(
            "public_url",
            format!("{url}: cookies are Secure and named __Host-"),
        ),
        _ if is_local => Finding::ok(
            "public_url",
            format!("{url} stays on this machine: cookies need no Secure and no __Host-"),
        ),
        _ => Finding::warning(
            "public_url",
            format!(
                "{url} is plain http: cookies go without Secure and __Host-, and whoever reads the \
                 traffic can take over a session"
            ),
            "serve Doorward over TLS and write https in PUBLIC_URL",
        ),
    }
}

/// That a given key is long and random enough is among the complaints.
fn session_key(settings: &Settings) -> Finding {
    let database = match (&settings.sessions.key, &settings.database.url) {
        (None, DatabaseUrl::Sqlite(database)) => database,
        (key, _) => {
            let bytes = key.as_ref().map_or(0, |key| key.expose_secret().len());
            return Finding::ok("session_key", format!("given, {bytes} bytes"));
        }
    };
    let file = session_key_file::path(database);
    let file = file.display();
    match session_key_file::read_if_there(database) {
        Ok(None) => Finding::ok(
            "session_key",
            format!("not given: made at the first start, and kept in {file}"),
        ),
        Ok(Some(key)) => Finding::ok(
            "session_key",
            format!("{} bytes, kept in {file}", key.expose_secret().len()),
        ),
        Err(fault) => Finding::fault(
            "session_key",
            format!("SESSION_KEY is missing, and {fault}"),
            "for example SESSION_KEY=the output of `openssl rand -base64 64`, on one line",
        ),
    }
}

fn tls_roots(settings: &Settings) -> Finding {
    let (system, extra) = oidc::count_roots(settings.provider.extra_roots.as_deref());
    let count = format!("{system} of this system, {extra} of OIDC_CA_FILE");
    let fix = "install the system's certificates (Debian: ca-certificates), or name the provider's \
                authority in OIDC_CA_FILE";
    let is_needed = settings.provider.registration.issuer.starts_with("https:");
    match (system + extra, is_needed) {
        (0, true) => Finding::fault("tls_roots", "no certificate authority is trusted", fix),
        (0, false) => Finding::warning("tls_roots", "no certificate authority is trusted", fix),
        _ => Finding::ok("tls_roots", count),
    }
}

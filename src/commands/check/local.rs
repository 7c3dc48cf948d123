//! What can be checked without a request: the settings.

use secrecy::ExposeSecret;

use crate::commands::check::report::Finding;
use crate::db::DatabaseUrl;
use crate::oidc;
use crate::server::session_key_file;
use crate::settings::{Complaint, Settings};

/// The checks below that need valid settings.
pub const CHECKS: [&str; 3] = ["public_url", "session_key", "tls_roots"];

/// The finding for one wrong setting.
pub fn complaint(complaint: &Complaint) -> Finding {
    let Complaint {
        variable,
        fault,
        example,
    } = complaint;
    let fix = format!("for example {variable}={example}");
    Finding::fault("settings", format!("{variable} {fault}"), fix)
}

/// Checks valid settings.
pub fn check(settings: &Settings) -> Vec<Finding> {
    vec![
        Finding::ok("settings", "all required settings are present and valid"),
        public_url(settings),
        session_key(settings),
        tls_roots(settings),
    ]
}

/// How `PUBLIC_URL` lets the cookies be protected.
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
            format!("{url} is on this machine: cookies need neither Secure nor __Host-"),
        ),
        _ => Finding::warning(
            "public_url",
            format!(
                "{url} is plain http: cookies are neither Secure nor named __Host-, and anybody who can read \
                 the traffic can take over a session"
            ),
            "serve Doorward over TLS and write https in PUBLIC_URL",
        ),
    }
}

/// Where the key comes from. Reading the settings has rejected a key that is short or not random.
fn session_key(settings: &Settings) -> Finding {
    let database = match (&settings.sessions.key, &settings.database.url) {
        (None, DatabaseUrl::Sqlite(database)) => database,
        (key, _) => {
            let bytes = key.as_ref().map_or(0, |key| key.expose_secret().len());
            return Finding::ok("session_key", format!("set, {bytes} bytes"));
        }
    };
    let file = session_key_file::path(database);
    let file = file.display();
    match session_key_file::read_if_there(database) {
        Ok(None) => Finding::ok(
            "session_key",
            format!("not set: generated at the first start, and kept in {file}"),
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
    let count = format!("{system} from the system, {extra} from OIDC_CA_FILE");
    let fix = "install the system's certificates (Debian: ca-certificates), or put the provider's \
                authority into OIDC_CA_FILE";
    let is_needed = settings.provider.registration.issuer.starts_with("https:");
    match (system + extra, is_needed) {
        (0, true) => Finding::fault("tls_roots", "no certificate authority is trusted", fix),
        (0, false) => Finding::warning("tls_roots", "no certificate authority is trusted", fix),
        _ => Finding::ok("tls_roots", count),
    }
}

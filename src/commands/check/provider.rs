//! What the provider shows of itself, in words.

use time::Duration;

use super::report::Finding;
use super::{client, offers};
use crate::error::cut;
use crate::oidc::inspection::{self, Discovery, Published};
use crate::oidc::okta::{self, Okta};
use crate::oidc::{self, CertificateFault, FetchError, Http, Metadata};
use crate::settings::Settings;

/// The checks below, in their order.
pub const CHECKS: [&str; 10] = [
    "discovery",
    "issuer",
    "clock",
    "keys",
    "scopes",
    "client_auth",
    "response_mode",
    "client",
    "client_secret",
    "end_session",
];

/// Beyond this it is worth a look; ID tokens are taken up to 60 s off.
const CLOCK_WARNING: Duration = Duration::seconds(5);
const CLOCK_FAULT: Duration = Duration::seconds(60);

/// Asks the provider.
pub fn check(settings: Settings) -> Vec<Finding> {
    let system = actix_web::rt::System::new();
    let findings = system.block_on(ask(settings));
    // Its end would wait for a name that is still being looked up. The process ends soon.
    std::mem::forget(system);
    findings
}

async fn ask(settings: Settings) -> Vec<Finding> {
    let registration = settings.registration;
    let found = match oidc::tls_config(settings.extra_roots.as_deref()) {
        Ok(tls) => Ok(Http::new(tls, &settings.proxy)),
        Err(cause) => Err(oidc::Error::Discovery(cause)),
    };
    let http = match found {
        Ok(http) => http,
        Err(cause) => return nothing_but(discovery_fault(&cause), None),
    };
    let Discovery {
        location,
        clock_offset,
        document,
    } = match inspection::discovery(&http, &registration.issuer).await {
        Ok(discovery) => discovery,
        Err(cause) => return nothing_but(discovery_fault(&cause), None),
    };
    let Published {
        issuer,
        metadata,
        scopes,
        response_modes,
    } = match document {
        Ok(published) => published,
        Err(cause) => return nothing_but(discovery_fault(&cause), clock_offset),
    };
    let metadata = match metadata {
        Ok(metadata) => metadata,
        Err(cause) => return nothing_but(discovery_fault(&cause), clock_offset),
    };
    let (keys, acceptance, secret) = tokio::join!(
        inspection::keys(&http, &metadata, &registration),
        inspection::authorization(&http, &metadata, &registration),
        inspection::client_secret(&http, &metadata, &registration),
    );
    vec![
        Finding::ok("discovery", format!("{location} answers")),
        judge_issuer(&registration.issuer, &issuer, &metadata),
        clock(clock_offset),
        offers::keys(keys, &registration),
        offers::scopes(&registration.scopes, scopes.as_deref()),
        offers::client_auth(&metadata, &registration),
        offers::response_mode(&registration, response_modes.as_deref()),
        client::id(acceptance, &registration),
        client::secret(secret),
        offers::end_session(&metadata),
    ]
}

/// Without discovery only the clock can be told.
fn nothing_but(discovery: Finding, clock_offset: Option<Duration>) -> Vec<Finding> {
    let mut findings = vec![discovery];
    findings.extend(CHECKS.into_iter().skip(1).map(|check| match check {
        "clock" => clock(clock_offset),
        check => Finding::unknown(check, "discovery comes first"),
    }));
    findings
}

fn discovery_fault(cause: &oidc::Error) -> Finding {
    let (message, mend) = match cause {
        oidc::Error::Fetch {
            cause: FetchError::Certificate(CertificateFault { what, fix }),
            ..
        } => (what.clone(), fix.as_str()),
        oidc::Error::Fetch { cause, .. } => (
            cause.to_string(),
            match cause {
                FetchError::Status {
                    status: 400..=499, ..
                } => ISSUER_FORMS,
                FetchError::Connection(_) => {
                    "check OIDC_ISSUER, the name service, and what may go out from here"
                }
                _ => "ask the provider's operator, or try again later",
            },
        ),
        cause => (cause.to_string(), ISSUER_FORMS),
    };
    Finding::fault("discovery", message, mend)
}

const ISSUER_FORMS: &str = "check OIDC_ISSUER, to the letter (Okta: https://{domain} is the org server, \
                            https://{domain}/oauth2/default a custom one)";

fn judge_issuer(expected: &str, found: &str, metadata: &Metadata) -> Finding {
    let endpoint = Some(&metadata.authorization_endpoint);
    let kind = |okta: Option<Okta>| okta.map(|okta| format!(", {okta}")).unwrap_or_default();
    let kind_found = okta::recognise(found, endpoint);
    if found == expected {
        return Finding::ok("issuer", format!("{found}{}", kind(kind_found)));
    }
    let kind_expected = okta::recognise(expected, endpoint);
    // The document is the provider's: cut, and Debug escapes what would break the line.
    let found = cut(found, 200);
    Finding::fault(
        "issuer",
        format!(
            "OIDC_ISSUER is {expected:?}{}, but the document there is of {found:?}{}",
            kind(kind_expected),
            kind(kind_found)
        ),
        format!(
            "set OIDC_ISSUER={} if that is the provider you mean (Okta: a custom domain can change \
             the issuer, see the application's issuer mode)",
            found.escape_debug()
        ),
    )
}

fn clock(offset: Option<Duration>) -> Finding {
    let Some(offset) = offset else {
        return Finding::unknown("clock", "there is no answer with a Date to compare with");
    };
    let secs = offset.abs().as_seconds_f64().ceil();
    let message = match offset.is_positive() {
        true => format!("ours is {secs} s behind the provider's"),
        false => format!("ours is {secs} s ahead of the provider's"),
    };
    let mend = "have the clocks set by NTP: ID tokens are taken up to 60 s off";
    match offset.abs() {
        offset if offset > CLOCK_FAULT => Finding::fault("clock", message, mend),
        offset if offset > CLOCK_WARNING => Finding::warning("clock", message, mend),
        _ => Finding::ok("clock", "ours and the provider's agree within 5 s"),
    }
}

//! What the provider shows of itself, in words.

use time::Duration;
use url::Url;

use super::report::Finding;
use super::{client, offers};
use crate::oidc::okta::{self, Okta};
use crate::oidc::probe::{self, Discovery, Published};
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
    let registration = settings.provider.registration;
    let found = match oidc::tls_config(settings.provider.extra_roots.as_deref()) {
        Ok(tls) => Ok(Http::new(tls, &settings.provider.proxy)),
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
    } = match probe::discovery(&http, &registration.issuer).await {
        Ok(discovery) => discovery,
        Err(cause) => return nothing_but(discovery_fault(&cause), None),
    };
    let Published {
        issuer,
        metadata,
        scopes,
        response_modes,
        unsupported_requirements,
    } = match document {
        Ok(published) => published,
        Err(cause) => return nothing_but(discovery_fault(&cause), clock_offset),
    };
    if issuer != registration.issuer {
        // Whoever it is: our secret is not for them.
        let endpoint = metadata.as_ref().map(|it| &it.authorization_endpoint).ok();
        let answers = Finding::ok("discovery", format!("{location} answers"));
        let mut findings = vec![
            answers,
            another_issuer(&registration.issuer, &issuer, endpoint),
        ];
        findings.extend(rest_without(
            "needs the right issuer",
            &CHECKS[2..],
            clock_offset,
        ));
        return findings;
    }
    let metadata = match metadata {
        Ok(metadata) => metadata,
        Err(cause) => return nothing_but(discovery_fault(&cause), clock_offset),
    };
    let (keys, acceptance, secret, end_session) = tokio::join!(
        probe::keys(&http, &metadata, &registration),
        probe::authorization(&http, &metadata, &registration),
        probe::client_secret(&http, &metadata, &registration),
        probe::end_session(&http, &metadata, &registration),
    );
    vec![
        judge_document(&location, &unsupported_requirements),
        our_issuer(&issuer, &metadata),
        clock(clock_offset),
        offers::keys(keys, &registration),
        offers::scopes(&registration.scopes, scopes.as_deref()),
        offers::client_auth(&metadata, &registration),
        offers::response_mode(&registration, response_modes.as_deref()),
        client::id(acceptance, &registration),
        client::secret(secret),
        offers::end_session(&metadata, &registration, end_session),
    ]
}

/// Without discovery only the clock can be told.
fn nothing_but(discovery: Finding, clock_offset: Option<Duration>) -> Vec<Finding> {
    let mut findings = vec![discovery];
    findings.extend(rest_without(
        "needs the discovery document",
        &CHECKS[1..],
        clock_offset,
    ));
    findings
}

fn rest_without(
    why: &str,
    checks: &[&'static str],
    clock_offset: Option<Duration>,
) -> impl Iterator<Item = Finding> {
    checks.iter().map(move |check| match *check {
        "clock" => clock(clock_offset),
        check => Finding::unknown(check, why),
    })
}

/// Whether every sign-in must do what ours does not.
fn judge_document(location: &Url, demands: &[&'static str]) -> Finding {
    match demands {
        [] => Finding::ok("discovery", format!("{location} answers")),
        demands => Finding::fault(
            "discovery",
            format!(
                "the document says {}: true, which Doorward does not do, so that every sign-in is refused",
                demands.join(": true and ")
            ),
            "at the provider, let this application sign people in without it",
        ),
    }
}

fn discovery_fault(cause: &oidc::Error) -> Finding {
    let (message, fix) = match cause {
        oidc::Error::Fetch {
            cause: FetchError::Certificate(CertificateFault { what, fix }),
            ..
        } => (what.clone(), fix.as_str()),
        oidc::Error::Fetch { cause, .. } => (
            cause.to_string(),
            match cause {
                // A redirect is not followed: the issuer's own address answers itself (Discovery 1.0, 4.2).
                FetchError::Status {
                    status: 300..=499, ..
                } => ISSUER_FORMS,
                FetchError::Connection(_) => {
                    "check OIDC_ISSUER, the name service, and what may go out from here"
                }
                _ => "ask the provider's operator, or try again later",
            },
        ),
        cause => (cause.to_string(), ISSUER_FORMS),
    };
    Finding::fault("discovery", message, fix)
}

const ISSUER_FORMS: &str = "check OIDC_ISSUER, to the letter (Okta: https://{domain} is the org server, \
                            https://{domain}/oauth2/default a custom one; Keycloak: https://{host}/realms/{realm}; \
                            Entra ID: https://login.microsoftonline.com/{tenant}/v2.0; Auth0: https://{domain}/ with \
                            its slash; Authentik: https://{host}/application/o/{slug}/; others: docs/providers.md)";

fn our_issuer(issuer: &str, metadata: &Metadata) -> Finding {
    let endpoint = Some(&metadata.authorization_endpoint);
    Finding::ok("issuer", format!("{issuer}{}", kind(issuer, endpoint)))
}

fn another_issuer(expected: &str, found: &str, endpoint: Option<&Url>) -> Finding {
    // The document is the provider's: cut, and Debug escapes what would break the line.
    let found: String = found.chars().take(200).collect();
    Finding::fault(
        "issuer",
        format!(
            "OIDC_ISSUER is {expected:?}{}, but the document there is of {found:?}{}",
            kind(expected, endpoint),
            kind(&found, endpoint)
        ),
        format!(
            "set OIDC_ISSUER={} if that is the provider you mean (Okta: a custom domain can change \
             the issuer, see the application's issuer mode)",
            found.escape_debug()
        ),
    )
}

fn kind(issuer: &str, endpoint: Option<&Url>) -> String {
    let okta: Option<Okta> = okta::recognise(issuer, endpoint);
    okta.map(|okta| format!(", {okta}")).unwrap_or_default()
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
    let fix = "have the clocks set by NTP: ID tokens are taken up to 60 s off";
    match offset.abs() {
        offset if offset > CLOCK_FAULT => Finding::fault("clock", message, fix),
        offset if offset > CLOCK_WARNING => Finding::warning("clock", message, fix),
        _ => Finding::ok("clock", "ours and the provider's agree within 5 s"),
    }
}

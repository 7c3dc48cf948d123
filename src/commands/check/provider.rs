//! Checks the provider: what it publishes, and how it responds to us.

use time::Duration;
use url::Url;

use super::report::Finding;
use super::{client, endings, offers};
use crate::oidc::okta::{self, Okta};
use crate::oidc::probe::{self, Discovery, Published};
use crate::oidc::{self, CertificateFault, FetchError, Http, Metadata};
use crate::settings::Settings;

/// The checks below, in their order.
pub const CHECKS: [&str; 15] = [
    "discovery",
    "issuer",
    "clock",
    "keys",
    "scopes",
    "client_auth",
    "response_mode",
    "acr",
    "client",
    "client_secret",
    "end_session",
    "back_channel",
    "front_channel",
    "universal",
    "revocation",
];

/// Larger offsets get a warning; ID tokens are accepted up to 60 s off.
const CLOCK_WARNING: Duration = Duration::seconds(5);
const CLOCK_FAULT: Duration = Duration::seconds(60);

/// Runs all checks.
pub fn check(settings: Settings) -> Vec<Finding> {
    actix_web::rt::System::new().block_on(ask(settings))
}

async fn ask(settings: Settings) -> Vec<Finding> {
    let acr = acr_values(&settings);
    let back_channel = settings.public_url.backchannel_logout_uri();
    let is_on = settings.provider.frontchannel_logout.is_some();
    let front_channel = is_on.then(|| settings.public_url.frontchannel_logout_uri());
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
        acr_values,
        endings,
        unsupported_requirements,
    } = match document {
        Ok(published) => published,
        Err(cause) => return nothing_but(discovery_fault(&cause), clock_offset),
    };
    if issuer != registration.issuer {
        // The client secret must not go to another issuer.
        let endpoint = metadata.as_ref().map(|it| &it.authorization_endpoint).ok();
        let found = Finding::ok("discovery", format!("{location} responds"));
        let mut findings = vec![
            found,
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
    let okta = okta::recognise(&issuer, Some(&metadata.authorization_endpoint));
    vec![
        judge_document(&location, &unsupported_requirements),
        our_issuer(&issuer, &metadata),
        clock(clock_offset),
        offers::keys(keys, &registration),
        offers::scopes(&registration.scopes, scopes.as_deref()),
        offers::client_auth(&metadata, &registration),
        offers::response_mode(&registration, response_modes.as_deref()),
        offers::acr(&acr, acr_values.as_deref()),
        client::id(acceptance, &registration),
        client::secret(secret),
        offers::end_session(&metadata, &registration, end_session),
        endings::back_channel(&endings, &back_channel, okta.as_ref()),
        endings::front_channel(&endings, front_channel.as_deref()),
        endings::universal(&registration, okta.as_ref()),
        endings::revocation(&endings),
    ]
}

/// Every `acr` that a sign-in may need, by settings and rules, each once.
fn acr_values(settings: &Settings) -> Vec<String> {
    let registration = &settings.provider.registration;
    let rules = settings.gateway.iter().flat_map(|it| it.rules.all());
    let lists = [
        &registration.acr_values,
        &registration.required.acr,
        &settings.provider.step_up.acr,
    ];
    let lists = lists.into_iter().chain(rules.map(|rule| &rule.acr));
    let all: std::collections::BTreeSet<&String> = lists.flatten().collect();
    all.into_iter().cloned().collect()
}

/// The findings if discovery fails: only the clock can be checked.
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

/// Whether the provider requires of every sign-in what Doorward does not support.
fn judge_document(location: &Url, demands: &[&'static str]) -> Finding {
    match demands {
        [] => Finding::ok("discovery", format!("{location} responds")),
        demands => Finding::fault(
            "discovery",
            format!(
                "the document says {}: true, which Doorward does not support, so every sign-in is rejected",
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
                // A redirect is not followed: the document is at the issuer's own address (Discovery 1.0, 4.2).
                FetchError::Status {
                    status: 300..=499, ..
                } => ISSUER_FORMS,
                FetchError::Connection(_) => {
                    "check OIDC_ISSUER, DNS, and whether this host may open outgoing connections"
                }
                _ => "ask the provider's operator, or try again later",
            },
        ),
        cause => (cause.to_string(), ISSUER_FORMS),
    };
    Finding::fault("discovery", message, fix)
}

const ISSUER_FORMS: &str = "check that OIDC_ISSUER is exact (Okta: https://{domain} is the org server, \
                            https://{domain}/oauth2/default a custom one; Keycloak: https://{host}/realms/{realm}; \
                            Entra ID: https://login.microsoftonline.com/{tenant}/v2.0; Auth0: https://{domain}/ with \
                            its slash; Authentik: https://{host}/application/o/{slug}/; others: docs/providers.md)";

fn our_issuer(issuer: &str, metadata: &Metadata) -> Finding {
    let endpoint = Some(&metadata.authorization_endpoint);
    Finding::ok("issuer", format!("{issuer}{}", kind(issuer, endpoint)))
}

fn another_issuer(expected: &str, found: &str, endpoint: Option<&Url>) -> Finding {
    // The text is the provider's: it is cut, and Debug escapes line breaks.
    let found: String = found.chars().take(200).collect();
    Finding::fault(
        "issuer",
        format!(
            "OIDC_ISSUER is {expected:?}{}, but the document there says {found:?}{}",
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
        return Finding::unknown("clock", "no response had a Date to compare with");
    };
    let secs = offset.abs().as_seconds_f64().ceil();
    let message = match offset.is_positive() {
        true => format!("ours is {secs} s behind the provider's"),
        false => format!("ours is {secs} s ahead of the provider's"),
    };
    let fix = "set the clocks by NTP: ID tokens are accepted up to 60 s off";
    match offset.abs() {
        offset if offset > CLOCK_FAULT => Finding::fault("clock", message, fix),
        offset if offset > CLOCK_WARNING => Finding::warning("clock", message, fix),
        _ => Finding::ok("clock", "ours and the provider's agree within 5 s"),
    }
}

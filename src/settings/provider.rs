//! The provider: who we are there, what to ask for, whom to trust, through which proxy.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::source::{FileContent, Source};
use super::{outbound_proxy, values};
use crate::duration;
use crate::oidc::{self, GroupsClaim, Proxy, Registration, Requirement};
use crate::public_url::PublicUrl;

const DEFAULT_SCOPES: &str = "openid email profile";

/// The value of `STEP_UP_MAX_AGE` that requires none: some providers send no `auth_time`.
const ANY_AGE: &str = "any";

const DEFAULT_STEP_UP_MAX_AGE: Duration = Duration::from_secs(300);

/// What is configured about the provider.
pub struct Provider {
    /// What the provider knows of us: `OIDC_*` and `PUBLIC_URL`.
    pub registration: Registration,
    /// `STEP_UP_ACR` and `STEP_UP_MAX_AGE`: what `/step-up` requires beyond what each sign-in does.
    pub step_up: Requirement,
    /// `OIDC_FRONTCHANNEL_LOGOUT` and `OIDC_FRONTCHANNEL_FRAMES`: the origins whose pages may sign people out by a frame, that
    /// of the issuer first. Nothing if nobody may.
    pub frontchannel_logout: Option<Vec<String>>,
    /// The file of `OIDC_CLIENT_SECRET_FILE`, which can be replaced at run time.
    pub client_secret_file: Option<FileContent>,
    /// The content of `OIDC_CA_FILE`: extra trust roots, PEM.
    pub extra_roots: Option<Vec<u8>>,
    /// `HTTPS_PROXY` and `NO_PROXY`: through which proxy the provider is asked.
    pub proxy: Proxy,
}

impl Provider {
    /// The variables of this file; nothing where one that must be there is missing or wrong.
    pub fn read(source: &mut Source<'_>, public_url: &PublicUrl) -> Option<Provider> {
        let issuer = source.required(
            "OIDC_ISSUER",
            "https://dev-123456.okta.com/oauth2/default",
            values::issuer,
        );
        let client_id = source.required("OIDC_CLIENT_ID", "0oa1bcdef2GHIJKLM3n4", values::text);
        let client_secret = source.required_secret(
            "OIDC_CLIENT_SECRET",
            "the client secret of the application at the provider",
            |secret| Ok(SecretString::from(secret)),
        );
        let scopes = scopes(source);
        let extra_roots = extra_roots(source);
        let proxy = outbound_proxy::read(source);
        let id_token_algs =
            source.optional("OIDC_ID_TOKEN_ALGS", "RS256 ES256", values::algorithms);
        let client_auth = source.optional(
            "OIDC_CLIENT_AUTH_METHOD",
            "client_secret_post",
            values::client_auth,
        );
        let response_mode =
            source.optional("OIDC_RESPONSE_MODE", "form_post", values::response_mode);
        let groups = source.optional("OIDC_GROUPS_CLAIM", "groups", |text| {
            GroupsClaim::parse(&text)
        });
        let acr_values =
            source.optional("OIDC_ACR_VALUES", "urn:okta:loa:2fa:any", oidc::acr_values);
        let required = Requirement {
            acr: source
                .optional(
                    "OIDC_REQUIRED_ACR",
                    "urn:okta:loa:2fa:any",
                    oidc::acr_values,
                )
                .unwrap_or_default(),
            max_age: source.optional("OIDC_MAX_AGE", "12h", duration::parse_or_zero),
        };
        let step_up = step_up(source);
        let universal_logout_issuer = source.optional(
            "UNIVERSAL_LOGOUT_ISSUER",
            "https://dev-123456.okta.com",
            values::issuer,
        );
        let frontchannel_logout = frontchannel_logout(source, issuer.as_deref());
        let (client_secret, client_secret_file) = client_secret?;
        Some(Provider {
            registration: Registration {
                issuer: issuer?,
                client_id: client_id?,
                client_secret,
                redirect_uri: public_url.redirect_uri(),
                post_logout_redirect_uri: public_url.as_written().to_owned(),
                scopes,
                id_token_algs,
                groups: groups.unwrap_or_default(),
                acr_values: acr_values.unwrap_or_default(),
                required,
                universal_logout_uri: public_url.universal_logout_uri(),
                universal_logout_issuer,
                client_auth,
                response_mode: response_mode.unwrap_or_default(),
            },
            step_up,
            frontchannel_logout,
            client_secret_file,
            extra_roots,
            proxy,
        })
    }
}

/// `OIDC_SCOPES`.
pub(super) fn scopes(source: &mut Source<'_>) -> String {
    let scopes = source.optional("OIDC_SCOPES", DEFAULT_SCOPES, values::scopes);
    scopes.unwrap_or_else(|| DEFAULT_SCOPES.to_owned())
}

/// `STEP_UP_ACR` and `STEP_UP_MAX_AGE`.
fn step_up(source: &mut Source<'_>) -> Requirement {
    let acr = source.optional("STEP_UP_ACR", "phr phrh", oidc::acr_values);
    let max_age = source.optional("STEP_UP_MAX_AGE", "5m", |text| match text.as_str() {
        ANY_AGE => Ok(None),
        _ => duration::parse_or_zero(text).map(Some),
    });
    if max_age == Some(None) && acr.is_none() && !source.has_complaints_about("STEP_UP_ACR") {
        let fault = "is `any`, but STEP_UP_ACR is not set: a step-up would require nothing";
        source.complain("STEP_UP_MAX_AGE", fault, "5m");
    }
    Requirement {
        acr: acr.unwrap_or_default(),
        max_age: max_age.unwrap_or(Some(DEFAULT_STEP_UP_MAX_AGE)),
    }
}

/// `OIDC_FRONTCHANNEL_LOGOUT` and `OIDC_FRONTCHANNEL_FRAMES`.
fn frontchannel_logout(source: &mut Source<'_>, issuer: Option<&str>) -> Option<Vec<String>> {
    let is_on = source.optional("OIDC_FRONTCHANNEL_LOGOUT", "true", values::boolean);
    let frames = source.optional(
        "OIDC_FRONTCHANNEL_FRAMES",
        "https://login.example.com",
        values::origins,
    );
    let issuer = Url::parse(issuer?).ok()?.origin().ascii_serialization();
    let frames = frames.unwrap_or_default();
    is_on
        .unwrap_or(false)
        .then(|| [vec![issuer], frames].concat())
}

fn extra_roots(source: &mut Source<'_>) -> Option<Vec<u8>> {
    const EXAMPLE: &str = "/etc/ssl/private-ca.pem";
    let path = source.optional("OIDC_CA_FILE", EXAMPLE, values::text)?;
    match values::ca_file(source.file(path.as_ref())) {
        Ok(pem) => Some(pem),
        Err(fault) => {
            source.complain("OIDC_CA_FILE", fault, EXAMPLE);
            None
        }
    }
}

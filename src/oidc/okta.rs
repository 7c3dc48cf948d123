//! Which kind of Okta issuer a provider is: they are easily confused.

use std::fmt;

use url::Url;

/// Okta's own domains. Any other issuer that looks like Okta has a custom domain.
const DOMAINS: [&str; 5] = [
    "okta.com",
    "oktapreview.com",
    "okta-emea.com",
    "okta-gov.com",
    "okta.mil",
];

/// What the address of an Okta issuer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Okta {
    /// The id of a custom authorization server; `None` for the org server.
    pub custom_server: Option<String>,
    /// Whether the domain is the customer's.
    pub custom_domain: bool,
}

/// Recognizes Okta by the issuer's domain, or by an authorization endpoint of its form.
pub fn recognise(issuer: &str, authorization_endpoint: Option<&Url>) -> Option<Okta> {
    let issuer = Url::parse(issuer).ok()?;
    let server = custom_server(issuer.path())?;
    let host = issuer.host_str()?.to_ascii_lowercase();
    let is_okta = |domain: &&str| {
        let parent = host.strip_suffix(*domain);
        parent.is_some_and(|labels| labels.ends_with('.'))
    };
    let custom_domain = !DOMAINS.iter().any(is_okta);
    let expected_path = match &server {
        Some(id) => format!("/oauth2/{id}/v1/authorize"),
        None => "/oauth2/v1/authorize".to_owned(),
    };
    let has_its_form = authorization_endpoint.is_some_and(|url| url.path() == expected_path);
    (!custom_domain || has_its_form).then_some(Okta {
        custom_server: server,
        custom_domain,
    })
}

/// The id in `/oauth2/{id}`; `Some(None)` for the org server's empty path; `None` for paths that are not Okta's.
fn custom_server(path: &str) -> Option<Option<String>> {
    match path.trim_end_matches('/') {
        "" => Some(None),
        path => {
            let id = path.strip_prefix("/oauth2/")?;
            let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
            is_id.then(|| Some(id.to_owned()))
        }
    }
}

impl fmt::Display for Okta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.custom_server {
            Some(id) => write!(f, "Okta's custom server {id:?}")?,
            None => f.write_str("Okta's org server")?,
        }
        match self.custom_domain {
            true => f.write_str(" under a custom domain"),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn okta_is_recognized_by_its_domain_or_by_its_endpoints() {
        let endpoint = |url: &str| Url::parse(url).unwrap();
        for (issuer, authorize, expected) in [
            (
                "https://dev-1.okta.com",
                "https://dev-1.okta.com/oauth2/v1/authorize",
                "Okta's org server",
            ),
            (
                "https://dev-1.okta.com/oauth2/default",
                "https://x.example/",
                "Okta's custom server \"default\"",
            ),
            (
                "https://id.example.com",
                "https://id.example.com/oauth2/v1/authorize",
                "Okta's org server under a custom domain",
            ),
            (
                "https://id.example.com/oauth2/aus1",
                "https://id.example.com/oauth2/aus1/v1/authorize",
                "Okta's custom server \"aus1\" under a custom domain",
            ),
        ] {
            let found = recognise(issuer, Some(&endpoint(authorize))).unwrap();
            assert_eq!(found.to_string(), expected);
        }
    }

    #[test]
    fn other_issuers_are_not_recognized_as_okta() {
        let authorize = Url::parse("https://op.example/authorize").unwrap();
        for issuer in [
            "https://op.example",
            "https://op.example/realms/main",
            "https://evilokta.com",
            "https://dev-1.okta.com.evil.example",
            "https://dev-1.okta.com/oauth2/a/b",
            "hello",
        ] {
            assert_eq!(recognise(issuer, Some(&authorize)), None, "{issuer}");
        }
    }
}

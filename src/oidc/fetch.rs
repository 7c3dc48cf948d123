//! Calls to the provider: the only code that knows awc. Bounded in time and size, no redirect
//! followed, nothing decompressed, errors that never hold a body.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use awc::http::header;
use awc::{ClientRequest, Connector};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::error::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_LIMIT: usize = 1024 * 1024;

/// An HTTP client of one worker thread; its connections stay open between sign-ins.
#[derive(Clone)]
pub struct Http {
    client: awc::Client,
}

/// What the provider answered.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Cache-Control: max-age`, in seconds.
    pub max_age_secs: Option<u64>,
    /// The body, 1 MiB at most.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum FetchError {
    /// No connection, or it broke.
    Connection(String),
    /// Ten seconds went by.
    Timeout,
    /// The body is larger than 1 MiB or broke off.
    Body(String),
    /// An answer with a status that is not 200.
    Status(u16),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Connection(cause) => write!(f, "the provider can't be reached: {cause}"),
            FetchError::Timeout => write!(
                f,
                "the provider did not answer within {} s",
                TOTAL_TIMEOUT.as_secs()
            ),
            FetchError::Body(cause) => write!(f, "the provider's answer can't be read: {cause}"),
            FetchError::Status(status) => write!(f, "the provider answered with status {status}"),
        }
    }
}

impl Http {
    /// A client that trusts what `tls` trusts.
    pub fn new(tls: Arc<ClientConfig>) -> Self {
        let connector = Connector::new()
            .timeout(CONNECT_TIMEOUT)
            .handshake_timeout(CONNECT_TIMEOUT)
            .rustls_0_23(tls);
        let client = awc::Client::builder()
            .connector(connector)
            .disable_redirects()
            .timeout(TOTAL_TIMEOUT)
            .add_default_header((header::ACCEPT, "application/json"))
            .add_default_header((header::ACCEPT_ENCODING, "identity"))
            .finish();
        Http { client }
    }

    /// `GET`, with the access token where there is one (RFC 6750, 2.1).
    pub async fn get(
        &self,
        what: &'static str,
        url: &Url,
        bearer: Option<&SecretString>,
    ) -> Result<Answer, Error> {
        let mut request = self.client.get(url.as_str());
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        send(what, request, Vec::new()).await
    }

    /// `POST` of a form, as this client (RFC 6749, 2.3.1: both parts are form-urlencoded first).
    pub async fn post_form(
        &self,
        what: &'static str,
        url: &Url,
        credentials: (&str, &SecretString),
        form: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let basic = format!(
            "{}:{}",
            form_urlencoded(credentials.0),
            form_urlencoded(credentials.1.expose_secret())
        );
        let request = self
            .client
            .post(url.as_str())
            .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"))
            .insert_header((
                header::AUTHORIZATION,
                format!("Basic {}", STANDARD.encode(basic)),
            ));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        send(what, request, body.into_bytes()).await
    }
}

fn form_urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// One deadline spans connecting, waiting and reading: a provider that drips can't stretch it.
async fn send(what: &'static str, request: ClientRequest, body: Vec<u8>) -> Result<Answer, Error> {
    let exchange = async {
        let mut response = request.send_body(body).await.map_err(|cause| match cause {
            awc::error::SendRequestError::Timeout => FetchError::Timeout,
            cause => FetchError::Connection(cause.to_string()),
        })?;
        let body = response
            .body()
            .limit(BODY_LIMIT)
            .await
            .map_err(|cause| FetchError::Body(cause.to_string()))?;
        Ok(Answer {
            status: response.status().as_u16(),
            max_age_secs: response
                .headers()
                .get(header::CACHE_CONTROL)
                .and_then(|value| max_age(value.to_str().ok()?)),
            body: body.to_vec(),
        })
    };
    tokio::time::timeout(TOTAL_TIMEOUT, exchange)
        .await
        .unwrap_or(Err(FetchError::Timeout))
        .map_err(|cause| Error::Fetch { what, cause })
}

fn max_age(cache_control: &str) -> Option<u64> {
    cache_control
        .split(',')
        .find_map(|directive| directive.trim().strip_prefix("max-age="))
        .and_then(|seconds| seconds.parse().ok())
}

/// Trusts the system's roots and those of `extra_roots` (PEM, `OIDC_CA_FILE`).
///
/// # Errors
/// A sentence that says what is wrong with `extra_roots`.
pub fn tls_config(extra_roots: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = extra_roots {
        let mut found = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|cause| format!("it is not PEM: {cause}"))?;
            roots
                .add(certificate)
                .map_err(|cause| format!("it holds a certificate that can't be used: {cause}"))?;
            found += 1;
        }
        if found == 0 {
            return Err("it holds no certificate".to_owned());
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("aws-lc offers TLS 1.2 and 1.3")
    .with_root_certificates(roots)
    .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_found_among_other_directives() {
        assert_eq!(max_age("public, max-age=86400"), Some(86400));
        assert_eq!(max_age("no-store"), None);
        assert_eq!(max_age("max-age=soon"), None);
    }

    #[test]
    fn a_client_id_and_secret_are_form_urlencoded() {
        assert_eq!(form_urlencoded("a:b%c d+é"), "a%3Ab%25c+d%2B%C3%A9");
    }

    #[test]
    fn a_file_without_a_certificate_is_no_trust_root() {
        assert!(tls_config(Some(b"hello")).is_err());
    }
}

//! Calls to the provider: the only code that knows awc. Bounded in time and size, no redirect
//! followed, nothing decompressed, errors that never hold a body.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use awc::http::header::{self, HeaderName};
use awc::{ClientRequest, Connector};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that was idle for longer is not used again. Many servers close theirs after five seconds, and a code
/// that is sent just then is lost, since it can't be sent twice.
const IDLE_AT_MOST: Duration = Duration::from_secs(4);

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
    /// When to ask again, in seconds from now: `Retry-After` or `X-Rate-Limit-Reset`.
    pub retry_after_secs: Option<u64>,
    /// What time it was at the provider: `Date`, and `Age` where a cache answered.
    pub provider_time: Option<OffsetDateTime>,
    /// `Location`, which is not followed.
    pub location: Option<String>,
    /// Whether the body is a signed token (`application/jwt`) and not JSON.
    pub is_jwt: bool,
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
    Status {
        /// Which.
        status: u16,
        /// When to ask again, in seconds, if the provider says.
        retry_after_secs: Option<u64>,
    },
}

impl Answer {
    /// Itself, if its status is 200.
    pub fn ok(self) -> Result<Answer, FetchError> {
        match self.status {
            200 => Ok(self),
            _ => Err(self.refusal()),
        }
    }

    /// Why an answer whose status is not 200 is no answer.
    pub fn refusal(&self) -> FetchError {
        FetchError::Status {
            status: self.status,
            retry_after_secs: self.retry_after_secs,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Connection(cause) => {
                write!(f, "the provider can't be reached: {cause}")?;
                match cause.contains("UnknownIssuer") {
                    true => f.write_str(" (name its certificate authority in OIDC_CA_FILE)"),
                    false => Ok(()),
                }
            }
            FetchError::Timeout => write!(
                f,
                "the provider did not answer within {} s",
                TOTAL_TIMEOUT.as_secs()
            ),
            FetchError::Body(cause) => write!(f, "the provider's answer can't be read: {cause}"),
            FetchError::Status { status, .. } => {
                write!(f, "the provider answered with status {status}")
            }
        }
    }
}

impl Http {
    /// A client that trusts what `tls` trusts.
    pub fn new(tls: Arc<ClientConfig>) -> Self {
        let connector = Connector::new()
            .timeout(CONNECT_TIMEOUT)
            .handshake_timeout(CONNECT_TIMEOUT)
            .conn_keep_alive(IDLE_AT_MOST)
            .rustls_0_23(tls);
        let client = awc::Client::builder()
            .connector(connector)
            .disable_redirects()
            .timeout(TOTAL_TIMEOUT)
            .add_default_header((header::ACCEPT, "application/json, application/jwt"))
            .add_default_header((header::ACCEPT_ENCODING, "identity"))
            .finish();
        Http { client }
    }

    /// `GET`, with the access token where there is one (RFC 6750, 2.1).
    pub async fn get(
        &self,
        url: &Url,
        bearer: Option<&SecretString>,
    ) -> Result<Answer, FetchError> {
        let mut request = self.client.get(url.as_str());
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        send(request, Vec::new()).await
    }

    /// `POST` of a form; with `basic`, as that client (RFC 6749, 2.3.1: id and secret are
    /// form-urlencoded first).
    pub async fn post_form(
        &self,
        url: &Url,
        basic: Option<(&str, &SecretString)>,
        form: &[(&str, &str)],
    ) -> Result<Answer, FetchError> {
        let mut request = self
            .client
            .post(url.as_str())
            .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"));
        if let Some((id, secret)) = basic {
            let (id, secret) = (form_urlencoded(id), form_urlencoded(secret.expose_secret()));
            let basic = STANDARD.encode(format!("{id}:{secret}"));
            request = request.insert_header((header::AUTHORIZATION, format!("Basic {basic}")));
        }
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        send(request, body.into_bytes()).await
    }
}

fn form_urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// One deadline spans connecting, waiting and reading: a provider that drips can't stretch it.
async fn send(request: ClientRequest, body: Vec<u8>) -> Result<Answer, FetchError> {
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
        let text = |name| response.headers().get(name)?.to_str().ok();
        Ok(Answer {
            status: response.status().as_u16(),
            max_age_secs: text(header::CACHE_CONTROL).and_then(max_age),
            retry_after_secs: retry_after(
                text(header::RETRY_AFTER),
                text(HeaderName::from_static("x-rate-limit-reset")),
                OffsetDateTime::now_utc().unix_timestamp(),
            ),
            provider_time: text(header::DATE)
                .and_then(|date| provider_time(date, text(header::AGE))),
            location: text(header::LOCATION).map(str::to_owned),
            is_jwt: text(header::CONTENT_TYPE).is_some_and(is_jwt),
            body: body.to_vec(),
        })
    };
    tokio::time::timeout(TOTAL_TIMEOUT, exchange)
        .await
        .unwrap_or(Err(FetchError::Timeout))
}

/// `Retry-After` in seconds (RFC 9110, 10.2.3; no provider we know sends the date), or Okta's
/// `X-Rate-Limit-Reset`, in seconds since 1970.
fn retry_after(retry_after: Option<&str>, reset: Option<&str>, now: i64) -> Option<u64> {
    let reset = || {
        Some(
            reset?
                .parse::<i64>()
                .ok()?
                .saturating_sub(now)
                .max(1)
                .unsigned_abs(),
        )
    };
    retry_after
        .and_then(|secs| secs.parse().ok())
        .or_else(reset)
}

/// `Date` in the form that is sent today (RFC 9110, 5.6.7), and the seconds of `Age` since (RFC 9111,
/// 5.1).
fn provider_time(date: &str, age_secs: Option<&str>) -> Option<OffsetDateTime> {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = PrimitiveDateTime::parse(date, form).ok()?.assume_utc();
    let age_secs: u32 = age_secs.map_or(Some(0), |secs| secs.parse().ok())?;
    date.checked_add(time::Duration::seconds(age_secs.into()))
}

fn is_jwt(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/jwt")
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

/// How many roots [`tls_config`] finds: the system's, and those of `extra_roots`.
pub fn count_roots(extra_roots: Option<&[u8]>) -> (usize, usize) {
    let system = RootCertStore::empty()
        .add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let extra = extra_roots.map_or(0, |pem| CertificateDer::pem_slice_iter(pem).count());
    (system.0, extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_time_is_its_date_and_the_age_of_the_answer() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let unix = |time: Option<OffsetDateTime>| time.map(OffsetDateTime::unix_timestamp);
        assert_eq!(unix(provider_time(date, None)), Some(784_111_777));
        assert_eq!(unix(provider_time(date, Some("23"))), Some(784_111_800));
        assert_eq!(provider_time(date, Some("-1")), None);
        assert_eq!(provider_time("1994-11-06T08:49:37Z", None), None);
    }

    #[test]
    fn max_age_is_found_among_other_directives() {
        assert_eq!(max_age("public, max-age=86400"), Some(86400));
        assert_eq!(max_age("no-store"), None);
        assert_eq!(max_age("max-age=soon"), None);
    }

    #[test]
    fn when_to_ask_again_is_read_either_way() {
        assert_eq!(retry_after(Some("30"), None, 1000), Some(30));
        assert_eq!(retry_after(None, Some("1007"), 1000), Some(7));
        assert_eq!(retry_after(None, Some("900"), 1000), Some(1));
        assert_eq!(retry_after(Some("soon"), Some("x"), 1000), None);
        assert_eq!(
            retry_after(None, Some("-9223372036854775808"), 1000),
            Some(1)
        );
    }

    #[test]
    fn a_client_id_and_secret_are_form_urlencoded() {
        assert_eq!(form_urlencoded("a:b%c d+é"), "a%3Ab%25c+d%2B%C3%A9");
    }

    #[test]
    fn a_file_without_a_certificate_is_no_trust_root() {
        assert!(tls_config(Some(b"hello")).is_err());
    }

    #[test]
    fn a_certificate_authority_of_ones_own_is_trusted() {
        let authority = rcgen::generate_simple_self_signed(["op.example".to_owned()]).unwrap();
        let pem = authority.cert.pem();
        assert!(tls_config(Some(pem.as_bytes())).is_ok());
        assert_eq!(count_roots(Some(pem.as_bytes())).1, 1);
    }

    #[test]
    fn only_an_answer_with_status_200_is_one() {
        for (status, is_ok) in [(200, true), (204, false), (302, false), (500, false)] {
            let answer = Answer {
                status,
                max_age_secs: None,
                retry_after_secs: Some(7),
                provider_time: None,
                location: None,
                is_jwt: false,
                body: Vec::new(),
            };
            match answer.ok() {
                Ok(_) => assert!(is_ok, "{status}"),
                Err(refusal) => {
                    assert!(!is_ok, "{status}");
                    let text = format!("the provider answered with status {status}");
                    assert_eq!(refusal.to_string(), text);
                }
            }
        }
    }

    #[test]
    fn an_unknown_authority_is_told_where_to_be_named() {
        let unknown = FetchError::Connection("invalid peer certificate: UnknownIssuer".to_owned());
        assert_eq!(
            unknown.to_string(),
            "the provider can't be reached: invalid peer certificate: UnknownIssuer \
             (name its certificate authority in OIDC_CA_FILE)"
        );
        let refused = FetchError::Connection("refused".to_owned());
        assert_eq!(
            refused.to_string(),
            "the provider can't be reached: refused"
        );
    }

    #[test]
    fn a_signed_token_is_told_by_its_media_type() {
        for (content_type, expected) in [
            ("application/jwt", true),
            ("Application/JWT ; charset=utf-8", true),
            ("application/json", false),
            ("text/plain; application/jwt", false),
        ] {
            assert_eq!(is_jwt(content_type), expected, "{content_type}");
        }
    }
}

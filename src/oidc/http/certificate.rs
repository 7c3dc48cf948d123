//! Whether the provider's TLS certificate is accepted, and what is wrong with it if not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use time::OffsetDateTime;
use time::macros::format_description;

/// Verifies as usual, by the trust roots. A certificate that is byte for byte one of `OIDC_CA_FILE` needs no signature
/// of an authority: only its name, its dates and its use must fit. That is what `openssl req -x509` makes: self-signed, and said
/// to be an authority's, which nothing but an authority's certificate may be.
#[derive(Debug)]
pub struct Verifier {
    roots: RootCertStore,
    named: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Why the provider's certificate is not accepted. The text is for the log and for `doorward check`.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateFault {
    /// Which certificate, and what is wrong with it.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Verifier {
    /// Trusts `roots`, and those very certificates that are `named`.
    pub fn new(
        roots: RootCertStore,
        named: Vec<CertificateDer<'static>>,
        provider: &CryptoProvider,
    ) -> Self {
        Verifier {
            roots,
            named,
            algorithms: provider.signature_verification_algorithms,
        }
    }

    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let signed_by = |roots: &RootCertStore, intermediates: &[CertificateDer<'_>]| {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                roots,
                intermediates,
                now,
                algorithms,
            )
        };
        match self.named.iter().any(|named| named == certificate) {
            // Nobody signs it. That is found only after its dates and its use were found to fit.
            true => match signed_by(&RootCertStore::empty(), &[]) {
                Err(cause) if is_authority(&cause) || is_unknown(&cause) => (),
                signed => signed?,
            },
            false => signed_by(&self.roots, intermediates)?,
        }
        verify_server_name(&parsed, name)
    }
}

/// Whether `certificate` is an authority's (CA:TRUE), whose key signs others. One of version 1 can't say; as it is never
/// taken for a server's, an authority's is what it is good for.
///
/// # Errors
/// It is no certificate.
pub fn may_sign_others(certificate: &CertificateDer<'_>) -> Result<bool, webpki::Error> {
    let parsed = match webpki::EndEntityCert::try_from(certificate) {
        Err(webpki::Error::UnsupportedCertVersion) => return Ok(true),
        parsed => parsed?,
    };
    // As a server's, which an authority's must not be.
    let fault_at = |time| {
        let usage = webpki::KeyUsage::server_auth();
        let verified = parsed.verify_for_usage(&[], &[], &[], time, usage, None, None);
        verified.err()
    };
    // The dates come first: so at a time when it is valid.
    let fault = match fault_at(UnixTime::since_unix_epoch(Duration::ZERO)) {
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => fault_at(not_before),
        fault => fault,
    };
    Ok(fault == Some(webpki::Error::CaUsedAsEndEntity))
}

/// Whether the only fault is that a certificate is said to be an authority's.
fn is_authority(cause: &Error) -> bool {
    match cause {
        Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => {
            matches!(cause.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// Whether the only fault is that no authority that is trusted signed it.
fn is_unknown(cause: &Error) -> bool {
    *cause == Error::InvalidCertificate(CertificateError::UnknownIssuer)
}

impl CertificateFault {
    /// What is wrong, if `cause` is about a certificate.
    pub fn of(cause: &Error) -> Option<&Self> {
        match cause {
            Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => {
                cause.downcast_ref()
            }
            _ => None,
        }
    }

    fn new(certificate: &CertificateDer<'_>, name: &ServerName<'_>, cause: &Error) -> Self {
        let how_to_make_one = how_to_make_one(name);
        let (what, fix) = match cause {
            cause if is_unknown(cause) || is_authority(cause) => {
                unsigned(certificate, cause, &how_to_make_one)
            }
            Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }) => (
                format!("is not valid for {}", name.to_str()),
                format!("have it made for that name, or correct OIDC_ISSUER ({how_to_make_one})"),
            ),
            Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => (
                format!("expired on {}", day(*not_after)),
                "have it renewed (in OIDC_CA_FILE too, if it is there), or set the clock here"
                    .to_owned(),
            ),
            Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before, ..
            }) => (
                format!("is valid only from {} on", day(*not_before)),
                "set the clock here, or have it made anew".to_owned(),
            ),
            Error::InvalidCertificate(cause) => (
                format!("can't be used: {cause}"),
                format!("have it made anew ({how_to_make_one})"),
            ),
            cause => (
                format!("can't be used: {cause}"),
                "ask the provider's operator".to_owned(),
            ),
        };
        CertificateFault {
            what: format!("its certificate {} {what}", identity(certificate)),
            fix,
        }
    }
}

/// How a certificate is made that every TLS client accepts.
fn how_to_make_one(name: &ServerName<'_>) -> String {
    let host = name.to_str();
    let kind = match name {
        ServerName::IpAddress(_) => "IP",
        _ => "DNS",
    };
    format!(
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 825 -subj \
         /CN={host} -addext subjectAltName={kind}:{host} -addext \
         basicConstraints=critical,CA:FALSE"
    )
}

fn unsigned(
    certificate: &CertificateDer<'_>,
    cause: &Error,
    how_to_make_one: &str,
) -> (String, String) {
    let is_self_signed =
        webpki::EndEntityCert::try_from(certificate).is_ok_and(|it| it.issuer() == it.subject());
    let authority = if is_authority(cause) {
        " with CA:TRUE"
    } else {
        ""
    };
    match (is_self_signed, is_authority(cause)) {
        (true, _) => (
            format!("is self-signed{authority}, and not one of those in OIDC_CA_FILE"),
            format!(
                "put it there to the letter, if that is its fingerprint at the provider; or have \
                 an authority sign one, or make one with CA:FALSE ({how_to_make_one})"
            ),
        ),
        (false, true) => (
            "is an authority's own (CA:TRUE), and not one of those in OIDC_CA_FILE".to_owned(),
            "have the authority sign one for servers (CA:FALSE), or put this very one into \
             OIDC_CA_FILE"
                .to_owned(),
        ),
        (false, false) => (
            "is signed by an authority that is not trusted here".to_owned(),
            "name that authority's certificate (CA:TRUE) in OIDC_CA_FILE".to_owned(),
        ),
    }
}

/// Its names, and its fingerprint as `openssl x509 -noout -fingerprint -sha256` prints it.
fn identity(certificate: &CertificateDer<'_>) -> String {
    let sha256 = digest(&SHA256, certificate);
    let bytes: Vec<String> = sha256
        .as_ref()
        .iter()
        .map(|it| format!("{it:02X}"))
        .collect();
    let names = match names(certificate) {
        names if names.is_empty() => "for no name (without subjectAltName)".to_owned(),
        names => format!("for {names}"),
    };
    format!("{names} (SHA-256 {})", bytes.join(":"))
}

/// They are the provider's words: escaped, and cut.
fn names(certificate: &CertificateDer<'_>) -> String {
    let nobody = ServerName::try_from("name.invalid").expect("it is a name");
    let presented = match webpki::EndEntityCert::try_from(certificate)
        .and_then(|it| it.verify_is_valid_for_subject_name(&nobody))
    {
        Err(webpki::Error::CertNotValidForName(context)) => context.presented,
        _ => Vec::new(),
    };
    // Such as `DnsName("op.example")`.
    let bare = presented.iter().map(|name| {
        let name = name.split_once('(').map_or(name.as_str(), |(_, name)| name);
        name.trim_end_matches(')').trim_matches('"')
    });
    let names: String = bare.collect::<Vec<_>>().join(", ");
    names.escape_debug().take(200).collect()
}

fn day(time: UnixTime) -> String {
    let date = i64::try_from(time.as_secs())
        .ok()
        .and_then(|secs| OffsetDateTime::from_unix_timestamp(secs).ok());
    let form = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    date.and_then(|date| date.format(form).ok())
        .unwrap_or_else(|| "a date that can't be told".to_owned())
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for CertificateFault {}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.verify(end_entity, intermediates, server_name, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(cause) => {
                let fault = CertificateFault::new(end_entity, server_name, &cause);
                let fault = CertificateError::Other(OtherError(Arc::new(fault)));
                Err(Error::InvalidCertificate(fault))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

//! What is wrong with a certificate of the provider, and how to fix it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, OtherError};
use time::OffsetDateTime;
use time::macros::format_description;

/// Why the provider's certificate is not accepted. The text is for the log and for `doorward check`.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateFault {
    /// Which certificate, and what is wrong with it.
    pub what: String,
    /// How to fix it.
    pub fix: String,
}

/// Whether the only fault is that a certificate is marked as an authority's (CA:TRUE).
pub fn is_authority(cause: &Error) -> bool {
    match cause {
        Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => {
            matches!(cause.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// Whether the only fault is that no trusted authority signed it.
pub fn is_unknown(cause: &Error) -> bool {
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

    /// Explains why `certificate`, which a server called `name` sent, is rejected with `cause`.
    pub fn new(certificate: &CertificateDer<'_>, name: &ServerName<'_>, cause: &Error) -> Self {
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
                "replace it (in OIDC_CA_FILE too, if it is there), or set the clock of this host"
                    .to_owned(),
            ),
            Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before, ..
            }) => (
                format!("is valid only from {} on", day(*not_before)),
                "set the clock of this host, or have a new one made".to_owned(),
            ),
            Error::InvalidCertificate(cause) => (
                format!("can't be used: {cause}"),
                format!("have a new one made ({how_to_make_one})"),
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

/// How to make a certificate that every TLS client accepts.
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
                "add it there, if the provider confirms its fingerprint; or have \
                 an authority sign one, or make one with CA:FALSE ({how_to_make_one})"
            ),
        ),
        (false, true) => (
            "is an authority's own (CA:TRUE), and not one of those in OIDC_CA_FILE".to_owned(),
            "have the authority sign one for servers (CA:FALSE), or add this one to \
             OIDC_CA_FILE"
                .to_owned(),
        ),
        (false, false) => (
            "is signed by an authority that is not trusted".to_owned(),
            "add that authority's certificate (CA:TRUE) to OIDC_CA_FILE".to_owned(),
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

/// The names in the certificate, escaped and cut, since the server chooses them.
fn names(certificate: &CertificateDer<'_>) -> String {
    let no_name = ServerName::try_from("name.invalid").expect("it is a name");
    let presented = match webpki::EndEntityCert::try_from(certificate)
        .and_then(|it| it.verify_is_valid_for_subject_name(&no_name))
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
        .unwrap_or_else(|| "an unknown date".to_owned())
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for CertificateFault {}

//! Whether the provider's TLS certificate is accepted.

use std::sync::Arc;
use std::time::Duration;

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

use crate::oidc::http::certificate_fault::{CertificateFault, is_authority, is_unknown};

/// Verifies by the trust roots. A certificate that is byte for byte one of `OIDC_CA_FILE` needs no authority's signature:
/// only its name, its dates and its usage must match. `openssl req -x509` makes such a certificate: self-signed and marked
/// CA:TRUE, which a server's otherwise must not be.
#[derive(Debug)]
pub struct Verifier {
    roots: RootCertStore,
    named: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Trusts `roots`, and the certificates `named` themselves.
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
            // No known authority signed it. That is checked only after its dates and its usage.
            true => match signed_by(&RootCertStore::empty(), &[]) {
                Err(cause) if is_authority(&cause) || is_unknown(&cause) => (),
                signed => signed?,
            },
            false => signed_by(&self.roots, intermediates)?,
        }
        verify_server_name(&parsed, name)
    }
}

/// Whether `certificate` is an authority's (CA:TRUE), whose key signs others. A certificate of version 1 does not say; it
/// counts as an authority's, since it is never accepted as a server's.
///
/// # Errors
/// It is no certificate.
pub fn may_sign_others(certificate: &CertificateDer<'_>) -> Result<bool, webpki::Error> {
    let parsed = match webpki::EndEntityCert::try_from(certificate) {
        Err(webpki::Error::UnsupportedCertVersion) => return Ok(true),
        parsed => parsed?,
    };
    // Verified as a server's, which an authority's must not be.
    let fault_at = |time| {
        let usage = webpki::KeyUsage::server_auth();
        let verified = parsed.verify_for_usage(&[], &[], &[], time, usage, None, None);
        verified.err()
    };
    // The dates are checked first, so verify at a time when it is valid.
    let fault = match fault_at(UnixTime::since_unix_epoch(Duration::ZERO)) {
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => fault_at(not_before),
        fault => fault,
    };
    Ok(fault == Some(webpki::Error::CaUsedAsEndEntity))
}

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

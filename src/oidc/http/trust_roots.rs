//! The certificate authorities, and the single certificates, that Doorward trusts for the provider.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::oidc::http::certificate::{Verifier, may_sign_others};

/// Trusts the system's roots, the authorities in `extra_roots` (PEM, `OIDC_CA_FILE`), and each certificate in `extra_roots`
/// itself. Negotiates only HTTP/1.1.
///
/// # Errors
/// A sentence that says what is wrong with `extra_roots`.
pub fn tls_config(extra_roots: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let mut named = Vec::new();
    if let Some(pem) = extra_roots {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|cause| format!("it is not PEM: {cause}"))?;
        if certificates.is_empty() {
            return Err("it contains no certificate".to_owned());
        }
        let unusable = |cause: &dyn std::fmt::Display| {
            format!("it contains a certificate that can't be used: {cause}")
        };
        for certificate in certificates {
            // A server's own certificate is trusted for that server only: its key must not sign others.
            if may_sign_others(&certificate).map_err(|cause| unusable(&cause))? {
                let added = roots.add(certificate.clone());
                added.map_err(|cause| unusable(&cause))?;
            }
            named.push(certificate);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new(roots, named, &provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("aws-lc offers TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
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
    fn a_file_without_a_certificate_is_no_trust_root() {
        assert!(tls_config(Some(b"hello")).is_err());
    }

    #[test]
    fn a_private_certificate_authority_is_trusted() {
        let authority = rcgen::generate_simple_self_signed(["op.example".to_owned()]).unwrap();
        let pem = authority.cert.pem();
        assert!(tls_config(Some(pem.as_bytes())).is_ok());
        assert_eq!(count_roots(Some(pem.as_bytes())).1, 1);
        assert_eq!(count_roots(None).1, 0);
    }
}

//! Doorward's own TLS, for who has no proxy in front: a certificate that can be replaced at any time.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::server::watched_files::{Files, Watched};

/// `TLS_CERT_FILE` and `TLS_KEY_FILE`, and what they hold. Clones share it.
#[derive(Clone)]
pub struct Certificate {
    files: Files,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them, without any of their content.
    pub fn read(cert_file: PathBuf, key_file: PathBuf) -> Result<Self, String> {
        let files = Files::as_they_are(vec![cert_file.clone(), key_file.clone()]);
        let read = |path: &PathBuf| {
            let bytes = std::fs::read(path);
            bytes.map_err(|cause| format!("{} can't be read ({cause})", path.display()))
        };
        let pair = parse(&read(&cert_file)?, &read(&key_file)?)?;
        Ok(Certificate {
            files,
            current: Arc::new(Current(ArcSwap::from_pointee(pair))),
        })
    }

    /// TLS 1.2 and 1.3 with whatever certificate is current at each handshake, for HTTP/1.1 alone: who insists on
    /// another version is refused in the handshake (RFC 7301, 3.2).
    pub fn server_config(&self) -> ServerConfig {
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .expect("aws-lc offers TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(self.current.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }

    /// Has the files read again when they change.
    pub fn watched(&self) -> Watched {
        let current = self.current.clone();
        let files = self.files.clone();
        Watched::new("TLS_CERT_FILE or TLS_KEY_FILE", files, move |contents| {
            let pair = parse(&contents[0], &contents[1])?;
            current.0.store(Arc::new(pair));
            Ok(())
        })
    }
}

/// A chain and its key, both PEM; they must belong together.
fn parse(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|_| "the certificate is not PEM".to_owned())?;
    if chain.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| "there is no private key in PEM in it".to_owned())?;
    let crypto = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, key, &crypto)
        .map_err(|cause| format!("the certificate and the key can't be used together ({cause})"))
}

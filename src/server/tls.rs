//! Doorward's own TLS, for deployments without a proxy: a certificate that can be replaced while it serves.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::server::watched_files::{Files, Watched};
use crate::settings::{TlsFiles, tls_pair};

/// `TLS_CERT_FILE` and `TLS_KEY_FILE`, and their current content. Clones share it.
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
    /// What the settings hold.
    pub fn new(files: TlsFiles) -> Self {
        Certificate {
            files: Files::of(&[files.cert, files.key]),
            current: Arc::new(Current(ArcSwap::from_pointee(files.pair))),
        }
    }

    /// TLS 1.2 and 1.3 with the certificate that is current at each handshake, for HTTP/1.1 only: a client that insists
    /// on another version is rejected in the handshake (RFC 7301, 3.2).
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

    /// The files, to be watched for changes.
    pub fn watched(&self) -> Watched {
        let current = self.current.clone();
        let files = self.files.clone();
        Watched::new("TLS_CERT_FILE or TLS_KEY_FILE", files, move |contents| {
            let pair = tls_pair(&contents[0], &contents[1])?;
            current.0.store(Arc::new(pair));
            Ok(())
        })
    }
}

//! Requests `/healthz` of a Doorward on this machine, for a container's health check without curl.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};

use crate::http::paths::HEALTHZ;
use crate::settings::{ListenAddr, Scheme};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks at `addr`.
///
/// # Errors
/// A sentence: nothing answers, or what answers is not healthy.
pub fn check(addr: &ListenAddr, scheme: Scheme) -> Result<(), String> {
    match ask(addr, scheme) {
        Ok(status) if status.ends_with(b" 200") => Ok(()),
        Ok(_) => Err(format!("{addr} answers, but is not healthy")),
        Err(cause) => Err(format!("no Doorward answers at {addr}: {cause}")),
    }
}

fn ask(addr: &ListenAddr, scheme: Scheme) -> io::Result<[u8; 12]> {
    match addr {
        ListenAddr::Tcp(addr) => {
            let stream = TcpStream::connect_timeout(addr, TIMEOUT)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            match scheme {
                Scheme::Https => status(StreamOwned::new(tls()?, stream)),
                Scheme::Http => status(stream),
            }
        }
        ListenAddr::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            status(stream)
        }
    }
}

fn status(mut stream: impl Read + Write) -> io::Result<[u8; 12]> {
    let request = format!("GET {HEALTHZ} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(status)
}

fn tls() -> io::Result<ClientConnection> {
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(crypto.clone())
        .with_safe_default_protocol_versions()
        .expect("aws-lc offers TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(crypto)))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("localhost is a name");
    ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)
}

/// Accepts any certificate: it names the host that browsers use, not this address, and nothing secret is sent.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

//! Where Doorward listens and what it speaks there, how many connections it holds, and how it stops.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use secrecy::ExposeSecret;

use super::source::{FileContent, Source};
use super::values;
use crate::duration;

const CERT_FILE: &str = "/etc/doorward/tls/tls.crt";
const KEY_FILE: &str = "/etc/doorward/tls/tls.key";

/// So many fit 256 MiB, the limit of `deploy/kubernetes.yaml`, whatever strangers send: a connection
/// takes 192 KiB at most (128 KiB of headers that do not end, which is where the framework gives up,
/// the buffers, TLS), all of them 188 MiB; the process itself takes 30 MiB, and 4096 cached
/// sessions of some 6 KiB take 24 MiB.
const DEFAULT_MAX_CONNECTIONS: usize = 1000;

/// The slowest sign-in asks the provider two or three times, ten seconds at most each time, and
/// container managers kill after thirty.
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// Where Doorward listens and how it stops.
pub struct Listening {
    /// `LISTEN_ADDR`.
    pub addr: ListenAddr,
    /// `METRICS_ADDR`: where `/metrics`, `/healthz` and `/readyz` are answered, and nothing else is.
    pub metrics_addr: Option<SocketAddr>,
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE`: what Doorward itself speaks TLS with.
    pub tls: Option<TlsFiles>,
    /// `MAX_CONNECTIONS`: more wait until one of them is idle or ends.
    pub max_connections: usize,
    /// `SHUTDOWN_DELAY`: how long we go on accepting when asked to stop.
    pub shutdown_delay: Duration,
    /// `SHUTDOWN_TIMEOUT`: how long requests under way then have.
    pub shutdown_timeout: Duration,
}

/// An address to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// An address and a port.
    Tcp(SocketAddr),
    /// `unix:` and the path of a socket.
    Unix(PathBuf),
}

impl FromStr for ListenAddr {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(ListenAddr::Unix(path.into())),
            _ => text
                .parse()
                .map(ListenAddr::Tcp)
                .map_err(|_| "is neither an IP address with a port nor unix: and an absolute path"),
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddr::Tcp(addr) => addr.fmt(f),
            ListenAddr::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Whether Doorward speaks TLS itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// HTTP.
    Http,
}

/// A certificate's chain and its key, which belong together.
pub struct TlsFiles {
    /// `TLS_CERT_FILE`.
    pub cert: FileContent,
    /// `TLS_KEY_FILE`.
    pub key: FileContent,
    /// What they hold.
    pub pair: CertifiedKey,
}

impl Listening {
    /// The variables of this file.
    pub fn read(source: &mut Source<'_>) -> Listening {
        let addr = listen_addr(source);
        let tls = tls(source, &addr);
        let max_connections = source.optional("MAX_CONNECTIONS", "1000", values::positive);
        let shutdown_delay = source.optional("SHUTDOWN_DELAY", "5s", duration::parse_or_zero);
        let shutdown_timeout = source.optional("SHUTDOWN_TIMEOUT", "25s", duration::parse);
        Listening {
            addr,
            metrics_addr: source.optional("METRICS_ADDR", "127.0.0.1:9464", values::socket_addr),
            tls,
            max_connections: max_connections.unwrap_or(DEFAULT_MAX_CONNECTIONS),
            shutdown_delay: shutdown_delay.unwrap_or_default(),
            shutdown_timeout: shutdown_timeout.unwrap_or(DEFAULT_SHUTDOWN_TIMEOUT),
        }
    }
}

/// `LISTEN_ADDR`.
pub fn listen_addr(source: &mut Source<'_>) -> ListenAddr {
    source
        .optional("LISTEN_ADDR", "0.0.0.0:8080", |text| {
            text.parse().map_err(str::to_owned)
        })
        .unwrap_or_else(|| ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080))))
}

/// Whether there is a `TLS_CERT_FILE`, for those who need not read it.
pub fn scheme(source: &mut Source<'_>) -> Scheme {
    match source.optional("TLS_CERT_FILE", CERT_FILE, values::text) {
        Some(_) => Scheme::Https,
        None => Scheme::Http,
    }
}

/// Both files or neither; they must belong together.
fn tls(source: &mut Source<'_>, listen_addr: &ListenAddr) -> Option<TlsFiles> {
    let cert_file = source.optional("TLS_CERT_FILE", CERT_FILE, values::text);
    let key_file = source.optional("TLS_KEY_FILE", KEY_FILE, values::text);
    match (cert_file, key_file, listen_addr) {
        (Some(_), _, ListenAddr::Unix(_)) => {
            let fault = "is set, but LISTEN_ADDR is a Unix socket, which does not speak TLS";
            source.complain("TLS_CERT_FILE", fault, CERT_FILE);
        }
        (Some(cert_file), Some(key_file), _) => {
            match tls_files(source, cert_file.as_ref(), key_file.as_ref()) {
                Ok(files) => return Some(files),
                Err(fault) => {
                    let fault = format!("or TLS_KEY_FILE can't be used: {fault}");
                    source.complain("TLS_CERT_FILE", fault, CERT_FILE);
                }
            }
        }
        (Some(_), None, _) => source.complain("TLS_KEY_FILE", "is missing", KEY_FILE),
        (None, Some(_), _) => source.complain("TLS_CERT_FILE", "is missing", CERT_FILE),
        (None, None, _) => (),
    }
    None
}

fn tls_files(source: &Source<'_>, cert_file: &Path, key_file: &Path) -> Result<TlsFiles, String> {
    let read = |path: &Path| {
        let file = source.file(path);
        file.map_err(|cause| format!("{} can't be read ({cause})", path.display()))
    };
    let (cert, key) = (read(cert_file)?, read(key_file)?);
    let pair = tls_pair(cert.bytes.expose_secret(), key.bytes.expose_secret())?;
    Ok(TlsFiles { cert, key, pair })
}

/// A chain and its key, both PEM; they must belong together.
///
/// # Errors
/// What is wrong with them, without any of their content.
pub fn tls_pair(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_tcp_or_a_unix_socket() {
        for text in ["127.0.0.1:8080", "[::1]:80", "unix:/run/doorward/socket"] {
            assert_eq!(text.parse::<ListenAddr>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "8080",
            "localhost:80",
            "unix:",
            "unix:socket",
            "/run/socket",
        ] {
            assert!(wrong.parse::<ListenAddr>().is_err(), "{wrong}");
        }
    }
}

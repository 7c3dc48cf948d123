//! Where Doorward listens, and what it speaks there.

use std::net::SocketAddr;

use super::source::Source;
use super::values::text;
use crate::server::bind::ListenAddr;
use crate::server::healthcheck::Speaks;
use crate::server::tls::Certificate;

const CERT_FILE: &str = "/etc/doorward/tls/tls.crt";
const KEY_FILE: &str = "/etc/doorward/tls/tls.key";

/// `LISTEN_ADDR`.
pub fn listen_addr(source: &mut Source<'_>) -> ListenAddr {
    source
        .optional("LISTEN_ADDR", "0.0.0.0:8080", |text| {
            text.parse().map_err(str::to_owned)
        })
        .unwrap_or_else(|| ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080))))
}

/// Both files or neither; they must belong together.
pub fn certificate(source: &mut Source<'_>, listen_addr: &ListenAddr) -> Option<Certificate> {
    let cert_file = source.optional("TLS_CERT_FILE", CERT_FILE, text);
    let key_file = source.optional("TLS_KEY_FILE", KEY_FILE, text);
    match (cert_file, key_file, listen_addr) {
        (Some(_), _, ListenAddr::Unix(_)) => {
            let fault = "is set, but LISTEN_ADDR is a Unix socket, where nobody speaks TLS";
            source.complain("TLS_CERT_FILE", fault, CERT_FILE);
        }
        (Some(cert_file), Some(key_file), _) => {
            match Certificate::read(cert_file.into(), key_file.into()) {
                Ok(certificate) => return Some(certificate),
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

/// Whether there is a `TLS_CERT_FILE`, for who need not read it.
pub fn speaks(source: &mut Source<'_>) -> Speaks {
    match source.optional("TLS_CERT_FILE", CERT_FILE, text) {
        Some(_) => Speaks::Tls,
        None => Speaks::Plain,
    }
}

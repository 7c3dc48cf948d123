//! How a connection to the provider is made: directly or through a proxy, in plain text or over TLS.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_tls::connect::{ConnectError, ConnectInfo, Connection as Connected};
use actix_web::dev::{Service, always_ready};
use actix_web::rt::net::TcpStream;
use awc::http::Uri;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::oidc::http::connection::{Connection, Stream};
use crate::oidc::http::exchange;
use crate::oidc::http::names;
use crate::oidc::http::proxy::{Proxy, Upstream};
use crate::oidc::http::request::USER_AGENT;

/// The limit for connecting, and again for the TLS handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest head of a proxy's response, in bytes.
const PROXY_HEAD_LIMIT: usize = 16 * 1024;

/// Makes connections of one kind.
#[derive(Clone)]
pub struct Connect {
    tls: Option<TlsConnector>,
    proxy: Arc<Proxy>,
}

impl Connect {
    /// Connections without TLS.
    pub fn plain(proxy: Arc<Proxy>) -> Self {
        Connect { tls: None, proxy }
    }

    /// Connections over TLS. The HTTP client does not know of it and speaks plain HTTP on them.
    pub fn tls(tls: Arc<ClientConfig>, proxy: Arc<Proxy>) -> Self {
        Connect {
            tls: Some(tls.into()),
            proxy,
        }
    }

    async fn connect(self, host: &str, port: u16) -> io::Result<Connection> {
        let connecting = async {
            match self.proxy.route(host, port) {
                None => connect(host, port).await,
                Some(upstream) => tunnel(upstream, host, port).await,
            }
        };
        let stream = timeout(CONNECT_TIMEOUT, connecting).await;
        let stream = stream.unwrap_or_else(|_| Err(too_late("connection")))?;
        // Requests are written whole.
        stream.set_nodelay(true)?;
        let Some(tls) = self.tls else {
            return Ok(Connection::new(Stream::Plain(stream)));
        };
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|cause| io::Error::new(ErrorKind::InvalidInput, cause))?;
        let stream = timeout(CONNECT_TIMEOUT, tls.connect(name, stream)).await;
        let stream = stream.unwrap_or_else(|_| Err(too_late("TLS handshake")))?;
        Ok(Connection::new(Stream::Tls(Box::new(stream))))
    }
}

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    TcpStream::connect(names::addresses(host, port).await?.as_slice()).await
}

fn too_late(what: &str) -> io::Error {
    let secs = CONNECT_TIMEOUT.as_secs();
    io::Error::new(ErrorKind::TimedOut, format!("no {what} within {secs} s"))
}

/// Asks the proxy to connect to the host (`CONNECT`, RFC 9110, 9.3.6). The proxy resolves the name too.
async fn tunnel(upstream: &Upstream, host: &str, port: u16) -> io::Result<TcpStream> {
    let failed = |cause: &dyn std::fmt::Display| {
        io::Error::other(format!("the proxy {upstream} (HTTPS_PROXY): {cause}"))
    };
    let stream = connect(&upstream.host, upstream.port).await;
    let mut stream = stream.map_err(|cause| failed(&cause))?;
    let host = match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    let mut request =
        format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\n");
    if let Some(authorization) = &upstream.authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(authorization.expose_secret());
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let response = async {
        stream.write_all(request.as_bytes()).await?;
        proxy_status(&mut stream).await
    };
    match response.await.map_err(|cause| failed(&cause))? {
        200..=299 => Ok(stream),
        // 407 is the standard's; tinyproxy responds with 401 to a wrong password.
        status @ (401 | 407) => Err(failed(&format!(
            "it requires a user and a password (status {status}): http://user:password@host:port"
        ))),
        status => Err(failed(&format!(
            "it responds with status {status} for {host}"
        ))),
    }
}

/// The status of the proxy's response. After a successful one, nothing may follow its head before we send something.
async fn proxy_status(stream: &mut TcpStream) -> io::Result<u16> {
    let mut received = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&received);
        let parsed = parsed.map_err(|cause| io::Error::other(format!("not HTTP: {cause}")))?;
        match (parsed, response.code) {
            (httparse::Status::Complete(length), Some(100..=199)) => {
                received.drain(..length);
                continue;
            }
            (httparse::Status::Complete(length), Some(code)) => {
                // The body of an error may follow.
                let is_clean = length == received.len() || !(200..=299).contains(&code);
                return match is_clean {
                    true => Ok(code),
                    false => Err(io::Error::other("it sent data after its response")),
                };
            }
            _ if received.len() > PROXY_HEAD_LIMIT => {
                return Err(io::Error::other("its response is too long"));
            }
            _ => (),
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::Error::other("it closed the connection"));
        }
    }
}

impl Service<ConnectInfo<Uri>> for Connect {
    type Response = Connected<Uri, Connection>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>>>>;

    always_ready!();

    fn call(&self, info: ConnectInfo<Uri>) -> Self::Future {
        let connect = self.clone();
        Box::pin(async move {
            exchange::connects();
            let host = info.hostname().trim_start_matches('[');
            let host = host.trim_end_matches(']');
            let connection = connect.connect(host, info.port()).await;
            let connection = connection.map_err(ConnectError::Io)?;
            Ok(Connected::new(info.request().clone(), connection))
        })
    }
}

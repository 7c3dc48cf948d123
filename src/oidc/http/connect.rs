//! How a connection to the provider is made: directly or through a proxy, in the clear or by TLS.

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
use crate::oidc::http::proxy::{Proxy, Upstream};
use crate::oidc::http::request::USER_AGENT;

/// How long it may take to connect, and as long again for the handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The head of a proxy's answer may have so many bytes.
const PROXY_HEAD_LIMIT: usize = 16 * 1024;

/// Makes connections of one kind.
#[derive(Clone)]
pub struct Connect {
    tls: Option<TlsConnector>,
    proxy: Arc<Proxy>,
}

impl Connect {
    /// Connections in the clear.
    pub fn plain(proxy: Arc<Proxy>) -> Self {
        Connect { tls: None, proxy }
    }

    /// Connections by TLS, whatever the scheme that the HTTP client is told.
    pub fn tls(tls: Arc<ClientConfig>, proxy: Arc<Proxy>) -> Self {
        Connect {
            tls: Some(tls.into()),
            proxy,
        }
    }

    async fn connect(self, host: &str, port: u16) -> io::Result<Connection> {
        let connecting = async {
            match self.proxy.route(host, port) {
                None => TcpStream::connect((host, port)).await,
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

fn too_late(what: &str) -> io::Error {
    let secs = CONNECT_TIMEOUT.as_secs();
    io::Error::new(ErrorKind::TimedOut, format!("no {what} within {secs} s"))
}

/// Has the proxy connect to the host (`CONNECT`, RFC 9110, 9.3.6). It resolves the name too.
async fn tunnel(upstream: &Upstream, host: &str, port: u16) -> io::Result<TcpStream> {
    let failed = |cause: &dyn std::fmt::Display| {
        io::Error::other(format!("the proxy {upstream} (HTTPS_PROXY): {cause}"))
    };
    let stream = TcpStream::connect((upstream.host.as_str(), upstream.port)).await;
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
    let answer = async {
        stream.write_all(request.as_bytes()).await?;
        proxy_status(&mut stream).await
    };
    match answer.await.map_err(|cause| failed(&cause))? {
        200..=299 => Ok(stream),
        // The second is what a proxy should say; tinyproxy says the first of a wrong password.
        status @ (401 | 407) => Err(failed(&format!(
            "it wants a user and a password (status {status}): http://user:password@host:port"
        ))),
        status => Err(failed(&format!(
            "it answers with status {status} for {host}"
        ))),
    }
}

/// The status of the proxy's answer. Nothing may come after its head before we have said something.
async fn proxy_status(stream: &mut TcpStream) -> io::Result<u16> {
    let mut received = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&received);
        let parsed = parsed.map_err(|cause| io::Error::other(format!("no HTTP: {cause}")))?;
        match (parsed, response.code) {
            (httparse::Status::Complete(length), Some(100..=199)) => {
                received.drain(..length);
                continue;
            }
            (httparse::Status::Complete(length), Some(code)) => {
                // What follows a refusal is its page.
                let is_clean = length == received.len() || !(200..=299).contains(&code);
                return match is_clean {
                    true => Ok(code),
                    false => Err(io::Error::other("it said more than was asked for")),
                };
            }
            _ if received.len() > PROXY_HEAD_LIMIT => {
                return Err(io::Error::other("its answer is too long"));
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
            let host = info.hostname().trim_start_matches('[');
            let host = host.trim_end_matches(']');
            let connection = connect.connect(host, info.port()).await;
            let connection = connection.map_err(ConnectError::Io)?;
            Ok(Connected::new(info.request().clone(), connection))
        })
    }
}

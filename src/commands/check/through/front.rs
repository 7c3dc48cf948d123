//! The operator's proxy, and requests to it that no HTTP client would send.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use url::{Position, Url};

use crate::oidc::CertificateFault;

/// How long each step of an exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head of a response that is read.
const HEAD_LIMIT: u64 = 64 << 10;

/// A proxy before an app.
pub struct Front {
    url: Url,
    tls: Arc<ClientConfig>,
}

/// Why there is no response.
pub enum NoResponse {
    /// The proxy closed the connection instead, as some do with what they reject.
    Closed(String),
    /// It can't be reached, or says nothing in time.
    Failed(String),
}

impl NoResponse {
    /// The reason, for people.
    pub fn why(self) -> String {
        match self {
            NoResponse::Closed(why) | NoResponse::Failed(why) => why,
        }
    }

    fn of(cause: &std::io::Error) -> NoResponse {
        let tls = cause.get_ref().and_then(|cause| cause.downcast_ref());
        let why = match tls.and_then(CertificateFault::of) {
            // The error itself would print its parts as Rust does.
            Some(CertificateFault { what, .. }) => format!("no response: {what}"),
            None => format!("no response: {cause}"),
        };
        match cause.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
                NoResponse::Closed(why)
            }
            _ => NoResponse::Failed(why),
        }
    }
}

/// The head of a response.
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
}

impl Front {
    /// The proxy at `url`, which is http or https.
    pub fn new(url: Url, tls: Arc<ClientConfig>) -> Front {
        Front { url, tls }
    }

    /// As `Host` has it.
    pub fn host(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// Scheme and host.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Whether it speaks TLS.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Path and query with one more parameter.
    pub fn target(&self, parameter: &str) -> String {
        let target = &self.url[Position::BeforePath..Position::AfterQuery];
        let mark = if self.url.query().is_some() { '&' } else { '?' };
        format!("{target}{mark}{parameter}")
    }

    /// Sends a request as it is, on a connection of its own.
    ///
    /// # Errors
    /// Why there is no response.
    pub fn send(&self, request: &[u8]) -> Result<Answer, NoResponse> {
        let stream = self.connect().map_err(NoResponse::Failed)?;
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(PATIENCE)).map_err(|cause| NoResponse::of(&cause))?;
        }
        if !self.is_https() {
            return exchange(stream, request);
        }
        let name = self.url.host_str().unwrap_or_default();
        let name = ServerName::try_from(name.trim_matches(['[', ']']).to_owned());
        let name =
            name.map_err(|_| NoResponse::Failed("its host can't be in a certificate".to_owned()))?;
        let connection = ClientConnection::new(self.tls.clone(), name);
        let connection = connection.map_err(|cause| NoResponse::Failed(cause.to_string()))?;
        exchange(StreamOwned::new(connection, stream), request)
    }

    fn connect(&self) -> Result<TcpStream, String> {
        let mut last = "its host has no address".to_owned();
        for addr in self.addrs()? {
            match TcpStream::connect_timeout(&addr, PATIENCE) {
                Ok(stream) => return Ok(stream),
                Err(cause) => last = format!("can't connect to {addr}: {cause}"),
            }
        }
        Err(last)
    }

    fn addrs(&self) -> Result<Vec<SocketAddr>, String> {
        let port = self.url.port_or_known_default().unwrap_or_default();
        let name = self.url.host_str().unwrap_or_default();
        // Always this machine (RFC 6761, 6.3), as browsers have it, though many resolvers don't.
        if name.ends_with(".localhost") {
            return Ok(vec![(IpAddr::from(Ipv4Addr::LOCALHOST), port).into()]);
        }
        let addrs = (name.trim_matches(['[', ']']), port).to_socket_addrs();
        addrs
            .map(Iterator::collect)
            .map_err(|cause| format!("can't resolve {name}: {cause}"))
    }
}

/// A response may come before the whole request is written, and then the rest can't be.
fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Result<Answer, NoResponse> {
    let written = stream.write_all(request).and_then(|()| stream.flush());
    let mut head = Vec::new();
    let mut part = [0; 4096];
    let read = loop {
        match stream.read(&mut part) {
            Ok(0) => break Ok(()),
            Ok(count) => head.extend_from_slice(&part[..count]),
            Err(cause) => break Err(cause),
        }
        if head.windows(4).any(|end| end == b"\r\n\r\n") || head.len() as u64 > HEAD_LIMIT {
            break Ok(());
        }
    };
    Answer::read(&head).ok_or_else(|| match written.and(read) {
        Err(cause) => NoResponse::of(&cause),
        Ok(()) if head.is_empty() => {
            NoResponse::Closed("the connection was closed without a response".to_owned())
        }
        Ok(()) => NoResponse::Failed("the response is not HTTP".to_owned()),
    })
}

impl Answer {
    fn read(head: &[u8]) -> Option<Answer> {
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut response = httparse::Response::new(&mut headers);
        let status = response.parse(head).ok()?;
        let status = status.is_complete().then_some(response.code?)?;
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = response
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), text(header.value)));
        Some(Answer {
            status,
            headers: headers.collect(),
        })
    }

    /// The values of the header with this name, which is in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(it, _)| it == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The first value of this header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(it, _)| it == name)
            .map_or("", |(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What `send` says about a proxy that reads a request and responds so.
    fn sent_to(response: &'static [u8]) -> Result<Answer, NoResponse> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let proxy = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(response).unwrap();
        });
        let sent = front(&url).send(b"GET / HTTP/1.1\r\n\r\n");
        proxy.join().unwrap();
        sent
    }

    fn front(url: &str) -> Front {
        let tls = crate::oidc::tls_config(None).unwrap();
        Front::new(url.parse().unwrap(), tls)
    }

    #[test]
    fn only_a_proxy_that_closes_the_connection_rejects_the_request() {
        assert!(matches!(sent_to(b""), Err(NoResponse::Closed(_))));
        assert!(matches!(
            sent_to(b"what?\r\n\r\n"),
            Err(NoResponse::Failed(_))
        ));
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", nobody.local_addr().unwrap());
        drop(nobody);
        let sent = front(&url).send(b"GET / HTTP/1.1\r\n\r\n");
        assert!(matches!(sent, Err(NoResponse::Failed(_))));
    }
}

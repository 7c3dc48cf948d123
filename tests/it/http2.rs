//! No connection speaks HTTP/2, however it is asked to: neither browsers' to Doorward, nor Doorward's to a provider.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::listening::{connect_for, is_answered, with_tls};
use crate::support::TestApp;
use crate::support::process::PATIENCE;
use crate::support::raw::raw;
use crate::tls::{Authority, HOST, behind_tls};

/// The preface and an empty SETTINGS frame (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// RFC 7540, 3.2.
const UPGRADE: &[u8] =
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n\
    Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n";

/// The beginning of the response to `request`, or nothing if the connection ends.
fn answer(stream: &mut (impl Read + Write), request: &[u8]) -> String {
    let mut answer = [0; 512];
    let len = stream
        .write_all(request)
        .and_then(|()| stream.read(&mut answer))
        .unwrap_or_default();
    String::from_utf8_lossy(&answer[..len]).into_owned()
}

/// No frame came: the preface is no request, and the connection changes to no other protocol.
fn speaks_http_1_alone<S: Read + Write>(connect: impl Fn() -> S) {
    let to_preface = answer(&mut connect(), PREFACE);
    assert!(
        to_preface.is_empty() || to_preface.starts_with("HTTP/1.1 400"),
        "{to_preface:?}"
    );
    let to_upgrade = answer(&mut connect(), UPGRADE);
    assert!(to_upgrade.starts_with("HTTP/1.1 200"), "{to_upgrade:?}");
}

#[test]
fn over_tls_http_1_1_alone_is_spoken() {
    let (_doorward, addr, _folder, certificate) = with_tls();
    let (h2, http1): (&[u8], &[u8]) = (b"h2", b"http/1.1");
    for (offered, chosen) in [
        (&[h2, http1][..], Some(http1)),
        (&[http1, h2], Some(http1)),
        (&[http1], Some(http1)),
        (&[], None),
    ] {
        let connect = || connect_for(addr, &certificate, offered).unwrap();
        let mut stream = connect();
        assert_eq!(stream.conn.alpn_protocol(), chosen, "{offered:?}");
        assert!(is_answered(&mut stream));
        speaks_http_1_alone(connect);
    }
    for offered in [&[h2][..], &[b"h2c"], &[b"h3", h2], &[b"http/1.0"]] {
        let refused = connect_for(addr, &certificate, offered);
        assert!(refused.is_err(), "{offered:?}");
    }
}

#[actix_web::test]
async fn in_plain_text_http_1_1_alone_is_spoken() {
    let app = TestApp::spawn();
    let port = url::Url::parse(&app.url).unwrap().port().unwrap();
    speaks_http_1_alone(|| {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    });
    assert!(raw(&app, b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 400"));
}

/// What a client offered in each handshake.
#[derive(Debug)]
struct Offers {
    inner: Arc<dyn ResolvesServerCert>,
    seen: Arc<Mutex<Vec<Vec<Vec<u8>>>>>,
}

impl ResolvesServerCert for Offers {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let offered = hello.alpn().into_iter().flatten();
        let offered = offered.map(<[u8]>::to_vec).collect();
        self.seen.lock().unwrap().push(offered);
        self.inner.resolve(hello)
    }
}

#[actix_web::test]
async fn a_provider_that_prefers_http_2_is_asked_in_http_1_1() {
    let ours = Authority::new("Doorward test: ours");
    let seen = Arc::default();
    let mut config: ServerConfig = ours.certify(HOST, 2999);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.cert_resolver = Arc::new(Offers {
        inner: config.cert_resolver.clone(),
        seen: Arc::clone(&seen),
    });
    let (app, _front) = behind_tls(config, &[&ours]);
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
    let seen = seen.lock().unwrap();
    assert!(seen.len() >= 4);
    assert!(
        seen.iter()
            .all(|offered| *offered == [b"http/1.1".to_vec()]),
        "{seen:?}"
    );
}

//! A provider over https whose certificate a private authority issued: `OIDC_CA_FILE` opens the way to it, and to no
//! other.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempPath};

use crate::provider_responses::NOT_SET_UP;
use crate::support::provider::{Endpoint, Provider};
use crate::support::{Database, TestApp, log, visitor};

/// The host name of the issuer, as certificates name it.
pub const HOST: &str = "127.0.0.1";

/// A certificate authority that no system trusts.
pub struct Authority(pub CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for `host` and its key, good till the end of `last_year`.
    pub fn certify(&self, host: &str, last_year: i32) -> ServerConfig {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, host);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        server_config(certificate.der(), &key)
    }
}

/// What a server shows and proves.
pub fn server_config(certificate: &CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap()
}

/// A file for `OIDC_CA_FILE`, which goes when it is dropped.
pub struct CaFile(pub TempPath);

impl CaFile {
    pub fn of(authorities: &[&Authority]) -> CaFile {
        let pem: String = authorities.iter().map(|one| one.0.pem()).collect();
        CaFile::with(&pem)
    }

    pub fn with(pem: &str) -> CaFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(pem.as_bytes()).unwrap();
        CaFile(file.into_temp_path())
    }
}

/// TLS before a provider that speaks plain HTTP: one request a connection. It stops when it is dropped.
pub struct TlsTerminator {
    addr: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// The targets of the requests that came through.
    asked: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl TlsTerminator {
    fn start(listener: TcpListener, tls: ServerConfig, provider: u16) -> TlsTerminator {
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (tls, of_thread) = (Arc::new(tls), Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.stop.load(Ordering::SeqCst) {
                    break;
                }
                let (tls, shared) = (Arc::clone(&tls), Arc::clone(&of_thread));
                // A client that refuses the certificate ends the conversation: no fault of the terminator's.
                std::thread::spawn(move || stream.and_then(|it| pass(it, tls, provider, &shared)));
            }
        });
        TlsTerminator {
            addr,
            shared,
            thread: Some(thread),
        }
    }

    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for TlsTerminator {
    fn drop(&mut self) {
        visitor::leads_nowhere(self.addr.port());
        self.shared.stop.store(true, Ordering::SeqCst);
        // A connection wakes the thread up.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One request, handed on as it came but for `Connection: close`, and its answer.
fn pass(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    provider: u16,
    shared: &Shared,
) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let connection = ServerConnection::new(tls).map_err(io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, stream));
    let mut head = String::new();
    let mut length = 0;
    loop {
        let start = head.len();
        if client.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = head[start..].trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    shared.asked.lock().unwrap().push(target);

    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, provider))?;
    server.set_read_timeout(Some(Duration::from_secs(10)))?;
    let head = head.trim_end();
    write!(server, "{head}\r\nConnection: close\r\n\r\n")?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;

    let mut client = client.into_inner();
    client.write_all(&answer)?;
    client.conn.send_close_notify();
    client.flush()
}

/// The provider says that it lives at `issuer`; only people go to it directly, as their browsers trust what they will.
pub fn moves_to(provider: &Provider, issuer: &str) {
    let (plain, moved) = (provider.issuer(), issuer.to_owned());
    visitor::leads_to(issuer, &plain);
    provider.faults(|faults| {
        let issuer = moved.clone();
        faults.edit_claims = Some(Box::new(move |claims| claims["iss"] = json!(issuer)));
        faults.edit_discovery = Some(Box::new(move |document| {
            for value in document.as_object_mut().unwrap().values_mut() {
                if let Value::String(url) = value {
                    *url = url.replace(&plain, &moved);
                }
            }
        }));
    });
}

/// The app, and its provider behind a terminator with `certificate`; `trusted` goes into `OIDC_CA_FILE`.
pub fn behind_tls(certificate: ServerConfig, trusted: &[&Authority]) -> (TestApp, TlsTerminator) {
    let pem: String = trusted.iter().map(|one| one.0.pem()).collect();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    behind_tls_at(listener, HOST, certificate, &pem, &[])
}

/// The same with the terminator at `listener`, `host` in the issuer, and more variables.
pub fn behind_tls_at(
    listener: TcpListener,
    host: &str,
    certificate: ServerConfig,
    pem: &str,
    variables: &[(&str, &str)],
) -> (TestApp, TlsTerminator) {
    let issuer = format!("https://{host}:{}", listener.local_addr().unwrap().port());
    let file = (!pem.is_empty()).then(|| CaFile::with(pem));
    let path = file.as_ref().map_or("", |file| file.0.to_str().unwrap());
    let mut all = vec![("OIDC_ISSUER", issuer.as_str()), ("OIDC_CA_FILE", path)];
    all.extend(variables);
    let app = TestApp::spawn_with(Database::Sqlite, &all);
    moves_to(&app.provider, &issuer);
    let terminator = TlsTerminator::start(listener, certificate, app.provider.port());
    (app, terminator)
}

/// No request reaches the provider, and the log says that the certificate is the reason, and what is wrong with it.
pub async fn assert_refused((app, terminator): (TestApp, TlsTerminator), why: &str) {
    let ada = app.visitor();
    let answer = ada.get("/login").await;
    let (status, sentence) = NOT_SET_UP;
    assert_eq!(answer.refusal(), (status, sentence.to_owned()), "{why}");
    assert_eq!(terminator.asked(), Vec::<String>::new(), "{why}");
    assert_eq!(app.provider.request_count(Endpoint::Discovery), 0, "{why}");

    let lines = log::errors_of(&answer);
    let line = lines.first().expect("a line with the reference");
    let certificate = "discovery: the provider can't be trusted: its certificate for ";
    assert!(line.contains(certificate), "{line}");
    assert!(line.contains(why), "{line}");
}

const UNTRUSTED: &str = "is signed by an authority that is not trusted (add that authority's certificate (CA:TRUE) to OIDC_CA_FILE)";

/// Core 5.3.4 (a)
/// Core 16.2, 16.17
/// Discovery 7.1, 7.2
/// RFC 6749 10.9
/// RFC 6750 5.3 (a)
#[actix_web::test]
async fn a_private_authority_is_not_trusted_unasked() {
    let ours = Authority::new("Doorward test: ours");
    assert_refused(behind_tls(ours.certify(HOST, 2999), &[]), UNTRUSTED).await;
}

#[actix_web::test]
async fn another_private_authority_does_not_help() {
    let ours = Authority::new("Doorward test: ours");
    let theirs = Authority::new("Doorward test: theirs");
    let app = behind_tls(ours.certify(HOST, 2999), &[&theirs]);
    assert_refused(app, UNTRUSTED).await;
}

#[actix_web::test]
async fn with_the_authoritys_file_a_whole_sign_in_goes_over_tls() {
    let ours = Authority::new("Doorward test: ours");
    let theirs = Authority::new("Doorward test: theirs");
    for trusted in [&[&ours][..], &[&theirs, &ours]] {
        let (app, terminator) = behind_tls(ours.certify(HOST, 2999), trusted);
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        assert!(ada.is_signed_in().await);
        assert_eq!(app.storage().users(), 1);

        let asked = terminator.asked();
        for endpoint in [
            Endpoint::Discovery,
            Endpoint::Keys,
            Endpoint::Token,
            Endpoint::Userinfo,
        ] {
            let over_tls = asked.iter().filter(|target| *target == endpoint.path());
            assert_eq!(over_tls.count(), 1, "{endpoint:?} of {asked:?}");
            assert_eq!(app.provider.request_count(endpoint), 1, "{endpoint:?}");
        }
    }
}

/// Core 5.3.4 (a)
/// Core 16.2, 16.17
/// Discovery 7.1, 7.2
/// RFC 6749 10.9
/// RFC 6750 5.3 (a)
/// RFC 7009 5
/// IPSIE 3.1
#[actix_web::test]
async fn a_certificate_for_another_host_is_refused() {
    let ours = Authority::new("Doorward test: ours");
    for host in ["op.example", "localhost", "127.0.0.2"] {
        let app = behind_tls(ours.certify(host, 2999), &[&ours]);
        assert_refused(
            app,
            "is not valid for 127.0.0.1 (have it made for that name",
        )
        .await;
    }
}

/// Core 5.3.4 (a)
/// Core 16.2, 16.17
/// Discovery 7.1, 7.2
/// RFC 6749 10.9
/// RFC 6750 5.3 (a)
#[actix_web::test]
async fn an_expired_certificate_is_refused() {
    let ours = Authority::new("Doorward test: ours");
    let app = behind_tls(ours.certify(HOST, 2021), &[&ours]);
    assert_refused(app, "expired on 2021-12-31 00:00 UTC (replace it (in OIDC_CA_FILE too, if it is there), or set the clock of this host)").await;
}

#[actix_web::test]
async fn an_ipv6_address_will_do_for_a_host() {
    let ours = Authority::new("Doorward test: ours");
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let certificate = ours.certify("::1", 2999);
    let (app, terminator) = behind_tls_at(listener, "[::1]", certificate, &ours.0.pem(), &[]);
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
    assert_eq!(terminator.asked().len(), 4);
}

//! A provider that signed its certificate itself, as `openssl req -x509` does it: with `CA:TRUE`, which nothing but an
//! authority's certificate should be. It is accepted where that very certificate is in `OIDC_CA_FILE`.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::Arc;

use doorward::random;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::support::TestApp;
use crate::tls::{Authority, HOST, TlsTerminator, assert_refused, behind_tls_at, server_config};

/// Self-signed, and said to be an authority's.
struct Own {
    certificate: Certificate,
    key: KeyPair,
}

impl Own {
    fn new(host: &str, last_year: i32) -> Own {
        Own::of(KeyPair::generate().unwrap(), host, last_year)
    }

    fn of(key: KeyPair, host: &str, last_year: i32) -> Own {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, host);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        params.serial_number = Some(random::secret().as_bytes()[..8].to_vec().into());
        let certificate = params.self_signed(&key).unwrap();
        Own { certificate, key }
    }

    fn server_config(&self) -> ServerConfig {
        server_config(self.certificate.der(), &self.key)
    }
}

fn behind(certificate: ServerConfig, named: &str) -> (TestApp, TlsTerminator) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    behind_tls_at(listener, HOST, certificate, named, &[])
}

async fn assert_accepted((app, terminator): (TestApp, TlsTerminator)) {
    let ada = app.visitor();
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    assert_eq!(terminator.asked().len(), 4);
}

/// A certificate in PEM.
fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[actix_web::test]
async fn the_very_certificate_in_the_file_is_accepted() {
    let own = Own::new(HOST, 2999);
    let other = Own::new(HOST, 2999);
    let pem = own.certificate.pem();
    assert_accepted(behind(own.server_config(), &pem)).await;
    let both = other.certificate.pem() + &pem;
    assert_accepted(behind(own.server_config(), &both)).await;
}

/// Whoever signed it.
#[actix_web::test]
async fn a_servers_certificate_in_the_file_needs_no_authority() {
    let authority = Authority::new("Doorward test: not in the file");
    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, HOST);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority.0).unwrap();
    let config = server_config(certificate.der(), &key);
    assert_accepted(behind(config, &certificate.pem())).await;
}

/// Whoever has its key could otherwise sign for every host that the provider names, and after it expired too.
#[actix_web::test]
async fn a_servers_certificate_in_the_file_vouches_for_no_other() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "op");
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let named = CertifiedIssuer::self_signed(params, key).unwrap();
        let pem = named.pem();
        let config = server_config(named.der(), named.key());
        assert_accepted(behind(config, &pem)).await;
        let signed = Authority(named).certify(HOST, 2999);
        let unsigned = "is signed by an authority that is not trusted (";
        assert_refused(behind(signed, &pem), unsigned).await;
    }
}

/// Its name may be that of an authority that is in the file too.
#[actix_web::test]
async fn a_servers_certificate_in_the_file_may_have_an_authoritys_name() {
    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, HOST);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let pem = Own::new(HOST, 2999).certificate.pem() + &certificate.pem();
    let config = server_config(certificate.der(), &key);
    assert_accepted(behind(config, &pem)).await;
}

const NOT_NAMED: &str =
    "is self-signed with CA:TRUE, and not one of those in OIDC_CA_FILE (add it there";

#[actix_web::test]
async fn one_that_is_not_in_the_file_is_refused() {
    let (own, other) = (Own::new(HOST, 2999), Own::new(HOST, 2999));
    assert_refused(behind(own.server_config(), ""), NOT_NAMED).await;
    assert_refused(
        behind(own.server_config(), &other.certificate.pem()),
        NOT_NAMED,
    )
    .await;
}

/// Core 5.3.4 (a): a self-signed certificate must be the one in `OIDC_CA_FILE`, byte for byte
#[actix_web::test]
async fn one_byte_that_differs_is_refused() {
    let own = Own::new(HOST, 2999);
    let mut changed = own.certificate.der().to_vec();
    // The last one belongs to the signature, which is not checked in a trust root.
    *changed.last_mut().unwrap() ^= 1;
    assert_refused(behind(own.server_config(), &pem(&changed)), NOT_NAMED).await;
}

#[actix_web::test]
async fn another_certificate_of_the_same_key_is_refused() {
    let own = Own::new(HOST, 2999);
    let key = KeyPair::try_from(own.key.serialize_der()).unwrap();
    let again = Own::of(key, HOST, 2999);
    assert_refused(
        behind(again.server_config(), &own.certificate.pem()),
        NOT_NAMED,
    )
    .await;
}

#[actix_web::test]
async fn one_for_another_name_is_refused() {
    for host in ["op.example", "localhost", "127.0.0.2"] {
        let own = Own::new(host, 2999);
        let app = behind(own.server_config(), &own.certificate.pem());
        assert_refused(app, "is not valid for 127.0.0.1 (").await;
    }
}

#[actix_web::test]
async fn an_expired_one_is_refused() {
    let own = Own::new(HOST, 2021);
    let app = behind(own.server_config(), &own.certificate.pem());
    assert_refused(app, "expired on 2021-12-31 00:00 UTC (").await;
}

/// Anybody has the certificate; only the provider has its key.
///
/// Core 5.3.4 (a)
#[actix_web::test]
async fn who_has_the_certificate_and_not_its_key_is_refused() {
    #[derive(Debug)]
    struct Stolen(Arc<CertifiedKey>);
    impl ResolvesServerCert for Stolen {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(self.0.clone())
        }
    }
    let (own, thief) = (Own::new(HOST, 2999), KeyPair::generate().unwrap());
    let crypto = rustls::crypto::aws_lc_rs::default_provider();
    let key = PrivateKeyDer::try_from(thief.serialize_der()).unwrap();
    let key = crypto.key_provider.load_private_key(key).unwrap();
    let stolen = CertifiedKey::new(vec![own.certificate.der().clone()], key);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = ServerConfig::builder_with_provider(Arc::new(crypto.clone()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Stolen(Arc::new(stolen.clone()))));
        let (app, terminator) = behind(config, &own.certificate.pem());
        assert_eq!(app.visitor().get("/login").await.status, 502);
        assert_eq!(terminator.asked(), [""; 0]);
    }
}

/// A certificate by `openssl req` with `arguments`.
fn openssl(arguments: &str) -> (ServerConfig, String) {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("openssl")
        .args(arguments.split(' ').skip(1))
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let pem = std::fs::read_to_string(folder.path().join("cert.pem")).unwrap();
    let key = std::fs::read_to_string(folder.path().join("key.pem")).unwrap();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        );
    (config.unwrap(), pem)
}

/// One as people make it, and one as the log says how.
#[actix_web::test]
async fn what_openssl_makes_is_accepted() {
    const AS_PEOPLE_DO: &str = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 -subj \
                                /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1";
    let (certificate, pem) = openssl(AS_PEOPLE_DO);
    let (app, terminator) = behind(certificate, "");
    let page = app.visitor().get("/login").await;
    let line = crate::support::log::errors_of(&page).remove(0);
    assert!(line.contains(NOT_NAMED), "{line}");
    drop((app, terminator));
    let (certificate, again) = openssl(AS_PEOPLE_DO);
    assert_accepted(behind(certificate, &(again + &pem))).await;

    let (_, how) = line.split_once("(openssl").unwrap();
    let (how, _) = how.split_once(')').unwrap();
    let (certificate, pem) = openssl(&format!("openssl{how}"));
    let made = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    // Basic constraints that say no more than that it is no authority's: an empty sequence.
    let no_authority = [0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02, 0x30, 0x00];
    let count = made.windows(10).filter(|ten| *ten == no_authority).count();
    assert_eq!(count, 1, "{how}");
    assert_accepted(behind(certificate, &pem)).await;
}

//! A provider that can be reached only through a proxy: the real tinyproxy.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use crate::support::process::{PATIENCE, Process, free_addr};
use crate::support::{Database, TestApp, log, secrets};
use crate::tls::{Authority, TlsTerminator, behind_tls_at};

/// Not among the addresses that are this machine's by name, and yet it leads there (on Linux).
const HOST: &str = "0.0.0.0";

/// It takes no other characters.
const PASSWORD: &str = "passwordOfTheProxy4711";

struct Tinyproxy {
    addr: SocketAddr,
    process: Process,
}

impl Tinyproxy {
    fn start() -> Tinyproxy {
        let addr = free_addr();
        let configuration = format!(
            "Port {}\nListen {}\nTimeout 60\nLogLevel Connect\nMaxClients 50\nBasicAuth ada {PASSWORD}\n",
            addr.port(),
            addr.ip()
        );
        let process = Process::start_beside(
            "tinyproxy",
            &["-d", "-c", "tinyproxy.conf"],
            &[("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")],
            &[("tinyproxy.conf", &configuration)],
        );
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(addr).is_err() {
            assert!(Instant::now() < deadline, "{}", process.printed());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Tinyproxy { addr, process }
    }

    fn url(&self, password: &str) -> String {
        secrets::register("a proxy's password", password);
        let password = url::form_urlencoded::byte_serialize(password.as_bytes());
        format!("http://ada:{}@{}", password.collect::<String>(), self.addr)
    }
}

/// The app, and its provider at `HOST`.
fn app_with(variables: &[(&str, &str)]) -> (TestApp, TlsTerminator) {
    let ours = Authority::new("Doorward test: ours");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let certificate = ours.certify(HOST, 2999);
    behind_tls_at(listener, HOST, certificate, &ours.0.pem(), variables)
}

async fn assert_unreachable(app: &TestApp, why: &str) {
    let page = app.visitor().get("/login").await;
    assert_eq!(page.status, 502);
    let line = log::errors_of(&page).remove(0);
    assert!(line.contains(why), "{line}");
}

#[actix_web::test]
async fn a_whole_sign_in_goes_through_the_proxy() {
    let proxy = Tinyproxy::start();
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let (app, terminator) = app_with(&[(name, &proxy.url(PASSWORD))]);
        assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
        assert_eq!(terminator.asked().len(), 4);
        let issuer = url::Url::parse(&app.variables["OIDC_ISSUER"]).unwrap();
        let connect = format!("CONNECT {HOST}:{} HTTP/1.1", issuer.port().unwrap());
        proxy.process.says(&connect);
    }
}

#[actix_web::test]
async fn a_proxy_that_wants_to_know_who_we_are_is_told_apart_from_the_provider() {
    let proxy = Tinyproxy::start();
    let nameless = format!("http://{}", proxy.addr);
    let addr = proxy.addr;
    for url in [nameless, proxy.url("another password of nobody")] {
        let (app, terminator) = app_with(&[("HTTPS_PROXY", &url)]);
        let cause = format!(
            "discovery: the provider can't be reached: the proxy {addr} (HTTPS_PROXY): it requires a user and a password \
             (status 40"
        );
        assert_unreachable(&app, &cause).await;
        assert_eq!(terminator.asked(), [""; 0]);
    }
}

#[actix_web::test]
async fn a_proxy_that_is_down_is_told_apart_from_the_provider() {
    let addr = free_addr();
    let (app, terminator) = app_with(&[("HTTPS_PROXY", &addr.to_string())]);
    let cause = format!("the proxy {addr} (HTTPS_PROXY): Connection refused");
    assert_unreachable(&app, &cause).await;
    assert_eq!(terminator.asked(), [""; 0]);
}

#[actix_web::test]
async fn exceptions_are_asked_without_the_proxy() {
    let nobody = free_addr().to_string();
    for (name, value) in [("NO_PROXY", "op.example,0.0.0.0/8"), ("no_proxy", "*")] {
        let (app, terminator) = app_with(&[("HTTPS_PROXY", &nobody), (name, value)]);
        assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
        assert_eq!(terminator.asked().len(), 4);
    }
}

/// Plain http must not leave this machine, whatever the environment says.
#[actix_web::test]
async fn this_machine_is_asked_without_the_proxy() {
    let nobody = free_addr().to_string();
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    let variables = names.map(|name| (name, nobody.as_str()));
    let app = TestApp::spawn_with(Database::Sqlite, &variables);
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
}

//! Where Doorward can be knocked at: Unix sockets, sockets from systemd, and TLS of its own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward::random;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::graceful::Hesitant;
use crate::support::nginx::Nginx;
use crate::support::process::{DOORWARD, PATIENCE, Process, complete, free_addr, get};

/// A folder that goes with the test.
pub struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

fn healthcheck(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    Process::start(DOORWARD, &["healthcheck"], variables).ends()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: timed out");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn get_unix(path: &str, target: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn on_a_unix_socket_behind_nginx_the_proxy_says_for_whom_it_asks() {
    let folder = Folder::new();
    let socket = folder.path("socket");
    let listen_addr = format!("unix:{socket}");
    for (proxies, client) in [("unix", "127.0.0.1"), ("", "-")] {
        let variables = [
            ("LISTEN_ADDR", listen_addr.as_str()),
            ("TRUSTED_PROXIES", proxies),
        ];
        // The second one finds the socket that the first one left.
        let mut doorward = Process::doorward(free_addr(), &variables);
        doorward.says(&format!("listening at {listen_addr}"));
        wait_until("the socket", || get_unix(&socket, "/healthz").is_ok());
        let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert_eq!(healthcheck(&variables), (Some(0), String::new()));

        let nginx_addr = free_addr();
        let _nginx = Nginx::start(nginx_addr, std::slice::from_ref(&listen_addr));
        let path = format!("/{}", random::id());
        assert!(get(nginx_addr, &path).unwrap().starts_with("HTTP/1.1 404"));
        let printed = doorward.says(&format!("GET {path} 404"));
        assert!(
            printed.contains(&format!("{client} GET {path} 404")),
            "{printed}"
        );

        doorward.signal("TERM");
        assert_eq!(doorward.ends().0, Some(0));
        let (code, printed) = healthcheck(&variables);
        assert_eq!(code, Some(1));
        assert!(
            printed.contains(&format!("no Doorward answers at {listen_addr}")),
            "{printed}"
        );
    }
}

#[test]
fn a_unix_socket_where_somebody_answers_is_not_taken_away() {
    let folder = Folder::new();
    let socket = folder.path("socket");
    let other = UnixListener::bind(&socket).unwrap();
    let listen_addr = format!("unix:{socket}");
    let printed = Process::doorward(free_addr(), &[("LISTEN_ADDR", &listen_addr)]).gives_up();
    assert!(
        printed.contains(&format!(
            "can't listen at {listen_addr}: another process answers there"
        )),
        "{printed}"
    );
    drop(other);
    std::fs::remove_file(&socket).unwrap();
    std::fs::write(&socket, "precious").unwrap();
    let printed = Process::doorward(free_addr(), &[("LISTEN_ADDR", &listen_addr)]).gives_up();
    assert!(
        printed.contains("a file that is not a socket is there"),
        "{printed}"
    );
}

#[test]
fn systemd_keeps_the_socket_so_that_a_restart_refuses_nobody() {
    let socket = TcpListener::bind(free_addr()).unwrap();
    let addr = socket.local_addr().unwrap();
    // Were this address opened, it would fail: the one that is handed over comes first.
    let taken = TcpListener::bind(free_addr()).unwrap();
    let variables = complete(taken.local_addr().unwrap(), &[]);
    let start = || Process::socket_activated(socket.try_clone().unwrap().into(), &variables);

    let mut doorward = start();
    doorward.says(&format!("listening at {addr}; "));
    assert!(get(addr, "/healthz").unwrap().starts_with("HTTP/1.1 200"));
    doorward.signal("TERM");
    assert_eq!(doorward.ends().0, Some(0));
    // Nothing accepts on the socket, and this connection waits instead of being refused.
    let mut early = TcpStream::connect(addr).unwrap();
    early
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let _successor = start();
    early.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut status = [0; 12];
    early.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

#[test]
fn systemd_may_hand_a_unix_socket_over_too() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let socket = UnixListener::bind(&path).unwrap();
    let doorward = Process::socket_activated(socket.into(), &complete(free_addr(), &[]));
    doorward.says(&format!("listening at unix:{path}"));
    assert!(
        get_unix(&path, "/readyz")
            .unwrap()
            .ends_with("database: ok\n")
    );
    let listen_addr = format!("unix:{path}");
    assert_eq!(healthcheck(&[("LISTEN_ADDR", &listen_addr)]).0, Some(0));
}

/// A certificate that signed itself, for `localhost`, written where Doorward finds it.
fn certify(folder: &Folder) -> CertificateDer<'static> {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    replace(
        &folder.0.path().join("tls.key"),
        &pair.signing_key.serialize_pem(),
    );
    replace(&folder.0.path().join("tls.crt"), &pair.cert.pem());
    pair.cert.der().clone()
}

fn replace(path: &Path, content: &str) {
    let draft = path.with_extension("new");
    std::fs::write(&draft, content).unwrap();
    std::fs::rename(draft, path).unwrap();
}

/// A connection that trusts one certificate only; its handshake is done.
fn connect(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    connect_for(addr, trusted, &[])
}

/// For certain protocols.
pub fn connect_for(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocols: &[&[u8]],
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

pub fn is_answered(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> bool {
    let request = b"GET /assets/favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut answer = [0; 4096];
    stream.write_all(request).is_ok()
        && stream.read(&mut answer).is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

/// A Doorward that speaks TLS, where, with which files, and what to trust. Nothing hurries it when it stops.
pub fn with_tls() -> (Process, SocketAddr, Folder, CertificateDer<'static>) {
    with_tls_and(&[])
}

/// With more variables.
pub fn with_tls_and(
    more: &[(&str, &str)],
) -> (Process, SocketAddr, Folder, CertificateDer<'static>) {
    let folder = Folder::new();
    let certificate = certify(&folder);
    let addr = free_addr();
    let variables = [
        ("TLS_CERT_FILE", folder.path("tls.crt")),
        ("TLS_KEY_FILE", folder.path("tls.key")),
        ("SHUTDOWN_TIMEOUT", "5m".to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let doorward = Process::doorward(addr, &[&variables, more].concat());
    wait_until("TLS", || connect(addr, &certificate).is_ok());
    (doorward, addr, folder, certificate)
}

#[test]
fn a_browser_that_keeps_its_connection_does_not_keep_it_from_stopping() {
    let (mut doorward, addr, _folder, certificate) = with_tls();
    let mut browser = connect_for(addr, &certificate, &[b"http/1.1"]).unwrap();
    assert!(is_answered(&mut browser));
    doorward.signal("TERM");
    let (code, printed) = doorward.ends();
    assert_eq!(code, Some(0), "{printed}");
}

/// What was decrypted with the request before waits in the process: the socket says nothing more.
#[test]
fn what_is_sent_ahead_over_tls_is_answered_in_its_turn() {
    let (_doorward, addr, _folder, certificate) = with_tls();
    // Of a length that divides that of a read and of a record, so that a read ends with a request.
    let get = |path: &str, more: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}X-Padding: ");
        format!("{head:x<1020}\r\n\r\n")
    };
    // The second time, a record holds twice as much as is read at once.
    for count in [1, 15] {
        let paths = (1..=count).map(|nth| {
            if nth % 10 == 0 {
                "/nowhere"
            } else {
                "/healthz"
            }
        });
        let mut ahead: String = paths.clone().map(|path| get(path, "")).collect();
        ahead.push_str(&get("/nowhere", "Connection: close\r\n"));
        let mut stream = connect(addr, &certificate).unwrap();
        stream.write_all(ahead.as_bytes()).unwrap();
        let mut answers = Vec::new();
        // Whether or not the server says goodbye.
        let _ = stream.read_to_end(&mut answers);
        let answers = String::from_utf8(answers).unwrap();
        let statuses: Vec<_> = answers
            .split("HTTP/1.1 ")
            .skip(1)
            .map(|answer| &answer[..3])
            .collect();
        let expected: Vec<_> = paths
            .chain(["/nowhere"])
            .map(|path| if path == "/nowhere" { "404" } else { "200" })
            .collect();
        assert_eq!(statuses, expected);
    }
}

#[test]
fn plain_http_at_a_tls_port_harms_nobody() {
    let (_doorward, addr, _folder, certificate) = with_tls();
    let answer = get(addr, "/healthz").unwrap_or_default();
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    assert!(connect(addr, &certificate).is_ok_and(|mut stream| is_answered(&mut stream)));
}

#[test]
fn a_unix_socket_whose_file_is_deleted_is_bound_again() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let listen_addr = format!("unix:{path}");
    let socket = UnixListener::bind(folder.path("passed")).unwrap();
    let passed = Process::socket_activated(socket.into(), &complete(free_addr(), &[]));
    let own = Process::doorward(free_addr(), &[("LISTEN_ADDR", &listen_addr)]);
    for (mut doorward, path) in [(own, path), (passed, folder.path("passed"))] {
        wait_until("the socket", || get_unix(&path, "/healthz").is_ok());
        for round in 0..3 {
            match round {
                0 | 1 => std::fs::remove_file(&path).unwrap(),
                _ => drop(replaced_by_a_dead_socket(&path)),
            }
            wait_until("an answer", || get_unix(&path, "/readyz").is_ok());
        }
        let printed = doorward.says("was deleted or replaced; it is bound again");
        assert!(
            printed.contains(&format!("the socket unix:{path} was")),
            "{printed}"
        );
        doorward.signal("TERM");
        let (code, printed) = doorward.ends();
        assert_eq!(code, Some(0), "{printed}");
    }
}

fn replaced_by_a_dead_socket(path: &str) -> UnixListener {
    let other = format!("{path}.other");
    let listener = UnixListener::bind(&other).unwrap();
    std::fs::rename(other, path).unwrap();
    listener
}

/// Those that have said nothing, or stopped in their handshake, too.
#[test]
fn idle_tls_connections_keep_nobody_out() {
    let workers = std::thread::available_parallelism().unwrap().get();
    let cap = 4 * workers;
    let max_connections = cap.to_string();
    let variables = [("MAX_CONNECTIONS", max_connections.as_str())];
    let (_doorward, addr, _folder, certificate) = with_tls_and(&variables);
    let silent: Vec<_> = (0..2 * cap)
        .map(|_| TcpStream::connect(addr).unwrap())
        .collect();
    let mut kept: Vec<_> = (0..2 * cap)
        .map(|_| connect(addr, &certificate).unwrap())
        .collect();
    let began = Instant::now();
    let mut newest = connect(addr, &certificate).unwrap();
    assert!(is_answered(&mut newest));
    assert!(began.elapsed() < Duration::from_secs(4));
    let alive = kept
        .iter_mut()
        .filter_map(|it| is_answered(it).then_some(()));
    assert!((1..cap).contains(&alive.count()));
    drop(silent);
}

mod slow {
    use super::*;

    /// The server of the other sockets has nothing more to do, and does not end the process.
    #[test]
    fn a_request_on_a_socket_that_was_bound_again_is_finished_when_it_stops() {
        let folder = Folder::new();
        let path = folder.path("socket");
        let (provider, issuer) = Hesitant::new();
        let listen_addr = format!("unix:{path}");
        let variables = [
            ("LISTEN_ADDR", listen_addr.as_str()),
            ("OIDC_ISSUER", &issuer),
        ];
        let mut doorward = Process::doorward(free_addr(), &variables);
        wait_until("the socket", || get_unix(&path, "/healthz").is_ok());
        std::fs::remove_file(&path).unwrap();
        wait_until("another socket", || get_unix(&path, "/healthz").is_ok());
        let asking = std::thread::spawn(move || get_unix(&path, "/login"));
        let mut request = provider.is_asked();
        doorward.signal("TERM");
        doorward.says("no more requests are accepted");
        // The framework looks once a second whether a server has ended.
        std::thread::sleep(Duration::from_millis(2500));
        request
            .write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        let answer = asking.join().unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
        assert_eq!(doorward.ends().0, Some(0));
    }

    #[test]
    fn a_certificate_is_replaced_while_it_serves_and_a_bad_one_is_not_taken() {
        let folder = Folder::new();
        let first = certify(&folder);
        let addr = free_addr();
        let addr_text = addr.to_string();
        let files = [folder.path("tls.crt"), folder.path("tls.key")];
        let variables = [
            ("LISTEN_ADDR", addr_text.as_str()),
            ("TLS_CERT_FILE", &files[0]),
            ("TLS_KEY_FILE", &files[1]),
        ];
        let mut doorward = Process::doorward(addr, &variables);
        wait_until("TLS", || connect(addr, &first).is_ok());
        let mut kept = connect(addr, &first).unwrap();
        assert!(is_answered(&mut kept));
        assert_eq!(healthcheck(&variables), (Some(0), String::new()));

        let second = certify(&folder);
        wait_until("the second certificate", || connect(addr, &second).is_ok());
        assert!(
            connect(addr, &first).is_err(),
            "the first one is not shown any more"
        );
        assert!(connect(addr, &second).is_ok_and(|mut stream| is_answered(&mut stream)));

        replace(Path::new(&files[1]), "-----BEGIN NONSENSE-----");
        doorward.says("its last content stays in use");
        assert!(connect(addr, &second).is_ok());
        let third = certify(&folder);
        wait_until("the third certificate", || connect(addr, &third).is_ok());

        doorward.signal("TERM");
        let (code, printed) = doorward.ends();
        assert_eq!(code, Some(0), "{printed}");
        assert!(!printed.contains("PRIVATE"), "{printed}");
    }
}

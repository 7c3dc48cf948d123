//! A real proxy before Doorward, its gateway and an app, with the configuration that a document in `docs/proxies/` shows.

pub mod app;
mod caddy;
mod envoy;
mod haproxy;
mod nginx;
mod over_tls;
mod traefik;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

use app::App;

use crate::support::postgres::free_port;
use crate::support::process::{PATIENCE, RulesFile, free_addr, rules_file};
use crate::support::watchdog::Watchdog;
use crate::support::{Database, TestApp};

/// An app's host that has no domain in common with Doorward's.
pub const UNRELATED: &str = "wiki.test";

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// Debian's, 1.22.
    Nginx,
    /// 1.31.
    NginxCurrent,
    /// Debian's, 2.6.2.
    Caddy,
    /// 2.11.
    CaddyCurrent,
    /// Debian's, 2.6.
    Haproxy,
    /// 2.8.
    HaproxyCurrent,
    /// 3.7.
    Traefik,
    /// 1.40.
    Envoy,
}

/// How a proxy is started with the configuration that its document shows.
struct Setup {
    /// The files of its folder, by name.
    files: Vec<(&'static str, String)>,
    /// Starts it in that folder, as one process that stays where the watchdog finds it.
    script: String,
    /// What it responds while Doorward is away.
    status_without_doorward: u16,
}

impl Proxy {
    /// The program's name, for each of its versions.
    pub fn name(self) -> String {
        format!("{self:?}")
            .trim_end_matches("Current")
            .to_lowercase()
    }

    fn setup(self, front: SocketAddr) -> Setup {
        match self {
            Proxy::Nginx => nginx::debian(front),
            Proxy::NginxCurrent => nginx::current(front),
            Proxy::Caddy => caddy::debian(front),
            Proxy::CaddyCurrent => caddy::current(front),
            Proxy::Haproxy => haproxy::debian(front),
            Proxy::HaproxyCurrent => haproxy::current(front),
            Proxy::Traefik => traefik::setup(front),
            Proxy::Envoy => envoy::setup(front),
        }
    }
}

/// A program that `scripts/proxies` has fetched.
fn fetched(program: &str) -> String {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(target)
        .join(format!("proxies/{program}/{program}"));
    assert!(
        path.exists(),
        "{} is missing: please run scripts/proxies",
        path.display()
    );
    path.to_str().unwrap().to_owned()
}

/// What stands between the fences of a document that begin with this language.
fn documented(document: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let blocks = document.split(&begin).skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned());
    Vec::from_iter(blocks)
}

/// The only one of them.
fn only_documented(document: &str, language: &str) -> String {
    let [block] = <[String; 1]>::try_from(documented(document, language))
        .unwrap_or_else(|blocks| panic!("{} blocks of {language}", blocks.len()));
    block
}

/// What people call what is behind the proxy.
struct Site {
    public_url: String,
    rules: String,
}

/// At one port: `auth.localhost`, `wiki.localhost`, [`UNRELATED`], and what is open to
/// nobody but Grace, `metrics.localhost`.
pub struct Proxied {
    pub app: TestApp,
    pub port: u16,
    /// Where the proxy asks.
    pub gateway: SocketAddr,
    /// What the proxy responds while Doorward is away.
    pub status_without_doorward: u16,
    /// The app behind the proxy, if it is there.
    pub behind: Option<App>,
    running: Watchdog,
    _rules: RulesFile,
}

impl Proxied {
    pub fn start(proxy: Proxy) -> Proxied {
        let behind = App::start();
        let mut proxied = Proxied::start_edited(proxy, behind.addr, |text| text);
        proxied.behind = Some(behind);
        proxied.wait_until(|status| status == 200);
        proxied
    }

    /// With an app at `app_addr`, which need not be there, and with each file of the configuration as `edit` makes it.
    pub fn start_edited(
        proxy: Proxy,
        app_addr: SocketAddr,
        edit: impl Fn(String) -> String,
    ) -> Proxied {
        let site = |port| Site {
            public_url: format!("http://auth.localhost:{port}"),
            rules: format!(
                "[[rule]]\nname='open'\nhosts=['wiki.localhost:{port}']\npaths=['/public']\nallow='public'\n\
             [[rule]]\nname='admin'\nhosts=['wiki.localhost:{port}']\npaths=['/admin']\nallow='signed-in'\nmax_age='1h'\n\
             [[rule]]\nname='wiki'\nhosts=['wiki.localhost:{port}']\nallow='signed-in'\n\
             [[rule]]\nname='unrelated'\nhosts=['{UNRELATED}:{port}']\nallow='signed-in'\n\
             [[rule]]\nname='metrics'\nhosts=['metrics.localhost:{port}']\nemails=['grace@example.com']\n"
            ),
        };
        Proxied::start_site(proxy, app_addr, site, edit)
    }

    /// With these names.
    fn start_site(
        proxy: Proxy,
        app_addr: SocketAddr,
        site: impl Fn(u16) -> Site,
        edit: impl Fn(String) -> String,
    ) -> Proxied {
        // Where browsers find `*.localhost`.
        let front = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let gateway = free_addr();
        let port = front.port();
        let Site { public_url, rules } = site(port);
        let rules = rules_file(&rules);
        let app = TestApp::spawn_with(
            Database::Sqlite,
            &[
                ("PUBLIC_URL", &public_url),
                ("GATEWAY_ADDR", &gateway.to_string()),
                ("RULES_FILE", &rules.path),
                ("TRUSTED_PROXIES", "127.0.0.1"),
                ("SESSION_CACHE", "0"),
                ("GATEWAY_JWT", "true"),
            ],
        );
        let doorward = url::Url::parse(&app.url).unwrap().port().unwrap();
        let Setup {
            files,
            script,
            status_without_doorward,
        } = proxy.setup(front);
        let program = ["sh".as_ref(), "-c".as_ref(), script.as_ref()];
        let mut running = Watchdog::new("proxy", "TERM", None, &program);
        let addrs = [
            (9091, gateway),
            (8080, SocketAddr::from(([127, 0, 0, 1], doorward))),
            (3000, app_addr),
        ];
        for (name, mut text) in files {
            for (port, addr) in addrs {
                let envoys = |ip, port| format!("address: {ip}, port_value: {port}");
                let localhost = Ipv4Addr::LOCALHOST.into();
                text = text
                    .replace(&format!("{localhost}:{port}"), &addr.to_string())
                    .replace(&envoys(localhost, port), &envoys(addr.ip(), addr.port()));
            }
            let text = text.replace("auth.example.com", "auth.localhost");
            std::fs::write(running.folder().join(name), edit(text)).unwrap();
        }
        running.start("");
        let proxied = Proxied {
            app,
            port,
            gateway,
            status_without_doorward,
            behind: None,
            running,
            _rules: rules,
        };
        // Some listen before they have read all of their configuration.
        proxied.wait_until(|status| !matches!(status, 0 | 404));
        proxied
    }

    /// Waits until the proxy responds so at `/public`.
    fn wait_until(&self, is_ready: impl Fn(u16) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let is_there = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        while !is_there() || !is_ready(status(&self.get("/public", ""))) {
            assert!(
                self.is_running() && Instant::now() < deadline,
                "{}",
                self.running.output()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// What the proxy's access log has so far.
    pub fn access_log(&self) -> String {
        let file = std::fs::read_to_string(self.running.folder().join("access.log"));
        // HAProxy writes no file.
        file.unwrap_or_else(|_| self.running.output())
    }

    pub fn is_running(&self) -> bool {
        !self.running.ended()
    }

    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}.localhost:{}{path}", self.port)
    }

    /// What the proxy answers to these bytes; `HOST` in them is the wiki's.
    pub fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = request.replace("HOST", &format!("wiki.localhost:{}", self.port));
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn get(&self, path: &str, headers: &str) -> String {
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n{headers}\r\n"
        ))
    }
}

pub fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

pub const SPOOFED: &str = "Remote-User: eve\r\nRemote-Name: eve\r\nRemote-Email: eve\r\nRemote-Groups: admins\r\n\
                       X-Auth-Request-User: eve\r\nX-Auth-Request-Preferred-Username: eve\r\nX-Auth-Request-Email: eve\r\n\
                       X-Auth-Request-Groups: admins\r\nRemote_User: eve\r\nX_Auth_Request_User: eve\r\n\
                       Remote.Name: eve\r\nX.Auth.Request.Email: eve\r\nRemote!Email: eve\r\nX~Auth~Request~Groups: admins\r\n\
                       X-Auth+Request-User: eve\r\nX-Doorward-Jwt: eve\r\n\
                       X-Doorward-Jwt: eve\r\nX_Doorward_Jwt: eve\r\nX.Doorward~Jwt: eve\r\nX!Doorward-Jwt: eve\r\n\
                       Remote-User: eve\r\nremote-email: eve\r\nREMOTE-GROUPS: admins\r\nX-Auth-Request-Groups: admins\r\n\
                       Remote^User: eve\r\nRemote`Groups: admins\r\nX'Auth'Request'Email: eve\r\nX|Auth|Request|User: eve\r\n\
                       X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 10.0.0.1\r\n\
                       X-Original-URL: http://evil.test/public\r\nX-Original-Method: GET\r\n";

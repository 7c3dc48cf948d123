//! nginx with the configuration of `docs/proxies/nginx.md`, over http and at other ports.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::apps::APPS;

const DOCUMENT: &str = include_str!("../../docs/proxies/nginx.md");

/// Where the block of an app begins.
const AN_APP: &str = "# An app. Repeat this block for each.\n";

const NOT_FOUND: &str = "nginx is not installed, or not in the PATH. \
    On Debian: sudo apt-get install nginx, then make demo-gateway";

/// Reading its configuration takes it a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// nginx ends with the demo, however that ends: then there is nothing more to read. A terminal that is closed would only make
/// it read its configuration again.
const SCRIPT: &str =
    r#"exec 3<&0; nginx "$@" & nginx=$!; (read -r _ <&3; kill $nginx) & wait $nginx"#;

/// What nginx is in front of.
pub struct Upstreams {
    pub doorward: SocketAddr,
    pub gateway: SocketAddr,
    pub apps: [SocketAddr; 2],
}

/// It stops when this is dropped.
pub struct Nginx(Child);

impl Nginx {
    /// Keeps its files in `folder`, and returns when it listens at `port`.
    pub fn start(folder: &Path, port: u16, upstreams: &Upstreams) -> Result<Nginx, String> {
        let configuration = folder.join("nginx.conf");
        std::fs::write(&configuration, text(port, upstreams))
            .map_err(|cause| format!("{}: {cause}", configuration.display()))?;
        let mut command = Command::new("sh");
        command.args([
            "-c",
            SCRIPT,
            "nginx",
            "-e",
            "stderr",
            "-c",
            "nginx.conf",
            "-p",
        ]);
        let child = command
            .arg(format!("{}/", folder.display()))
            .stdin(Stdio::piped())
            .spawn();
        let mut nginx = Nginx(child.map_err(|cause| format!("nginx did not start: {cause}"))?);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let status = nginx.0.try_wait().ok().flatten();
            // What a shell says of a program that it does not find.
            if status.is_some_and(|status| status.code() == Some(127)) {
                return Err(NOT_FOUND.to_owned());
            }
            if status.is_some() || Instant::now() > deadline {
                return Err("nginx did not start; it says why above".to_owned());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Waits too, once there is nothing more to read.
        let _ = self.0.wait();
    }
}

/// The document's configuration, with its block for an app twice, and what it leaves to the reader.
fn text(port: u16, upstreams: &Upstreams) -> String {
    let documented = DOCUMENT
        .split_once("```nginx\n")
        .and_then(|(_, rest)| rest.split_once("```"));
    let (documented, _) = documented.expect("the document has the configuration");
    // First, since nginx itself may be at one of these.
    let documented = documented
        .replace("127.0.0.1:9091", &upstreams.gateway.to_string())
        .replace("127.0.0.1:8080", &upstreams.doorward.to_string());
    let (common, app) = documented
        .split_once(AN_APP)
        .expect("the document has the block of an app");
    let apps = APPS.iter().zip(upstreams.apps).map(|(of, addr)| {
        app.replace("wiki.example.com", &format!("{}.localhost", of.name))
            .replace("http://app;", &format!("http://{addr};"))
    });
    let servers: String = std::iter::once(common.to_owned()).chain(apps).collect();
    let servers = servers
        .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"))
        .replace("auth.example.com", "auth.localhost")
        .replace("$host$request_uri", &format!("$host:{port}$request_uri"));
    // The demo has no certificate and keeps no log.
    let lines = servers.lines();
    let servers: Vec<&str> = lines
        .filter(|line| !line.contains("ssl_cert") && !line.contains("access_log"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr warn;\nevents {{ worker_connections 512; }}\n\
         http {{\naccess_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n{}\n}}\n",
        servers.join("\n")
    )
}

//! A real nginx in front of several Doorwards, as `docs/operations.md` says it should be set up.

use std::net::SocketAddr;
use std::time::Instant;

use super::process::{PATIENCE, get};
use super::watchdog::Watchdog;

/// One process that stays where the watchdog finds it, with all that it writes in its folder.
const SCRIPT: &str = r#"mkdir -p temp && exec nginx -e stderr -p "$PWD/" -c nginx.conf"#;

pub struct Nginx {
    watchdog: Watchdog,
}

impl Nginx {
    /// `upstreams` as in nginx's `server` lines: an address, or `unix:` and a path.
    pub fn start(addr: SocketAddr, upstreams: &[String]) -> Nginx {
        Nginx::run(addr, &configuration(addr, upstreams))
    }

    /// With the default sizes of its buffers.
    pub fn with_default_buffers(addr: SocketAddr, upstreams: &[String]) -> Nginx {
        let configuration = configuration(addr, upstreams);
        let lines = configuration.lines();
        let lines: Vec<_> = lines.filter(|line| !line.contains("buffer")).collect();
        Nginx::run(addr, &lines.join("\n"))
    }

    fn run(addr: SocketAddr, configuration: &str) -> Nginx {
        let program = ["sh".as_ref(), "-c".as_ref(), SCRIPT.as_ref()];
        let mut watchdog = Watchdog::new("nginx", "QUIT", None, &program);
        let conf = watchdog.folder().join("nginx.conf");
        std::fs::write(conf, configuration).unwrap();
        watchdog.start("");
        let nginx = Nginx { watchdog };
        let deadline = Instant::now() + PATIENCE;
        while get(addr, "/nginx").is_none() {
            let ended = nginx.watchdog.ended() || Instant::now() > deadline;
            assert!(!ended, "nginx: {}", nginx.output());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        nginx
    }

    /// Its error log.
    pub fn output(&self) -> String {
        self.watchdog.output()
    }
}

/// `max_fails=0`: a Doorward that is away for a moment is asked again at the next request, not ten
/// seconds later, when the other one may be away. `non_idempotent`: a POST may be sent to the other
/// one too; none of ours does harm when it comes twice.
fn configuration(addr: SocketAddr, upstreams: &[String]) -> String {
    let servers: String = upstreams
        .iter()
        .map(|upstream| format!("server {upstream} max_fails=0;\n"))
        .collect();
    format!(
        "daemon off;
        master_process off;
        pid nginx.pid;
        error_log stderr warn;
        events {{ worker_connections 512; }}
        http {{
            access_log off;
            client_body_temp_path temp/body;
            proxy_temp_path temp/proxy;
            fastcgi_temp_path temp/fastcgi;
            uwsgi_temp_path temp/uwsgi;
            scgi_temp_path temp/scgi;
            upstream doorward {{
                {servers}
                keepalive 16;
            }}
            server {{
                listen {addr};
                large_client_header_buffers 4 32k;
                location = /nginx {{ return 204; }}
                location / {{
                    proxy_pass http://doorward;
                    proxy_http_version 1.1;
                    proxy_set_header Connection \"\";
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    proxy_set_header X-Request-Id $request_id;
                    proxy_set_header traceparent \"\";
                    proxy_connect_timeout 2s;
                    proxy_buffer_size 8k;
                    proxy_next_upstream error timeout non_idempotent;
                }}
            }}
        }}\n"
    )
}

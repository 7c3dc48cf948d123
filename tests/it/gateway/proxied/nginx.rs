//! nginx with the configuration of `docs/proxies/nginx.md`.

use std::net::SocketAddr;

use super::{Setup, fetched, only_documented};

pub fn debian(front: SocketAddr) -> Setup {
    setup("nginx", front, &format!(":{}", front.port()))
}

/// The one that `scripts/proxies` has fetched. It finds the port by itself, as the document says.
pub fn current(front: SocketAddr) -> Setup {
    setup(&fetched("nginx"), front, "$is_request_port$request_port")
}

fn setup(program: &str, front: SocketAddr, port: &str) -> Setup {
    Setup {
        files: vec![("conf", configuration(front, port))],
        script: format!(r#"mkdir -p temp && exec {program} -e stderr -p "$PWD/" -c conf"#),
        status_without_doorward: 500,
    }
}

/// Over http, at another port than 443, and with what a distribution's `nginx.conf` has around it.
fn configuration(front: SocketAddr, port: &str) -> String {
    let configuration = only_documented(include_str!("../../../../docs/proxies/nginx.md"), "nginx")
        .replace("listen 443 ssl;", &format!("listen {front};"))
        .replace("$host$request_uri", &format!("$host{port}$request_uri"))
        .replace("/var/log/nginx/access.log", "access.log")
        .replace(
            "wiki.example.com",
            "wiki.localhost metrics.localhost wiki.test",
        );
    let lines = configuration
        .lines()
        .filter(|line| !line.contains("ssl_certificate"));
    let configuration = lines.collect::<Vec<_>>().join("\n");
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr warn; events {{ worker_connections 512; }}\n\
         http {{ access_log off; client_max_body_size 200m; client_body_temp_path temp/body; proxy_temp_path temp/proxy; \
         fastcgi_temp_path temp/f; uwsgi_temp_path temp/u; scgi_temp_path temp/s;\n{configuration}\n}}"
    )
}

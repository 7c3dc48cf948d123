//! Caddy with the configuration of `docs/proxies/caddy.md`.

use std::net::SocketAddr;

use super::{Setup, fetched, only_documented};

pub fn debian(front: SocketAddr) -> Setup {
    setup("caddy", front)
}

/// The one that `scripts/proxies` has fetched.
pub fn current(front: SocketAddr) -> Setup {
    setup(&fetched("caddy"), front)
}

fn setup(program: &str, front: SocketAddr) -> Setup {
    Setup {
        files: vec![("conf", configuration(front))],
        script: format!(
            r#"HOME=$PWD XDG_DATA_HOME=$PWD exec {program} run --adapter caddyfile --config conf"#
        ),
        status_without_doorward: 502,
    }
}

/// Over http, at another port than 443.
fn configuration(front: SocketAddr) -> String {
    let port = front.port();
    let configuration = only_documented(
        include_str!("../../../../docs/proxies/caddy.md"),
        "caddyfile",
    )
    .replace("/var/log/caddy/access.log", "access.log")
    .replace(
        "https://wiki.example.com",
        &format!(
            "http://wiki.localhost:{port}, http://metrics.localhost:{port}, http://wiki.test:{port}"
        ),
    )
    .replace(
        "https://auth.example.com",
        &format!("http://auth.localhost:{port}"),
    );
    format!("{{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}}\n{configuration}")
}

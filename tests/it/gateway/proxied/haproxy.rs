//! HAProxy with the configuration of `docs/proxies/haproxy.md`.

use std::net::SocketAddr;

use super::{Setup, fetched, only_documented};

pub fn debian(front: SocketAddr) -> Setup {
    setup("haproxy", front)
}

fn setup(program: &str, front: SocketAddr) -> Setup {
    Setup {
        files: vec![("conf", configuration(front))],
        script: format!("exec {program} -db -f conf"),
        status_without_doorward: 503,
    }
}

/// The one that `scripts/proxies` has fetched, with the libraries that it brings.
pub fn current(front: SocketAddr) -> Setup {
    let program = fetched("haproxy");
    let setup = setup(&program, front);
    let folder = program.rsplit_once('/').unwrap().0;
    Setup {
        script: format!("export LD_LIBRARY_PATH={folder}/lib; {}", setup.script),
        ..setup
    }
}

/// Over http, at another port than 443.
fn configuration(front: SocketAddr) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy/doorward.lua");
    only_documented(
        include_str!("../../../../docs/proxies/haproxy.md"),
        "haproxy",
    )
    .replace("/etc/haproxy/doorward.lua", script)
    .replace("log /dev/log local0", "log stdout format raw local0")
    .replace(
        "bind :443 ssl crt /etc/haproxy/tls.pem alpn h2,http/1.1",
        &format!("bind {front}"),
    )
    .replace("X-Forwarded-Proto https", "X-Forwarded-Proto http")
    .replace(
        "-i auth.example.com",
        &format!("-i auth.localhost:{}", front.port()),
    )
}

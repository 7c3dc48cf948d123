//! Envoy with the configuration of `docs/proxies/envoy.md`.

use std::net::SocketAddr;

use super::{Setup, fetched, only_documented};

pub fn setup(front: SocketAddr) -> Setup {
    let program = fetched("envoy");
    Setup {
        files: vec![("envoy.yaml", configuration(front))],
        script: format!(
            "exec {program} -c envoy.yaml --concurrency 1 --use-dynamic-base-id --log-level warning --file-flush-interval-msec 50"
        ),
        status_without_doorward: 503,
    }
}

/// Over http, at another port than 443.
fn configuration(front: SocketAddr) -> String {
    let (ip, port) = (front.ip(), front.port());
    let configuration = only_documented(include_str!("../../../../docs/proxies/envoy.md"), "yaml");
    let (before, rest) = configuration.split_once("      transport_socket:").unwrap();
    let (_, after) = rest.split_once("  clusters:").unwrap();
    let apps = ["wiki.localhost", "metrics.localhost", super::UNRELATED];
    let apps = apps.map(|host| format!("{host}:{port}")).join(", ");
    format!("{before}  clusters:{after}")
        .replace(
            "address: 0.0.0.0, port_value: 443",
            &format!("address: {ip}, port_value: {port}"),
        )
        .replace("/var/log/envoy/access.log", "access.log")
        .replace("[auth.example.com]", &format!("[auth.localhost:{port}]"))
        .replace("[wiki.example.com]", &format!("[{apps}]"))
}

//! Traefik with the configuration of `docs/proxies/traefik.md`.

use std::net::SocketAddr;

use super::{Setup, documented, fetched};

pub fn setup(front: SocketAddr) -> Setup {
    let document = include_str!("../../../../docs/proxies/traefik.md");
    let [read_at_start, read_again] = &documented(document, "yaml")[..] else {
        panic!("two files");
    };
    // Over http, at another port than 443, and in its folder.
    let read_at_start = read_at_start
        .replace(r#"":443""#, &format!("{front}"))
        .replace("      tls: {}\n", "")
        .replace("/etc/traefik/doorward.yml", "doorward.yml")
        .replace("/var/log/traefik/access.log", "access.log");
    let read_again = read_again
        .split("\ntls:")
        .next()
        .expect("a split has a first part")
        .replace(
            "Host(`wiki.example.com`)",
            "Host(`wiki.localhost`) || Host(`metrics.localhost`) || Host(`wiki.test`)",
        );
    Setup {
        files: vec![
            (
                "traefik.yml",
                format!(
                    "global: {{checkNewVersion: false, sendAnonymousUsage: false}}\n{read_at_start}"
                ),
            ),
            ("doorward.yml", read_again),
        ],
        script: format!("exec {} --configfile=traefik.yml", fetched("traefik")),
        status_without_doorward: 500,
    }
}

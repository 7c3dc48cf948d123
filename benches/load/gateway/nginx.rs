//! nginx in front of the app, with and without the gateway.

use std::net::SocketAddr;

use super::app::{Gateway, HOST};
use crate::Bench;
use crate::process::Process;

const NGINX: &str = include_str!("../../../docs/proxies/nginx.md");

/// nginx as its document shows it, over http, in front of `gateway` and `app`.
pub fn guarding_nginx(
    bench: &Bench,
    gateway: &Gateway,
    app: SocketAddr,
    addr: SocketAddr,
) -> Process {
    let (_, rest) = NGINX.split_once("```nginx\n").expect("the document has it");
    let (documented, _) = rest.split_once("```").expect("it ends");
    let configuration = documented
        .replace("listen 443 ssl;", &format!("listen {addr};"))
        .replace(
            "$host$request_uri",
            &format!("$host:{}$request_uri", addr.port()),
        )
        .replace("wiki.example.com", HOST)
        .replace("127.0.0.1:9091", &gateway.addr.to_string())
        .replace("127.0.0.1:8080", &gateway.process.addr.to_string())
        .replace("127.0.0.1:3000", &app.to_string());
    let lines = configuration
        .lines()
        .filter(|line| !line.contains("ssl_certificate"));
    nginx(
        bench,
        "guarding",
        &lines.collect::<Vec<_>>().join("\n"),
        addr,
    )
}

/// nginx in front of `app` alone.
pub fn plain_nginx(bench: &Bench, app: SocketAddr, addr: SocketAddr) -> Process {
    let configuration = format!(
        "upstream app {{ server {app}; keepalive 16; }}
         server {{
            listen {addr};
            location / {{
                proxy_set_header Host $host;
                proxy_set_header X-Forwarded-Proto $scheme;
                proxy_set_header X-Forwarded-Host $host;
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_set_header Connection '';
                proxy_http_version 1.1;
                proxy_buffering off;
                proxy_pass http://app;
            }}
         }}"
    );
    nginx(bench, "plain", &configuration, addr)
}

fn nginx(bench: &Bench, name: &str, configuration: &str, addr: SocketAddr) -> Process {
    let folder = bench.folder.0.join(name);
    std::fs::create_dir(&folder).expect("it is our folder");
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr error; events {{ worker_connections 1024; }}
         http {{ access_log off; keepalive_requests 100000000; client_body_temp_path temp/body;
         proxy_temp_path temp/proxy; fastcgi_temp_path temp/f; uwsgi_temp_path temp/u; scgi_temp_path temp/s;
         {configuration}\n}}"
    );
    Process::nginx(&folder, &configuration, addr)
}

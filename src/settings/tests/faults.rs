//! What is wrong with a value is said in words.

use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;
use std::{io, thread};

use super::{Settings, complaints};

/// Core 3.1.2.1 (a)
/// Discovery 3 (b): The issuer is https without query and fragment (MUST)
/// RFC 6749 3.1.2
#[test]
fn each_fault_is_named() {
    for (variable, value, fault) in [
        (
            "OIDC_ISSUER",
            "okta",
            "is not a URL (relative URL without a base)",
        ),
        (
            "OIDC_ISSUER",
            "http://op.example",
            "must be https (plain http only on this machine)",
        ),
        (
            "OIDC_ISSUER",
            "https://op.example/?x",
            "has a query or a fragment; an issuer has neither",
        ),
        (
            "OIDC_ISSUER",
            "https://op.example;script-src",
            "has a host with other characters than letters, digits, - . _",
        ),
        (
            "UNIVERSAL_LOGOUT_ISSUER",
            "https://*.example.com",
            "has a host with other characters than letters, digits, - . _",
        ),
        (
            "HTTPS_PROXY",
            "socks5://ada:secret@proxy.example:1080",
            "must begin with http:// (a proxy that is asked by CONNECT)",
        ),
        (
            "no_proxy",
            "10.0.0.0/99",
            "has an entry that is no host, address or network: \"10.0.0.0/99\"",
        ),
        (
            "OIDC_ISSUER",
            "https://op.example/.well-known/openid-configuration",
            "is the address of the discovery document; the issuer is the part before /.well-known",
        ),
        (
            "OIDC_SCOPES",
            "email",
            "lacks openid, without which the provider identifies nobody",
        ),
        (
            "OIDC_REQUIRED_ACR",
            "phr \"quoted\"",
            "has other characters than visible ASCII without quotes and backslashes",
        ),
        (
            "OIDC_FRONTCHANNEL_LOGOUT",
            "on",
            "is neither true nor false",
        ),
        (
            "OIDC_FRONTCHANNEL_FRAMES",
            "https://a.example, https://*.example",
            "has an entry that is no origin such as https://login.example.com: \"https://*.example\"",
        ),
        (
            "OIDC_FRONTCHANNEL_FRAMES",
            "https://a.example;script-src",
            "has an entry that is no origin such as https://login.example.com: \"https://a.example;script-src\"",
        ),
        (
            "OIDC_FRONTCHANNEL_FRAMES",
            "https://a.example/x",
            "has an entry that is no origin such as https://login.example.com: \"https://a.example/x\"",
        ),
        (
            "OIDC_FRONTCHANNEL_FRAMES",
            "http://a.example",
            "has an entry that is no origin such as https://login.example.com: \"http://a.example\"",
        ),
        (
            "OIDC_MAX_AGE",
            "soon",
            "is not a number with a unit: s, m, h or d",
        ),
        (
            "STEP_UP_MAX_AGE",
            "1y",
            "is not a number with a unit: s, m, h or d",
        ),
        (
            "STEP_UP_MAX_AGE",
            "any",
            "is `any`, but STEP_UP_ACR is not set: a step-up would require nothing",
        ),
        (
            "OIDC_ID_TOKEN_ALGS",
            "HS256",
            "names an algorithm that is not supported; supported are asymmetric ones such as RS256 and ES256",
        ),
        (
            "PUBLIC_URL",
            "app.example.com",
            "is not a URL (relative URL without a base)",
        ),
        (
            "PUBLIC_URL",
            "ftp://app.example.com",
            "must begin with https:// (or http://)",
        ),
        (
            "PUBLIC_URL",
            "https://app.example.com/x?y",
            "has a query or a fragment; it must end with the host or a path",
        ),
        (
            "PUBLIC_URL",
            "https://app.example.com/x//y",
            "has a path with other characters than letters, digits, - . _ ~ and single slashes",
        ),
        (
            "PUBLIC_URL",
            "https://app.example.com/{x}",
            "has a path with other characters than letters, digits, - . _ ~ and single slashes",
        ),
        (
            "LISTEN_ADDR",
            "8080",
            "is neither an IP address with a port nor unix: and an absolute path",
        ),
        (
            "TRUSTED_PROXIES",
            "10.0.0.0/8 proxy.example",
            "has an entry that is not a network, an address or `unix`",
        ),
        (
            "CLIENT_ADDR_HEADER",
            "X-Real-IP",
            "is neither x-forwarded-for nor forwarded",
        ),
        ("RATE_LIMIT", "-1", "is not a whole number"),
        ("MAX_CONNECTIONS", "0", "is not a whole number above zero"),
        (
            "SHUTDOWN_DELAY",
            "5",
            "is not a number with a unit: s, m, h or d",
        ),
        ("SHUTDOWN_TIMEOUT", "0s", "must be greater than zero"),
        ("DATABASE_URL", "mysql://h/d", "its scheme is not postgres"),
        ("AUTO_MIGRATE", "maybe", "is neither true nor false"),
        ("SESSION_KEY", "short", "is not base64"),
        (
            "SESSION_KEY",
            "c2hvcnQ=",
            "has 5 bytes; it needs 64 or more",
        ),
        (
            "SESSION_IDLE_TIMEOUT",
            "8",
            "is not a number with a unit: s, m, h or d",
        ),
        ("TEMPLATES_DIR", "/no/such/directory", "is not a directory"),
        ("TEMPLATES_DIR", "/dev/null", "is not a directory"),
    ] {
        let expected = vec![(variable.to_owned(), fault.to_owned())];
        assert_eq!(
            complaints(&[(variable, value)]),
            expected,
            "{variable}={value}"
        );
    }
}

#[test]
fn a_pipe_is_no_directory_and_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let (sender, receiver) = mpsc::channel();
    let name = pipe.display().to_string();
    thread::spawn(move || sender.send(complaints(&[("TEMPLATES_DIR", &name)])));
    let complaints = receiver.recv_timeout(Duration::from_secs(10));
    let fault = ("TEMPLATES_DIR".to_owned(), "is not a directory".to_owned());
    assert_eq!(complaints.expect("the pipe is not opened"), [fault]);
}

/// Its files have known names.
#[test]
fn a_directory_need_not_be_listable() {
    let variable = |name: &str| match name {
        "OIDC_ISSUER" => Some("https://op.example".to_owned()),
        "TEMPLATES_DIR" => Some("/etc/doorward/templates".to_owned()),
        "OIDC_CLIENT_ID" | "OIDC_CLIENT_SECRET" => Some("x".to_owned()),
        _ => None,
    };
    let unlistable = |_: &std::path::Path| Err(io::ErrorKind::PermissionDenied.into());
    let settings = Settings::read(&variable, &unlistable).ok().unwrap();
    assert!(settings.templates_dir.is_some());
}

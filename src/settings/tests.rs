use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::*;

mod faults;
mod front_channel;

/// 64 bytes, all different.
const KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

fn read(variables: &[(&str, &str)]) -> Result<Settings, Vec<Complaint>> {
    let mut all = HashMap::from([
        ("OIDC_ISSUER", "https://op.example"),
        ("OIDC_CLIENT_ID", "id"),
        ("OIDC_CLIENT_SECRET", "secret"),
        ("SESSION_KEY", KEY),
    ]);
    all.extend(variables.iter().copied());
    Settings::read(
        &|name| all.get(name).map(|value| (*value).to_owned()),
        &|path| std::fs::read(path),
    )
}

fn complaints(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let complaints = read(variables).err().unwrap_or_default();
    complaints
        .into_iter()
        .map(|complaint| (complaint.variable, complaint.fault))
        .collect()
}

/// Logout 2 (d)
/// RFC 6749 3.1.2
#[test]
fn the_defaults_are_those_of_the_documentation() {
    let settings = read(&[]).ok().unwrap();
    assert_eq!(settings.public_url.url().as_str(), "http://localhost:8080/");
    assert_eq!(
        settings.provider.registration.post_logout_redirect_uri,
        "http://localhost:8080"
    );
    assert_eq!(
        settings.provider.registration.redirect_uri.as_str(),
        "http://localhost:8080/authorization-code/callback"
    );
    assert_eq!(
        settings.provider.registration.scopes,
        "openid email profile"
    );
    assert_eq!(settings.listening.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(
        settings.database.url,
        DatabaseUrl::Sqlite("doorward.db".into())
    );
    assert!(settings.database.auto_migrate);
    assert_eq!(settings.sessions.idle_timeout.as_secs(), 28800);
    assert_eq!(settings.sessions.absolute_timeout.as_secs(), 604_800);
    assert_eq!(settings.log_format, LogFormat::Text);
    assert_eq!(settings.listening.metrics_addr, None);
    assert_eq!(settings.database.audit_retention.as_secs(), 7_776_000);
}

#[test]
fn the_public_url_may_have_a_path_and_what_the_provider_knows_follows_it() {
    for (public_url, redirect_uri) in [
        (
            "https://app.example.com/a/b",
            "https://app.example.com/a/b/authorization-code/callback",
        ),
        (
            "https://app.example.com/a/",
            "https://app.example.com/a/authorization-code/callback",
        ),
        (
            "https://app.example.com/",
            "https://app.example.com/authorization-code/callback",
        ),
    ] {
        let registration = read(&[("PUBLIC_URL", public_url)])
            .ok()
            .unwrap()
            .provider
            .registration;
        assert_eq!(registration.redirect_uri.as_str(), redirect_uri);
        assert_eq!(
            registration.post_logout_redirect_uri, public_url,
            "must be identical"
        );
    }
}

#[test]
fn trusted_proxies_are_networks_addresses_and_unix_sockets() {
    let settings = read(&[("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1 2001:db8::/32")])
        .ok()
        .unwrap();
    let trusted = settings.trusted_proxies;
    for (ip, is_trusted) in [
        ("10.255.0.1", true),
        ("192.0.2.1", true),
        ("2001:db8::1", true),
        ("192.0.2.2", false),
        ("11.0.0.1", false),
        ("::1", false),
    ] {
        assert_eq!(trusted.contains(ip.parse().unwrap()), is_trusted, "{ip}");
    }
    assert!(!trusted.unix);
    assert!(
        read(&[("TRUSTED_PROXIES", "unix")])
            .ok()
            .unwrap()
            .trusted_proxies
            .unix
    );
    assert_eq!(
        read(&[]).ok().unwrap().trusted_proxies,
        TrustedProxies::default()
    );
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let complaints = Settings::read(&|_| None, &|path| std::fs::read(path))
        .err()
        .unwrap();
    let variables: Vec<_> = complaints.iter().map(|one| one.variable.as_str()).collect();
    assert_eq!(
        variables,
        ["OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"]
    );
}

#[test]
fn a_key_that_somebody_typed_is_refused() {
    let typed = STANDARD.encode([b'a'; 64]);
    let expected = vec![("SESSION_KEY".to_owned(), "is not random".to_owned())];
    assert_eq!(complaints(&[("SESSION_KEY", &typed)]), expected);
}

#[test]
fn there_is_no_built_in_key() {
    for variables in [
        [
            ("SESSION_KEY", ""),
            ("PUBLIC_URL", "https://app.example.com"),
        ],
        [("SESSION_KEY", ""), ("DATABASE_URL", "postgres://h/d")],
    ] {
        assert_eq!(complaints(&variables).len(), 1, "{variables:?}");
    }
}

#[test]
fn a_secret_can_come_from_a_file_and_not_from_both() {
    let path = std::env::temp_dir().join(format!("doorward-{}", crate::random::id()));
    std::fs::write(&path, "from the file\n").unwrap();
    let file = path.to_str().unwrap();
    let settings = read(&[
        ("OIDC_CLIENT_SECRET", ""),
        ("OIDC_CLIENT_SECRET_FILE", file),
    ]);
    let secret = settings.ok().unwrap().provider.registration.client_secret;
    assert_eq!(secret.expose_secret(), "from the file");
    let expected = vec![(
        "OIDC_CLIENT_SECRET".to_owned(),
        "and OIDC_CLIENT_SECRET_FILE are both set; keep one".to_owned(),
    )];
    assert_eq!(complaints(&[("OIDC_CLIENT_SECRET_FILE", file)]), expected);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn tls_wants_both_files_and_a_pair_that_fits() {
    let complaint = |name: &str, fault: &str| vec![(name.to_owned(), fault.to_owned())];
    assert_eq!(
        complaints(&[("TLS_CERT_FILE", "/cert.pem")]),
        complaint("TLS_KEY_FILE", "is missing")
    );
    assert_eq!(
        complaints(&[("TLS_KEY_FILE", "/key.pem")]),
        complaint("TLS_CERT_FILE", "is missing")
    );
    let on_unix = [
        ("TLS_CERT_FILE", "/cert.pem"),
        ("TLS_KEY_FILE", "/key.pem"),
        ("LISTEN_ADDR", "unix:/run/doorward.sock"),
    ];
    assert_eq!(
        complaints(&on_unix),
        complaint(
            "TLS_CERT_FILE",
            "is set, but LISTEN_ADDR is a Unix socket, which does not speak TLS"
        )
    );

    let folder = std::env::temp_dir().join(format!("doorward-{}", crate::random::id()));
    std::fs::create_dir(&folder).unwrap();
    let pair = || rcgen::generate_simple_self_signed(["app.example.com".to_owned()]).unwrap();
    let (one, other) = (pair(), pair());
    for (name, content) in [
        ("one.crt", one.cert.pem()),
        ("one.key", one.signing_key.serialize_pem()),
        ("other.key", other.signing_key.serialize_pem()),
        ("empty", String::new()),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let faults = |cert: &str, key: &str| {
        let [cert, key] = [cert, key].map(|name| folder.join(name).to_str().unwrap().to_owned());
        complaints(&[("TLS_CERT_FILE", &cert), ("TLS_KEY_FILE", &key)])
    };
    assert_eq!(faults("one.crt", "one.key"), []);
    for (cert, key, fault) in [
        ("one.crt", "other.key", "can't be used together"),
        ("one.key", "one.key", "no certificate"),
        ("one.crt", "one.crt", "no private key"),
        ("empty", "one.key", "no certificate"),
        ("missing", "one.key", "can't be read"),
    ] {
        let faults = faults(cert, key);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].1.contains(fault), "{faults:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

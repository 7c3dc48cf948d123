//! What is under `deploy/`, the image and compose say what the code says: settings that exist, ports, probes, times, and
//! as few rights as it needs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use doorward::settings::ListenAddr;

use doorward::settings::Settings;

use crate::limits::CONNECTION_KIB;
use crate::support::app::SESSION_KEY;
use crate::support::process::DOORWARD;

const DOCKERFILE: &str = include_str!("../../Dockerfile");
const COMPOSE: &str = include_str!("../../compose.yaml");
const KUBERNETES: &str = include_str!("../../deploy/kubernetes.yaml");
const SERVICE: &str = include_str!("../../deploy/doorward.service");
const SOCKET: &str = include_str!("../../deploy/doorward.socket");

type Variables = BTreeMap<String, String>;

/// What follows `key` on its line, without a comment and quotes.
fn values<'a>(file: &'a str, key: &str) -> Vec<&'a str> {
    let lines = file
        .lines()
        .map(|line| line.trim().trim_start_matches("- "));
    lines
        .filter_map(|line| line.strip_prefix(key))
        .map(|value| value.split(" #").next().unwrap().trim().trim_matches('"'))
        .collect()
}

fn value<'a>(file: &'a str, key: &str) -> &'a str {
    let values = values(file, key);
    assert_eq!(values.len(), 1, "{key}: {values:?}");
    values[0]
}

fn secs(text: &str) -> Duration {
    let digits = text.trim_end_matches('s');
    Duration::from_secs(digits.parse().unwrap_or_else(|_| panic!("{text}")))
}

fn is_variable(name: &str) -> bool {
    let is_loud = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() > 3 && name.bytes().all(is_loud)
}

fn of_kubernetes() -> Variables {
    let lines: Vec<&str> = KUBERNETES.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let name = pair[0].strip_prefix("- name: ")?;
        is_variable(name).then(|| (name.to_owned(), value(pair[1], "value:").to_owned()))
    });
    pairs.collect()
}

fn of_service() -> Variables {
    let pairs = values(SERVICE, "Environment=").into_iter();
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Doorward's part of compose.yaml.
fn compose_doorward() -> &'static str {
    let (_, doorward) = COMPOSE.split_once("\n  doorward:\n").unwrap();
    doorward.split_once("\n  postgres:\n").unwrap().0
}

fn of_compose() -> Variables {
    let (_, variables) = compose_doorward().split_once("environment:\n").unwrap();
    let pairs = variables
        .lines()
        .map_while(|line| line.trim().split_once(": "));
    pairs
        .filter(|(name, _)| is_variable(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn of_image() -> Variables {
    let pairs = values(DOCKERFILE, "ENV ").into_iter();
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The settings that come of `variables`, with secrets that are there and what only the people who
/// deploy can know.
fn settings(variables: &Variables) -> Settings {
    let filled_in = [
        ("OIDC_ISSUER", "https://dev-123456.okta.com/oauth2/default"),
        ("OIDC_CLIENT_ID", "0oa1bcdef2GHIJKLM3n4"),
        ("OIDC_CLIENT_SECRET", "a secret"),
        ("SESSION_KEY", SESSION_KEY),
        ("DATABASE_URL", "postgres://doorward@db/doorward"),
    ];
    let settings = Settings::read(
        &|name| {
            let filled_in = filled_in.iter().find(|(known, _)| *known == name);
            let given = variables.get(name).filter(|value| !value.contains("${"));
            match filled_in {
                Some((_, value)) => Some((*value).to_owned()),
                None if name.ends_with("_FILE") => None,
                None => given.cloned(),
            }
        },
        &|path| std::fs::read(path),
    );
    settings.unwrap_or_else(|complaints| panic!("{complaints:?}"))
}

#[test]
fn every_variable_is_a_setting() {
    let asked = std::cell::RefCell::new(vec!["RUST_LOG".to_owned()]);
    let _ = Settings::read(
        &|name| {
            asked.borrow_mut().push(name.to_owned());
            None
        },
        &|path| std::fs::read(path),
    );
    let asked = asked.into_inner();
    let files = [
        ("Dockerfile", of_image(), 1),
        ("compose.yaml", of_compose(), 6),
        ("kubernetes.yaml", of_kubernetes(), 12),
        ("doorward.service", of_service(), 5),
    ];
    for (file, variables, at_least) in files {
        assert!(variables.len() >= at_least, "{file}: {variables:?}");
        for name in variables.keys() {
            assert!(asked.contains(name), "{file}: {name} is no setting");
        }
    }
}

#[test]
fn every_secret_is_a_file_that_is_handed_in() {
    for (variables, folder) in [
        (of_kubernetes(), "/run/secrets/doorward/"),
        (of_compose(), "/run/secrets/"),
        (of_service(), "%d/"),
    ] {
        for secret in ["OIDC_CLIENT_SECRET", "SESSION_KEY", "DATABASE_URL"] {
            let file = format!("{folder}{}", secret.to_lowercase());
            assert_eq!(variables.get(&format!("{secret}_FILE")), Some(&file));
            assert_eq!(variables.get(secret), None);
        }
    }
    assert_eq!(value(KUBERNETES, "mountPath:"), "/run/secrets/doorward");
    let credentials = values(SERVICE, "LoadCredential=");
    for name in ["oidc_client_secret", "session_key", "database_url"] {
        let credential = format!("{name}:/etc/doorward/{name}");
        assert!(credentials.contains(&credential.as_str()), "{name}");
    }
}

#[test]
fn ports_and_probes_are_those_of_the_code() {
    let kubernetes = settings(&of_kubernetes());
    let port = |settings: &Settings| match &settings.listening.addr {
        ListenAddr::Tcp(addr) => addr.port().to_string(),
        ListenAddr::Unix(path) => panic!("{path:?}"),
    };
    let metrics = kubernetes
        .listening
        .metrics_addr
        .unwrap()
        .port()
        .to_string();
    assert_eq!(
        values(KUBERNETES, "containerPort:"),
        [&port(&kubernetes), &metrics]
    );
    assert_eq!(value(KUBERNETES, "prometheus.io/port:"), metrics);
    assert_eq!(
        values(KUBERNETES, "path:"),
        ["/healthz", "/healthz", "/readyz"]
    );
    assert_eq!(values(KUBERNETES, "port: metrics"), [""; 3], "the probes");
    assert_eq!(value(DOCKERFILE, "EXPOSE "), port(&settings(&of_image())));
    let published = format!("127.0.0.1:{0}:{0}", port(&settings(&of_image())));
    assert!(compose_doorward().contains(&published));
    let service = of_service();
    assert_eq!(
        value(SOCKET, "ListenStream=127"),
        &service["LISTEN_ADDR"]["127".len()..]
    );
    let tag = format!("doorward:{}", env!("CARGO_PKG_VERSION"));
    assert!(value(KUBERNETES, "image:").ends_with(&tag));
}

#[test]
fn who_stops_it_waits_as_long_as_it_may_take() {
    let kubernetes = value(KUBERNETES, "terminationGracePeriodSeconds:");
    for (variables, patience) in [
        (of_kubernetes(), kubernetes),
        (of_compose(), value(COMPOSE, "stop_grace_period:")),
        (of_service(), value(SERVICE, "TimeoutStopSec=")),
    ] {
        let settings = settings(&variables);
        let takes = settings.listening.shutdown_delay + settings.listening.shutdown_timeout;
        assert!(
            secs(patience) >= takes + Duration::from_secs(5),
            "{patience}"
        );
    }
    assert_eq!(value(DOCKERFILE, "STOPSIGNAL "), "SIGTERM");
    assert_eq!(value(SERVICE, "KillSignal="), "SIGTERM");
}

/// What a connection takes at most is measured in `limits`.
#[test]
fn as_many_connections_as_it_accepts_fit_its_memory() {
    let limit = value(KUBERNETES, "memory: 2").trim_end_matches("Mi");
    let limit_mib: usize = format!("2{limit}").parse().unwrap();
    let connections = settings(&of_kubernetes()).listening.max_connections;
    let needs_mib = 34 + 32 + connections * CONNECTION_KIB / 1024;
    assert!(needs_mib <= limit_mib, "{needs_mib} of {limit_mib} MiB");
}

#[test]
fn it_has_no_more_rights_than_it_needs() {
    let uid = value(DOCKERFILE, "USER ").split_once(':').unwrap().0;
    for (key, expected) in [
        ("runAsUser:", uid),
        ("runAsGroup:", uid),
        ("runAsNonRoot:", "true"),
        ("readOnlyRootFilesystem:", "true"),
        ("allowPrivilegeEscalation:", "false"),
        ("automountServiceAccountToken:", "false"),
        ("drop:", "[ALL]"),
        ("type:", "RuntimeDefault"),
    ] {
        assert_eq!(value(KUBERNETES, key), expected, "{key}");
    }
    for line in [
        "read_only: true",
        "cap_drop: [ALL]",
        "no-new-privileges:true",
    ] {
        assert!(compose_doorward().contains(line), "{line}");
    }
}

/// By systemd itself, where it is there.
#[test]
fn systemd_finds_the_units_sound_and_hardened() {
    let folder = tempfile::tempdir().unwrap();
    let service = SERVICE.replace("/usr/local/bin/doorward", DOORWARD);
    std::fs::write(folder.path().join("doorward.service"), service).unwrap();
    std::fs::write(folder.path().join("doorward.socket"), SOCKET).unwrap();
    let verified = analyze(
        folder.path(),
        &["verify", "doorward.service", "doorward.socket"],
    );
    let security = [
        "security",
        "--offline=true",
        "--threshold=15",
        "doorward.service",
    ];
    let hardened = analyze(folder.path(), &security);
    match (verified, hardened) {
        (Some(verified), Some(hardened)) => {
            assert_eq!(verified, (true, String::new()));
            assert!(hardened.0, "above 1.5 of 10: {}", hardened.1);
        }
        _ => eprintln!("systemd-analyze is not here: nobody has looked at the units"),
    }
}

/// Whether it was content, and what it said of that; nothing where it is not there.
fn analyze(folder: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let mut command = Command::new("systemd-analyze");
    let analyzed = command.args(arguments).current_dir(folder).output().ok()?;
    let complaints = String::from_utf8_lossy(&analyzed.stderr).into_owned();
    Some((analyzed.status.success(), complaints))
}

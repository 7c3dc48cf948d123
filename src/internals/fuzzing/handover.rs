//! What a browser brings to an app on its way to sign in: requests, codes, cookies.

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};

use crate::clock::Clock;
use crate::db::{DatabaseUrl, Db};
use crate::gateway::host::{Host, Scheme};
use crate::gateway::path::Target;
use crate::session::{AppCookies, HandoverError, NewHandover, RefusedVisit, Sessions, Start};
use crate::settings::Settings;

const KEY_HASH: &str = "a key hash";

fn sessions() -> Sessions {
    let variables = [
        ("OIDC_ISSUER", "https://op.example"),
        ("OIDC_CLIENT_ID", "id"),
        ("OIDC_CLIENT_SECRET", "secret"),
        (
            "SESSION_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
        ),
        ("PUBLIC_URL", "https://auth.example"),
    ];
    let variable = |name: &str| variables.iter().find(|it| it.0 == name);
    let settings = Settings::read(
        &|name| variable(name).map(|(_, value)| (*value).to_owned()),
        &|_| Err(std::io::ErrorKind::NotFound.into()),
    );
    let settings = settings.unwrap_or_else(|_| panic!("the settings are fine"));
    let key = settings.sessions.key.clone().expect("it is set");
    let nowhere = Db::existing(DatabaseUrl::Sqlite("/nowhere/doorward.db".into()));
    Sessions::new(&settings, &key, nowhere, Clock::default())
}

static SESSIONS: LazyLock<Sessions> = LazyLock::new(sessions);

/// A host, a target, cookies and a sealed value, each on a line: what we did not seal opens nothing, and what we seal opens
/// as what it is, where it belongs.
pub fn handover(input: &[u8]) {
    let mut lines = input.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (host, target, cookies, sealed) = (line(), line(), line(), line());
    let host = str::from_utf8(host).ok();
    let host = host.and_then(|host| Host::parse(host, Scheme::Https));
    let (Some(host), Some(target)) = (host, Target::parse(target)) else {
        return;
    };
    let host = host.as_str();
    let headers = cookie_header(cookies);
    let cookies = SESSIONS.app_cookies(host, &headers);
    assert_eq!(SESSIONS.app_session(host, &cookies), None);
    if let Ok(sealed) = str::from_utf8(sealed) {
        opens_as(sealed, None, host);
    }
    start(host, &target, &cookies, sealed);
}

fn cookie_header(line: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(line) = HeaderValue::from_bytes(line) {
        headers.append(COOKIE, line);
    }
    headers
}

/// A whole handover but for its end, which needs the database.
fn start(host: &str, target: &Target<'_>, cookies: &AppCookies<'_>, change: &[u8]) {
    let origin = format!("https://{host}");
    let query = target.query.as_ref().map(|query| format!("?{query}"));
    let target = format!("{}{}", target.path, query.unwrap_or_default());
    let new = NewHandover {
        origin: &origin,
        host,
        target: &target,
        is_post: false,
        return_to: None,
        start: Start::SignIn,
    };
    let Some(started) = SESSIONS.start_handover(&new, cookies) else {
        return;
    };
    // Browsers keep no cookie above 4 KiB.
    assert!(started.request.len() <= 900 && started.cookie.value().len() <= 2600);
    opens_as(&started.request, Some("request"), host);
    opens_as(started.cookie.value(), None, host);
    let wanted = SESSIONS.open_handover_request(&started.request);
    let wanted = wanted.unwrap_or_else(|_| panic!("it was just sealed"));
    assert_eq!(wanted.origin, origin);
    let path = target.split('?').next().unwrap_or_default();
    assert!([&target, path].contains(&&*wanted.target));

    let line = format!("{}={}", started.cookie.name(), started.cookie.value());
    let headers = cookie_header(line.as_bytes());
    assert_eq!(SESSIONS.app_cookies(host, &headers).pending_count(), 1);

    let code = SESSIONS.code_for(&wanted, host, KEY_HASH.to_owned());
    opens_as(&code, Some("code"), host);
    let refused = RefusedVisit {
        origin,
        target,
        reason: "no_rule".to_owned(),
        reference: "a reference".to_owned(),
    };
    let sealed = SESSIONS.seal_refused_visit(&refused);
    opens_as(&sealed, Some("refused"), host);
    assert_eq!(SESSIONS.open_refused_visit(&sealed), Some(refused));
    for sealed in [started.request, code, sealed] {
        let mut changed = sealed.into_bytes();
        let at = change.iter().map(|byte| usize::from(*byte)).sum::<usize>() % changed.len();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        opens_as(str::from_utf8(&changed).expect("it is ASCII"), None, host);
    }
}

/// What `sealed` opens as, at `host` and elsewhere.
fn opens_as(sealed: &str, kind: Option<&str>, host: &str) {
    let request = SESSIONS.open_handover_request(sealed);
    assert_eq!(request.is_ok(), kind == Some("request"), "{sealed}");
    let refused = SESSIONS.open_refused_visit(sealed);
    assert_eq!(refused.is_some(), kind == Some("refused"), "{sealed}");
    let cookies = AppCookies {
        session: Some(sealed),
        pending: [Some(sealed); 5],
    };
    assert_eq!(SESSIONS.app_session(host, &cookies), None, "{sealed}");
    for host in [host, "elsewhere.example"] {
        if kind == Some("code") && host != "elsewhere.example" {
            // The database would be asked.
            continue;
        }
        let arrival = pin!(SESSIONS.finish_handover(host, sealed, &cookies));
        let arrival = arrival.poll(&mut Context::from_waker(Waker::noop()));
        let is_forged = matches!(arrival, Poll::Ready(Err(HandoverError::Forged)));
        assert!(is_forged, "{sealed}");
    }
}

mod addresses;
mod cookies;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};

use super::finish::Arrived;
use super::*;
use crate::session::store::tests::fixture::{Fixture, sessions_of};

const ORIGIN: &str = "https://wiki.example";
const HOST: &str = "wiki.example";

/// A browser: its cookies on the app's host.
#[derive(Default)]
struct Browser(Vec<(String, String)>);

impl Browser {
    fn set(&mut self, cookie: &Cookie<'_>) {
        self.0.retain(|(name, _)| name != cookie.name());
        self.0
            .push((cookie.name().to_owned(), cookie.value().to_owned()));
    }

    fn headers(&self) -> HeaderMap {
        let pairs = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        let mut headers = HeaderMap::new();
        let line = Vec::from_iter(pairs).join("; ");
        headers.insert(COOKIE, HeaderValue::from_str(&line).unwrap());
        headers
    }

    /// Goes to `target` and returns the request in the URL.
    fn start(&mut self, sessions: &Sessions, target: &str) -> String {
        self.start_to(sessions, target, None).unwrap()
    }

    /// Goes to `target`, and to `return_to` in the end.
    fn start_to(
        &mut self,
        sessions: &Sessions,
        target: &str,
        return_to: Option<&str>,
    ) -> Option<String> {
        let headers = self.headers();
        let new = NewHandover {
            origin: ORIGIN,
            host: HOST,
            target,
            is_post: return_to.is_some(),
            return_to,
            start: Start::SignIn,
        };
        let started = sessions.start_handover(&new, &sessions.app_cookies(HOST, &headers))?;
        self.set(&started.cookie);
        Some(started.request)
    }

    async fn arrive(
        &mut self,
        sessions: &Sessions,
        host: &str,
        code: &str,
    ) -> Result<Arrived, HandoverError> {
        let headers = self.headers();
        let cookies = sessions.app_cookies(host, &headers);
        let arrived = sessions.finish_handover(host, code, &cookies).await?;
        self.set(&arrived.cookie);
        Ok(arrived)
    }
}

fn code(sessions: &Sessions, request: &str, key_hash: &str) -> String {
    let request = sessions.open_handover_request(request).unwrap();
    sessions.code_for(&request, HOST, key_hash.to_owned())
}

#[actix_web::test]
async fn a_session_comes_to_the_app_of_the_browser_that_asked() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let mut ada = Browser::default();
    let request = ada.start(sessions, "/reports?x=1");
    let opened = sessions.open_handover_request(&request).unwrap();
    assert_eq!((&*opened.origin, &*opened.target), (ORIGIN, "/reports?x=1"));
    let code = code(sessions, &request, "hash");
    let arrived = ada.arrive(sessions, HOST, &code).await.unwrap();
    assert_eq!((&*arrived.key_hash, arrived.target), ("hash", None));
    let headers = ada.headers();
    let session = sessions.app_session(HOST, &sessions.app_cookies(HOST, &headers));
    assert_eq!(session.as_deref(), Some("hash"));
    let cookie = arrived.cookie.to_string();
    assert!(
        cookie.starts_with("__Host-doorward-app=") && cookie.len() < 250,
        "{cookie}"
    );
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
}

#[actix_web::test]
async fn a_code_without_its_browser_opens_nothing() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let (mut ada, mut eve) = (Browser::default(), Browser::default());
    let of_ada = code(sessions, &ada.start(sessions, "/"), "hash");
    eve.start(sessions, "/");
    let stolen = eve.arrive(sessions, HOST, &of_ada).await;
    assert!(matches!(
        stolen,
        Err(HandoverError::Code {
            fault: CodeFault::OtherBrowser,
            is_retry: false
        })
    ));
    // And the code is of no use any more.
    let late = ada.arrive(sessions, HOST, &of_ada).await;
    assert!(matches!(
        late,
        Err(HandoverError::Code {
            fault: CodeFault::Used,
            is_retry: false
        })
    ));
}

/// Eve sends Bob her own request; his code would fit her cookie if she came to read it.
#[actix_web::test]
async fn a_code_arrives_once_at_all_processes() {
    let fixture = Fixture::new();
    let (sessions, mut eve, mut bob) = (&fixture.sessions, Browser::default(), Browser::default());
    let of_bob = code(sessions, &eve.start(sessions, "/"), "bob");
    let arrived = bob.arrive(sessions, HOST, &of_bob).await;
    assert!(matches!(
        arrived,
        Err(HandoverError::Code {
            fault: CodeFault::OtherBrowser,
            is_retry: false
        })
    ));
    let other_process = sessions_of(fixture.folder.path(), &fixture.clock, None);
    let read = eve.arrive(&other_process, HOST, &of_bob).await;
    assert!(matches!(
        read,
        Err(HandoverError::Code {
            fault: CodeFault::Used,
            is_retry: false
        })
    ));
}

#[actix_web::test]
async fn a_handle_of_one_host_opens_no_other() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let mut ada = Browser::default();
    let code = code(sessions, &ada.start(sessions, "/"), "hash");
    let elsewhere = ada.arrive(sessions, "other.example", &code).await;
    assert!(matches!(elsewhere, Err(HandoverError::Forged)));
    ada.arrive(sessions, HOST, &code).await.unwrap();
    let headers = ada.headers();
    for host in ["other.example", "wiki.example:8443", "WIKI.example", ""] {
        let cookies = sessions.app_cookies(host, &headers);
        assert_eq!(sessions.app_session(host, &cookies), None, "{host}");
    }
}

#[actix_web::test]
async fn a_request_is_no_code_and_a_code_no_session() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let mut ada = Browser::default();
    let request = ada.start(sessions, "/");
    let code = code(sessions, &request, "hash");
    let pending = ada.0[0].1.clone();
    let other_key = sessions_of(fixture.folder.path(), &fixture.clock, Some(7));
    for value in [
        &request,
        &code,
        &pending,
        "",
        "AAAA",
        &"A".repeat(4000),
        &format!("{code}A"),
        &code[1..],
    ] {
        if *value != request {
            let opened = sessions.open_handover_request(value);
            assert!(matches!(opened, Err(HandoverError::Forged)), "{value}");
        }
        if *value != code {
            let arrived = ada.arrive(sessions, HOST, value).await;
            assert!(matches!(arrived, Err(HandoverError::Forged)), "{value}");
        }
        let cookies = AppCookies {
            session: Some(value),
            ..AppCookies::default()
        };
        assert_eq!(sessions.app_session(HOST, &cookies), None, "{value}");
        assert!(other_key.open_handover_request(value).is_err());
    }
}

#[actix_web::test]
async fn what_is_late_opens_nothing() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let mut ada = Browser::default();
    let request = ada.start(sessions, "/");
    fixture.clock.shift(Duration::seconds(599));
    let code_in_time = code(sessions, &request, "hash");
    fixture.clock.shift(Duration::seconds(2));
    let late = sessions.open_handover_request(&request);
    assert!(matches!(late, Err(HandoverError::RequestExpired(late)) if late.target == "/"));
    // The pending handover is too old, although the code is not.
    let arrived = ada.arrive(sessions, HOST, &code_in_time).await;
    assert!(matches!(
        arrived,
        Err(HandoverError::Code {
            fault: CodeFault::OtherBrowser,
            is_retry: false
        })
    ));
    let code = code(sessions, &ada.start(sessions, "/"), "hash");
    fixture.clock.shift(Duration::seconds(61));
    let arrived = ada.arrive(sessions, HOST, &code).await;
    assert!(matches!(
        arrived,
        Err(HandoverError::Code {
            fault: CodeFault::Expired,
            is_retry: false
        })
    ));
}

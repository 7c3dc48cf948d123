use super::*;

#[test]
fn a_cookie_that_comes_twice_or_is_only_spelled_like_ours_counts_for_nothing() {
    let (sessions, _) = crate::session::tests::sessions();
    let read = |host: &str, line: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        let cookies = sessions.app_cookies(host, &headers);
        (cookies.session.map(str::to_owned), cookies.pending_count())
    };
    for (host, line, session, pending) in [
        (
            HOST,
            "a=b; __Host-doorward-app=x; __Host-doorward-pending-0=y",
            Some("x"),
            1,
        ),
        (
            HOST,
            "__Host-doorward-app=x; __Host-doorward-app=y",
            None,
            0,
        ),
        (
            HOST,
            "__Host-doorward-app=x; __Host-doorward-app=x; __Host-doorward-app=x",
            None,
            0,
        ),
        (
            HOST,
            "doorward-app=x; __Secure-doorward-app=x; __host-doorward-app=x",
            None,
            0,
        ),
        (HOST, "__Host-doorward-app.8443=x", None, 0),
        (
            "wiki.example:8443",
            "__Host-doorward-app.8443=x; __Host-doorward-app=y",
            Some("x"),
            0,
        ),
        ("[::1]", "__Host-doorward-app=x", Some("x"), 0),
        ("[::1]:8443", "__Host-doorward-app.8443=x", Some("x"), 0),
        (
            HOST,
            "__Host-doorward-pending-4=a; __Host-doorward-pending-5=b; __Host-doorward-pending-=c",
            None,
            1,
        ),
        (HOST, "__Host-doorward-app=\"x\"", None, 0),
    ] {
        assert_eq!(
            read(host, line),
            (session.map(str::to_owned), pending),
            "{host} {line}"
        );
    }
}

#[actix_web::test]
async fn five_tabs_have_a_handover_each_and_the_sixth_replaces_the_oldest() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let mut ada = Browser::default();
    let mut requests = Vec::new();
    for tab in 0..6 {
        fixture.clock.shift(Duration::SECOND);
        requests.push(ada.start(sessions, &format!("/{tab}")));
    }
    assert_eq!(ada.0.len(), 5);
    for (tab, request) in requests.iter().enumerate() {
        let code = code(sessions, request, "hash");
        let arrived = ada.arrive(sessions, HOST, &code).await;
        assert_eq!(arrived.is_ok(), tab > 0, "tab {tab}");
    }
}

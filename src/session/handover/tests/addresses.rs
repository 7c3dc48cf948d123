use super::super::start::REQUEST_LIMIT;
use super::*;

#[actix_web::test]
async fn a_long_address_comes_back_whole_and_an_endless_one_without_its_query() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let of_length = |len: usize| format!("/a?{}", "q".repeat(len - 3));
    for (target, in_request, kept) in [
        (of_length(300), of_length(300), None),
        (of_length(700), "/a".to_owned(), Some(of_length(700))),
        (of_length(1536), "/a".to_owned(), Some(of_length(1536))),
        (of_length(1537), "/a".to_owned(), Some("/a".to_owned())),
        (
            format!("/{}", "p".repeat(450)),
            format!("/{}", "p".repeat(450)),
            None,
        ),
    ] {
        let mut ada = Browser::default();
        let request = ada.start(sessions, &target);
        assert!(request.len() <= REQUEST_LIMIT);
        let opened = sessions.open_handover_request(&request).unwrap();
        assert_eq!(opened.target, in_request);
        let code = code(sessions, &request, "hash");
        assert_eq!(
            ada.arrive(sessions, HOST, &code).await.unwrap().target,
            kept
        );
    }
    let mut ada = Browser::default();
    for _ in 0..4 {
        ada.start(sessions, &of_length(1500));
    }
    assert_eq!(ada.0.len(), 1, "one long cookie at a time");
}

/// To any other path it must not go: that path may bypass the gateway.
#[actix_web::test]
async fn a_code_goes_nowhere_if_the_path_that_was_asked_for_is_too_long() {
    let fixture = Fixture::new();
    let mut ada = Browser::default();
    for length in [700, 1500, 8000] {
        let target = format!("/{}?q", "p".repeat(length));
        assert_eq!(
            ada.start_to(&fixture.sessions, &target, Some("/short")),
            None
        );
    }
    assert!(ada.0.is_empty());
}

#[actix_web::test]
async fn the_page_that_posted_is_in_the_cookie_alone() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let long = |len: usize| format!("/form?{}", "q".repeat(len));
    for (page, kept) in [
        ("/form?a=b".to_owned(), Some("/form?a=b".to_owned())),
        (long(1000), Some(long(1000))),
        (long(1600), Some("/form".to_owned())),
        (format!("/{}", "p".repeat(1600)), None),
    ] {
        let mut ada = Browser::default();
        let request = ada.start_to(sessions, "/save?x", Some(&page)).unwrap();
        let opened = sessions.open_handover_request(&request).unwrap();
        assert_eq!((&*opened.target, opened.is_post), ("/save?x", true));
        let code = code(sessions, &request, "hash");
        let arrived = ada.arrive(sessions, HOST, &code).await.unwrap();
        assert_eq!(arrived.target, kept, "{page}");
    }
}

/// 8 KiB is what servers take as a header line, and apps have cookies too.
#[actix_web::test]
async fn five_forms_have_a_handover_each_and_their_cookies_stay_small() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let mut ada = Browser::default();
    let mut requests = Vec::new();
    for tab in 0..5 {
        fixture.clock.shift(Duration::SECOND);
        let page = format!("/form/{tab}?{}", "q".repeat(100));
        let request = ada.start_to(sessions, "/save", Some(&page)).unwrap();
        requests.push((page, request));
    }
    assert_eq!(ada.0.len(), 5);
    for (page, request) in requests {
        let code = code(sessions, &request, "hash");
        let arrived = ada.arrive(sessions, HOST, &code).await.unwrap();
        assert_eq!(arrived.target, Some(page));
    }
    for tab in 0..20 {
        fixture.clock.shift(Duration::SECOND);
        let length = [1500, 100, 128, 300][tab % 4];
        ada.start_to(sessions, "/save", Some(&format!("/{}", "q".repeat(length))));
        let header = ada.headers().get(COOKIE).unwrap().len();
        assert!(header < 4500, "{header} bytes after {tab}");
    }
}

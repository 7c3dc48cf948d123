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
            format!("/{}", "p".repeat(1500)),
            "/".to_owned(),
            Some(format!("/{}", "p".repeat(1500))),
        ),
        (format!("/{}", "p".repeat(8000)), "/".to_owned(), None),
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

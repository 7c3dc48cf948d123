use super::*;

#[test]
fn only_a_tab_is_sent_to_sign_in() {
    let mode = |mode: &'static str| ("sec-fetch-mode", mode);
    let dest = |dest: &'static str| ("sec-fetch-dest", dest);
    let html = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    for (method, headers, expected) in [
        ("GET", &NAVIGATION[..], Asker::Navigation),
        ("HEAD", &NAVIGATION, Asker::Navigation),
        ("POST", &NAVIGATION, Asker::Navigation),
        ("PUT", &NAVIGATION, Asker::Program),
        ("GET", &[mode("navigate")], Asker::Navigation),
        ("GET", &[mode("navigate"), dest("iframe")], Asker::Frame),
        ("GET", &[mode("navigate"), dest("object")], Asker::Frame),
        ("GET", &[mode("navigate"), dest("image")], Asker::Program),
        ("GET", &[mode("cors"), html], Asker::Program),
        ("GET", &[mode("no-cors"), dest("manifest")], Asker::Program),
        ("GET", &[mode("websocket")], Asker::Program),
        (
            "GET",
            &[mode("navigate"), ("sec-websocket-key", "x")],
            Asker::Program,
        ),
        (
            "GET",
            &[mode("navigate"), ("sec-purpose", "prefetch;prerender")],
            Asker::Program,
        ),
        (
            "POST",
            &[mode("navigate"), ("content-type", "application/grpc-web")],
            Asker::Program,
        ),
        ("GET", &[html], Asker::Navigation),
        (
            "GET",
            &[("accept", "a/b , TEXT/HTML;q=1")],
            Asker::Navigation,
        ),
        ("GET", &[("accept", "*/*")], Asker::Program),
        ("GET", &[("accept", "text/htmlx, text/*")], Asker::Program),
        (
            "GET",
            &[html, ("x-requested-with", "XMLHttpRequest")],
            Asker::Program,
        ),
        ("GET", &[], Asker::Program),
    ] {
        assert_eq!(
            asker(&request(method, "/"), &Pairs(headers)),
            expected,
            "{method} {headers:?}"
        );
    }
    let socket = OriginalRequest {
        is_websocket: true,
        ..request("GET", "/")
    };
    assert_eq!(asker(&socket, &Pairs(&NAVIGATION)), Asker::Program);
}

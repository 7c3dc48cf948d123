use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/// Empty lines in the body, of either kind.
const POST: &str = "POST / HTTP/1.1\nContent-Length: 8\n\na\n\nb\r\n\r\n";
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                       5;x=\"y\"\r\na\r\n\r\n\r\n0B\r\n0\r\n\r\nGET / \r\n000\r\nX: y\r\n\r\n";

/// What is handed on of `stream`, which comes in pieces of `size`, before the first answer and after each.
fn handed_on(stream: &str, size: usize, answers: usize) -> Vec<String> {
    let mut requests = Requests::default();
    let (mut all, mut handed) = (stream.as_bytes(), Vec::new());
    let mut held = Vec::new();
    for _ in 0..=answers {
        let mut now = Vec::new();
        loop {
            let due = requests.due(&held);
            now.extend(held.drain(..due));
            if due > 0 {
                continue;
            }
            if requests.wait_for_an_answer() || all.is_empty() {
                break;
            }
            let (piece, rest) = all.split_at(size.min(all.len()));
            held.extend_from_slice(piece);
            all = rest;
        }
        handed.push(String::from_utf8(now).unwrap());
        requests.answered();
    }
    handed
}

#[test]
fn a_request_is_handed_on_when_the_one_before_it_is_answered() {
    let requests = [GET, POST, GET, CHUNKED, CHUNKED, POST, GET];
    let stream = requests.concat();
    for size in [stream.len(), 1, 2, 3, 7, 64] {
        let handed = handed_on(&stream, size, requests.len() - 1);
        assert_eq!(handed, requests, "{size}");
    }
}

#[test]
fn a_fragment_in_a_target_is_found_where_it_is() {
    for (line, found) in [
        ("GET /a", None),
        ("GET /#", Some("#")),
        ("OPTIONS /a?b#c#d", Some("#c#d")),
        // A method may have one (RFC 9110, 5.6.2), a target may not.
        ("G#T /a", None),
        ("G#T /a#b", Some("#b")),
    ] {
        let mut requests = Requests::default();
        let head = format!("{line} HTTP/1.1\r\nReferer: /#x\r\n\r\n");
        assert_eq!(requests.due(head.as_bytes()), head.len(), "{line}");
        let at = requests.take_fragment();
        let rest = at.map(|at| head[at..].split(' ').next().unwrap());
        assert_eq!(rest, found, "{line}");
        assert_eq!(requests.take_fragment(), None, "{line}");
    }
}

#[test]
fn empty_lines_before_a_request_are_told_from_it() {
    let mut requests = Requests::default();
    for (bytes, empty) in [
        ("", 0),
        ("\r", 0),
        ("\r\n\n\r", 3),
        ("\r\n\r\n\nGET", 5),
        ("\rGET", 0),
    ] {
        assert_eq!(requests.empty_lines(bytes.as_bytes()), empty, "{bytes:?}");
    }
    assert_eq!(requests.due(POST.as_bytes()), POST.len());
    assert_eq!(requests.empty_lines(b"\n"), 0);
}

#[test]
fn the_rest_of_a_body_that_was_answered_early_is_no_request() {
    for request in [POST, CHUNKED] {
        for cut in 1..request.len() {
            let (begin, rest) = request.split_at(cut);
            let mut requests = Requests::default();
            let due = requests.due(begin.as_bytes());
            if due == 0 {
                continue;
            }
            assert_eq!(due, cut);
            requests.answered();
            let next = format!("{rest}{GET}");
            assert_eq!(requests.due(next.as_bytes()), rest.len(), "{cut}");
            assert_eq!(requests.due(GET.as_bytes()), GET.len(), "{cut}");
            assert!(requests.wait_for_an_answer());
        }
    }
}

#[test]
fn what_is_malformed_or_too_long_is_handed_on_once() {
    for malformed in [
        "GET\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(97)),
        format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(MAX_HEAD)),
    ] {
        let mut requests = Requests::default();
        assert_eq!(requests.due(malformed.as_bytes()), malformed.len());
        assert_eq!(requests.due(GET.as_bytes()), 0);
    }
    let endless = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1FFFFFFFFFFFFFFFFF";
    let mut requests = Requests::default();
    assert_eq!(requests.due(endless.as_bytes()), endless.len());
    assert!(requests.wait_for_an_answer());
}

/// A head that drips costs as much as it has bytes, and not their square.
#[test]
fn no_byte_of_a_head_is_searched_twice() {
    let mut requests = Requests::default();
    let mut head = b"GET / HTTP/1.1\r\nx: ".to_vec();
    for _ in 0..1000 {
        head.push(b'a');
        assert_eq!(requests.due(&head), 0);
        assert_eq!(requests.searched, head.len() - 3);
    }
    head.extend_from_slice(b"\r\n\r");
    assert_eq!(requests.due(&head), 0);
    head.push(b'\n');
    assert_eq!(requests.due(&head), head.len());
}

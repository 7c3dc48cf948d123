//! What a browser or a proxy sends on a connection: where one request ends and the next begins.

use crate::server::internals::Requests;

/// The first byte is a length, and the others are a connection's bytes: whether they come at once or in pieces of that
/// length, the same bytes are handed on before each response. A malformed request is handed on at once, however much of it
/// has come: it is refused, and ends the connection.
pub fn requests(input: &[u8]) {
    let Some((first, stream)) = input.split_first() else {
        return;
    };
    let at_once = handed_on(stream, stream.len().max(1));
    let in_pieces = handed_on(stream, usize::from(*first).max(1));
    for all in [&at_once, &in_pieces] {
        assert!(stream.starts_with(&all.concat()));
    }
    for (one, other) in at_once.iter().zip(&in_pieces) {
        if is_malformed(one) || is_malformed(other) {
            return;
        }
        assert_eq!(one, other);
    }
    // What can't become a request may wait for its end in pieces, and not at once.
    let common = at_once.len().min(in_pieces.len());
    let mut more = at_once
        .iter()
        .skip(common)
        .chain(in_pieces.iter().skip(common));
    assert!(more.next().is_none_or(|next| is_malformed(next)));
}

/// Whether it has no head, or the size of a chunk is beyond 64 bits.
fn is_malformed(request: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; 96];
    let head = httparse::Request::new(&mut headers).parse(request);
    let mut words = request.split(|byte| !byte.is_ascii_hexdigit());
    !head.is_ok_and(|head| head.is_complete()) || words.any(|word| word.len() > 16)
}

/// What is handed on of `stream` before each response.
fn handed_on(stream: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut requests = Requests::default();
    let (mut held, mut rest, mut all) = (Vec::new(), stream, Vec::new());
    loop {
        let mut now = Vec::new();
        loop {
            let due = requests.due(&held);
            assert!(due <= held.len());
            now.extend(held.drain(..due));
            if due > 0 {
                continue;
            }
            if requests.wait_for_an_answer() || rest.is_empty() {
                break;
            }
            let (piece, further) = rest.split_at(size.min(rest.len()));
            held.extend_from_slice(piece);
            rest = further;
        }
        if now.is_empty() {
            return all;
        }
        all.push(now);
        requests.answered();
    }
}

//! The head of a response (RFC 9112, 2 to 9), as far as the HTTP client deviates from the standard: it treats an interim
//! response as the final one, keeps connections that HTTP/1.0 closes, and reads no body without a length.

/// The HTTP client's limit on headers.
const HEADERS_LIMIT: usize = 96;

/// The head at the beginning of what was received.
#[derive(Debug, PartialEq)]
pub enum Head {
    /// An interim response: another response follows (RFC 9110, 15.2).
    Interim,
    /// The final response.
    Final {
        /// Where its body ends, and whether the connection is kept.
        framing: Framing,
    },
}

/// Where a body ends (RFC 9112, 6.3), and whether the connection is kept (RFC 9112, 9.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Framing {
    /// Whether the end of the connection is the end of the body.
    pub ends_with_connection: bool,
    is_kept: bool,
    /// The index of the minor version's digit.
    version_at: usize,
}

impl Framing {
    const UNREADABLE: Framing = Framing {
        ends_with_connection: true,
        is_kept: true,
        version_at: usize::MAX,
    };

    /// Rewrites the head so that the HTTP client follows this framing: the client reads until the end of the connection
    /// only for HTTP/1.0, and closes only after `Connection: close`.
    pub fn rewrite(&self, head: &mut Vec<u8>) {
        if let Some(version) = head.get_mut(self.version_at) {
            *version = match self.ends_with_connection {
                true => b'0',
                false => b'1',
            };
        }
        let line = head
            .iter()
            .skip(self.version_at)
            .position(|it| *it == b'\n');
        if let Some(line) = line
            && !self.is_kept
        {
            let after = self.version_at + line + 1;
            head.splice(after..after, *b"Connection: close\r\n");
        }
    }
}

/// The length of the head at the beginning of `bytes`, and the head; `None` while it is incomplete. A head that can't be
/// parsed is passed to the HTTP client as it is, which then reports the error.
pub fn read(bytes: &[u8]) -> Option<(usize, Head)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut response = httparse::Response::new(&mut headers);
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    let length = match config.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return None,
        Err(_) => {
            let framing = Framing::UNREADABLE;
            return Some((bytes.len(), Head::Final { framing }));
        }
    };
    let head = match (response.code, response.version) {
        // We never request another protocol, so the client rejects 101.
        (Some(100 | 102..=199), _) => Head::Interim,
        (Some(code), Some(version)) => Head::Final {
            framing: framing(bytes, code, version, response.headers),
        },
        _ => Head::Final {
            framing: Framing::UNREADABLE,
        },
    };
    Some((length, head))
}

fn framing(bytes: &[u8], code: u16, version: u8, headers: &[httparse::Header<'_>]) -> Framing {
    let all = |name: &'static str| {
        let named = move |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
        headers.iter().filter(named).map(|header| header.value)
    };
    let is_option = |option: &str| {
        all("connection").any(|value| {
            let mut options = value.split(|byte| *byte == b',');
            options.any(|it| it.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
        })
    };
    let is_encoded = all("transfer-encoding").next().is_some();
    let is_chunked =
        all("transfer-encoding").any(|it| it.trim_ascii().eq_ignore_ascii_case(b"chunked"));
    let has_length = all("content-length").next().is_some();
    let has_no_body = matches!(code, 204 | 304);
    let ends_with_connection = match (version, is_encoded) {
        // HTTP/1.0 has no Transfer-Encoding (RFC 9112, 6.1).
        (0, true) => true,
        _ => !is_chunked && !has_length && !has_no_body,
    };
    let is_kept_by_default = version == 1 || is_option("keep-alive");
    let version_at = bytes.windows(7).position(|seven| seven == b"HTTP/1.");
    Framing {
        ends_with_connection,
        is_kept: is_kept_by_default && !is_option("close") && !ends_with_connection,
        version_at: version_at.map_or(usize::MAX, |at| at + 7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head as the HTTP client gets it.
    fn rewritten(head: &str) -> String {
        let mut bytes = head.as_bytes().to_vec();
        match read(&bytes) {
            Some((length, Head::Final { framing })) if length == head.len() => {
                framing.rewrite(&mut bytes);
            }
            other => panic!("{head:?}: {other:?}"),
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_head_of_a_kept_connection_is_unchanged() {
        for head in [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 200\nContent-Length: 2\n\n",
        ] {
            assert_eq!(rewritten(head), head);
        }
    }

    #[test]
    fn the_head_of_a_connection_that_ends_says_close() {
        for (head, expected) in [
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n",
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nConnection: x, Close\r\n\r\n",
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\
                 Connection: x, Close\r\n\r\n",
            ),
            (
                "HTTP/1.1 200 OK\r\n\r\n",
                "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n",
            ),
            (
                "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
                "HTTP/1.0 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
            ),
            (
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
                "HTTP/1.0 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
            ),
            (
                "HTTP/1.0 204 No Content\r\n\r\n",
                "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
            ),
        ] {
            assert_eq!(rewritten(head), expected);
        }
    }

    #[test]
    fn http_1_0_keeps_what_it_says_it_keeps() {
        assert_eq!(
            rewritten("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\n"
        );
    }

    #[test]
    fn interim_responses_are_distinguished_from_the_final_one() {
        for code in [100, 102, 103, 199] {
            let head = format!("HTTP/1.1 {code} x\r\nLink: y\r\n\r\n");
            let both = format!("{head}HTTP/1.1 200 OK\r\n\r\n");
            assert_eq!(read(both.as_bytes()), Some((head.len(), Head::Interim)));
        }
        assert_eq!(read(b"HTTP/1.1 103 x\r\nLink: y\r\n"), None);
        let switching = read(b"HTTP/1.1 101 x\r\n\r\n");
        assert!(matches!(switching, Some((_, Head::Final { .. }))));
    }

    #[test]
    fn what_is_no_head_is_unchanged() {
        for head in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "<html>\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        ] {
            assert_eq!(rewritten(head), head);
        }
    }
}

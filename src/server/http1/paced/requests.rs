//! Where one request ends and the next begins (RFC 9112, 2 to 7). Heads are read by httparse, as actix-http reads them;
//! what is malformed is handed on for it to refuse.

use std::mem::MaybeUninit;

/// As many headers as actix-http reads.
const MAX_HEADERS: usize = 96;

/// actix-http refuses a longer head, in bytes.
const MAX_HEAD: usize = 128 * 1024;

/// How far a connection has got with the requests on it.
#[derive(Default)]
pub struct Requests {
    part: Part,
    /// How much of a head was searched for its end, in vain.
    searched: usize,
    /// Whether a request was answered before its body had come.
    is_answered: bool,
    /// Where a head that was just read has a `#` in its target.
    fragment: Option<usize>,
}

#[derive(Debug, Default, PartialEq)]
enum Part {
    /// A head, or nothing yet.
    #[default]
    Head,
    /// A body with so many bytes to come.
    Length(u64),
    /// A body in chunks.
    Chunks(Chunk),
    /// The whole request has come: its answer is next.
    Answer,
}

/// RFC 9112, 7.1.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Chunk {
    /// The digits of a size.
    Size(u64),
    /// What follows them on their line.
    Extension(u64),
    /// So many bytes, and the line that they end on.
    Data(u64),
    LineAfterData,
    /// After a size of zero: trailers, up to an empty line.
    Trailer {
        is_empty: bool,
    },
}

impl Requests {
    /// How many of `bytes`, the next of the connection, belong to the request that is under way. Zero for an incomplete
    /// head: then the same bytes and more are to come again.
    pub fn due(&mut self, bytes: &[u8]) -> usize {
        let mut due = 0;
        while due < bytes.len() {
            let rest = &bytes[due..];
            due += match &mut self.part {
                Part::Answer => break,
                // A head is handed on alone: the bytes before it are of another request.
                Part::Head if due > 0 => break,
                Part::Head => match self.head(rest) {
                    0 => break,
                    length => length,
                },
                Part::Length(left) => {
                    let now = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= now as u64;
                    if *left == 0 {
                        self.ends();
                    }
                    now
                }
                Part::Chunks(chunk) => {
                    let (now, next) = chunk.read(rest);
                    match next {
                        Some(next) => *chunk = next,
                        None => self.ends(),
                    }
                    now
                }
            };
        }
        due
    }

    /// Where the head that is due has a `#` in its target, once. No target has a fragment (RFC 9112, 3.2), and the `http` crate
    /// drops it: we would judge another path than a proxy that asks about this one passes on.
    pub fn take_fragment(&mut self) -> Option<usize> {
        self.fragment.take()
    }

    /// An answer was written.
    pub fn answered(&mut self) {
        match self.part {
            Part::Answer => self.part = Part::Head,
            Part::Length(_) | Part::Chunks(_) => self.is_answered = true,
            Part::Head => (),
        }
    }

    /// How many of `bytes` are empty lines before a request, which mean nothing (RFC 9112, 2.2).
    pub fn empty_lines(&self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while let (Part::Head, [b'\n', next @ ..] | [b'\r', b'\n', next @ ..]) = (&self.part, rest)
        {
            rest = next;
        }
        bytes.len() - rest.len()
    }

    /// Whether nothing more is due before an answer is written.
    pub fn wait_for_an_answer(&self) -> bool {
        self.part == Part::Answer
    }

    /// Whether the rest of a body is to come that nobody waits for.
    pub fn are_answered_early(&self) -> bool {
        self.is_answered
    }

    /// Whether a head comes next, or the rest of it.
    pub fn are_in_a_head(&self) -> bool {
        self.part == Part::Head
    }

    /// Whether nothing is lost if the connection ends: no request has come as far as the end of its head, or all are
    /// answered.
    pub fn are_idle(&self) -> bool {
        self.is_answered || self.are_in_a_head()
    }

    /// The length of the head that `bytes` begin with; zero if it is incomplete.
    fn head(&mut self, bytes: &[u8]) -> usize {
        // Of the empty line that ends it, all but the last byte may have come.
        let to_search = bytes.len().saturating_sub(3);
        let searched = std::mem::replace(&mut self.searched, to_search);
        let is_long = bytes.len() >= MAX_HEAD;
        if searched > 0 && !has_empty_line(&bytes[searched..]) && !is_long {
            return 0;
        }
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(bytes, &mut headers) {
            Ok(httparse::Status::Complete(length)) => {
                self.part = body(request.headers);
                if let (Some(method), Some(target)) = (request.method, request.path) {
                    let at = target.find('#');
                    self.fragment = at.map(|at| method.len() + 1 + at);
                }
                length
            }
            Ok(httparse::Status::Partial) if !is_long => return 0,
            _ => {
                self.part = Part::Answer;
                bytes.len()
            }
        };
        self.searched = 0;
        self.is_answered = false;
        length
    }

    fn ends(&mut self) {
        self.part = match std::mem::take(&mut self.is_answered) {
            true => Part::Head,
            false => Part::Answer,
        };
    }
}

/// What follows a head. actix-http refuses a request with both of these headers, or with one of them twice.
fn body(headers: &[httparse::Header<'_>]) -> Part {
    for header in headers {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Part::Chunks(Chunk::Size(0));
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(header.value).ok();
            let length = length.and_then(|length| length.trim().parse().ok());
            return match length {
                Some(length @ 1..) => Part::Length(length),
                _ => Part::Answer,
            };
        }
    }
    Part::Answer
}

/// Whether a line ends and the next one is empty.
fn has_empty_line(bytes: &[u8]) -> bool {
    let lines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let mut nexts = lines.map(|(at, _)| &bytes[at + 1..]);
    nexts.any(|next| next.starts_with(b"\n") || next.starts_with(b"\r\n"))
}

impl Chunk {
    /// How many bytes belong to this, and what comes next; nothing after the last.
    fn read(self, bytes: &[u8]) -> (usize, Option<Chunk>) {
        let Some(first) = bytes.first() else {
            return (0, Some(self));
        };
        let next = match (self, first) {
            (Chunk::Data(left), _) => {
                let now = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let next = match left - now as u64 {
                    0 => Chunk::LineAfterData,
                    left => Chunk::Data(left),
                };
                return (now, Some(next));
            }
            (Chunk::Size(0) | Chunk::Extension(0), b'\n') => Chunk::Trailer { is_empty: true },
            (Chunk::Size(size) | Chunk::Extension(size), b'\n') => Chunk::Data(size),
            (Chunk::Size(size), digit) if digit.is_ascii_hexdigit() => {
                let digit = char::from(*digit).to_digit(16).expect("a digit");
                let size = size.checked_mul(16).map(|size| size + u64::from(digit));
                match size {
                    Some(size) => Chunk::Size(size),
                    // Refused by whoever reads it.
                    None => return (bytes.len(), None),
                }
            }
            (Chunk::Size(size) | Chunk::Extension(size), _) => Chunk::Extension(size),
            (Chunk::LineAfterData, b'\n') => Chunk::Size(0),
            (Chunk::LineAfterData, _) => Chunk::LineAfterData,
            (Chunk::Trailer { is_empty: true }, b'\n') => return (1, None),
            (Chunk::Trailer { .. }, b'\n') => Chunk::Trailer { is_empty: true },
            (Chunk::Trailer { is_empty }, b'\r') => Chunk::Trailer { is_empty },
            (Chunk::Trailer { .. }, _) => Chunk::Trailer { is_empty: false },
        };
        (1, Some(next))
    }
}

#[cfg(test)]
mod tests;

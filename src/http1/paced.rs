//! One request at a time on each connection: the next one is read when the one before it is answered.
//!
//! actix-http reads as many requests as a buffer of 128 KiB holds and keeps them in memory, 2.5 KiB
//! each, until it comes to them. Some hundred kilobytes that a stranger sends on a few connections so
//! become hundreds of megabytes. Here what was sent ahead (pipelined, RFC 9112 9.3.2) waits in the kernel.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use actix_web::rt::net::ActixStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What tells a client to go on, and is no answer yet (RFC 9110, 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A stream that gives the bytes of the next request only after an answer was written.
pub struct Paced<T> {
    stream: T,
    heads: Heads,
    /// Read already, and not yet due.
    held: Vec<u8>,
    /// Who waits for them.
    reader: Option<Waker>,
}

impl<T> Paced<T> {
    /// One on which nothing was said yet.
    pub fn new(stream: T) -> Self {
        Paced {
            stream,
            heads: Heads::default(),
            held: Vec::new(),
            reader: None,
        }
    }
}

impl<T: ActixStream> AsyncRead for Paced<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let paced = self.get_mut();
        let begin = buffer.filled().len();
        if paced.held.is_empty() {
            ready!(Pin::new(&mut paced.stream).poll_read(context, buffer))?;
            let read = &buffer.filled()[begin..];
            if read.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let due = paced.heads.due(read);
            paced.held.extend_from_slice(&read[due..]);
            buffer.set_filled(begin + due);
        } else {
            let room = paced.held.len().min(buffer.remaining());
            let due = paced.heads.due(&paced.held[..room]);
            buffer.put_slice(&paced.held[..due]);
            paced.held.drain(..due);
        }
        match buffer.filled().len() > begin {
            true => Poll::Ready(Ok(())),
            false => {
                paced.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T: ActixStream> AsyncWrite for Paced<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let paced = self.get_mut();
        let written = ready!(Pin::new(&mut paced.stream).poll_write(context, bytes))?;
        // A client that does not read what it asked for is told nothing more.
        if written == bytes.len() && bytes != CONTINUE {
            paced.heads.answered();
            if let Some(reader) = paced.reader.take() {
                reader.wake();
            }
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Counts the heads of requests by the empty line that ends each.
#[derive(Default)]
struct Heads {
    /// Whether a head went by that is not answered.
    is_unanswered: bool,
    /// Whether anything but empty lines came since the last head: those before a request mean nothing
    /// (RFC 9112, 2.2).
    has_text: bool,
    is_line_empty: bool,
}

impl Heads {
    /// How many of `bytes` are due: all but the end of a second head, and what follows it.
    fn due(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.has_text && self.is_line_empty => {
                    if self.is_unanswered {
                        return at;
                    }
                    self.is_unanswered = true;
                    self.has_text = false;
                }
                b'\n' => self.is_line_empty = true,
                b'\r' => (),
                _ => (self.has_text, self.is_line_empty) = (true, false),
            }
        }
        bytes.len()
    }

    fn answered(&mut self) {
        self.is_unanswered = false;
    }
}

#[cfg(test)]
mod tests {
    use super::Heads;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn the_second_head_ends_when_the_first_is_answered() {
        let both = format!("{GET}{GET}{GET}");
        // In one piece and byte by byte.
        for size in [both.len(), 1] {
            let mut heads = Heads::default();
            let mut due = 0;
            for piece in both.as_bytes().chunks(size) {
                let more = heads.due(piece);
                due += more;
                if more < piece.len() {
                    break;
                }
            }
            assert_eq!(due, 2 * GET.len() - 1);
            assert_eq!(heads.due(b"\n"), 0, "as often as somebody asks");
            heads.answered();
            assert_eq!(heads.due(b"\n"), 1);
        }
    }

    #[test]
    fn empty_lines_before_a_request_and_a_body_are_no_heads() {
        let mut heads = Heads::default();
        let post = "\r\n\r\nPOST / HTTP/1.1\nContent-Length: 3\n\na=b\r\n\r";
        assert_eq!(heads.due(post.as_bytes()), post.len());
        assert!(heads.is_unanswered);
        heads.answered();
        assert_eq!(heads.due(GET.as_bytes()), GET.len());
    }
}

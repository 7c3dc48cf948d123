//! One connection to the provider, as the HTTP client reads and writes it. It skips interim responses and records in the
//! exchange what the client does not report: whether the connection was used before, and whether a response began.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use actix_web::rt::net::{ActixStream, Ready, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use crate::oidc::http::exchange::{self, note_closed};
use crate::oidc::http::response_head::{self, Head};

/// The largest head of a response, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// How many interim responses (RFC 9110, 15.2) may come before the final one.
const INTERIM_LIMIT: u32 = 20;

/// The bytes below HTTP.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that the HTTP client keeps or closes.
pub struct Connection {
    stream: Stream,
    id: u64,
    /// Whether a response has come on it.
    was_used: bool,
    reading: Reading,
    /// What was read and not yet passed to the client.
    unread: Vec<u8>,
}

enum Reading {
    /// The head of a response, as far as it was received.
    Head { received: Vec<u8>, interim: u32 },
    /// The body, which may end with the connection or may not.
    Body { ends_with_connection: bool },
}

impl Connection {
    pub fn new(stream: Stream) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Connection {
            stream,
            id: COUNT.fetch_add(1, Ordering::Relaxed),
            was_used: false,
            reading: Reading::head(),
            unread: Vec::new(),
        }
    }

    /// A request is written: from now on this connection belongs to its exchange.
    fn begin(&mut self) {
        if exchange::uses(self.id, self.was_used) {
            self.reading = Reading::head();
        }
    }

    /// Whether the client may use this connection again, if that is what it is reading for; nothing if it reads a
    /// response.
    fn reuse_check(&self) -> Option<bool> {
        exchange::may_reuse(self.id).map(|may_reuse| may_reuse && self.unread.is_empty())
    }

    /// Passes on what was read, as much as fits.
    fn pass_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..length]);
        self.unread.drain(..length);
    }

    /// Reads until the head of the response is complete; then it is in `unread`, with what came of the body.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let Reading::Head { received, interim } = &mut self.reading else {
                return Poll::Ready(Ok(()));
            };
            let mut bytes = [0; 4096];
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(self.stream.poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
            }
            exchange::has_response();
            received.extend_from_slice(buffer.filled());
            while let Some((length, head)) = response_head::read(received) {
                match head {
                    Head::Interim => {
                        received.drain(..length);
                        *interim += 1;
                        if *interim > INTERIM_LIMIT {
                            return Poll::Ready(Err(too_much("interim responses")));
                        }
                    }
                    Head::Final { framing } => {
                        let mut received = std::mem::take(received);
                        framing.rewrite(&mut received);
                        self.unread = received;
                        self.was_used = true;
                        self.reading = Reading::Body {
                            ends_with_connection: framing.ends_with_connection,
                        };
                        return Poll::Ready(Ok(()));
                    }
                }
            }
            if received.len() > HEAD_LIMIT {
                return Poll::Ready(Err(too_much("headers")));
            }
        }
    }

    fn poll_response(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            ready!(self.poll_head(context))?;
        }
        if !self.unread.is_empty() {
            self.pass_on(buffer);
            return Poll::Ready(Ok(()));
        }
        let filled = buffer.filled().len();
        ready!(self.stream.poll_read(context, buffer))?;
        let may_end = matches!(
            self.reading,
            Reading::Body {
                ends_with_connection: true
            }
        );
        // The client reads only while something is missing, and would treat the end of the connection as that of the body.
        match buffer.filled().len() == filled && !may_end {
            true => Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
            false => Poll::Ready(Ok(())),
        }
    }
}

impl Reading {
    fn head() -> Self {
        Reading::Head {
            received: Vec::new(),
            interim: 0,
        }
    }
}

fn too_much(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("too many {what}"))
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.reuse_check() {
            Some(true) => this.stream.poll_read(context, buffer),
            // As if it had been closed: the client drops it.
            Some(false) => Poll::Ready(Ok(())),
            None => {
                let outcome = this.poll_response(context, buffer);
                note_closed(&outcome);
                outcome
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.begin();
        let outcome = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        note_closed(&outcome);
        outcome
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        };
        note_closed(&outcome);
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl Stream {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// The HTTP client requires this trait and does not use it.
impl ActixStream for Connection {
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(self.stream.tcp(), context)
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(self.stream.tcp(), context)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

//! One connection to the provider, as the HTTP client reads and writes it. It knows what the client does not: whether
//! it was used before, whether anything of an answer came, and which interim answers are to be read past.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use actix_web::rt::net::{ActixStream, Ready, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use crate::oidc::http::response_head::{self, Head};

/// The head of an answer may have so many bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// So many interim answers (RFC 9110, 15.2) may come before the answer.
const INTERIM_LIMIT: u32 = 20;

tokio::task_local! {
    /// The exchange of the task that reads or writes just now.
    static EXCHANGE: Rc<Exchange>;
}

/// One request and its answer: what happened to the connection that carried them.
#[derive(Default)]
pub struct Exchange {
    /// Whether connections that were used before are out of the question.
    is_fresh: bool,
    connection: Cell<Option<u64>>,
    was_used: Cell<bool>,
    is_answered: Cell<bool>,
    closed: Cell<Option<Closed>>,
}

/// When the other side closed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Before the first byte of an answer.
    BeforeAnswer,
    /// After it, and before the end of the answer.
    InAnswer,
}

impl Exchange {
    /// One that takes no connection that was used before.
    pub fn on_a_fresh_connection() -> Self {
        Exchange {
            is_fresh: true,
            ..Exchange::default()
        }
    }

    /// Runs `call`, which makes one request; with its outcome, what happened to the connection.
    pub async fn run<T>(self, call: impl Future<Output = T>) -> (T, Rc<Exchange>) {
        let exchange = Rc::new(self);
        let outcome = EXCHANGE.scope(Rc::clone(&exchange), call).await;
        (outcome, exchange)
    }

    /// Whether and when the connection was closed.
    pub fn closed(&self) -> Option<Closed> {
        self.closed.get()
    }

    /// Whether the request met nothing but the end of a connection that was used before: the provider had closed it
    /// for idleness, and has most probably seen nothing of the request (RFC 9112, 9.3.1).
    pub fn met_a_stale_connection(&self) -> bool {
        self.was_used.get() && self.closed.get() == Some(Closed::BeforeAnswer)
    }
}

/// The bytes below HTTP.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that the HTTP client keeps or closes.
pub struct Connection {
    stream: Stream,
    id: u64,
    /// Whether an answer has come on it.
    was_used: bool,
    reading: Reading,
    /// What was read and not yet handed on.
    unread: Vec<u8>,
}

enum Reading {
    /// The head of an answer: what has come of it.
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

    /// The first bytes of a request: from now on this connection is that of the exchange.
    fn begin(&mut self) {
        let _ = EXCHANGE.try_with(|exchange| {
            if exchange.connection.replace(Some(self.id)) != Some(self.id) {
                exchange.was_used.set(self.was_used);
                self.reading = Reading::head();
            }
        });
    }

    /// Whether the client only looks if this connection can still be used, before it writes a request to it. If so,
    /// whether it may be.
    fn is_looked_at(&self) -> Option<bool> {
        let looked_at = EXCHANGE.try_with(|exchange| {
            let is_ours = exchange.connection.get() == Some(self.id);
            (!is_ours).then(|| !exchange.is_fresh && self.unread.is_empty())
        });
        looked_at.unwrap_or_default()
    }

    /// Hands on what was read, as much as fits.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..length]);
        self.unread.drain(..length);
    }

    /// Reads until the head of the answer is whole; then it is in `unread`, with what came of the body.
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
            let _ = EXCHANGE.try_with(|exchange| exchange.is_answered.set(true));
            received.extend_from_slice(buffer.filled());
            while let Some((length, head)) = response_head::read(received) {
                match head {
                    Head::Interim => {
                        received.drain(..length);
                        *interim += 1;
                        if *interim > INTERIM_LIMIT {
                            return Poll::Ready(Err(too_much("interim answers")));
                        }
                    }
                    Head::Final { framing } => {
                        let mut received = std::mem::take(received);
                        framing.tell(&mut received);
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

    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            ready!(self.poll_head(context))?;
        }
        if !self.unread.is_empty() {
            self.hand_on(buffer);
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
        // The client reads on only while something is missing; it would take the end for the end of the body.
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

/// Notes when the connection was closed, if that is what `outcome` says.
fn note<T>(outcome: &Poll<io::Result<T>>) {
    let Poll::Ready(Err(cause)) = outcome else {
        return;
    };
    let is_closed = matches!(
        cause.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
    );
    if is_closed {
        let _ = EXCHANGE.try_with(|exchange| {
            exchange.closed.set(Some(match exchange.is_answered.get() {
                true => Closed::InAnswer,
                false => Closed::BeforeAnswer,
            }));
        });
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.is_looked_at() {
            Some(true) => this.stream.poll_read(context, buffer),
            // As if it had ended: the client drops it.
            Some(false) => Poll::Ready(Ok(())),
            None => {
                let outcome = this.poll_answer(context, buffer);
                note(&outcome);
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
        note(&outcome);
        outcome
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        };
        note(&outcome);
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

/// The HTTP client asks for this and does not use it.
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

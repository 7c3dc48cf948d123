//! One request at a time on each connection: the next one is handed on when the one before it is answered.
//!
//! actix-http reads 128 KiB ahead and keeps every request in them in memory, 2.5 KiB each, until it comes to them. Some
//! hundred kilobytes that a stranger sends on a few connections so become hundreds of megabytes. And it reads a head
//! again from its beginning with each piece that comes of it. Here what was sent ahead (pipelined, RFC 9112, 9.3.2)
//! waits in the kernel, and a head is handed on when it is whole. Nor does it limit the time for a head but the first, and
//! for the rest of a body in chunks that was answered early: here both have one.

pub(in crate::server) mod requests;

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::ActixStream;
use actix_web::rt::time::{Sleep, sleep};
use actix_web::web::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::server::http1::places::Place;
use requests::Requests;

/// What tells a client to go on, and is no answer yet (RFC 9110, 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How long the rest of what a client has begun may take: longer than whatever has its own time, which ends in a 408.
const REST_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a next request is read to see whether there is one, in bytes.
const AHEAD: usize = 1024;

/// A stream that gives the bytes of the next request only after an answer was written.
pub struct Paced<T> {
    stream: T,
    requests: Requests,
    /// Read already, and not yet all handed on.
    held: BytesMut,
    /// How many of them may be.
    due: usize,
    /// Whether the first of them was, ahead of its head: the time to wait for a next request ends then.
    is_announced: bool,
    /// When the rest must have come.
    rest_timer: Option<Pin<Box<Sleep>>>,
    place: Place,
    /// Passes once the runtime has asked the kernel what has come, before the connection closes for another one.
    last_look: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// Came of the look for a next request, for the read that follows.
    error: Option<io::Error>,
}

impl<T> Paced<T> {
    /// One on which nothing was said yet.
    pub fn new(stream: T, place: Place) -> Self {
        Paced {
            stream,
            requests: Requests::default(),
            held: BytesMut::new(),
            due: 0,
            is_announced: false,
            rest_timer: None,
            place,
            last_look: None,
            error: None,
        }
    }

    /// Moves what is due into `buffer`, as much as there is room; whether that is anything.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        if self.due == 0 {
            // Left out, or each of them would be read again with what follows.
            let empty = self.requests.empty_lines(&self.held);
            self.held.advance(empty);
            self.due = self.requests.due(&self.held);
            if let Some(at) = self.requests.take_fragment() {
                // What no parser accepts: a 400.
                self.held[at] = 0;
            }
            if self.due > 0 && std::mem::take(&mut self.is_announced) {
                self.held.advance(1);
                self.due -= 1;
                self.rest_timer = None;
            }
        }
        let now = self.due.min(buffer.remaining());
        if now > 0 {
            buffer.put_slice(&self.held[..now]);
            self.held.advance(now);
            self.due -= now;
            if self.held.is_empty() {
                // What a long head took is not kept for the next one.
                self.held = BytesMut::new();
            }
            return true;
        }
        match self.held.first() {
            Some(first)
                if self.requests.are_in_a_head() && !self.is_announced && *first != b'\r' =>
            {
                buffer.put_slice(&[*first]);
                self.is_announced = true;
                true
            }
            _ => false,
        }
    }

    /// Whether a read would do something now, after an answer. If not, the task wakes when the client says more: most
    /// send nothing before they have read the answer, so one more turn of the task for each answer would be for nothing.
    fn has_more(&mut self, context: &mut Context<'_>) -> bool
    where
        T: ActixStream,
    {
        if !self.requests.are_in_a_head() || !self.held.is_empty() {
            return true;
        }
        let mut bytes = [MaybeUninit::uninit(); AHEAD];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        // An end is found again by the read that follows. An error is not: rustls and the kernel report it once.
        let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
        self.held.extend_from_slice(buffer.filled());
        match read {
            Poll::Ready(result) => {
                self.error = result.err();
                true
            }
            Poll::Pending => false,
        }
    }

    /// Whether the client let the time for the rest go by.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        if !self.is_announced && !self.requests.are_answered_early() {
            self.rest_timer = None;
            return false;
        }
        let timer = self
            .rest_timer
            .get_or_insert_with(|| Box::pin(sleep(REST_TIMEOUT)));
        timer.as_mut().poll(context).is_ready()
    }
}

impl<T: ActixStream> AsyncRead for Paced<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let paced = self.get_mut();
        loop {
            if buffer.remaining() == 0 || paced.hand_on(buffer) {
                paced.place.set_idle(paced.requests.are_idle());
                return Poll::Ready(Ok(()));
            }
            if let Some(error) = paced.error.take() {
                return Poll::Ready(Err(error));
            }
            // An answer makes the next request due, or limits the time for the rest of this one.
            paced.place.wait(context);
            if paced.requests.wait_for_an_answer() {
                return Poll::Pending;
            }
            if paced.is_late(context) {
                // As if the client had gone.
                return Poll::Ready(Ok(()));
            }
            let begin = buffer.filled().len();
            let read = Pin::new(&mut paced.stream).poll_read(context, buffer);
            if read.is_pending() && paced.place.is_to_close() {
                let look = paced
                    .last_look
                    .get_or_insert_with(|| Box::pin(tokio::task::yield_now()));
                return look.as_mut().poll(context).map(Ok);
            }
            paced.last_look = None;
            ready!(read)?;
            if buffer.filled().len() == begin {
                return Poll::Ready(Ok(()));
            }
            paced.held.extend_from_slice(&buffer.filled()[begin..]);
            buffer.set_filled(begin);
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
            paced.requests.answered();
            paced.place.wait(context);
            paced.place.set_idle(paced.requests.are_idle());
            if paced.has_more(context) {
                paced.place.wake();
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

#[cfg(test)]
mod tests;

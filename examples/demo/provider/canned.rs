//! A canned response: any status, headers and bytes, late, byte by byte, without end, or not at all.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::rt::time::{Sleep, sleep};
use actix_web::web::Bytes;
use tokio::sync::Semaphore;

/// Holds responses back until it is opened. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn closed() -> Gate {
        Gate(Arc::new(Semaphore::new(0)))
    }

    pub fn open(&self) {
        self.0.close();
    }

    pub(super) async fn pass(&self) {
        // There is no permit, so it ends when the gate is open.
        let _ = self.0.acquire().await;
    }
}

#[derive(Clone, Debug)]
pub struct Canned {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How long to wait before responding.
    pub delay: Duration,
    /// And until when.
    pub behind: Option<Gate>,
    /// Sends single bytes with this pause before each.
    pub drip: Option<Duration>,
    /// How often the body is sent; more than once is sent chunked, without a length, and is not held in memory.
    pub repeat_body: usize,
    /// Drops the connection without a response, after the delay.
    pub reset: bool,
}

impl Default for Canned {
    fn default() -> Canned {
        Canned {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            behind: None,
            drip: None,
            repeat_body: 1,
            reset: false,
        }
    }
}

impl Canned {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Canned {
        Canned {
            status,
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.into(),
            ..Canned::default()
        }
    }

    pub fn json(status: u16, body: &serde_json::Value) -> Canned {
        Canned::new(status, "application/json", body.to_string())
    }

    pub fn html(status: u16, body: &str) -> Canned {
        Canned::new(status, "text/html; charset=utf-8", body)
    }

    pub fn reset() -> Canned {
        Canned {
            reset: true,
            ..Canned::default()
        }
    }

    pub fn late(self, delay: Duration) -> Canned {
        Canned { delay, ..self }
    }

    pub fn behind(self, gate: &Gate) -> Canned {
        Canned {
            behind: Some(gate.clone()),
            ..self
        }
    }

    pub fn dripping(self, pause: Duration) -> Canned {
        Canned {
            drip: Some(pause),
            ..self
        }
    }

    pub fn repeated(self, times: usize) -> Canned {
        Canned {
            repeat_body: times,
            ..self
        }
    }

    pub(super) async fn respond(self) -> HttpResponse {
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        if let Some(gate) = &self.behind {
            gate.pass().await;
        }
        let status = StatusCode::from_u16(self.status).expect("a canned status is a valid one");
        let mut response = HttpResponse::build(status);
        for (name, value) in self.headers {
            response.append_header((name, value));
        }
        if self.reset {
            return response.body(BoxBody::new(Severed));
        }
        response.body(BoxBody::new(Drops {
            body: Bytes::from(self.body),
            times: self.repeat_body,
            sent: 0,
            drip: self.drip,
            pause: None,
        }))
    }
}

/// A body that fails before its first byte: actix then drops the connection with the head still unsent.
struct Severed;

impl MessageBody for Severed {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}

struct Drops {
    body: Bytes,
    times: usize,
    /// Bytes of the round that is being sent.
    sent: usize,
    drip: Option<Duration>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl MessageBody for Drops {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        match self.times {
            1 => BodySize::Sized(self.body.len() as u64),
            _ => BodySize::Stream,
        }
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if self.times == 0 || self.body.is_empty() {
            return Poll::Ready(None);
        }
        let piece = match self.drip {
            None => self.body.slice(self.sent..),
            Some(drip) => {
                let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(drip)));
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
                self.body.slice(self.sent..=self.sent)
            }
        };
        self.sent += piece.len();
        if self.sent == self.body.len() {
            self.sent = 0;
            self.times -= 1;
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

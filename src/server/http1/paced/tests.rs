use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use actix_web::rt::net::{ActixStream, Ready, TcpListener, TcpStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::Paced;
use crate::server::http1::places::Places;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Counts how often the task of a connection wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    fn so_far(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection, and the client's end of it.
async fn connection() -> (Paced<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(client, listener.accept());
    let place = Places::of_this_worker(8).take();
    (Paced::new(accepted.unwrap().0, place), client.unwrap())
}

/// Reads a request with a task that is woken as usual.
async fn read(paced: &mut Paced<TcpStream>) {
    let mut bytes = [0; 4096];
    let length = paced.read(&mut bytes).await.unwrap();
    assert_eq!(&bytes[..length], REQUEST);
}

fn answer(paced: &mut Paced<impl ActixStream>, waker: &Waker) {
    let written = Pin::new(paced).poll_write(&mut Context::from_waker(waker), ANSWER);
    assert!(matches!(written, Poll::Ready(Ok(length)) if length == ANSWER.len()));
}

fn poll_read(paced: &mut Paced<TcpStream>, waker: &Waker) -> Poll<Vec<u8>> {
    let mut bytes = [0; 4096];
    let mut buffer = ReadBuf::new(&mut bytes);
    let read = Pin::new(paced).poll_read(&mut Context::from_waker(waker), &mut buffer);
    read.map(|result| result.map(|()| buffer.filled().to_vec()).unwrap())
}

/// Until something has come that was sent before.
async fn has_come(stream: &TcpStream) {
    let mut byte = [0];
    stream.peek(&mut byte).await.unwrap();
}

#[actix_web::test]
async fn an_answer_wakes_nobody_if_the_client_waits_for_it() {
    let (mut paced, mut client) = connection().await;
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    client.write_all(REQUEST).await.unwrap();
    read(&mut paced).await;
    answer(&mut paced, &waker);
    assert_eq!(wakes.so_far(), 0);

    // Nobody has polled for reading since, and yet the next request wakes the task.
    client.write_all(REQUEST).await.unwrap();
    poll_fn(|context| {
        if wakes.so_far() == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
    assert_eq!(poll_read(&mut paced, &waker), Poll::Ready(REQUEST.to_vec()));
}

#[actix_web::test]
async fn an_answer_wakes_the_task_for_what_was_sent_ahead() {
    let (mut paced, mut client) = connection().await;
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    client
        .write_all(&[REQUEST, REQUEST].concat())
        .await
        .unwrap();
    read(&mut paced).await;
    answer(&mut paced, &waker);
    assert_eq!(wakes.so_far(), 1);
    assert_eq!(poll_read(&mut paced, &waker), Poll::Ready(REQUEST.to_vec()));

    // Sent after the first was read, before it is answered.
    client.write_all(REQUEST).await.unwrap();
    has_come(&paced.stream).await;
    answer(&mut paced, &waker);
    assert_eq!(wakes.so_far(), 2);
    assert_eq!(poll_read(&mut paced, &waker), Poll::Ready(REQUEST.to_vec()));
}

#[actix_web::test]
async fn an_answer_wakes_the_task_if_the_client_has_gone() {
    let (mut paced, mut client) = connection().await;
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    client.write_all(REQUEST).await.unwrap();
    read(&mut paced).await;
    client.shutdown().await.unwrap();
    has_come(&paced.stream).await;
    answer(&mut paced, &waker);
    assert_eq!(wakes.so_far(), 1);
    assert_eq!(poll_read(&mut paced, &waker), Poll::Ready(Vec::new()));
}

/// A stream as one over TLS on which what comes after a request can't be decrypted: that is said once.
struct FailsOnce(Vec<io::Result<&'static [u8]>>);

impl AsyncRead for FailsOnce {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0.pop() {
            Some(read) => Poll::Ready(read.map(|bytes| buffer.put_slice(bytes))),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for FailsOnce {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl ActixStream for FailsOnce {
    fn poll_read_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        Poll::Pending
    }

    fn poll_write_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        Poll::Ready(Ok(Ready::WRITABLE))
    }
}

/// Or the connection would take its place until the time for a next request has passed.
#[actix_web::test]
async fn an_error_that_is_found_while_an_answer_is_written_ends_the_connection() {
    let reads = vec![Err(io::ErrorKind::InvalidData.into()), Ok(REQUEST)];
    let place = Places::of_this_worker(8).take();
    let mut paced = Paced::new(FailsOnce(reads), place);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut bytes = [0; 4096];
    assert_eq!(paced.read(&mut bytes).await.unwrap(), REQUEST.len());
    let read = Pin::new(&mut paced).poll_read(
        &mut Context::from_waker(&waker),
        &mut ReadBuf::new(&mut bytes),
    );
    assert!(read.is_pending());
    answer(&mut paced, &waker);
    assert_eq!(wakes.so_far(), 1);
    let read = Pin::new(&mut paced).poll_read(
        &mut Context::from_waker(&waker),
        &mut ReadBuf::new(&mut bytes),
    );
    assert!(matches!(read, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::InvalidData));
}

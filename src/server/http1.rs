//! HTTP/1.1, and no other version, on any kind of socket.
//!
//! actix-web's own server offers HTTP/2 over TLS as soon as anything in the program switches it on in actix-http, and
//! awc does. It has no limit on the headers, the streams and the time of an HTTP/2 connection, so one request of some
//! kilobytes can take all memory. HTTP/2 is a proxy's business; here is no code that could speak it.

pub(super) mod paced;
mod places;

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::{BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::h1::H1Service;
use actix_http::{HttpService, Request, Response};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::AppConfig;
use actix_web::rt::net::{ActixStream, TcpStream, UnixStream};
use actix_web::rt::time::timeout;
use paced::Paced;
use places::{Place, Places};
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

/// How long a connection may take to close.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client may take.
#[derive(Clone, Copy)]
pub struct Timeouts {
    /// For its headers, and for the TLS handshake.
    pub headers: Duration,
    /// For its next request.
    pub keep_alive: Duration,
}

/// A server that is being put together: `app` makes the application of each worker.
pub struct Http1<F, I, S, B> {
    server: ServerBuilder,
    app: F,
    timeouts: Timeouts,
    max_connections: usize,
    made: PhantomData<(I, S, B)>,
}

impl<F, I, S, B> Http1<F, I, S, B>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request> + 'static,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    B: MessageBody + 'static,
{
    /// On no socket yet. How many workers there are, and when they stop, is `server`'s. Each worker has
    /// `max_connections`.
    pub fn new(server: ServerBuilder, timeouts: Timeouts, max_connections: usize, app: F) -> Self {
        Http1 {
            server: server.max_concurrent_connections(max_connections),
            app,
            timeouts,
            max_connections,
            made: PhantomData,
        }
    }

    /// In plain text on `listener`.
    pub fn listen(mut self, listener: TcpListener) -> io::Result<Self> {
        let name = format!("http {:?}", listener.local_addr()?);
        let (app, timeouts, stop) = self.parts();
        let max_connections = self.max_connections;
        self.server = self.server.listen(name, listener, move || {
            let places = Places::of_this_worker(max_connections);
            let with_peer = move |stream: TcpStream| {
                let (peer, place) = (stream.peer_addr().ok(), places.take());
                async move { Ok((Paced::new(stream, place), peer)) }
            };
            fn_service(with_peer).and_then(connections(app(), timeouts, stop.clone()))
        })?;
        Ok(self)
    }

    /// Over TLS on `listener`.
    pub fn listen_tls(mut self, listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        let name = format!("https {:?}", listener.local_addr()?);
        let (app, timeouts, stop) = self.parts();
        let max_connections = self.max_connections;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        self.server = self.server.listen(name, listener, move || {
            let places = Places::of_this_worker(max_connections);
            let acceptor = acceptor.clone();
            let encrypted = move |stream: TcpStream| {
                let (peer, place) = (stream.peer_addr().ok(), places.take());
                let acceptor = acceptor.clone();
                async move {
                    let stream = handshake(acceptor, stream, &place, timeouts.headers).await?;
                    Ok((Paced::new(stream, place), peer))
                }
            };
            fn_service(encrypted).and_then(connections(app(), timeouts, stop.clone()))
        })?;
        Ok(self)
    }

    /// In plain text on a Unix socket, where nobody has an address.
    pub fn listen_unix(mut self, listener: UnixListener) -> io::Result<Self> {
        let name = format!("unix {:?}", listener.local_addr()?);
        let (app, timeouts, stop) = self.parts();
        let max_connections = self.max_connections;
        self.server = self.server.listen_uds(name, listener, move || {
            let places = Places::of_this_worker(max_connections);
            let without_peer = move |stream: UnixStream| {
                let place = places.take();
                async move { Ok((Paced::new(stream, place), None::<SocketAddr>)) }
            };
            fn_service(without_peer).and_then(connections(app(), timeouts, stop.clone()))
        })?;
        Ok(self)
    }

    /// Serves until it is stopped.
    pub fn run(self) -> Server {
        self.server.run()
    }

    fn parts(&self) -> (F, Timeouts, GracefulShutdownSignal) {
        let stop = self.server.graceful_shutdown_signal();
        (self.app.clone(), self.timeouts, stop)
    }
}

/// The TLS handshake. A connection that is still at it is as idle as one that has sent no request.
async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    place: &Place,
    limit: Duration,
) -> Result<TlsStream<TcpStream>, DispatchError> {
    let accepted = place.unless_closed(timeout(limit, acceptor.accept(stream)));
    match accepted.await {
        Some(Ok(stream)) => Ok(stream?.into()),
        Some(Err(_)) | None => Err(DispatchError::SlowRequestTimeout),
    }
}

/// The service of a worker's connections. When the server is told to `stop`, idle ones are closed.
#[expect(
    clippy::type_complexity,
    reason = "a type that can't be named can't be factored out"
)]
fn connections<T, I, S, B>(
    app: I,
    timeouts: Timeouts,
    stop: GracefulShutdownSignal,
) -> H1Service<
    Paced<T>,
    impl ServiceFactory<
        Request,
        Config = (),
        Response = S::Response,
        Error = Response<BoxBody>,
        InitError = S::InitError,
        Future: 'static,
    >,
    B,
>
where
    T: ActixStream + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    B: MessageBody + 'static,
{
    let app = app.into_factory().map_err(|error: S::Error| {
        let error: actix_web::Error = error.into();
        Response::from(error.error_response())
    });
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let stop = stop.clone();
            async move { stop.notified().await }
        })
        .keep_alive(timeouts.keep_alive)
        .client_request_timeout(timeouts.headers)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        // `PUBLIC_URL` alone says where we are, so what this would say is read nowhere.
        .h1(map_config(app, |()| AppConfig::default()))
}

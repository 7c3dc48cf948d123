//! HTTP/1.1, and no other version, on any kind of socket.
//!
//! actix-web's own server offers HTTP/2 over TLS as soon as anything in the program switches it on in actix-http, and
//! awc does. It has no limit on the headers, the streams and the time of an HTTP/2 connection, so one request of some
//! kilobytes can take all memory. HTTP/2 is a proxy's business; here is no code that could speak it.

pub(super) mod paced;

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use actix_http::body::{BoxBody, MessageBody};
use actix_http::h1::H1Service;
use actix_http::{HttpService, Request, Response};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::dev::AppConfig;
use actix_web::rt::net::{ActixStream, TcpStream, UnixStream};
use paced::Paced;
use rustls::ServerConfig;

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
    /// On no socket yet. How many workers there are, and when they stop, is `server`'s.
    pub fn new(server: ServerBuilder, timeouts: Timeouts, app: F) -> Self {
        Http1 {
            server,
            app,
            timeouts,
            made: PhantomData,
        }
    }

    /// In plain text on `listener`.
    pub fn listen(mut self, listener: TcpListener) -> io::Result<Self> {
        let name = format!("http {:?}", listener.local_addr()?);
        let (app, timeouts, stop) = self.parts();
        self.server = self.server.listen(name, listener, move || {
            let with_peer = |stream: TcpStream| async {
                let peer = stream.peer_addr().ok();
                Ok((Paced::new(stream), peer))
            };
            fn_service(with_peer).and_then(connections(app(), timeouts, stop.clone()))
        })?;
        Ok(self)
    }

    /// Over TLS on `listener`.
    pub fn listen_tls(mut self, listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        let name = format!("https {:?}", listener.local_addr()?);
        let (app, timeouts, stop) = self.parts();
        let mut acceptor = Acceptor::new(config);
        acceptor.set_handshake_timeout(timeouts.headers);
        self.server = self.server.listen(name, listener, move || {
            let with_peer = |stream: TlsStream<TcpStream>| {
                let peer = stream.get_ref().0.peer_addr().ok();
                (Paced::new(stream), peer)
            };
            let connections = connections(app(), timeouts, stop.clone());
            acceptor
                .clone()
                .map_err(TlsError::into_service_error)
                .map(with_peer)
                .and_then(connections.map_err(TlsError::Service))
        })?;
        Ok(self)
    }

    /// In plain text on a Unix socket, where nobody has an address.
    pub fn listen_unix(mut self, listener: UnixListener) -> io::Result<Self> {
        let name = format!("unix {:?}", listener.local_addr()?);
        let (app, timeouts, stop) = self.parts();
        self.server = self.server.listen_uds(name, listener, move || {
            fn_service(|stream: UnixStream| async { Ok((Paced::new(stream), None::<SocketAddr>)) })
                .and_then(connections(app(), timeouts, stop.clone()))
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

//! The server: one thread with an actix system, the routes, and a stop that closes all connections.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};

use super::seen::{Endpoint, Seen};
use super::state::State;
use super::{authorize, discovery, end_session, pages, refresh, token, userinfo};

/// A stop gives up waiting for connections after this long; it takes a few milliseconds.
const STOP_LIMIT: Duration = Duration::from_secs(5);

pub struct Server {
    handle: ServerHandle,
    thread: JoinHandle<()>,
    open: OpenConnections,
}

/// Counts the connections that the server holds; a guard lives as long as its connection.
#[derive(Clone, Default)]
struct OpenConnections(Arc<AtomicUsize>);

struct Connection(OpenConnections);

pub fn bind(port: u16) -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

impl Server {
    pub fn start(listener: TcpListener, state: Arc<State>) -> io::Result<Server> {
        let open = OpenConnections::default();
        let counted = open.clone();
        let (started, start) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("demo-provider".into())
            .spawn(move || run(listener, state, counted, &started))?;
        let handle = start
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the provider's thread died")))?;
        Ok(Server {
            handle,
            thread,
            open,
        })
    }

    pub fn stop(self) {
        // The command is sent by the call itself; joining the thread waits for it without needing a runtime.
        drop(self.handle.stop(false));
        let _ = self.thread.join();
        let deadline = Instant::now() + STOP_LIMIT;
        while self.open.count() > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn run(
    listener: TcpListener,
    state: Arc<State>,
    open: OpenConnections,
    started: &mpsc::Sender<io::Result<ServerHandle>>,
) {
    let state = Data::from(state);
    rt::System::new().block_on(async move {
        let server = HttpServer::new(move || App::new().app_data(state.clone()).configure(routes))
            .on_connect(move |_, extensions| {
                extensions.insert(open.enter());
            })
            .workers(1)
            .disable_signals()
            .listen(listener);
        match server {
            Ok(server) => {
                let server = server.run();
                let _ = started.send(Ok(server.handle()));
                let _ = server.await;
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        }
    });
}

fn routes(app: &mut ServiceConfig) {
    for endpoint in Endpoint::ALL {
        let handler = move |request, body, state| serve(endpoint, request, body, state);
        app.route(endpoint.path(), web::route().to(handler));
    }
    app.route("/", web::get().to(async || pages::about()));
    app.default_service(web::to(async || pages::not_found()));
}

/// For every endpoint: records the request, then sends the canned response if there is one, else the regular one.
async fn serve(
    endpoint: Endpoint,
    request: HttpRequest,
    body: Bytes,
    state: Data<State>,
) -> HttpResponse {
    let seen = Seen::new(&request, &body);
    let (canned, delay, gate, late) = {
        let faults = state.faults();
        let [delay, late] =
            [&faults.delay, &faults.late_response].map(|times| times.get(&endpoint).copied());
        let gate = faults.gates.get(&endpoint).cloned();
        (faults.canned.get(&endpoint).cloned(), delay, gate, late)
    };
    // Only now: a test that sees the request may end the faults.
    state.record(endpoint, seen.clone());
    if let Some(delay) = delay {
        actix_web::rt::time::sleep(delay).await;
    }
    if let Some(gate) = gate {
        gate.pass().await;
    }
    if let Some(canned) = canned {
        return canned.respond().await;
    }
    if !endpoint.methods().contains(&seen.method.as_str()) {
        let allow = ("Allow", endpoint.methods().join(", "));
        return HttpResponse::MethodNotAllowed()
            .insert_header(allow)
            .finish();
    }
    let response = match endpoint {
        Endpoint::Discovery => discovery::configuration(&state),
        Endpoint::Keys => discovery::keys(&state),
        Endpoint::Authorize => authorize::respond(&seen, &state),
        Endpoint::Token => token::respond(&seen, &state),
        Endpoint::Userinfo => userinfo::respond(&seen, &state),
        Endpoint::EndSession => end_session::respond(&seen, &state).await,
        Endpoint::Revoke => refresh::revoke(&seen, &state),
    };
    if let Some(late) = late {
        actix_web::rt::time::sleep(late).await;
    }
    response
}

impl OpenConnections {
    fn enter(&self) -> Connection {
        self.0.fetch_add(1, Ordering::SeqCst);
        Connection(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

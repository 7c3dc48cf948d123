//! Sends requests to the provider. Time and size are limited; redirects are not followed; nothing is decompressed.

use std::sync::Arc;
use std::time::Duration;

use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::http::header::{self, HeaderMap};
use awc::{ClientRequest, Connector};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};
use url::{Position, Url};

use crate::observe::metrics::{self, Endpoint, Outcome};
use crate::oidc::http::certificate_fault::CertificateFault;
use crate::oidc::http::connect::Connect;
use crate::oidc::http::exchange::{Closed, Exchange};
use crate::oidc::http::proxy::Proxy;
use crate::oidc::http::request::{Method, Request, USER_AGENT};
use crate::oidc::http::response::{FetchError, Response, SIZE_LIMIT, TIME_LIMIT};

/// A connection that was idle for longer is not reused. Many servers close theirs after five seconds, and a request that
/// is sent at that moment has to be sent again.
const IDLE_AT_MOST: Duration = Duration::from_secs(4);

/// How many requests a worker sends at once; further ones wait. A request to Doorward sends one at a time, so a worker
/// reaches this only if MAX_CONNECTIONS lets it have more connections: four times the default, on one worker. All of them
/// fit into [`TIME_LIMIT`] however slow the provider is, since none waits for another.
const CONNECTIONS: usize = 4096;

/// An HTTP client of one worker thread; its connections stay open between sign-ins.
#[derive(Clone)]
pub struct Http {
    plain: awc::Client,
    /// Speaks plain HTTP: its connections encrypt.
    tls: awc::Client,
}

impl Http {
    /// A client that trusts what `tls` trusts, and goes through `proxy`.
    pub fn new(tls: Arc<ClientConfig>, proxy: &Proxy) -> Self {
        Http::with_connections(tls, proxy, CONNECTIONS)
    }

    fn with_connections(tls: Arc<ClientConfig>, proxy: &Proxy, connections: usize) -> Self {
        let proxy = Arc::new(proxy.clone());
        Http {
            plain: client(Connect::plain(Arc::clone(&proxy)), connections),
            tls: client(Connect::tls(tls, proxy), connections),
        }
    }

    /// Sends the request that `make` returns, and measures its time for the metrics. A retry calls `make` again, since a
    /// proof of who we are may be valid only once.
    ///
    /// If the provider had closed a kept connection, the request is sent once more on a new one. This includes the token
    /// request: if the provider has used up the code after all, it responds with `invalid_grant`, and the sign-in is
    /// retried from the start.
    ///
    /// # Errors
    /// No response, or one that can't be read. The status of a response is never an error here.
    pub async fn send(
        &self,
        endpoint: Endpoint,
        make: impl Fn() -> Request,
    ) -> Result<Response, FetchError> {
        let started = Instant::now();
        // One deadline for connecting, waiting and reading, and for the retry: a provider that drips can't stretch it.
        let response = self.send_or_retry(make, started + TIME_LIMIT).await;
        metrics::provider_request(endpoint, outcome(&response), started.elapsed());
        response
    }

    async fn send_or_retry(
        &self,
        make: impl Fn() -> Request,
        deadline: Instant,
    ) -> Result<Response, FetchError> {
        let send = || async {
            let response = timeout_at(deadline, self.send_once(make())).await;
            response.unwrap_or(Err(FetchError::Timeout))
        };
        // Lets the runtime poll the kernel, so that unsolicited bytes on a kept connection, or its end, are noticed before
        // a request is sent on it.
        tokio::task::yield_now().await;
        let (response, exchange) = Exchange::default().run(send()).await;
        let (response, exchange) = match exchange.met_a_stale_connection() {
            true => {
                log::debug!(
                    "the provider had closed an idle connection; sending the request again"
                );
                let fresh = Exchange::on_a_fresh_connection();
                fresh.run(send()).await
            }
            false => (response, exchange),
        };
        response.map_err(|cause| match exchange.closed() {
            Some(Closed::BeforeResponse) => {
                FetchError::Connection("the connection was closed before a response".to_owned())
            }
            Some(Closed::InResponse) => {
                FetchError::Body("the connection was closed in the middle of it".to_owned())
            }
            None => match cause {
                FetchError::Timeout if exchange.waited_longer_than(deadline - TIME_LIMIT / 2) => {
                    FetchError::NoFreeConnection
                }
                cause => cause,
            },
        })
    }

    async fn send_once(&self, request: Request) -> Result<Response, FetchError> {
        let mut outgoing = self.outgoing(request.method(), request.url());
        for header in request.headers() {
            outgoing = outgoing.insert_header(header);
        }
        let incoming = outgoing.send_body(request.body()).await;
        let mut incoming = incoming.map_err(no_response)?;
        let body = incoming.body().limit(SIZE_LIMIT).await;
        let body = body.map_err(unreadable)?;
        let header = |name| incoming.headers().get(name)?.to_str().ok();
        let mut response = Response::read(incoming.status().as_u16(), header, body.to_vec());
        response.challenge = challenges(incoming.headers());
        Ok(response)
    }

    fn outgoing(&self, method: Method, url: &Url) -> ClientRequest {
        let method = match method {
            Method::Get => awc::http::Method::GET,
            Method::Post => awc::http::Method::POST,
        };
        let client = match url.scheme() {
            "https" => &self.tls,
            _ => &self.plain,
        };
        let host = &url[Position::BeforeHost..Position::AfterHost];
        let port = url.port_or_known_default().unwrap_or_default();
        let target = &url[Position::BeforePath..Position::AfterQuery];
        client
            .request(method, format!("http://{host}:{port}{target}"))
            .insert_header((
                header::HOST,
                &url[Position::BeforeHost..Position::AfterPort],
            ))
    }
}

fn outcome(response: &Result<Response, FetchError>) -> Outcome {
    match response {
        Ok(response) if response.status == 200 => Outcome::Ok,
        Ok(_) | Err(FetchError::Status { .. }) => Outcome::Refused,
        Err(FetchError::Timeout | FetchError::NoFreeConnection) => Outcome::Timeout,
        Err(FetchError::Connection(_) | FetchError::Certificate(_) | FetchError::Body(_)) => {
            Outcome::Unreachable
        }
    }
}

fn client(connect: Connect, connections: usize) -> awc::Client {
    // Connecting has its own limits, which are shorter.
    let connector = Connector::new()
        .connector(connect)
        .timeout(TIME_LIMIT)
        .limit(connections)
        .conn_keep_alive(IDLE_AT_MOST);
    awc::Client::builder()
        .connector(connector)
        .disable_redirects()
        .timeout(TIME_LIMIT)
        .add_default_header((header::ACCEPT, "application/json, application/jwt"))
        .add_default_header((header::ACCEPT_ENCODING, "identity"))
        .add_default_header((header::USER_AGENT, USER_AGENT))
        .finish()
}

/// A server may send a header for each scheme, and describe an error in any language.
fn challenges(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::WWW_AUTHENTICATE);
    let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn no_response(cause: SendRequestError) -> FetchError {
    match cause {
        SendRequestError::Timeout => FetchError::Timeout,
        SendRequestError::Connect(ConnectError::Io(cause)) => {
            let tls = cause.get_ref().and_then(|cause| cause.downcast_ref());
            match tls.and_then(CertificateFault::of) {
                Some(fault) => FetchError::Certificate(fault.clone()),
                None => FetchError::Connection(cause.to_string()),
            }
        }
        SendRequestError::Response(cause) => no_http(&cause),
        cause => FetchError::Connection(cause.to_string()),
    }
}

fn unreadable(cause: PayloadError) -> FetchError {
    match cause {
        PayloadError::Incomplete(Some(cause)) => no_http(&cause),
        cause => FetchError::Body(cause.to_string()),
    }
}

fn no_http(cause: &dyn std::fmt::Display) -> FetchError {
    FetchError::Body(format!("it is not HTTP/1.1 ({cause})"))
}

#[cfg(test)]
mod tests;

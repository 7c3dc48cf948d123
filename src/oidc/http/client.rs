//! Calls to the provider: the only code that knows awc. Bounded in time and size, no redirect
//! followed, nothing decompressed.

use std::sync::Arc;
use std::time::Duration;

use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::http::Method;
use awc::http::header::{self, HeaderMap};
use awc::{ClientRequest, Connector};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use url::{Position, Url};

use crate::oidc::http::certificate::CertificateFault;
use crate::oidc::http::connect::Connect;
use crate::oidc::http::connection::{Closed, Exchange};
use crate::oidc::http::proxy::Proxy;
use crate::oidc::http::response::{Answer, FetchError, SIZE_LIMIT, TIME_LIMIT};

/// What Doorward calls itself: some firewalls refuse who says nothing.
pub const USER_AGENT: &str = concat!("doorward/", env!("CARGO_PKG_VERSION"));

/// A connection that was idle for longer is not used again. Many servers close theirs after five seconds, and a
/// request that is sent just then has to be sent again.
const IDLE_AT_MOST: Duration = Duration::from_secs(4);

/// An HTTP client of one worker thread; its connections stay open between sign-ins.
#[derive(Clone)]
pub struct Http {
    plain: awc::Client,
    /// It is told that it speaks plain HTTP: its connections encrypt by themselves.
    tls: awc::Client,
}

impl Http {
    /// A client that trusts what `tls` trusts, and goes through `proxy`.
    pub fn new(tls: Arc<ClientConfig>, proxy: &Proxy) -> Self {
        let proxy = Arc::new(proxy.clone());
        Http {
            plain: client(Connect::plain(Arc::clone(&proxy))),
            tls: client(Connect::tls(tls, proxy)),
        }
    }

    fn request(&self, method: Method, url: &Url) -> ClientRequest {
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

    /// `GET`, with the access token where there is one (RFC 6750, 2.1).
    pub async fn get(
        &self,
        url: &Url,
        bearer: Option<&SecretString>,
    ) -> Result<Answer, FetchError> {
        let request = || match bearer {
            Some(token) => self
                .request(Method::GET, url)
                .bearer_auth(token.expose_secret()),
            None => self.request(Method::GET, url),
        };
        send(request, "").await
    }

    /// `POST` of a form; with `basic`, as that client (RFC 6749, 2.3.1: id and secret are
    /// form-urlencoded first).
    pub async fn post_form(
        &self,
        url: &Url,
        basic: Option<(&str, &SecretString)>,
        form: &[(&str, &str)],
    ) -> Result<Answer, FetchError> {
        let basic =
            basic.map(|(id, secret)| format!("Basic {}", credentials(id, secret.expose_secret())));
        let request = || {
            let request = self
                .request(Method::POST, url)
                .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"));
            match &basic {
                Some(basic) => request.insert_header((header::AUTHORIZATION, basic.as_str())),
                None => request,
            }
        };
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        send(request, &body).await
    }
}

fn client(connect: Connect) -> awc::Client {
    // Connecting has its own limits, which are shorter.
    let connector = Connector::new()
        .connector(connect)
        .timeout(TIME_LIMIT)
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

/// What stands behind `Basic` (RFC 6749, 2.3.1).
pub fn credentials(id: &str, secret: &str) -> String {
    STANDARD.encode(format!(
        "{}:{}",
        form_urlencoded(id),
        form_urlencoded(secret)
    ))
}

/// `text` as a form has it.
fn form_urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// One deadline spans connecting, waiting and reading, a second time too: a provider that drips can't stretch it.
///
/// A request that met the end of a connection that was used before goes out once more, on a fresh one. That holds for
/// the token request too: should the provider have spent the code all the same, it answers `invalid_grant`, and the
/// sign-in begins anew.
async fn send(request: impl Fn() -> ClientRequest, body: &str) -> Result<Answer, FetchError> {
    let exchanges = async {
        // The runtime asks the kernel only now: what came unasked on a kept connection, or that it was closed, is seen
        // before a request goes out on it.
        tokio::task::yield_now().await;
        let (answer, exchange) = Exchange::default().run(ask(request(), body)).await;
        let (answer, exchange) = match exchange.met_a_stale_connection() {
            true => {
                log::debug!("the provider had closed a connection that was kept; asking again");
                let fresh = Exchange::on_a_fresh_connection();
                fresh.run(ask(request(), body)).await
            }
            false => (answer, exchange),
        };
        answer.map_err(|cause| match exchange.closed() {
            Some(Closed::BeforeAnswer) => {
                FetchError::Connection("the connection was closed before an answer".to_owned())
            }
            Some(Closed::InAnswer) => {
                FetchError::Body("the connection was closed in the middle of it".to_owned())
            }
            None => cause,
        })
    };
    tokio::time::timeout(TIME_LIMIT, exchanges)
        .await
        .unwrap_or(Err(FetchError::Timeout))
}

async fn ask(request: ClientRequest, body: &str) -> Result<Answer, FetchError> {
    let mut response = request
        .send_body(body.to_owned())
        .await
        .map_err(no_answer)?;
    let body = response
        .body()
        .limit(SIZE_LIMIT)
        .await
        .map_err(unreadable)?;
    let header = |name| response.headers().get(name)?.to_str().ok();
    let mut answer = Answer::read(response.status().as_u16(), header, body.to_vec());
    answer.challenge = challenges(response.headers());
    Ok(answer)
}

/// A server may offer several schemes, a header for each, and describe an error in any language.
fn challenges(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::WWW_AUTHENTICATE);
    let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn no_answer(cause: SendRequestError) -> FetchError {
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
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, Sender, channel};

    use tokio::task::LocalSet;

    use super::*;

    const GENUINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ngenuine";
    const UNASKED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";

    fn http() -> Http {
        Http::new(crate::oidc::tls_config(None).unwrap(), &Proxy::default())
    }

    /// A server whose connections answer every request so. Once `said` comes it says `UNASKED` on the first one, and
    /// then that it did.
    fn server(answer: &'static str, said: Receiver<()>, done: Sender<()>) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serve = move |mut stream: TcpStream| {
            std::thread::spawn(move || {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                for line in lines.map_while(Result::ok) {
                    if line.is_empty() {
                        let _ = stream.write_all(answer.as_bytes());
                    }
                }
            });
        };
        std::thread::spawn(move || {
            let (mut first, _) = listener.accept().unwrap();
            serve(first.try_clone().unwrap());
            if said.recv().is_ok() {
                first.write_all(UNASKED.as_bytes()).unwrap();
                done.send(()).unwrap();
            }
            if let Ok((second, _)) = listener.accept() {
                serve(second);
            }
        });
        Url::parse(&url).unwrap()
    }

    /// It waits in the kernel when the next request goes out, and the runtime has not heard of it.
    #[tokio::test]
    async fn what_came_unasked_on_a_kept_connection_is_not_the_next_answer() {
        let ((say, said), (done, is_done)) = (channel(), channel());
        let (url, http) = (server(GENUINE, said, done), http());
        let asked_twice = async {
            let answer = http.get(&url, None).await.unwrap();
            assert_eq!(answer.body, b"genuine");
            say.send(()).unwrap();
            is_done.recv().unwrap();
            let answer = http.get(&url, None).await.unwrap();
            assert_eq!(answer.body, b"genuine");
        };
        LocalSet::new().run_until(asked_twice).await;
    }

    #[tokio::test]
    async fn an_answer_that_is_no_http_came_all_the_same() {
        for (answer, cause) in [
            (
                "SSH-2.0-OpenSSH\r\n\r\n",
                "it is not HTTP/1.1 (invalid HTTP version specified)",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n1",
                "it is not HTTP/1.1 (invalid Header provided)",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
                "it is not HTTP/1.1 (Invalid chunk size line: Invalid size first-byte)",
            ),
        ] {
            let ((_, said), (done, _)) = (channel(), channel());
            let (url, http) = (server(answer, said, done), http());
            let asked = LocalSet::new().run_until(http.get(&url, None)).await;
            let fault = asked.err();
            let expected = format!("the provider's answer can't be read: {cause}");
            assert_eq!(fault.unwrap().to_string(), expected);
        }
    }

    /// Core 9 (a)
    /// RFC 6749 2.3.1 (a)
    #[test]
    fn a_client_id_and_secret_are_form_urlencoded() {
        assert_eq!(form_urlencoded("a:b%c d+é"), "a%3Ab%25c+d%2B%C3%A9");
    }
}

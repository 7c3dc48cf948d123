//! Calls to the provider: the only code that knows awc. Bounded in time and size, no redirect
//! followed, nothing decompressed.

use std::sync::Arc;
use std::time::Duration;

use awc::http::header;
use awc::{ClientRequest, Connector};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::answer::{Answer, FetchError, SIZE_LIMIT, TIME_LIMIT};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that was idle for longer is not used again. Many servers close theirs after five seconds, and a code
/// that is sent just then is lost, since it can't be sent twice.
const IDLE_AT_MOST: Duration = Duration::from_secs(4);

/// An HTTP client of one worker thread; its connections stay open between sign-ins.
#[derive(Clone)]
pub struct Http {
    client: awc::Client,
}

impl Http {
    /// A client that trusts what `tls` trusts.
    pub fn new(tls: Arc<ClientConfig>) -> Self {
        let connector = Connector::new()
            .timeout(CONNECT_TIMEOUT)
            .handshake_timeout(CONNECT_TIMEOUT)
            .conn_keep_alive(IDLE_AT_MOST)
            .rustls_0_23(tls);
        let client = awc::Client::builder()
            .connector(connector)
            .disable_redirects()
            .timeout(TIME_LIMIT)
            .add_default_header((header::ACCEPT, "application/json, application/jwt"))
            .add_default_header((header::ACCEPT_ENCODING, "identity"))
            .finish();
        Http { client }
    }

    /// `GET`, with the access token where there is one (RFC 6750, 2.1).
    pub async fn get(
        &self,
        url: &Url,
        bearer: Option<&SecretString>,
    ) -> Result<Answer, FetchError> {
        let mut request = self.client.get(url.as_str());
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        send(request, Vec::new()).await
    }

    /// `POST` of a form; with `basic`, as that client (RFC 6749, 2.3.1: id and secret are
    /// form-urlencoded first).
    pub async fn post_form(
        &self,
        url: &Url,
        basic: Option<(&str, &SecretString)>,
        form: &[(&str, &str)],
    ) -> Result<Answer, FetchError> {
        let mut request = self
            .client
            .post(url.as_str())
            .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"));
        if let Some((id, secret)) = basic {
            let (id, secret) = (form_urlencoded(id), form_urlencoded(secret.expose_secret()));
            let basic = STANDARD.encode(format!("{id}:{secret}"));
            request = request.insert_header((header::AUTHORIZATION, format!("Basic {basic}")));
        }
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        send(request, body.into_bytes()).await
    }
}

fn form_urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// One deadline spans connecting, waiting and reading: a provider that drips can't stretch it.
async fn send(request: ClientRequest, body: Vec<u8>) -> Result<Answer, FetchError> {
    let exchange = async {
        let mut response = request.send_body(body).await.map_err(|cause| match cause {
            awc::error::SendRequestError::Timeout => FetchError::Timeout,
            cause => FetchError::Connection(cause.to_string()),
        })?;
        let body = response
            .body()
            .limit(SIZE_LIMIT)
            .await
            .map_err(|cause| FetchError::Body(cause.to_string()))?;
        let header = |name| response.headers().get(name)?.to_str().ok();
        Ok(Answer::read(
            response.status().as_u16(),
            header,
            body.to_vec(),
        ))
    };
    tokio::time::timeout(TIME_LIMIT, exchange)
        .await
        .unwrap_or(Err(FetchError::Timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_and_secret_are_form_urlencoded() {
        assert_eq!(form_urlencoded("a:b%c d+é"), "a%3Ab%25c+d%2B%C3%A9");
    }
}

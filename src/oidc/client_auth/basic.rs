//! `client_secret_basic` (RFC 6749, 2.3.1): id and secret are form-urlencoded first.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::oidc::http::request::Request;

/// Adds the `Authorization` header.
pub fn apply(request: Request, client_id: &str, client_secret: &SecretString) -> Request {
    let credentials = credentials(client_id, client_secret);
    request.header(
        "authorization",
        format!("Basic {}", credentials.expose_secret()),
    )
}

/// The credentials after `Basic`.
pub fn credentials(client_id: &str, client_secret: &SecretString) -> SecretString {
    let (id, secret) = (client_id, client_secret.expose_secret());
    let pair = format!("{}:{}", form_urlencoded(id), form_urlencoded(secret));
    STANDARD.encode(pair).into()
}

fn form_urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Core 9 (a)
    /// RFC 6749 2.3.1 (a)
    #[test]
    fn a_client_id_and_secret_are_form_urlencoded() {
        assert_eq!(form_urlencoded("a:b%c d+é"), "a%3Ab%25c+d%2B%C3%A9");
    }
}

//! `client_secret_post` (RFC 6749, 2.3.1).

use secrecy::SecretString;

use crate::oidc::http::request::Request;

/// Adds id and secret to the form.
pub fn apply(request: Request, client_id: &str, client_secret: &SecretString) -> Request {
    request
        .field("client_id", client_id)
        .field("client_secret", client_secret.clone())
}

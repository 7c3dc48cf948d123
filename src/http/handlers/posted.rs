//! Bodies of requests that anybody can send.

use std::fmt;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, Payload};
use url::form_urlencoded;

/// The longest body, in bytes.
const BODY_LIMIT: usize = 16 * 1024;

/// How long it may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a body can't be read. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(&'static str);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The whole body.
pub async fn read_body(payload: Payload) -> Result<Bytes, Unreadable> {
    match timeout(BODY_TIMEOUT, payload.to_bytes_limited(BODY_LIMIT)).await {
        Err(_) => Err(Unreadable("its body did not arrive within 5 seconds")),
        Ok(Err(_)) => Err(Unreadable("its body is longer than 16 KiB")),
        Ok(Ok(Err(_))) => Err(Unreadable("its body broke off")),
        Ok(Ok(Ok(body))) => Ok(body),
    }
}

/// The media type of the body, in lower case.
pub fn media_type(request: &HttpRequest) -> String {
    let media_type = request.headers().get(CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next();
    media_type.unwrap_or_default().trim().to_ascii_lowercase()
}

/// The parameter called `name` of a form, which is there once and is not empty. Others are ignored.
pub async fn read_form(
    request: &HttpRequest,
    payload: Payload,
    name: &str,
) -> Result<String, Unreadable> {
    let body = read_body(payload).await?;
    match &*media_type(request) {
        "application/x-www-form-urlencoded" => parameter(&body, name),
        _ => Err(Unreadable(
            "its Content-Type is not application/x-www-form-urlencoded",
        )),
    }
}

fn parameter(form: &[u8], name: &str) -> Result<String, Unreadable> {
    let mut values = form_urlencoded::parse(form).filter(|(it, _)| it == name);
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(Unreadable("it has a parameter twice")),
        (Some((_, value)), None) if !value.is_empty() => Ok(value.into_owned()),
        (Some(_) | None, _) => Err(Unreadable("it lacks a parameter")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_there_once() {
        for (form, found) in [
            ("logout_token=a", Ok("a")),
            ("x=1&x=2&logout%5Ftoken=a%20b", Ok("a b")),
            (
                "logout_token=a&logout_token=a",
                Err("it has a parameter twice"),
            ),
            (
                "logout_token=a&logout%5ftoken=",
                Err("it has a parameter twice"),
            ),
            ("logout_token=", Err("it lacks a parameter")),
            ("logout_token", Err("it lacks a parameter")),
            ("Logout_token=a", Err("it lacks a parameter")),
            ("", Err("it lacks a parameter")),
        ] {
            let found = found.map(str::to_owned).map_err(Unreadable);
            assert_eq!(parameter(form.as_bytes(), "logout_token"), found, "{form}");
        }
    }
}

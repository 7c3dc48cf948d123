//! A request to the provider as a value: made and judged without I/O, sent by [`Http`](super::client::Http).

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The product that Doorward names in `User-Agent`: some firewalls refuse requests without one.
pub const USER_AGENT: &str = concat!("doorward/", env!("CARGO_PKG_VERSION"));

/// The methods that Doorward uses with a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Without a body.
    Get,
    /// With a form.
    Post,
}

/// A request that has not been sent. No `Debug`: it may hold secrets in its headers and its form.
#[derive(Clone)]
pub struct Request {
    url: Url,
    headers: Vec<(&'static str, SecretString)>,
    form: Option<Vec<(&'static str, SecretString)>>,
}

impl Request {
    /// `GET`.
    pub fn get(url: Url) -> Self {
        Request {
            url,
            headers: Vec::new(),
            form: None,
        }
    }

    /// `POST` of a form, whose fields [`Request::field`] adds.
    pub fn post(url: Url) -> Self {
        Request {
            form: Some(Vec::new()),
            ..Request::get(url)
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<SecretString>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds an access token (RFC 6750, 2.1).
    pub fn bearer(self, token: &SecretString) -> Self {
        self.header("authorization", format!("Bearer {}", token.expose_secret()))
    }

    /// Adds a field to the form; the request becomes a `POST`.
    pub fn field(mut self, name: &'static str, value: impl Into<SecretString>) -> Self {
        self.form.get_or_insert_default().push((name, value.into()));
        self
    }

    /// `POST` if there is a form.
    pub fn method(&self) -> Method {
        match self.form {
            None => Method::Get,
            Some(_) => Method::Post,
        }
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The headers in addition to those of every request; `Content-Type` if there is a form.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let content_type = ("content-type", "application/x-www-form-urlencoded");
        let content_type = self.form.as_ref().map(|_| content_type);
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (*name, value.expose_secret()));
        content_type.into_iter().chain(headers)
    }

    /// The form, encoded; nothing for a `GET`.
    pub fn body(&self) -> String {
        let fields = self.form.iter().flatten();
        let fields = fields.map(|(name, value)| (*name, value.expose_secret()));
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> Url {
        Url::parse("https://op.example/token").unwrap()
    }

    #[test]
    fn a_form_is_posted_encoded() {
        let request = Request::post(url()).field("a", "1 &").field("b", "é");
        assert_eq!(request.method(), Method::Post);
        assert_eq!(request.body(), "a=1+%26&b=%C3%A9");
        let headers: Vec<_> = request.headers().collect();
        let content_type = ("content-type", "application/x-www-form-urlencoded");
        assert_eq!(headers, [content_type]);
    }

    #[test]
    fn an_access_token_is_in_the_header_alone() {
        let request = Request::get(url()).bearer(&"t".into());
        assert_eq!(request.method(), Method::Get);
        assert_eq!(request.url(), &url());
        assert_eq!(request.body(), "");
        let headers: Vec<_> = request.headers().collect();
        assert_eq!(headers, [("authorization", "Bearer t")]);
    }
}

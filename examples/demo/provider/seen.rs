//! The requests that the provider received, as the handlers read them and the tests look them up.

use std::collections::HashSet;
use std::sync::OnceLock;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use url::form_urlencoded;

/// The cookie of the provider's own session. Cookies ignore ports, so the name is one that no app uses.
pub const SESSION_COOKIE: &str = "demo_provider_session";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Discovery,
    Keys,
    Authorize,
    Token,
    Userinfo,
    EndSession,
    Revoke,
}

/// One request. Header names are in lower case.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub query: Params,
    pub headers: Params,
    pub form: Params,
    /// The provider's session cookie, if the browser sent one.
    pub session: Option<String>,
}

/// Names and values in the order they came, duplicates included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(pub Vec<(String, String)>);

impl Endpoint {
    pub const ALL: [Endpoint; 7] = [
        Endpoint::Discovery,
        Endpoint::Keys,
        Endpoint::Authorize,
        Endpoint::Token,
        Endpoint::Userinfo,
        Endpoint::EndSession,
        Endpoint::Revoke,
    ];

    pub fn path(self) -> &'static str {
        match self {
            Endpoint::Discovery => "/.well-known/openid-configuration",
            Endpoint::Keys => "/keys",
            Endpoint::Authorize => "/authorize",
            Endpoint::Token => "/token",
            Endpoint::Userinfo => "/userinfo",
            Endpoint::EndSession => "/end_session",
            Endpoint::Revoke => "/revoke",
        }
    }

    pub fn methods(self) -> &'static [&'static str] {
        match self {
            Endpoint::Discovery | Endpoint::Keys => &["GET"],
            Endpoint::Token | Endpoint::Revoke => &["POST"],
            Endpoint::Authorize | Endpoint::Userinfo | Endpoint::EndSession => &["GET", "POST"],
        }
    }
}

/// Called with every secret and its kind. The tests search for them where they must not be.
static ON_SECRET: OnceLock<fn(&'static str, &str)> = OnceLock::new();

pub fn on_secret(listener: fn(&'static str, &str)) {
    let _ = ON_SECRET.set(listener);
}

pub fn report_secret(what: &'static str, secret: &str) {
    if let Some(listener) = ON_SECRET.get() {
        listener(what, secret);
    }
}

impl Seen {
    pub fn new(request: &HttpRequest, body: &[u8]) -> Seen {
        let headers = request.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let is_form = request.headers().get(CONTENT_TYPE).is_some_and(|value| {
            value
                .as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        });
        Seen {
            method: request.method().to_string(),
            query: Params::parse(request.query_string().as_bytes()),
            headers: Params(headers.collect()),
            form: if is_form {
                Params::parse(body)
            } else {
                Params::default()
            },
            session: request
                .cookie(SESSION_COOKIE)
                .map(|cookie| cookie.value().to_owned()),
        }
    }

    /// The secrets that a client may send to the provider only.
    pub fn tell_secrets(&self) {
        for name in [
            "state",
            "nonce",
            "code_verifier",
            "client_secret",
            "refresh_token",
        ] {
            for params in [&self.query, &self.form] {
                params.get(name).inspect(|value| report_secret(name, value));
            }
        }
        let credentials = self.header("authorization");
        if let Some((_, credentials)) = credentials.and_then(|header| header.split_once(' ')) {
            report_secret("the credentials of a request", credentials);
        }
    }

    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

impl Params {
    pub fn parse(encoded: &[u8]) -> Params {
        Params(form_urlencoded::parse(encoded).into_owned().collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    /// Parameters must not be sent more than once (RFC 6749 3.1 and 3.2).
    pub fn duplicate(&self) -> Option<&str> {
        let mut names = HashSet::new();
        let mut repeated = self.0.iter().filter(|(name, _)| !names.insert(name));
        repeated.next().map(|(name, _)| name.as_str())
    }

    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }
}

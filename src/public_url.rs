//! `PUBLIC_URL`: where browsers reach Doorward. Redirect URIs, links and cookies depend on it alone, and never on what a
//! request says about its host.

use std::fmt;
use std::sync::Arc;

use url::Url;

/// Where the authorization response comes to, below [`PublicUrl`]; Okta's wizard proposes this path.
pub const CALLBACK: &str = "/authorization-code/callback";

/// Where the provider ends all sessions of a person, likewise.
pub const UNIVERSAL_LOGOUT: &str = "/universal-logout";

/// Where the provider says that a session of its own has ended, likewise.
pub const BACKCHANNEL_LOGOUT: &str = "/backchannel-logout";

/// Where the provider's page signs people out by a frame, likewise.
pub const FRONTCHANNEL_LOGOUT: &str = "/frontchannel-logout";

/// `PUBLIC_URL`, parsed once. Clones share it.
#[derive(Clone, Debug)]
pub struct PublicUrl(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    url: Url,
    as_written: String,
    origin: String,
    /// Empty, or like `/doorward`.
    base: String,
}

impl PublicUrl {
    /// Reads `text`: an http or https URL that ends with the host or a plain path.
    ///
    /// # Errors
    /// What is wrong with it, to stand behind the setting's name.
    pub fn parse(text: &str) -> Result<PublicUrl, String> {
        let url = Url::parse(text).map_err(|cause| format!("is not a URL ({cause})"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("must begin with https:// (or http://)".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(
                "has a query or a fragment; it must end with the host or a path".to_owned(),
            );
        }
        let path = url.path().strip_suffix('/').unwrap_or(url.path());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        if path.contains("//") || path.ends_with('/') || !path.bytes().all(is_plain) {
            return Err(
                "has a path with other characters than letters, digits, - . _ ~ and single slashes"
                    .to_owned(),
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not hold a name or a password".to_owned());
        }
        Ok(PublicUrl(Arc::new(Parts {
            origin: url.origin().ascii_serialization(),
            base: path.to_owned(),
            as_written: text.to_owned(),
            url,
        })))
    }

    /// The URL itself.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// To the letter, as providers compare it: the post-logout redirect URI (RP-Initiated Logout 1.0, 3).
    pub fn as_written(&self) -> &str {
        &self.0.as_written
    }

    /// Whether browsers come by https, so that cookies are `Secure` and have a prefix.
    pub fn is_https(&self) -> bool {
        self.0.url.scheme() == "https"
    }

    /// Scheme, host and port (RFC 6454, 6.2), as browsers write them in `Origin`.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// What stands before each path: empty where `PUBLIC_URL` is an origin, else like `/doorward`.
    pub fn base(&self) -> &str {
        &self.0.base
    }

    /// Where browsers find `path`, which begins with a slash: a path without scheme and host.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// The redirect URI to register at the provider (RFC 6749, 3.1.2).
    pub fn redirect_uri(&self) -> Url {
        let redirect_uri = self.0.url.join(&self.at(CALLBACK));
        redirect_uri.expect("an absolute path joins any http URL")
    }

    /// Where the provider ends all sessions of a person: the audience of its revocation tokens, to the letter.
    pub fn universal_logout_uri(&self) -> String {
        format!("{}{}", self.origin(), self.at(UNIVERSAL_LOGOUT))
    }

    /// Where the provider posts its logout tokens (OpenID Connect Back-Channel Logout 1.0, 2.2).
    pub fn backchannel_logout_uri(&self) -> String {
        format!("{}{}", self.origin(), self.at(BACKCHANNEL_LOGOUT))
    }

    /// What the provider's pages load in a frame (OpenID Connect Front-Channel Logout 1.0, 2).
    pub fn frontchannel_logout_uri(&self) -> String {
        format!("{}{}", self.origin(), self.at(FRONTCHANNEL_LOGOUT))
    }

    /// The `Path` of our cookies. Over https their names' prefix, `__Host-`, demands the whole host.
    pub fn cookie_path(&self) -> &str {
        match self.base() {
            base if base.is_empty() || self.is_https() => "/",
            base => base,
        }
    }
}

/// As it was written.
impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_written())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_below_its_path() {
        for (text, home, cookie_path) in [
            ("https://app.example.com", "/", "/"),
            ("https://app.example.com/", "/", "/"),
            ("https://app.example.com/doorward", "/doorward/", "/"),
            ("http://app.example.com/doorward", "/doorward/", "/doorward"),
            (
                "http://app.example.com/doorward/",
                "/doorward/",
                "/doorward",
            ),
            ("http://app.example.com/a/b", "/a/b/", "/a/b"),
            ("http://app.example.com", "/", "/"),
        ] {
            let public_url = PublicUrl::parse(text).unwrap();
            assert_eq!(public_url.at("/"), home, "{text}");
            assert_eq!(public_url.cookie_path(), cookie_path, "{text}");
            assert_eq!(public_url.to_string(), text);
        }
    }

    #[test]
    fn the_redirect_uri_is_below_it() {
        for (text, redirect_uri) in [
            (
                "http://localhost:8080",
                "http://localhost:8080/authorization-code/callback",
            ),
            (
                "https://a.example/x/",
                "https://a.example/x/authorization-code/callback",
            ),
        ] {
            let public_url = PublicUrl::parse(text).unwrap();
            assert_eq!(public_url.redirect_uri().as_str(), redirect_uri);
        }
    }

    #[test]
    fn its_origin_is_what_browsers_send() {
        for (text, origin) in [
            ("https://App.Example.com:443/x", "https://app.example.com"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().origin(), origin);
        }
    }
}

//! The names of our cookies, and which cookies of a request are ours. Names are compared exactly, so that neither a
//! lookalike nor a cookie of another Doorward on the same host is accepted as ours.

use crate::public_url::PublicUrl;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How many characters of a state are in its cookie's name: enough to distinguish tabs, too few to guess the rest.
const TAG_CHARS: usize = 16;

/// A longer path is hashed.
const PATH_CHARS: usize = 32;

/// The session's.
const SESSION: &str = "doorward";
/// That of a sign-out that continues at the provider.
const LOGOUT: &str = "doorward-logout";
/// An attempt to sign in; the tag of its state follows.
const LOGIN: &str = "doorward-login-";
/// That of an authorization response that came by POST. There is only one, so that no site can fill a browser by posting.
const FORM_POST: &str = "doorward-form-post";

/// The names of one Doorward's cookies.
pub struct CookieNames {
    /// The prefix that browsers enforce rules for.
    prefix: &'static str,
    /// Distinguishes this Doorward from others on the host: cookies ignore ports, and `__Host-` cookies ignore paths.
    /// Begins with a character that no tag has.
    site: String,
}

impl CookieNames {
    /// Those of the Doorward at `public_url`.
    pub fn of(public_url: &PublicUrl) -> Self {
        // Over https browsers refuse such a cookie from a sibling domain, over http, and for less than the whole host.
        let prefix = match public_url.url().scheme() {
            "https" => "__Host-",
            _ => "",
        };
        let port = public_url.url().port().map(|port| format!(".{port}"));
        let port = port.unwrap_or_default();
        let site = format!("{port}{}", path_part(public_url.url().path()));
        CookieNames { prefix, site }
    }

    /// The session's cookie.
    pub fn session(&self) -> String {
        self.whole(SESSION)
    }

    /// The cookie of the sign-out in progress.
    pub fn logout(&self) -> String {
        self.whole(LOGOUT)
    }

    /// The cookie of the attempt with this state. Only characters of base64url get into a name, whatever the request contains.
    pub fn login(&self, state: &str) -> String {
        self.whole(&format!("{LOGIN}{}", tag(state)))
    }

    /// The cookie of a response that came by POST.
    pub fn form_post(&self) -> String {
        self.whole(FORM_POST)
    }

    /// Whether this is the name of an attempt's cookie.
    pub fn is_login(&self, name: &str) -> bool {
        let tag = self.own_part(name).and_then(|own| own.strip_prefix(LOGIN));
        tag.is_some_and(is_tag)
    }

    /// Whether this is the name of a cookie that this Doorward sets.
    pub fn is_ours(&self, name: &str) -> bool {
        let Some(own) = self.own_part(name) else {
            return false;
        };
        let tag = own.strip_prefix(LOGIN);
        matches!(own, SESSION | LOGOUT | FORM_POST) || tag.is_some_and(is_tag)
    }

    fn whole(&self, own: &str) -> String {
        format!("{}{own}{}", self.prefix, self.site)
    }

    /// The name without the prefix and the site that all our cookies share.
    fn own_part<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.prefix)?.strip_suffix(&self.site)
    }
}

/// A path as a part of a name: `/a/b` is `+a+b`, and no path of `PUBLIC_URL` has a `+` of its own. A long path is
/// hashed, since each cookie contains it.
fn path_part(path: &str) -> String {
    let path = path.trim_end_matches('/');
    match path.len() <= PATH_CHARS {
        true => path.replace('/', "+"),
        false => {
            let hash = digest::digest(&digest::SHA256, path.as_bytes());
            format!("+{}", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]))
        }
    }
}

fn tag(state: &str) -> String {
    let own = state.chars().filter(|c| is_tag_char(*c));
    own.take(TAG_CHARS).collect()
}

fn is_tag(text: &str) -> bool {
    text.len() <= TAG_CHARS && text.chars().all(is_tag_char)
}

fn is_tag_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(public_url: &str) -> CookieNames {
        CookieNames::of(&PublicUrl::parse(public_url).unwrap())
    }

    #[test]
    fn a_name_says_what_browsers_are_to_enforce_and_whose_it_is() {
        for (public_url, expected) in [
            ("https://app.example", "__Host-doorward"),
            ("https://app.example:443/", "__Host-doorward"),
            ("https://app.example:8443", "__Host-doorward.8443"),
            ("https://app.example/below/", "__Host-doorward+below"),
            ("https://app.example:80/a/b", "__Host-doorward.80+a+b"),
            ("http://localhost", "doorward"),
            ("http://localhost:8080", "doorward.8080"),
            ("http://localhost/below", "doorward+below"),
        ] {
            assert_eq!(names(public_url).session(), expected, "{public_url}");
        }
        let long = names(&format!("https://app.example/{}", "a".repeat(32)));
        assert_eq!(long.session(), "__Host-doorward+jf4-crIWFHuEnuwc");
    }

    #[test]
    fn no_doorwards_cookies_are_those_of_another_on_the_host() {
        let sites = [
            "https://app.example",
            "https://app.example:8443",
            "https://app.example/a",
            "https://app.example/a/b",
            "https://app.example/a.b",
            "https://app.example/.8443",
            "https://app.example:8443/a",
            "https://app.example/a-login-b",
            "https://app.example/-login-x",
            "https://app.example/a/-login-",
            "https://app.example/doorward",
        ];
        for ours in sites {
            for theirs in sites {
                let (ours, theirs) = (names(ours), names(theirs));
                let all = [
                    theirs.session(),
                    theirs.logout(),
                    theirs.login("state"),
                    theirs.login(""),
                    theirs.form_post(),
                ];
                let is_same = ours.site == theirs.site;
                for name in all {
                    assert_eq!(ours.is_ours(&name), is_same, "{name} for {}", ours.site);
                }
            }
        }
    }

    #[test]
    fn only_characters_of_base64url_get_into_a_name() {
        let name = names("https://app.example").login("a-b_c;= é\r\nd0123456789abcdef");
        assert_eq!(name, "__Host-doorward-login-a-b_cd0123456789");
    }

    #[test]
    fn what_we_set_is_ours_and_nothing_else_is() {
        let names = names("https://app.example");
        let state = crate::random::secret();
        for ours in [
            names.session(),
            names.logout(),
            names.login(&state),
            names.form_post(),
            names.login(""),
        ] {
            assert!(names.is_ours(&ours), "{ours}");
            let [front, back] = [format!("x{ours}"), format!("{ours}~")];
            let (lower, bare) = (ours.to_lowercase(), ours.replace("__Host-", ""));
            for not in [front, back, lower, bare] {
                assert!(!names.is_ours(&not), "{not}");
            }
        }
        for not in [
            "",
            "__Host-",
            "__Host-doorwar",
            "__Host-doorwardx",
            "__Host-doorward-",
            "__Host-doorward-login",
            "__Host-doorward-login-0123456789abcdefg",
            "__Host-doorward-login-a.b",
            "__Host-doorward-logout-a",
            "__Host-doorward-form-post-a",
            "__Secure-doorward",
            "\u{2003}__Host-doorward",
        ] {
            assert!(!names.is_ours(not), "{not}");
        }
    }

    #[test]
    fn an_attempt_is_told_from_the_others() {
        let names = names("https://app.example");
        assert!(names.is_login(&names.login("state")));
        for not in [names.session(), names.logout(), names.form_post()] {
            assert!(!names.is_login(&not), "{not}");
        }
    }
}

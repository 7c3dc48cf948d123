//! What our cookies are called, and which of those that come are ours. Each name is exact: nothing that only looks like
//! it is ours, and no other Doorward's on the same host is.

use url::Url;

/// How much of a state names its cookie: enough to tell tabs apart, too little to guess the rest.
const TAG_CHARS: usize = 16;

/// The session's.
const SESSION: &str = "doorward";
/// The state of a sign-out that is at the provider.
const LOGOUT: &str = "doorward-logout";
/// An attempt to sign in; the tag of its state follows.
const LOGIN: &str = "doorward-login-";
/// An answer that came by POST; the tag of its state follows.
const ANSWER: &str = "doorward-answer-";

/// The names of one Doorward's cookies.
pub struct CookieNames {
    /// What browsers enforce for a name that begins with it.
    prefix: &'static str,
}

impl CookieNames {
    /// Those of the Doorward at `public_url`.
    pub fn of(public_url: &Url) -> Self {
        // Over https the prefix makes browsers refuse the cookie from a sibling domain or over http. Below a path, only
        // over http: `__Host-` cookies are for the whole host.
        let is_root = public_url.path().trim_end_matches('/').is_empty();
        let prefix = match (public_url.scheme() == "https", is_root) {
            (true, true) => "__Host-",
            (true, false) => "__Secure-",
            (false, _) => "",
        };
        CookieNames { prefix }
    }

    /// The session's cookie.
    pub fn session(&self) -> String {
        self.whole(SESSION)
    }

    /// The cookie of the sign-out that is under way.
    pub fn logout(&self) -> String {
        self.whole(LOGOUT)
    }

    /// The cookie of the attempt with this state. Only characters of base64url get into a name, whatever came.
    pub fn login(&self, state: &str) -> String {
        self.whole(&format!("{LOGIN}{}", tag(state)))
    }

    /// The cookie of the answer with this state.
    pub fn answer(&self, state: &str) -> String {
        self.whole(&format!("{ANSWER}{}", tag(state)))
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
        let tag = own.strip_prefix(LOGIN).or(own.strip_prefix(ANSWER));
        own == SESSION || own == LOGOUT || tag.is_some_and(is_tag)
    }

    fn whole(&self, own: &str) -> String {
        format!("{}{own}", self.prefix)
    }

    /// The name without what all of ours share.
    fn own_part<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.prefix)
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
        CookieNames::of(&Url::parse(public_url).unwrap())
    }

    #[test]
    fn the_prefix_says_what_browsers_are_to_enforce() {
        for (public_url, expected) in [
            ("https://app.example", "__Host-doorward"),
            ("https://app.example/below", "__Secure-doorward"),
            ("http://localhost", "doorward"),
            ("http://localhost/below", "doorward"),
        ] {
            assert_eq!(names(public_url).session(), expected, "{public_url}");
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
            names.answer(&state),
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
        for not in [names.session(), names.logout(), names.answer("state")] {
            assert!(!names.is_login(&not), "{not}");
        }
    }
}

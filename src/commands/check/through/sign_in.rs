//! What a browser without a session gets: the redirect to the sign-in, whole, or 401.

use super::front::Answer;
use super::lines;
use super::lines::Proxy;
use super::protected::{Gate, TAB};
use super::reply::Reply;
use crate::commands::check::report::Finding;

impl Gate<'_> {
    /// A tab without a session: the redirect, its cookie, and what Doorward was asked about. Whether the rest makes sense.
    pub(super) fn sign_in(&mut self) -> (Vec<Finding>, bool) {
        let (answer, reply) = match self.get(TAB.as_bytes()) {
            Ok(found) => found,
            Err(no_response) => {
                return (vec![Finding::unknown("sign_in", no_response.why())], false);
            }
        };
        self.proxy = Proxy::of(&answer);
        let Reply::SignIn { asked, .. } = &reply else {
            return (vec![self.no_sign_in(&answer, &reply)], false);
        };
        let origin = self.front.origin();
        let to = format!(
            "a tab without a session is sent to the sign-in at {}",
            self.public_url
        );
        let path = self.target(0);
        let path = path.split('?').next().unwrap_or_default();
        let address = match asked {
            None => Finding::unknown(
                "sign_in",
                format!(
                    "{to}. This command has another SESSION_KEY than the server, so it can't see what Doorward was asked about"
                ),
            ),
            Some(asked) if asked.origin != origin || !asked.target.starts_with(path) => self.fault(
                "sign_in",
                format!(
                    "Doorward was asked about {:?} instead of {origin}{path}",
                    format!(
                        "{}{}",
                        asked.origin,
                        asked.target.split('?').next().unwrap_or_default()
                    )
                ),
                &lines::ADDRESS,
            ),
            Some(_) => Finding::ok(
                "sign_in",
                format!("{to}, and Doorward was asked about this very address"),
            ),
        };
        (
            vec![address, self.cookie(&answer), self.no_store(&answer)],
            true,
        )
    }

    fn no_sign_in(&self, answer: &Answer, reply: &Reply) -> Finding {
        let message = format!("a tab without a session gets {}", reply.in_words());
        let plain = |fix: &str| {
            Finding::fault(
                "sign_in",
                format!(
                    "{message}, no redirect to the sign-in at {}",
                    self.public_url
                ),
                fix,
            )
        };
        match reply {
            Reply::Status(200..=299) => self.fault(
                "sign_in",
                format!("{message}: the proxy does not ask Doorward, and everybody gets in"),
                &lines::ASK,
            ),
            Reply::Status(401) => self.fault(
                "sign_in",
                format!("{message}: the proxy asks Doorward and loses its redirect"),
                &lines::REDIRECT,
            ),
            Reply::Status(400 | 403) => plain(
                "look at the line of doorward::gateway in Doorward's log at this time: untrusted means that TRUSTED_PROXIES \
                 lacks the proxy, malformed names the header that the proxy sends wrongly or not at all",
            ),
            Reply::Status(500..=599) => plain(
                "the proxy gets no answer from Doorward, or none that it takes: compare its address of Doorward with \
                 GATEWAY_ADDR, ask there for /healthz, and read the proxy's own error log",
            ),
            Reply::Elsewhere(location) if location.contains("/handover?request=") => {
                plain("give this command and the server the same PUBLIC_URL")
            }
            Reply::Elsewhere(_) => plain("give the address to which the proxy redirects"),
            Reply::Refused(_) => self.fault(
                "sign_in",
                format!("{message}, no redirect to the sign-in: Doorward is asked about something else, or has other rules than RULES_FILE here"),
                &lines::ADDRESS,
            ),
            Reply::SignIn { .. } | Reply::Status(_) => {
                plain(if answer.status == 404 { "give an address that the proxy knows" } else { "compare the proxy's configuration with the one in docs/proxies" })
            }
        }
    }

    /// One, with nothing added and nothing lost. nginx from 1.23 joins several by commas, which breaks them.
    fn cookie(&self, answer: &Answer) -> Finding {
        let cookies: Vec<&str> = answer.all("set-cookie").collect();
        let pending = |it: &&&str| it.contains("doorward-pending-");
        let ours: Vec<&&str> = cookies.iter().filter(pending).collect();
        let needed: &[&str] = match self.public_url.is_https() {
            true => &[
                "__Host-doorward-pending-",
                "; HttpOnly",
                "; SameSite=Lax",
                "; Secure",
                "; Path=/",
            ],
            false => &[
                "doorward-pending-",
                "; HttpOnly",
                "; SameSite=Lax",
                "; Path=/",
            ],
        };
        match ours[..] {
            [] => self.fault(
                "cookie",
                "the redirect has no cookie of Doorward's, so nobody can come back signed in",
                &lines::COOKIE,
            ),
            [cookie] if needed.iter().all(|it| cookie.contains(it)) && !cookie.contains(", ") && !cookie.contains("Domain=") => {
                Finding::ok("cookie", "the redirect has its cookie, as Doorward made it")
            }
            _ => self.fault(
                "cookie",
                format!("the redirect's cookie is not as Doorward made it: {} Set-Cookie lines, or other attributes", cookies.len()),
                &lines::COOKIE,
            ),
        }
    }

    fn no_store(&self, answer: &Answer) -> Finding {
        match answer.all("cache-control").any(|it| it.contains("no-store")) {
            true => Finding::ok("no_store", "no cache keeps the redirect"),
            false => self.fault(
                "no_store",
                "the redirect lacks Cache-Control: no-store, so a cache may keep it, and somebody gets another one's",
                &lines::NO_STORE,
            ),
        }
    }

    pub(super) fn script(&self) -> Finding {
        let (answer, reply) =
            match self.get(b"Accept: */*\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n") {
                Ok(found) => found,
                Err(no_response) => return Finding::unknown("script", no_response.why()),
            };
        let has_challenge = answer.header("www-authenticate").starts_with("Doorward ");
        match (&reply, has_challenge) {
            (Reply::Status(401), true) if answer.header("set-cookie").is_empty() => {
                let message = "a script gets 401 with the address to go to, and no redirect";
                Finding::ok("script", message)
            }
            (Reply::Status(401), _) => self.fault(
                "script",
                "a script gets 401 without the address to go to (WWW-Authenticate), or with a cookie",
                &lines::CHALLENGE,
            ),
            _ => self.fault(
                "script",
                format!("a script gets {}, no 401", reply.in_words()),
                &lines::REDIRECT,
            ),
        }
    }
}

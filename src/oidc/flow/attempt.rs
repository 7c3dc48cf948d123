//! One attempt to sign in: its secrets, and how often it was retried.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The secrets of one attempt to sign in, all derived from one seed. A browser that has the seed can finish the attempt.
#[derive(Clone)]
pub struct Attempt {
    /// The authorization response returns it (RFC 6749, 10.12).
    pub state: String,
    /// The ID token contains it (OpenID Connect Core 3.1.2.1).
    pub nonce: String,
    /// Proves at the token endpoint that we made the authorization request (RFC 7636, 4.1).
    pub code_verifier: String,
    /// The key of the session that it starts: whoever has the seed finds that session. Nobody who knows the others finds it.
    pub session_secret: String,
    seed: Seed,
}

/// What the browser keeps of an [`Attempt`]: shorter than its secrets, since a browser may keep many. A random secret,
/// and how many retries came before this attempt.
#[derive(Clone, Serialize, Deserialize)]
pub struct Seed(String, u8);

/// How many times in a row a stale attempt is retried without asking the person.
const RETRY_LIMIT: u8 = 2;

/// Separates the number of retries from the rest of a state. No character of base64url.
const RETRY_MARK: char = '~';

/// The state of the session recheck. No attempt has it.
const RECHECK_STATE: &str = "~3";

impl Attempt {
    /// Fresh secrets of 256 bits each.
    pub fn new() -> Self {
        Seed(crate::random::secret(), 0).into()
    }

    /// What the attempt can be restored from.
    pub fn into_seed(self) -> Seed {
        self.seed
    }

    /// A new attempt that replaces the one of `stale_state`, or `None` after two retries. The number of retries is in the
    /// state itself, since a browser without cookies keeps nothing else. A forged number has no more effect than a link to
    /// `/login`.
    pub fn retry_of(stale_state: &str) -> Option<Self> {
        let retries = stale_state
            .rsplit_once(RETRY_MARK)
            .map_or(Ok(0), |(_, retries)| retries.parse());
        let retries: u8 = retries.unwrap_or(RETRY_LIMIT);
        (retries < RETRY_LIMIT).then(|| Seed(crate::random::secret(), retries + 1).into())
    }

    /// The state with which the browser requests the callback once more, without a response, after the last retry has
    /// failed: another tab may have signed in meanwhile.
    pub fn session_recheck(stale_state: &str) -> Option<&'static str> {
        let (_, retries) = stale_state.rsplit_once(RETRY_MARK)?;
        let is_last = retries.parse() == Ok(RETRY_LIMIT);
        is_last.then_some(RECHECK_STATE)
    }

    /// Whether `state` came from [`Attempt::session_recheck`].
    pub fn is_session_recheck(state: &str) -> bool {
        state == RECHECK_STATE
    }
}

impl From<Seed> for Attempt {
    /// Each secret is a separate hash of the seed: the state, which the provider and the browser's history see, does not
    /// reveal the others.
    fn from(seed: Seed) -> Self {
        let Seed(secret, retries) = &seed;
        let derive = |what: &str| {
            let labelled = format!("{what} {secret}");
            URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, labelled.as_bytes()))
        };
        let state = match retries {
            0 => derive("state"),
            retries => format!("{}{RETRY_MARK}{retries}", derive("state")),
        };
        Attempt {
            state,
            nonce: derive("nonce"),
            code_verifier: derive("code_verifier"),
            session_secret: derive("session"),
            seed,
        }
    }
}

impl Default for Attempt {
    fn default() -> Self {
        Attempt::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Core 3.1.2.1 (e)
    /// RFC 6749 10.8: `state` is random; `return_to` stays in the sealed cookie
    /// RFC 6749 10.10, 10.12
    /// RFC 7636 4.1, 7.1
    /// RFC 9700 2.1.1 (b)
    /// IPSIE 3.2.2 (j)
    #[test]
    fn every_attempt_has_secrets_of_its_own() {
        let (one, two) = (Attempt::new(), Attempt::new());
        assert_eq!(one.state.len(), 43);
        assert_ne!(one.state, two.state);
        assert_ne!(one.nonce, two.nonce);
        assert_ne!(one.code_verifier, two.code_verifier);
        assert_ne!(one.state, one.nonce);
    }

    #[test]
    fn a_stale_attempt_is_retried_twice_at_most() {
        let first = Attempt::new();
        let second = Attempt::retry_of(&first.state).unwrap();
        let third = Attempt::retry_of(&second.state).unwrap();
        assert!(second.state.ends_with("~1") && third.state.ends_with("~2"));
        assert_ne!(second.nonce, third.nonce);
        for spent in [
            third.state.as_str(),
            "x~3",
            "x~255",
            "x~256",
            "x~",
            "x~-1",
            "x~a",
        ] {
            assert!(Attempt::retry_of(spent).is_none(), "{spent}");
        }
    }

    #[test]
    fn after_the_last_retry_comes_one_session_recheck() {
        let last = Attempt::session_recheck("x~2").unwrap();
        for other in ["x", "x~1", "x~3", "x~", "x~a", "x~2a", ""] {
            assert_eq!(Attempt::session_recheck(other), None, "{other}");
        }
        assert!(Attempt::is_session_recheck(last));
        assert!(Attempt::retry_of(last).is_none() && Attempt::session_recheck(last).is_none());
        for other in ["x", "x~2", "x~3", "x~4", "3", "x~a", ""] {
            assert!(!Attempt::is_session_recheck(other), "{other}");
        }
    }

    #[test]
    fn an_attempt_is_restored_from_its_seed_and_its_secrets_differ() {
        let state_of = |stale: &str| Attempt::retry_of(stale).unwrap().state;
        for attempt in [Attempt::new(), Attempt::retry_of("x").unwrap()] {
            let (state, nonce) = (attempt.state.clone(), attempt.nonce.clone());
            let verifier = attempt.code_verifier.clone();
            let session = attempt.session_secret.clone();
            let secrets = [&state[..43], &nonce, &verifier, &session];
            assert!(secrets.iter().all(|secret| secret.len() == 43));
            let distinct = std::collections::HashSet::from(secrets);
            assert_eq!(distinct.len(), secrets.len());
            let seed = serde_json::to_string(&attempt.into_seed()).unwrap();
            assert!(secrets.iter().all(|secret| !seed.contains(*secret)));
            let again = Attempt::from(serde_json::from_str::<Seed>(&seed).unwrap());
            assert_eq!(
                (again.state, again.nonce, again.code_verifier),
                (state, nonce, verifier)
            );
            assert_eq!(again.session_secret, session);
        }
        assert!(state_of("x").ends_with("~1") && state_of("x~1").ends_with("~2"));
    }
}

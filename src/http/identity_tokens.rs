//! The signed tokens that apps get, each made once a minute and sent again in between.

use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use moka::Equivalent;
use moka::sync::Cache;
use time::{Duration, OffsetDateTime};

use crate::gateway::host::Scheme;
use crate::gateway::identity_token::{self, Issue, REUSED_FOR};
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::visitor::Visitor;
use crate::public_url::PublicUrl;
use crate::random;
use crate::session::{CachedSession, Sessions};

/// How many bytes of tokens are kept at most.
const CAPACITY: u64 = 16 * 1024 * 1024;

/// What a token costs beside its text and its session: the entry, its key, and the allocations.
const OVERHEAD: usize = 512;

/// The tokens of the last minute. Clones share them.
#[derive(Clone)]
pub struct IdentityTokens {
    public_url: PublicUrl,
    tokens: Cache<Place, Arc<Token>>,
}

/// A session at an app.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    key_hash: String,
    scheme: Scheme,
    host: String,
}

/// The same, of a request: a look-up allocates nothing. It hashes as [`Place`] does.
#[derive(Hash)]
struct PlaceRef<'a> {
    key_hash: &'a str,
    scheme: Scheme,
    host: &'a str,
}

impl Equivalent<Place> for PlaceRef<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        (self.key_hash, self.scheme, self.host)
            == (place.key_hash.as_str(), place.scheme, place.host.as_str())
    }
}

/// A token that was made.
struct Token {
    text: HeaderValue,
    /// The session and its person, as they were then.
    session: Arc<CachedSession>,
    made_at: OffsetDateTime,
}

impl Token {
    fn weight(&self) -> u32 {
        let own = u32::try_from(OVERHEAD + self.text.len()).unwrap_or(u32::MAX);
        own.saturating_add(self.session.weight())
    }

    /// Whether it still says what a new one would say of `session`.
    fn is_about(&self, session: &Arc<CachedSession>) -> bool {
        let (then, now) = (&self.session, session);
        Arc::ptr_eq(then, now)
            || then.user == now.user && (&then.acr, then.auth_time) == (&now.acr, now.auth_time)
    }
}

impl IdentityTokens {
    /// None yet.
    pub fn new(public_url: PublicUrl) -> IdentityTokens {
        IdentityTokens {
            public_url,
            tokens: Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(|_, token: &Arc<Token>| token.weight())
                .time_to_live(REUSED_FOR.unsigned_abs())
                .build(),
        }
    }

    /// The token of the session with this key hash for the app that `original` is for. `visitor` is that of the session. It is
    /// a new one if there is none of the last minute, or if the person or the key has changed since.
    pub fn token(
        &self,
        sessions: &Sessions,
        key_hash: &str,
        session: &Arc<CachedSession>,
        visitor: &Visitor<'_>,
        original: &OriginalRequest<'_>,
    ) -> HeaderValue {
        let now = sessions.now();
        let place = PlaceRef {
            key_hash,
            scheme: original.scheme,
            host: original.host.as_str(),
        };
        let known = self.tokens.get(&place).filter(|token| {
            let text = token.text.as_bytes();
            (Duration::ZERO..REUSED_FOR).contains(&(now - token.made_at))
                && token.is_about(session)
                && sessions.with_identity_key(|key| key.has_signed(text))
        });
        if let Some(token) = known {
            return token.text.clone();
        }
        let issue = Issue {
            issuer: self.public_url.as_written(),
            audience: &original.origin(),
            id: &random::id(),
            at: now,
        };
        let claims = identity_token::claims(visitor, issue);
        let text = sessions.with_identity_key(|key| key.sign(&claims));
        let text = HeaderValue::try_from(text).expect("base64url and dots");
        let place = Place {
            key_hash: key_hash.to_owned(),
            scheme: original.scheme,
            host: original.host.as_str().to_owned(),
        };
        let token = Token {
            text: text.clone(),
            session: session.clone(),
            made_at: now,
        };
        self.tokens.insert(place, Arc::new(token));
        text
    }
}

//! Sessions that the provider ends, by a logout token or likewise.

use time::{Duration, OffsetDateTime};

use super::Sessions;
use crate::accounts::end::{ByProvider, Channel, Ended, Whose, end_by_provider};
use crate::db::{self, EndedKind, EndedSid, Kind, Session, SingleUse};
use crate::observe::metrics;

/// For how long it is kept what the provider ended: longer than a sign-in may be under way.
const ENDED_KEPT: Duration = Duration::HOUR;

/// For how long the use of a token is kept beyond its expiry: the clocks of the processes differ, and so much leeway is
/// given to the provider's.
const TOKEN_KEPT: Duration = Duration::minutes(10);

/// How the provider said that sessions end.
pub struct Said<'a> {
    /// By which way.
    pub channel: Channel,
    /// The kind of the token, its `jti` and its expiry in UTC, if a token said so.
    pub token: Option<(Kind, &'a str, OffsetDateTime)>,
}

impl Sessions {
    /// Ends what the provider says, and returns how many sessions that were. When this returns, no session of them is in this
    /// process's cache.
    ///
    /// # Errors
    /// The database failed. The token may come again, and ends the rest.
    pub async fn end_by_provider(
        &self,
        whose: Whose,
        said: &Said<'_>,
    ) -> Result<EndedByProvider, db::Error> {
        let token = said.token.map(|(kind, jti, expires_at)| {
            let value = format!("{}\n{jti}", self.issuer);
            SingleUse::new(kind, &value, expires_at + TOKEN_KEPT)
        });
        let mut count = 0;
        loop {
            let order = ByProvider {
                whose: whose.clone(),
                channel: said.channel,
                token: token.clone(),
                void_until: self.clock.latest(),
                now: self.clock.now(),
            };
            let cache = self.cache.clone();
            let end = self.db.run(move |connection| {
                let ended = end_by_provider(connection, &order);
                // On the thread of the query, as in `Sessions::end`.
                if let Ok(Ended::All(sessions) | Ended::Some(sessions)) = &ended {
                    for session in sessions {
                        cache.invalidate(&session.key_hash);
                    }
                }
                ended
            });
            match end.await? {
                Ended::Some(some) => count += some.len(),
                Ended::All(rest) => {
                    count += rest.len();
                    metrics::sessions_revoked(said.channel.name(), count);
                    return Ok(EndedByProvider::Sessions(count));
                }
                Ended::Replayed => return Ok(EndedByProvider::Replayed),
                Ended::NobodyKnown => return Ok(EndedByProvider::NobodyKnown),
                Ended::OfAnother => return Ok(EndedByProvider::OfAnother),
            }
        }
    }

    /// Ends the sessions of `sid`, because a request that nobody signed says so, and returns how many those were.
    ///
    /// Anybody can send such a request. So it first looks for a session, by a plain read: without one, nothing is written,
    /// and nobody waits for the lock that keeps sign-ins from missing the end of their session at the provider. With one,
    /// the `sid` is recorded as ended, too: sign-ins of it that are under way, in another tab or for a step-up, are void
    /// like after a logout token. That can't fill the table, since each record costs a session. What it leaves open is a
    /// first sign-in whose `sid` the provider ends in the second or so between its response and our session. Back-channel
    /// logout, which is signed, ends that one as well.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_by_frame(&self, sid: &str) -> Result<usize, db::Error> {
        let sid_hash = self.sid_hash(sid);
        let wanted = sid_hash.clone();
        let is_there = self
            .db
            .run(move |connection| Session::is_of_sid(connection, &wanted));
        if !is_there.await? {
            return Ok(0);
        }
        let said = Said {
            channel: Channel::Front,
            token: None,
        };
        let ended = self.end_by_provider(Whose::Sid(sid_hash), &said).await?;
        Ok(match ended {
            EndedByProvider::Sessions(count) => count,
            EndedByProvider::Replayed
            | EndedByProvider::NobodyKnown
            | EndedByProvider::OfAnother => 0,
        })
    }

    /// A hash of a session at the provider: of its `sid`, and of the issuer, which may not be the same tomorrow.
    pub fn sid_hash(&self, sid: &str) -> String {
        EndedKind::Sid.hash(&self.issuer, sid)
    }

    /// Whose sessions they are of `sub` at the provider.
    pub fn of_subject(&self, subject: String) -> Whose {
        Whose::Person {
            issuer: self.issuer.clone(),
            subject,
        }
    }

    /// Whose sessions they are of everybody with this email at the provider.
    pub fn of_email(&self, email: String) -> Whose {
        Whose::Email {
            issuer: self.issuer.clone(),
            email,
        }
    }

    /// Those of the provider's session `sid` that are of `sub`.
    pub fn of_sid_and_subject(&self, sid: &str, subject: String) -> Whose {
        Whose::SidOf {
            sid_hash: self.sid_hash(sid),
            issuer: self.issuer.clone(),
            subject,
        }
    }

    /// Forgets what the provider ended long ago.
    pub(super) async fn purge_ended_sids(&self) -> Result<(), db::Error> {
        let until = self.clock.now() - ENDED_KEPT;
        let purge = move |connection: &mut _| EndedSid::purge(connection, until);
        self.db.run_until_none(purge).await.map(drop)
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedByProvider {
    /// So many sessions have ended.
    Sessions(usize),
    /// The token was used before.
    Replayed,
    /// Nobody is called so.
    NobodyKnown,
    /// The session at the provider is another person's.
    OfAnother,
}

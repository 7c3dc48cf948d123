//! The sessions of a person, for themselves.

use actix_web::HttpRequest;
use secrecy::SecretString;

use super::{Sessions, SignedIn};
use crate::accounts::end::{Own, PERSON, end_by_person};
use crate::db::{self, Living, Session, SessionEntry};
use crate::observe::metrics;

/// How many sessions a page lists at most.
const LISTED: usize = 100;

/// Sessions of one person.
pub struct OwnSessions {
    /// The one of this browser first, then those that were used last.
    pub listed: Vec<SessionEntry>,
    /// Whether there are more.
    pub has_more: bool,
}

impl Sessions {
    /// The key hash of the session whose cookie was sent. It opens nothing.
    pub fn own_key_hash(&self, request: &HttpRequest) -> String {
        self.key_hash(request).unwrap_or_default()
    }

    /// Whether `id` names the session whose cookie was sent. Nothing if that has ended meanwhile in another process, which the
    /// cache would not know. One that stepped up there has not.
    pub async fn is_own(
        &self,
        request: &HttpRequest,
        id: String,
    ) -> Result<Option<bool>, db::Error> {
        let own = self.own_key_hash(request);
        let found = self
            .db
            .read(move |connection| Session::is_same(connection, &own, &id));
        found.await
    }

    /// The sessions of `person` that have not expired.
    pub async fn own(
        &self,
        request: &HttpRequest,
        person: &SignedIn,
    ) -> Result<OwnSessions, db::Error> {
        let now = self.clock.now();
        let living = Living {
            user_id: person.user().id.clone(),
            first: self.own_key_hash(request),
            seen_after: now - self.idle_timeout,
            created_after: now - self.absolute_timeout,
            now,
        };
        let limit = LISTED + 1;
        let listed = self
            .db
            .read(move |connection| SessionEntry::list_living(connection, &living, limit));
        let mut listed = listed.await?;
        let has_more = listed.len() > LISTED;
        listed.truncate(LISTED);
        Ok(OwnSessions { listed, has_more })
    }

    /// Ends the session that this id names, and returns whether it was there and was that of the person with `user_id`. Its refresh
    /// token, if it has one, is for `revoke`.
    pub async fn end_own(
        &self,
        user_id: &str,
        id: String,
        revoke: impl Fn(Vec<SecretString>),
    ) -> Result<bool, db::Error> {
        Ok(self.end_some_own(user_id, Own::One(id), revoke).await? == 1)
    }

    /// Ends all sessions of the person with `user_id` but that which `but` names; with `and_sign_ins`, sign-ins of theirs that
    /// are under way are void. When this returns, none of them is in this process's cache. `revoke` gets the refresh tokens of
    /// those that have ended, some after some.
    ///
    /// # Errors
    /// Some may have ended. Doing it again ends the rest.
    pub async fn end_others(
        &self,
        user_id: &str,
        but: &str,
        and_sign_ins: bool,
        revoke: impl Fn(Vec<SecretString>),
    ) -> Result<(), db::Error> {
        let some = match and_sign_ins {
            true => Own::SomeOthersAndSignIns(but.to_owned(), self.clock.latest()),
            false => Own::SomeOthers(but.to_owned()),
        };
        while self.end_some_own(user_id, some.clone(), &revoke).await? > 0 {}
        Ok(())
    }

    async fn end_some_own(
        &self,
        user_id: &str,
        own: Own,
        revoke: impl Fn(Vec<SecretString>),
    ) -> Result<usize, db::Error> {
        let (user_id, now) = (user_id.to_owned(), self.clock.now());
        let cache = self.cache.clone();
        let end = self.db.run_on_found(move |connection| {
            let ended = end_by_person(connection, &user_id, &own, now);
            // On the thread of the query, as in `Sessions::end_by`.
            if let Own::One(key_hash) = &own {
                cache.invalidate(key_hash);
            }
            for session in ended.iter().flatten() {
                cache.invalidate(&session.key_hash);
            }
            ended
        });
        let ended = end.await?;
        metrics::sessions_revoked(PERSON, ended.len());
        revoke(self.refresh_tokens_of(&ended));
        Ok(ended.len())
    }
}

//! Which session a browser has after a sign-in: a new one, or one that it has already and that goes on.

use diesel::QueryResult;
use diesel::result::Error as QueryError;

use super::{Former, SignIn};
use crate::accounts::end::{Which, Why, end_within};
use crate::accounts::transaction::Transaction;
use crate::db::{AuditEvent, DeletedSession, Event, NewSession, Session, SingleUse, User};

/// Another attempt of the browser.
#[derive(Clone, Debug)]
pub struct Other {
    /// What uses it up.
    pub attempt: SingleUse,
    /// The session that it may have started: what that becomes if it is the one that goes on.
    pub session: NewSession,
}

/// The session that a browser has after a sign-in.
#[derive(Debug, PartialEq, Eq)]
pub struct Begun {
    /// Whose it is.
    pub user: User,
    /// Its key hash: that of the attempt, or of one of the other attempts.
    pub key_hash: String,
    /// The sessions that it replaces.
    pub ended: Vec<DeletedSession>,
}

impl Begun {
    pub(super) fn new(user: User, session: &NewSession) -> Begun {
        Begun {
            user,
            key_hash: session.key_hash.clone(),
            ended: Vec::new(),
        }
    }
}

impl SignIn {
    /// Starts a session of `user`, with its event, unless one goes on: that of another attempt of this browser, or the former
    /// one that steps up. The browser's other sessions end, whosever they are.
    ///
    /// The session of another attempt keeps its key. So it does not matter in which order the browser gets the responses to
    /// its tabs: each sets the same cookie.
    ///
    /// `noted` is the key hash of a session that another tab has started since this callback was sent. The same is noted for
    /// those of other tabs that are on their way.
    ///
    /// # Errors
    /// [`QueryError::RollbackTransaction`] if that is another person's, and the browser brings neither its cookie nor its
    /// attempt. Over http, somebody may have given that person's browser the cookie of an attempt of their own, so they must
    /// not end it. This browser brings its cookie the next time.
    pub(super) fn begin(
        &self,
        transaction: &mut Transaction<'_>,
        user: User,
        noted: Option<String>,
    ) -> QueryResult<Begun> {
        let others = || self.others.iter().map(|other| &other.session);
        let names = others().map(|other| other.key_hash.as_str());
        let names = names.chain(noted.as_deref()).collect();
        let mut found = Session::list_named(transaction, names, self.since, self.now)?;
        let brought = || {
            let others = others().map(|other| other.key_hash.as_str());
            others.chain(self.former.key_hash())
        };
        let mut anothers = found.iter().filter(|found| found.user_id != user.id);
        if anothers.any(|found| !brought().any(|key_hash| found.is_named(key_hash))) {
            return Err(QueryError::RollbackTransaction);
        }
        let shared = found.iter().position(|found| found.user_id == user.id);
        let shared = shared.map(|at| found.swap_remove(at));
        let goes_on = match (&shared, &self.former) {
            (Some(shared), _) => {
                let known = others().find(|other| other.key_hash == shared.key_hash);
                // A browser that has the key already gets another, as after each sign-in. And it may not bring the attempt that
                // the key comes from.
                let kept = known.filter(|_| self.former.key_hash() != Some(&shared.key_hash));
                Some((shared.key_hash.as_str(), kept.unwrap_or(&self.session)))
            }
            (None, Former::StepsUp(former)) => Some((former.as_str(), &self.session)),
            (None, Former::None | Former::Ends(_)) => None,
        };
        let goes_on = match goes_on {
            Some((named, new)) => {
                Session::replace_key(transaction, named, new, &user, self.now)?.then_some(new)
            }
            None => None,
        };
        if goes_on.is_none() {
            Session::create(transaction, &self.session, &user, self.now)?;
        }
        let events: &[Event] = match (goes_on, &self.former) {
            (Some(_), Former::StepsUp(_)) => &[Event::StepUp],
            // As if it had ended and this one had begun: each session begins once and ends once.
            (Some(_), _) => &[Event::SessionReplaced, Event::SignIn],
            (None, _) => &[Event::SignIn],
        };
        let events = events
            .iter()
            .map(|it| AuditEvent::new(*it, self.now).about(&user));
        transaction.record_all(events.collect())?;
        let mut begun = Begun::new(user, goes_on.unwrap_or(&self.session));
        let former = match (&shared, &self.former) {
            // The former one may be the very session that goes on.
            (Some(shared), former) => former.key_hash().filter(|former| !shared.is_named(former)),
            (None, Former::Ends(former)) => Some(former.as_str()),
            (None, Former::None | Former::StepsUp(_)) => None,
        };
        let former = former.map(str::to_owned);
        for key_hash in found.into_iter().map(|found| found.key_hash).chain(former) {
            let replaced = Which::One(key_hash);
            let ended = end_within(transaction, &replaced, Why::Replaced, self.now)?;
            begun.ended.extend(ended);
        }
        if !self.others.is_empty() {
            let attempts = self.others.iter().map(|other| &other.attempt);
            SingleUse::note(transaction, attempts.collect(), &begun.key_hash)?;
        }
        Ok(begun)
    }
}

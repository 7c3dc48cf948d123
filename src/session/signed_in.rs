//! Signing in, being signed in, signing out.

use std::future::{Ready, ready};

use actix_identity::Identity;
use actix_session::{Session, SessionExt};
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use secrecy::{ExposeSecret, SecretString};

use super::store::{BEGUN, State, USER};
use super::{AttemptError, ReturnTo, Sessions};
use crate::accounts::sign_in::SignInOutcome;
use crate::db::{NewUser, SingleUse, User};
use crate::http::error::Error;
use crate::http::paths;
use crate::public_url::PublicUrl;
use crate::random;

/// Under this name a session keeps the ID token, the hint for signing out at the provider.
const ID_TOKEN: &str = "id_token";

/// A longer ID token is not kept: signing out then goes without a hint.
const ID_TOKEN_LIMIT: usize = 16 * 1024;

impl Sessions {
    /// Signs `person` in with a fresh session key, got or created, once for an attempt. Whoever was signed in before is out, and nothing
    /// of their session is left.
    pub async fn sign_in(
        &self,
        request: &HttpRequest,
        person: NewUser,
        id_token: &SecretString,
        attempt: SingleUse,
    ) -> Result<(), Error> {
        let mut state = State::new();
        if id_token.expose_secret().len() <= ID_TOKEN_LIMIT {
            let id_token = serde_json::to_string(id_token.expose_secret());
            state.insert(ID_TOKEN.to_owned(), id_token.map_err(Error::internal)?);
        }
        let secret = random::secret();
        let replaces = SignedIn::of(request).and_then(|_| self.key_hash(request));
        let begun = self.begin(&secret, person, state, attempt, replaces);
        let user = match begun.await? {
            SignInOutcome::SignedIn(user) => user,
            SignInOutcome::Blocked(user) => return Err(Error::Blocked { user_id: user.id }),
            SignInOutcome::Used => return Err(AttemptError::Used.into()),
        };
        let session = request.get_session();
        session.clear();
        session.insert(BEGUN, secret).map_err(Error::internal)?;
        Identity::login(&request.extensions(), user.id).map_err(Error::internal)?;
        Ok(())
    }
}

/// Somebody who is signed in. As a handler's argument it sends everybody else to sign in first.
pub struct SignedIn {
    /// Who.
    pub user: User,
    identity: Identity,
    session: Session,
}

impl SignedIn {
    /// The ID token of the sign-in.
    pub fn id_token(&self) -> Option<SecretString> {
        self.session.get(ID_TOKEN).ok().flatten()
    }

    /// Has the browser forget its cookie. The session itself is ended by [`Sessions::sign_out`].
    pub(super) fn forget(self) {
        self.identity.logout();
    }

    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        let identity = Identity::extract(request).into_inner().ok()?;
        let session = request.get_session();
        let user = session.get::<User>(USER).ok()??;
        Some(SignedIn {
            user,
            identity,
            session,
        })
    }
}

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(SignedIn::of(request).ok_or_else(|| {
            // Only what can be asked for again is worth returning to.
            let wanted = (request.method() == Method::GET)
                .then(|| request.uri().path_and_query().map(ToString::to_string))
                .flatten()
                .filter(|wanted| wanted.len() <= ReturnTo::LIMIT);
            let public_url = request.app_data::<PublicUrl>();
            let public_url = public_url.expect("the server gives it to every request");
            Error::SignInNeeded {
                login: login_and_back(public_url, wanted.as_deref()),
            }
        }))
    }
}

/// `/login`, and back to `wanted` afterwards.
fn login_and_back(public_url: &PublicUrl, wanted: Option<&str>) -> String {
    let login = public_url.at(paths::LOGIN);
    match wanted {
        Some(wanted) => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("return_to", wanted);
            format!("{login}?{}", query.finish())
        }
        None => login,
    }
}

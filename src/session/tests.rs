//! Tests of sessions without HTTP, and what the unit tests share.

use std::collections::HashMap;

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::test::TestRequest;

use super::origin::Origin;
use super::*;
use crate::db::DatabaseUrl;

/// 64 bytes, all different.
const KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

pub(super) fn settings(public_url: &str) -> Settings {
    let variables = HashMap::from([
        ("OIDC_ISSUER", "https://op.example"),
        ("OIDC_CLIENT_ID", "id"),
        ("OIDC_CLIENT_SECRET", "secret"),
        ("SESSION_KEY", KEY),
        ("PUBLIC_URL", public_url),
    ]);
    let no_file = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let read = Settings::read(
        &|name| variables.get(name).map(ToString::to_string),
        &no_file,
    );
    read.ok().unwrap()
}

/// Those of `public_url`, with a clock to be moved; no database is there.
pub(super) fn sessions_at(public_url: &str) -> (Sessions, Clock) {
    let clock = Clock::stopped();
    let nowhere = Db::existing(DatabaseUrl::Sqlite("/nowhere/doorward.db".into()));
    let settings = settings(public_url);
    let key = settings.sessions.key.clone().unwrap();
    let sessions = Sessions::new(&settings, &key, nowhere, clock.clone());
    (sessions, clock)
}

pub(super) fn sessions() -> (Sessions, Clock) {
    sessions_at("https://app.example")
}

pub(super) fn request_with<'a>(cookies: impl IntoIterator<Item = &'a Cookie<'a>>) -> HttpRequest {
    let request = TestRequest::default();
    let request = cookies.into_iter().fold(request, |request, cookie| {
        request.cookie(cookie.clone().into_owned())
    });
    request.to_http_request()
}

#[actix_web::test]
async fn after_a_key_was_replaced_the_old_one_opens_for_as_long_as_a_session_may_last() {
    let (sessions, clock) = sessions();
    let seal = || sessions.keys.seal(|keys| &keys.sessions, "here", vec![1]);
    let (sealed, signed) = (seal(), sessions.keys.sign(&crate::random::secret()));
    let opens = || {
        let opened = sessions.keys.open(|keys| &keys.sessions, "here", &sealed);
        let verified = sessions.keys.verify(&signed);
        assert_eq!(opened.is_some(), verified.is_some());
        opened.is_some()
    };
    let key = secrecy::SecretSlice::from(vec![9; 64]);
    sessions.rotate_key(key, Duration::ZERO).await;
    clock.shift(time::Duration::days(7) - time::Duration::MINUTE);
    assert!(opens());
    clock.shift(time::Duration::MINUTE);
    assert!(!opens());
    // Not even if the clock is set back.
    clock.shift(-time::Duration::DAY);
    assert!(!opens());
}

/// Signs Ada in, with 20 groups: the cookie of her session at `host`.
pub async fn signed_in_at(sessions: &Sessions, host: &str) -> Cookie<'static> {
    let secret = crate::random::secret();
    let ada = crate::db::NewUser {
        issuer: sessions.issuer.clone(),
        subject: "00uada".to_owned(),
        name: Some("Ada Lovelace".to_owned()),
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        groups: crate::db::Groups(Vec::from_iter((0..20).map(|at| format!("editors-{at}")))),
        preferred_username: Some("ada".to_owned()),
    };
    let stored = stored::Stored {
        id_token_hint: Some("i".repeat(2000).into()),
        ..stored::Stored::default()
    };
    let attempt = FinishedAttempt {
        used: sessions.use_attempt(&crate::random::secret()).unwrap(),
        session_secret: secret.clone(),
        is_step_up: false,
        began_at: sessions.clock.now(),
    };
    let origin = Origin::unknown(None);
    let former = crate::accounts::sign_in::Former::None;
    let begun = sessions.start_session(ada, &stored, &attempt, former, origin, &[]);
    begun.await.unwrap();
    sessions.app_session_cookie(host, &store::hash(&secret))
}

//! A claim in this process, and what is believed when the database says nothing.

use diesel::connection::SimpleConnection;

use super::*;
use crate::accounts::sign_in::Former;
use crate::db::{Groups, NewUser};
use crate::session::origin::Origin;
use crate::session::store::hash;
use crate::session::store::tests::fixture::{Fixture, another_process, finished};

const SECRET: &str = "secret";

/// A process that asks again and caches, and Ada's session there, which is due.
async fn due(fixture: &Fixture) -> (Sessions, String) {
    let sessions = another_process(fixture, |settings| {
        settings.sessions.cache = StdDuration::from_secs(60);
        settings.sessions.recheck = StdDuration::from_secs(900);
        settings.sessions.recheck_grace = StdDuration::from_secs(3600);
    });
    let ada = NewUser {
        issuer: "https://op.example".to_owned(),
        subject: "ada".to_owned(),
        name: None,
        email: None,
        email_verified: false,
        groups: Groups::default(),
        preferred_username: None,
    };
    let stored = Stored {
        id_token_hint: Some("i".into()),
        refresh_token: Some("r".into()),
        ..Stored::default()
    };
    let used = sessions.use_attempt("state").unwrap();
    let attempt = finished(used, SECRET, sessions.clock.now());
    let (former, origin) = (Former::None, Origin::unknown(None));
    let begun = sessions.start_session(ada, &stored, &attempt, former, origin, &[]);
    begun.await.unwrap();
    fixture.clock.shift(Duration::minutes(16));
    let cookie = sessions.keys.sign(SECRET);
    (sessions, cookie)
}

/// Or each request of the browser would ask the database for the claim.
#[actix_web::test]
async fn who_has_seen_a_claim_does_not_claim_again() {
    let fixture = Fixture::new();
    let (sessions, cookie) = due(&fixture).await;
    let read = async || sessions.load(&cookie).await.unwrap().unwrap().session;
    let session = read().await;
    assert_eq!(sessions.due(&session), Due::Refresh);
    let claim = sessions.claim_recheck(&hash(SECRET), &session).await;
    assert!(claim.is_some());
    assert_eq!(sessions.due(&*read().await), Due::No);
    fixture.clock.shift(Duration::seconds(31));
    assert_eq!(sessions.due(&*read().await), Due::Refresh);
}

/// A new refresh token is not revoked then: that of a session that goes on might go with it.
#[actix_web::test]
async fn if_nobody_knows_what_became_of_a_session_it_counts_as_replaced() {
    let fixture = Fixture::new();
    let (sessions, cookie) = due(&fixture).await;
    let session = sessions.load(&cookie).await.unwrap().unwrap().session;
    let claim = sessions.claim_recheck(&hash(SECRET), &session).await;
    let claim = claim.unwrap();
    let execute = async |sql: &'static str| {
        let execute = sessions.db.run(move |connection| match connection {
            crate::db::AnyConnection::Postgres(postgres) => postgres.batch_execute(sql),
            crate::db::AnyConnection::Sqlite(sqlite) => sqlite.batch_execute(sql),
        });
        execute.await.unwrap();
    };
    execute("DELETE FROM sessions").await;
    assert_eq!(sessions.gone(&claim).await, Kept::Gone);
    execute("ALTER TABLE sessions RENAME TO away").await;
    assert_eq!(sessions.gone(&claim).await, Kept::Replaced);
}

//! What the provider has ended: for how long that is kept, of whom and of when it is.

use diesel::prelude::*;

use super::fixture::{Fixture, come_back, sessions_of};
use super::*;
use crate::accounts::end::Channel;
use crate::accounts::sign_in::SignInOutcome;
use crate::clock::Reading;
use crate::db::schema::{ended_sids, sign_outs};
use crate::db::{AnyConnection, EndedSid, Kind, SignOut};
use crate::oidc::Attempt;
use crate::session::tests::request_with;
use crate::session::{EndedByProvider, ReturnTo, Said};

#[actix_web::test]
async fn what_the_provider_ended_is_kept_for_an_hour() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let said = Said {
        channel: Channel::Back,
        token: None,
    };
    for whose in [
        sessions.of_subject("nobody".to_owned()),
        sessions.of_email("nobody@example.com".to_owned()),
        sessions.of_sid_and_subject("s1", "nobody".to_owned()),
    ] {
        let ended = sessions.end_by_provider(whose, &said).await;
        assert_eq!(ended.unwrap(), EndedByProvider::NobodyKnown);
    }
    for (shift, kept) in [(0, 3), (59 * 60, 3), (61, 0)] {
        fixture.clock.shift(Duration::seconds(shift));
        sessions.purge_expired().await.unwrap();
        let count = sessions.db.run(|connection| {
            let count: i64 = ended_sids::table.count().get_result(connection)?;
            Ok(count)
        });
        assert_eq!(count.await.unwrap(), kept, "after {shift} s more");
    }
}

#[actix_web::test]
async fn many_old_rows_are_deleted_by_statements_that_do_not_take_long() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let counts = async || {
        let count = |connection: &mut AnyConnection| {
            let ended: i64 = ended_sids::table.count().get_result(connection)?;
            let signed_out: i64 = sign_outs::table.count().get_result(connection)?;
            Ok((ended, signed_out))
        };
        sessions.db.run(count).await.unwrap()
    };
    let fill = |connection: &mut AnyConnection| {
        let old =
            "WITH RECURSIVE old(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM old WHERE n < 10001)";
        for (table, columns) in [
            ("ended_sids", "n, '2020-01-01 00:00:00'"),
            ("sign_outs", "n, '', '2020-01-01 00:00:00'"),
        ] {
            let fill = format!("{old} INSERT INTO {table} SELECT {columns} FROM old");
            diesel::sql_query(fill).execute(connection)?;
        }
        Ok(())
    };
    let now = fixture.clock.now();
    let purge = move |connection: &mut AnyConnection| {
        let ended = EndedSid::purge(connection, now)?;
        Ok((ended, SignOut::purge(connection, now)?))
    };
    sessions.db.run(fill).await.unwrap();
    assert_eq!(sessions.db.run(purge).await.unwrap(), (10_000, 10_000));
    assert_eq!(sessions.db.run(purge).await.unwrap(), (1, 1));
    sessions.db.run(fill).await.unwrap();
    assert_eq!(counts().await, (10_001, 10_001));
    sessions.purge_expired().await.unwrap();
    assert_eq!(counts().await, (0, 0));
}

/// A clock may be a minute behind, and a provider's a minute ahead.
#[actix_web::test]
async fn the_use_of_a_token_is_kept_for_ten_minutes_after_its_expiry() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let expires_at = fixture.clock.now() + Duration::minutes(2);
    for (shift, expected) in [
        (0, EndedByProvider::NobodyKnown),
        (0, EndedByProvider::Replayed),
        (12 * 60 - 1, EndedByProvider::Replayed),
        (2, EndedByProvider::NobodyKnown),
    ] {
        fixture.clock.shift(Duration::seconds(shift));
        sessions.purge_used().await.unwrap();
        let said = Said {
            channel: Channel::Back,
            token: Some((Kind::LogoutToken, "j1", expires_at)),
        };
        let ended = sessions.end_by_provider(sessions.of_subject("nobody".to_owned()), &said);
        assert_eq!(ended.await.unwrap(), expected, "after {shift} s more");
    }
}

/// Nobody knows which came first.
#[actix_web::test]
async fn a_sign_in_that_began_at_the_moment_of_the_end_is_void() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let said = Said {
        channel: Channel::Back,
        token: None,
    };
    for (expected, is_known) in [
        (EndedByProvider::NobodyKnown, false),
        (EndedByProvider::Sessions(1), true),
    ] {
        let ended = sessions.end_by_provider(sessions.of_subject("ada".to_owned()), &said);
        assert_eq!(ended.await.unwrap(), expected);
        let secret = crate::random::secret();
        let void = fixture.begin(&secret, None).await;
        assert_eq!(void, SignInOutcome::EndedByProvider, "known: {is_known}");
        fixture.clock.shift(Duration::SECOND);
        let begun = fixture.begin(&secret, None).await;
        assert!(matches!(begun, SignInOutcome::SignedIn(_)), "{begun:?}");
        // Another that began at that moment, now that Ada is known.
        fixture.clock.shift(-Duration::SECOND);
        let void = fixture.begin(&crate::random::secret(), None).await;
        assert_eq!(void, SignInOutcome::EndedByProvider, "known: {is_known}");
        fixture.clock.shift(Duration::SECOND);
    }
}

/// Both have read the database's clock on a busy machine, where the answer took a while: one is behind by half of that, the
/// other ahead.
#[actix_web::test]
async fn a_sign_in_that_began_before_the_end_is_void_whatever_the_clocks_of_the_processes_say() {
    const TOOK: std::time::Duration = std::time::Duration::from_millis(500);
    let fixture = Fixture::new();
    let process = |answered_after| {
        let asked_at = std::time::Instant::now() - TOOK;
        let read = time::OffsetDateTime::now_utc() - TOOK + answered_after;
        let clock = fixture.clock.following(Reading::answered(read, asked_at));
        sessions_of(fixture.folder.path(), &clock, None)
    };
    let (behind, ahead) = (process(std::time::Duration::ZERO), process(TOOK));
    let apart = ahead.clock.now() - behind.clock.now();
    assert!(apart > Duration::milliseconds(400), "{apart}");
    let said = Said {
        channel: Channel::Back,
        token: None,
    };
    for expected in [EndedByProvider::NobodyKnown, EndedByProvider::Sessions(1)] {
        let attempt = Attempt::new();
        let state = attempt.state.clone();
        let return_to = ReturnTo::ours("/profile".to_owned());
        let cookies = ahead.start_attempt(&request_with([]), attempt, return_to, None);
        let ended = behind.end_by_provider(behind.of_subject("ada".to_owned()), &said);
        assert_eq!(ended.await.unwrap(), expected);
        let request = request_with(&cookies);
        let began = ahead.take_attempt(&request, Some(&state)).ok().unwrap();
        let void = come_back(&ahead, &crate::random::secret(), began.began_at, None).await;
        assert_eq!(void, SignInOutcome::EndedByProvider, "{expected:?}");
        // One that begins later is not.
        fixture.clock.shift(Duration::seconds(2));
        let began_at = ahead.clock.earliest();
        let begun = come_back(&ahead, &crate::random::secret(), began_at, None).await;
        assert!(matches!(begun, SignInOutcome::SignedIn(_)), "{begun:?}");
        fixture.clock.shift(Duration::seconds(2));
    }
}

/// `OIDC_ISSUER` has changed: neither its people nor its tokens are those of before.
#[actix_web::test]
async fn what_another_issuer_ended_is_of_other_people_and_by_other_tokens() {
    let fixture = Fixture::new();
    let mut others = sessions_of(fixture.folder.path(), &fixture.clock, None);
    others.issuer = "https://other.example".to_owned();
    let expires_at = fixture.clock.now() + Duration::minutes(2);
    let end = async |sessions: &Sessions| {
        let said = Said {
            channel: Channel::Back,
            token: Some((Kind::LogoutToken, "j1", expires_at)),
        };
        let ended = sessions.end_by_provider(sessions.of_subject("ada".to_owned()), &said);
        ended.await.unwrap()
    };
    assert_eq!(end(&others).await, EndedByProvider::NobodyKnown);
    let begun = fixture.begin("secret", None).await;
    assert!(matches!(begun, SignInOutcome::SignedIn(_)), "{begun:?}");
    assert_eq!(
        end(&fixture.sessions).await,
        EndedByProvider::Sessions(1),
        "its token did not come before"
    );
}

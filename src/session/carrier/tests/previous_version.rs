//! Rows and cookies from the time before the session was one typed value.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::*;
use crate::db::schema::{sessions, users};
use crate::session::key_ring::MadeWith;

/// What the commit "src: every file moves into its room" wrote, before the session was one typed value: with the key of
/// these tests, and with 64 bytes of 7.
const BEFORE: [Before; 2] = [
    Before {
        cookie: "Gbexfa0h4n3ZDu1tcr%2F+GM6UxGMGaYj4oycbXo8c42k%3DM1vyIKPukH_PgDAIxCJhVxIMZOT7kcrS1cTJzOdaWfcbToAGwmfmcCFl2ITY6nQABUJfmPgNpYVbnJQvEyfotE",
        key_hash: "CJBLnRS7B5Lq75cUeJnpAKuBpVbXAB4LAUkj2Qs9O2g",
        state: "0kOr9jC2ky4ldRJHHf15vb78q943zbpPDRK8wvt9fqV7yram2sfXIpaLmpjmJjULJzHmo2lLnH2bIHNPoQurR7HQuSUENUCXfvCqUQlJ0K-qkq3bW1EVDUeSLFFfBXwIxQHM",
    },
    Before {
        cookie: "OkgRZ6B8fYGlhlOr%2FZ2Q9d%2FYjk1I4LjQB7WU2k3+Lt8%3D8zJFAeBhaa63AJhrrxBt9LzuxkafLpFaGekocYOKBpIZZLHsrQARIp6vawnij7NKN8Njk6-xFmXvwKhSPb4suI",
        key_hash: "tK2HpcACVbZrjBqCg_rT_kc025335MfMkH9d3KGDXKo",
        state: "TEWx8UzT4MW-uCfuTAQtuPQUkyAJeZ3dJrCryS_KQoj7Jte7cABiM-_Kzropddu4G9WWjcVkZQp7XFVDKK0h3gGAtjWuSIRDBA1aYtyGE_eO1KIA-aFrSgvT48R_iayprYXj",
    },
];

const HINT_OF_BEFORE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";

struct Before {
    cookie: &'static str,
    key_hash: &'static str,
    state: &'static str,
}

impl Before {
    /// Ada's row, as it was.
    async fn restore(&self, db: &Db) {
        let (key_hash, state) = (self.key_hash, self.state);
        let now = crate::db::timestamp(Clock::default().now());
        let restored = db.run(move |connection| {
            diesel::insert_into(users::table)
                .values((
                    users::id.eq(key_hash),
                    users::issuer.eq("https://op.example"),
                    users::subject.eq(key_hash),
                    users::email_verified.eq(false),
                    users::created_at.eq(now),
                    users::last_sign_in_at.eq(now),
                ))
                .execute(connection)?;
            diesel::insert_into(sessions::table)
                .values((
                    sessions::key_hash.eq(key_hash),
                    sessions::user_id.eq(key_hash),
                    sessions::state.eq(state),
                    sessions::created_at.eq(now),
                    sessions::last_seen_at.eq(now),
                ))
                .execute(connection)
        });
        assert_eq!(restored.await.unwrap(), 1);
    }
}

#[actix_web::test]
async fn a_session_that_the_previous_version_wrote_opens_and_is_resealed_when_its_key_retires() {
    let house = House::new();
    let [current, retired] = BEFORE;
    for (before, is_retired) in [(&current, false), (&retired, true)] {
        before.restore(&house.sessions.db).await;
        let expected = format!("{} {HINT_OF_BEFORE}", before.key_hash);
        // A response that shared caches may keep sets no cookie.
        let public = house.get("/public", Some(before.cookie)).await;
        assert_eq!(public.cookie, None);
        let first = house.get("/", Some(before.cookie)).await;
        assert_eq!(
            (&first.body, first.cookie.is_some()),
            (&expected, is_retired)
        );
        let state = house.state_of(before.key_hash).await.unwrap();
        assert_eq!(state != before.state, is_retired);
        if let Some(cookie) = first.cookie {
            let keys = &house.sessions.keys;
            let (plain, made_with) = keys
                .open(|keys| &keys.sessions, before.key_hash, &state)
                .unwrap();
            assert_eq!(made_with, MadeWith::Current);
            let plain = String::from_utf8(plain).unwrap();
            assert_eq!(plain, format!("{{\"id_token_hint\":\"{HINT_OF_BEFORE}\"}}"));
            let second = house.get("/", Some(&cookie)).await;
            assert_eq!((second.body, second.cookie), (expected, None));
        }
        assert_eq!(house.get("/out", Some(before.cookie)).await.body, "out");
        assert_eq!(house.state_of(before.key_hash).await, None);
    }
}

/// A failure to load becomes a log line: actix-session's own error would not name the cause.
#[actix_web::test]
async fn a_failure_to_reseal_fails_no_page_and_one_to_load_is_one_line_with_its_cause() {
    let house = House::new();
    let [_, retired] = BEFORE;
    let db = &house.sessions.db;
    retired.restore(db).await;
    // From now on the session is in the cache.
    house.get("/public", Some(retired.cookie)).await;
    let dropped = db.run(|connection| connection.batch_execute("DROP TABLE sessions"));
    dropped.await.unwrap();
    let served = house.get("/", Some(retired.cookie)).await;
    // The ID token is in the row alone.
    assert_eq!(served.body, format!("{} -", retired.key_hash));
    // A failed attempt to reseal invalidates the cache as well.
    let failed = house.get("/", Some(retired.cookie)).await;
    assert_eq!(
        failed.body,
        "a database query failed: no such table: sessions"
    );
}

//! For how long it is kept what the provider has ended.

use diesel::prelude::*;

use super::fixture::Fixture;
use super::*;
use crate::accounts::end::Channel;
use crate::db::schema::ended_sids;
use crate::session::{EndedByProvider, Said};

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

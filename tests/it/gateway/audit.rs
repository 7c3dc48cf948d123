//! Who entered which app, and who was refused.

use super::support::{Browser, Gateway};
use crate::on_both;
use crate::support::process::{DOORWARD, Process};
use crate::support::{Database, log};

/// The events at apps, oldest first, each in a line.
fn events(gateway: &Gateway) -> Vec<String> {
    gateway.app.storage().texts(
        "SELECT event || ' ' || COALESCE(subject, '') || ' ' || COALESCE(reason, '') || ' ' || app AS what \
         FROM audit_events WHERE app IS NOT NULL ORDER BY id",
    )
}

on_both! {
    async fn a_handover_and_a_refusal_are_kept_with_the_app(database: Database) {
        let gateway = Gateway::start(database);
        let ada = Browser::new(&gateway);
        for _ in 0..2 {
            ada.follow("http://wiki.test/", "ada").await;
            // At Doorward, before any handover.
            ada.follow("http://metrics.test/", "ada").await;
        }
        // At the app itself, of a host that no rule names: there she has no session, so nobody is refused.
        ada.open("http://unknown.test/").await;
        assert_eq!(
            events(&gateway),
            ["app_entered 00uada  wiki.test", "access_refused 00uada not_allowed metrics.test"]
        );
        let line = "access_refused reason=not_allowed user=";
        let lines = log::lines_with(line);
        assert!(lines.iter().any(|it| it.contains(" app=metrics.test")), "{lines:?}");
        let variables = [("DATABASE_URL", gateway.app.storage().url.as_str())];
        let (code, printed) = Process::start(DOORWARD, &["audit", "--event", "app_entered"], &variables).ends();
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.trim_end().ends_with(" app=wiki.test"), "{printed}");
    }
}

/// Grace is let in, and then no more: the gateway itself refuses her.
#[actix_web::test]
async fn the_refusal_of_somebody_who_was_in_is_kept_once_an_hour() {
    let gateway = Gateway::start(Database::Sqlite);
    let grace = Browser::new(&gateway);
    assert_eq!(
        grace.follow("http://metrics.test/", "grace").await.1.status,
        200
    );
    gateway
        .app
        .storage()
        .execute("UPDATE users SET email = 'other@example.com'");
    for _ in 0..3 {
        let script = grace
            .ask("GET", "http://metrics.test/", &[("sec-fetch-mode", "cors")])
            .await;
        assert_eq!(script.status, 403);
    }
    assert_eq!(
        grace.follow("http://metrics.test/", "grace").await.1.status,
        403
    );
    assert_eq!(
        events(&gateway),
        [
            "app_entered 00ugrace  metrics.test",
            "access_refused 00ugrace not_allowed metrics.test"
        ]
    );
    // Without a database that takes the event, she is refused all the same.
    gateway.app.storage().execute("DROP TABLE audit_events");
    gateway
        .app
        .storage()
        .execute("UPDATE users SET email_verified = FALSE, email = 'grace@example.com'");
    let ada = Browser::new(&gateway);
    ada.at_doorward.get("/").await;
    let script = grace
        .ask("GET", "http://metrics.test/", &[("sec-fetch-mode", "cors")])
        .await;
    assert_eq!(script.status, 403);
}

//! Identifiers of people are shown unambiguously, wherever they appear.

use crate::on_both;
use crate::support::TestApp;
use crate::support::process::{DOORWARD, Process};
use crate::support::provider::Person;

on_both! {
    async fn a_subject_with_marks_that_turn_text_around_is_shown_escaped(app: TestApp) {
        // To the eye: 00uadmin.
        let subject = "00u\u{202e}nimda\u{202c}\u{200b}";
        let escaped = r"00u\u{202e}nimda\u{202c}\u{200b}";
        app.provider.add_person(Person::new("ada", subject));
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        let profile = ada.get("/profile").await;
        assert_eq!(profile.text("claim-subject").as_deref(), Some(escaped));
        assert!(!profile.body.contains('\u{202e}') && !profile.body.contains('\u{200b}'));
        // As it is: it is what identifies.
        let whole = format!("SELECT COUNT(*) AS n FROM users WHERE subject = '{subject}'");
        assert_eq!(app.storage().number(&whole), 1);

        let issuer = app.provider.issuer();
        let commands: [&[&str]; 4] = [
            &["users", "list"],
            &["users", "show", &issuer, subject],
            &["audit"],
            &["users", "show", "\u{202e}nobody"],
        ];
        for command in commands {
            let variables = [("DATABASE_URL", app.storage().url.as_str())];
            let (_, printed) = Process::start(DOORWARD, command, &variables).ends();
            assert!(!printed.contains(['\u{202e}', '\u{200b}']), "{command:?}: {printed}");
            assert!(printed.contains(r"\u{202e}n"), "{command:?}: {printed}");
        }
    }
}

on_both! {
    async fn a_session_of_an_issuer_that_is_no_longer_configured_opens_nothing_and_is_still_listed(database: Database) {
        let before = TestApp::spawn_on(database);
        let url = before.storage().url.clone();
        // Another provider, the same people's names there, the same database and key.
        let after = TestApp::spawn_with(database, &[("DATABASE_URL", &url)]);
        let ada = before.visitor();
        ada.sign_in("ada").await;
        let port = |app: &TestApp| app.url.rsplit(':').next().unwrap().to_owned();
        let moved = after.visitor();
        for (name, value) in ada.app_cookies() {
            moved.set_app_cookie(&name.replace(&port(&before), &port(&after)), &value);
        }
        assert!(!moved.is_signed_in().await);
        assert!(moved.get("/").await.has("login-button"));
        assert!(!moved.is_signed_in().await, "nor when it was looked for before");
        assert!(ada.is_signed_in().await);
        assert_eq!(before.storage().sessions(), 1);
        let variables = [("DATABASE_URL", url.as_str())];
        for (command, listed) in [("users", "Ada Lovelace"), ("sessions", "  since ")] {
            let (code, printed) = Process::start(DOORWARD, &[command, "list"], &variables).ends();
            assert_eq!(code, Some(0));
            assert!(printed.contains(listed), "{command}: {printed}");
        }
        // The provider's Ada is another person in this table.
        assert_eq!(moved.sign_in("ada").await.location(), "/profile");
        assert_eq!((before.storage().users(), before.storage().sessions()), (2, 2));
    }
}

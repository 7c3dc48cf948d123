//! Names and emails, of whatever kind, on the profile page and in the database.

use crate::on_both;
use crate::support::TestApp;
use crate::support::provider::Person;

on_both! {
    async fn a_name_with_html_is_shown_as_it_is_written(app: TestApp) {
        let name = "<b>Ada</b><script>alert('1')</script>&amp;\"";
        let person = Person::new("ada", "00uada").claim("name", name).claim("email", "<i>a@example.com");
        app.provider.add_person(person);
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let profile = ada.get("/profile").await;
        assert_eq!(profile.status, 200);
        for raw in ["<b>", "</b>", "<script", "<i>", "&amp;\""] {
            assert!(!profile.body.contains(raw), "{raw}");
        }
        assert!(profile.body.contains("&lt;b&gt;Ada&lt;"), "{}", profile.body);
        assert_eq!(profile.text("claim-email").as_deref(), Some("<i>a@example.com"));
    }

    async fn control_characters_are_taken_out_of_a_name(app: TestApp) {
        let person = Person::new("ada", "00uada")
            .claim("name", "\u{0}Ada\r\n\u{1b}[31m \u{202e}Love\u{0}lace\u{7f}\u{85}")
            .claim("email", "ada\u{0}@example.com");
        app.provider.add_person(person);
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        let profile = ada.get("/profile").await;
        assert_eq!(profile.text("claim-name").as_deref(), Some("Ada[31m Lovelace"));
        assert!(!profile.has("claim-email"), "an email is kept whole or not at all");
        assert!(!profile.has("claim-email-verified"));
        assert_eq!(app.storage().number("SELECT COUNT(*) AS n FROM users WHERE name = 'Ada[31m Lovelace' AND email IS NULL"), 1);
    }

    async fn a_name_of_nothing_but_control_characters_is_none(app: TestApp) {
        app.provider.add_person(Person::new("ada", "00uada").claim("name", "\u{0}\u{1}\n"));
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        let profile = ada.get("/profile").await;
        assert_eq!((profile.status, profile.has("claim-name")), (200, false));
    }

    async fn a_name_of_a_megabyte_is_cut(app: TestApp) {
        let person = Person::new("ada", "00uada").claim("name", "é".repeat(500_000)).claim("email", "a".repeat(1000));
        app.provider.add_person(person);
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        let profile = ada.get("/profile").await;
        assert_eq!(profile.text("claim-name"), Some("é".repeat(320)));
        assert!(!profile.has("claim-email"));
    }
}

/// Core 5.3.2 (b)
#[actix_web::test]
async fn a_person_without_email_signs_in() {
    let app = TestApp::spawn();
    app.provider
        .add_person(Person::new("ada", "00uada").claim("given_name", "Ada"));
    let ada = app.visitor();
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    let profile = ada.get("/profile").await;
    assert_eq!(profile.text("claim-name").as_deref(), Some("Ada"));
    assert!(!profile.has("claim-email"));
}

//! A stronger or more recent sign-in: what every sign-in requires, and what a session gains by `/step-up`. What was required
//! is looked for in the ID token that comes back.

use std::cmp::Ordering;

use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::on_both;
use crate::own_sessions::{ids, page};
use crate::support::process::{DOORWARD, Process};
use crate::support::provider::Acr;
use crate::support::provider_faults::edit_claims;
use crate::support::rows::{events, session};
use crate::support::{Database, TestApp, Visitor, log};

const NOT_CONFIRMED: &str =
    "Your sign-in provider did not confirm the stronger sign-in that this page needs.";
const SOMEBODY_ELSE: &str =
    "You signed in as another person than the one who is signed in here. Nothing has changed.";

fn acr(app: &TestApp, acr: Acr) {
    app.provider.faults(|faults| faults.acr = acr);
}

fn sent(provider: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(provider).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// Steps up as `person`: what the callback answers.
async fn step_up(visitor: &Visitor, person: &str) -> crate::support::Answer {
    let provider = visitor.begin("/step-up?return_to=/profile?x").await;
    let callback = visitor.choose(&provider, person).await;
    visitor.get(&callback).await
}

/// A settings' list and a provider that does not care.
async fn refused(settings: &[(&str, &str)], prepare: impl Fn(&TestApp)) -> String {
    let app = TestApp::spawn_with(Database::Sqlite, settings);
    prepare(&app);
    let visitor = app.visitor();
    let page = visitor.sign_in("ada").await;
    assert_eq!(page.refusal(), (403, NOT_CONFIRMED.to_owned()), "{page:?}");
    assert_eq!(
        page.text("error-title").as_deref(),
        Some("A stronger sign-in is needed")
    );
    assert!(!visitor.is_signed_in().await);
    assert_eq!((app.storage().sessions(), app.storage().users()), (0, 0));
    log::error_of(&page)
}

const REQUIRED: [(&str, &str); 2] = [
    ("OIDC_ACR_VALUES", "phr pwd"),
    ("OIDC_REQUIRED_ACR", "phr phrh"),
];

/// Core 3.1.2.1 (g)
/// IPSIE 3.2.2 (m)
#[actix_web::test]
async fn a_sign_in_asks_for_what_is_configured_and_is_let_in_with_it() {
    let settings = [&REQUIRED[..], &[("OIDC_MAX_AGE", "12h")]].concat();
    let app = TestApp::spawn_with(Database::Sqlite, &settings);
    acr(&app, Acr::Honoured);
    let visitor = app.visitor();
    let provider = visitor.begin("/login").await;
    assert_eq!(sent(&provider, "acr_values").as_deref(), Some("phr pwd"));
    assert_eq!(sent(&provider, "max_age").as_deref(), Some("43200"));
    let callback = visitor.choose(&provider, "ada").await;
    assert_eq!(visitor.get(&callback).await.location(), "/profile");
    let plain = TestApp::spawn().visitor().begin("/login").await;
    assert_eq!(
        (sent(&plain, "acr_values"), sent(&plain, "max_age")),
        (None, None)
    );
}

/// Core 3.1.3.7 (12)
/// RFC 9470 9 (a)
#[actix_web::test]
async fn an_acr_that_was_not_asked_for_enough_is_refused() {
    let line = refused(&REQUIRED, |app| acr(app, Acr::Always("pwd".to_owned()))).await;
    assert!(
        line.contains("its acr is \"pwd\", required is phr or phrh"),
        "{line}"
    );
}

/// Core 3.1.3.7 (12)
#[actix_web::test]
async fn no_acr_is_refused_where_one_is_required() {
    let line = refused(&REQUIRED, |_| ()).await;
    assert!(
        line.contains("it has no acr, required is phr or phrh"),
        "{line}"
    );
    for odd in [json!(["phr"]), json!(null), json!(""), json!(1)] {
        refused(&REQUIRED, |app| {
            let odd = odd.clone();
            edit_claims(app, move |claims| claims["acr"] = odd.clone());
        })
        .await;
    }
}

const MAX_AGE: [(&str, &str); 1] = [("OIDC_MAX_AGE", "1h")];

/// Core 3.1.3.7 (13)
#[actix_web::test]
async fn no_auth_time_is_refused_after_max_age() {
    let line = refused(&MAX_AGE, |app| {
        edit_claims(app, |claims| {
            claims.as_object_mut().unwrap().remove("auth_time");
        });
    })
    .await;
    assert!(
        line.contains("it has no auth_time in seconds since 1970"),
        "{line}"
    );
    for (secs, expected) in [
        (-3700, "its auth_time is longer ago than the max_age"),
        (3600, "its auth_time is in the future"),
    ] {
        let line = refused(&MAX_AGE, |app| {
            let auth_time = OffsetDateTime::now_utc().unix_timestamp() + secs;
            edit_claims(app, move |claims| claims["auth_time"] = json!(auth_time));
        })
        .await;
        assert!(line.contains(expected), "{line}");
    }
}

#[actix_web::test]
async fn an_auth_time_in_milliseconds_is_refused() {
    let in_millis = |app: &TestApp| {
        app.provider
            .faults(|faults| faults.auth_time_in_millis = true)
    };
    let line = refused(&MAX_AGE, in_millis).await;
    assert!(
        line.contains("it has no auth_time in seconds since 1970"),
        "{line}"
    );
}

/// A person who is asked each time must have been asked for this very sign-in.
#[actix_web::test]
async fn with_a_max_age_of_zero_an_earlier_sign_in_is_refused() {
    let zero = [("OIDC_MAX_AGE", "0s")];
    let app = TestApp::spawn_with(Database::Sqlite, &zero);
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
    refused(&zero, |app| {
        let auth_time = OffsetDateTime::now_utc().unix_timestamp() - 90;
        edit_claims(app, move |claims| claims["auth_time"] = json!(auth_time));
    })
    .await;
}

/// It counts from when they were sent there: they may take minutes for what comes after the password.
#[actix_web::test]
async fn with_a_max_age_of_zero_a_person_may_take_their_time() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("OIDC_MAX_AGE", "0s")]);
    let ada = app.visitor();
    let began = app.clock.now().unix_timestamp();
    let callback = ada.callback_for("ada").await;
    app.clock.shift(Duration::minutes(5));
    app.provider.faults(|faults| faults.clock_ahead_secs = 300);
    edit_claims(&app, move |claims| claims["auth_time"] = json!(began));
    assert_eq!(ada.get(&callback).await.location(), "/profile");
}

/// An acr that is enough for the step-up alone is not enough.
#[actix_web::test]
async fn what_each_sign_in_requires_holds_for_a_step_up_too() {
    let settings = [
        ("OIDC_ACR_VALUES", "phr"),
        ("OIDC_REQUIRED_ACR", "phr"),
        ("STEP_UP_ACR", "mfa"),
    ];
    let app = TestApp::spawn_with(Database::Sqlite, &settings);
    acr(&app, Acr::Honoured);
    let ada = app.signed_in("ada").await;
    let before = session(&app);
    acr(&app, Acr::Always("mfa".to_owned()));
    let page = step_up(&ada, "ada").await;
    assert_eq!(page.refusal(), (403, NOT_CONFIRMED.to_owned()));
    assert_eq!(session(&app), before);
}

/// The person's browser may change the request on its way to the provider. It does not change what is looked for.
#[actix_web::test]
async fn the_address_can_not_lower_what_is_asked() {
    let settings = [("STEP_UP_ACR", "phr"), ("STEP_UP_MAX_AGE", "1m")];
    let app = TestApp::spawn_with(Database::Sqlite, &settings);
    acr(&app, Acr::Honoured);
    let ada = app.signed_in("ada").await;
    let before = session(&app);
    let path = "/step-up?return_to=/profile&acr_values=pwd&max_age=999999&acr=pwd";
    let provider = ada.begin(path).await;
    assert_eq!(sent(&provider, "acr_values").as_deref(), Some("phr"));
    assert_eq!(sent(&provider, "max_age").as_deref(), Some("60"));
    let lowered = provider.replace("acr_values=phr", "acr_values=pwd");
    let callback = ada.choose(&lowered, "ada").await;
    let page = ada.get(&callback).await;
    assert_eq!(page.refusal(), (403, NOT_CONFIRMED.to_owned()));
    assert_eq!(session(&app), before);
    assert!(ada.is_signed_in().await);
}

on_both! {
    async fn a_step_up_gives_a_new_key_and_the_old_one_opens_nothing(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let (before, cookies) = (session(&app), ada.app_cookies());
        app.clock.shift(Duration::seconds(100));
        let back = step_up(&ada, "ada").await;
        assert_eq!(back.location(), "/profile?x");
        let after = session(&app);
        assert_ne!(after.key_hash, before.key_hash);
        // It is no longer session: it ends when it would have ended.
        assert_eq!(after.created_at, before.created_at);
        assert!(ada.is_signed_in().await);
        let thief = app.visitor();
        thief.set_app_cookie("doorward", &cookies["doorward"]);
        assert!(!thief.is_signed_in().await);
        assert_eq!((events(&app, "sign_in"), events(&app, "step_up")), (1, 1));
        assert_eq!(events(&app, "session_replaced"), 0);
        let variables = [("DATABASE_URL", app.storage().url.as_str())];
        let (code, printed) = Process::start(DOORWARD, &["audit", "--event", "step_up"], &variables).ends();
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.contains("step_up") && printed.contains("00uada"), "{printed}");
    }

    /// The step-up's answer has not arrived yet, or the page that lists the session is older.
    async fn who_names_a_session_by_the_key_before_its_step_up_ends_it(app: TestApp) {
        let other = app.signed_in("ada").await;
        let grace = app.signed_in("grace").await;
        for way in ["/logout", "/sessions/end", "revoke"] {
            let ada = app.signed_in("ada").await;
            let id = ids(&page(&other).await).remove(0);
            let before = app.visitor();
            before.set_app_cookie("doorward", &ada.app_cookies()["doorward"]);
            assert_eq!(step_up(&ada, "ada").await.location(), "/profile?x");
            assert!(ada.is_signed_in().await && !before.is_signed_in().await);
            let form = format!("session={id}");
            // It is not hers.
            assert_eq!(grace.post("/sessions/end", &form).await.status, 200);
            assert!(ada.is_signed_in().await);
            match way {
                "/logout" => {
                    let out = before.post(way, "").await;
                    assert!(out.location().contains("id_token_hint="), "{out:?}");
                    // A second click on it reaches the provider as well.
                    assert_eq!(before.post(way, "").await.location(), out.location());
                }
                "/sessions/end" => assert_eq!(other.post(way, &form).await.status, 303),
                _ => {
                    let variables = [("DATABASE_URL", app.storage().url.as_str()), ("SESSION_CACHE", "0")];
                    let (code, printed) = Process::start(DOORWARD, &["sessions", "revoke", &id], &variables).ends();
                    assert_eq!((code, printed.contains("Sessions ended: 1.")), (Some(0), true), "{printed}");
                }
            }
            assert_eq!(app.storage().sessions(), 2, "{way}");
        }
        assert!(other.is_signed_in().await && grace.is_signed_in().await);
        assert_eq!((events(&app, "sign_out"), events(&app, "session_revoked")), (1, 2));
    }

    async fn a_step_up_moves_the_end_of_the_providers_session_if_it_says_one(app: TestApp) {
        let says = |secs: Option<i64>| {
            edit_claims(&app, move |claims| {
                let issued_at = claims["iat"].as_i64().unwrap();
                if let Some(secs) = secs {
                    claims["session_expiry"] = json!(issued_at + secs);
                }
            });
        };
        let ends_at = || app.storage().text("SELECT CAST(ends_at AS TEXT) AS what FROM sessions");
        says(Some(3600));
        let ada = app.signed_in("ada").await;
        for (secs, expected) in [
            (None, Ordering::Equal),
            (Some(7200), Ordering::Greater),
            (Some(1800), Ordering::Less),
            (None, Ordering::Equal),
        ] {
            let before = ends_at();
            says(secs);
            assert_eq!(step_up(&ada, "ada").await.location(), "/profile?x");
            assert_eq!(ends_at().cmp(&before), expected, "{secs:?}");
        }
    }

    async fn a_step_up_as_somebody_else_changes_nothing(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let before = session(&app);
        let page = step_up(&ada, "grace").await;
        assert_eq!(page.refusal(), (403, SOMEBODY_ELSE.to_owned()));
        assert_eq!(page.text("error-title").as_deref(), Some("That is somebody else"));
        assert_eq!(session(&app), before);
        assert_eq!(app.storage().users(), 1);
        let profile = ada.get("/profile").await;
        assert_eq!(profile.text("claim-subject").as_deref(), Some("00uada"));
        assert_eq!((events(&app, "step_up"), events(&app, "sign_in")), (0, 1));
        let query = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'sign_in_failed' AND reason = 'step_up_subject'";
        assert_eq!(app.storage().number(query), 1);
    }

    /// The other tab's step-up has replaced the key that this one began with.
    async fn two_tabs_that_step_up_at_once_are_both_let_in(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let first = ada.begin("/step-up?return_to=/profile?1").await;
        let second = ada.begin("/step-up?return_to=/profile?2").await;
        let created_at = session(&app).created_at;
        for (provider, expected) in [(second, "/profile?2"), (first, "/profile?1")] {
            let callback = ada.choose(&provider, "ada").await;
            assert_eq!(ada.get(&callback).await.location(), expected);
        }
        assert_eq!(session(&app).created_at, created_at);
        assert_eq!(events(&app, "step_up"), 2);
        assert!(ada.is_signed_in().await);
    }

    /// What ended stays ended: that they signed in at the provider begins a session of its own.
    async fn a_step_up_of_a_session_that_ended_meanwhile_is_a_new_sign_in(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let before = session(&app);
        let provider = ada.begin("/step-up?return_to=/profile").await;
        let variables = [("DATABASE_URL", app.storage().url.as_str()), ("SESSION_CACHE", "0")];
        let revoke = ["sessions", "revoke", "--user", "ada@example.com"];
        let (code, printed) = Process::start(DOORWARD, &revoke, &variables).ends();
        assert_eq!(code, Some(0), "{printed}");
        app.clock.shift(Duration::seconds(100));
        let callback = ada.choose(&provider, "ada").await;
        assert_eq!(ada.get(&callback).await.location(), "/profile");
        let after = session(&app);
        assert!(after.created_at > before.created_at);
        assert_eq!((events(&app, "sign_in"), events(&app, "step_up")), (2, 0));
    }

    async fn a_blocked_person_can_not_step_up(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let provider = ada.begin("/step-up?return_to=/profile").await;
        let variables = [("DATABASE_URL", app.storage().url.as_str()), ("SESSION_CACHE", "0")];
        let (code, printed) = Process::start(DOORWARD, &["users", "block", "ada@example.com"], &variables).ends();
        assert_eq!(code, Some(0), "{printed}");
        let callback = ada.choose(&provider, "ada").await;
        let page = ada.get(&callback).await;
        assert_eq!(page.text("error-title").as_deref(), Some("You may not sign in"));
        assert_eq!(app.storage().sessions(), 0);
        assert_eq!(events(&app, "step_up"), 0);
    }
}

/// Such a provider meets no maximum age, however high.
#[actix_web::test]
async fn a_provider_without_auth_time_can_confirm_an_acr_alone() {
    for (max_age, expected) in [("any", "/profile?x"), ("400d", "")] {
        let settings = [("STEP_UP_ACR", "phr"), ("STEP_UP_MAX_AGE", max_age)];
        let app = TestApp::spawn_with(Database::Sqlite, &settings);
        acr(&app, Acr::Always("pwd".to_owned()));
        let ada = app.signed_in("ada").await;
        edit_claims(&app, |claims| {
            claims.as_object_mut().unwrap().remove("auth_time");
        });
        // The acr is looked for all the same.
        let page = step_up(&ada, "ada").await;
        assert_eq!(page.refusal(), (403, NOT_CONFIRMED.to_owned()));
        acr(&app, Acr::Honoured);
        let provider = ada.begin("/step-up").await;
        assert_eq!(sent(&provider, "acr_values").as_deref(), Some("phr"));
        assert_eq!(sent(&provider, "max_age").is_none(), max_age == "any");
        let page = step_up(&ada, "ada").await;
        match expected {
            "" => assert_eq!(page.refusal(), (403, NOT_CONFIRMED.to_owned())),
            _ => assert_eq!(page.location(), expected),
        }
    }
}

/// The session is as it was, and so is the way to try again.
#[actix_web::test]
async fn a_step_up_that_fails_leaves_the_session_as_it_was() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("STEP_UP_ACR", "phr")]);
    let ada = app.signed_in("ada").await;
    let before = session(&app);
    let cancelled = ada.begin("/step-up?return_to=/profile").await;
    let callback = ada.post(&cancelled, "cancel=1").await.location().to_owned();
    let page = ada.get(&callback).await;
    assert_eq!(
        page.text("error-title").as_deref(),
        Some("You were not let in")
    );
    assert_eq!(step_up(&ada, "ada").await.status, 403);
    assert_eq!(session(&app), before);
    acr(&app, Acr::Honoured);
    assert_eq!(step_up(&ada, "ada").await.location(), "/profile?x");
    assert_ne!(session(&app).key_hash, before.key_hash);
}

/// Back shows the provider's page once more, or asks for the callback again.
#[actix_web::test]
async fn going_back_after_a_step_up_changes_nothing() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let provider = ada.begin("/step-up?return_to=/profile?x").await;
    let callback = ada.choose(&provider, "ada").await;
    assert_eq!(ada.get(&callback).await.location(), "/profile?x");
    let after = session(&app);
    assert_eq!(ada.get(&callback).await.location(), "/profile");
    let again = ada.choose(&provider, "ada").await;
    assert_eq!(ada.get(&again).await.location(), "/profile");
    assert_eq!(session(&app), after);
}

#[actix_web::test]
async fn who_is_not_signed_in_signs_in_as_strongly_as_a_step_up_requires() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("STEP_UP_ACR", "phr")]);
    let visitor = app.visitor();
    let page = step_up(&visitor, "ada").await;
    assert_eq!(page.refusal(), (403, NOT_CONFIRMED.to_owned()));
    assert!(!visitor.is_signed_in().await);
    acr(&app, Acr::Honoured);
    assert_eq!(step_up(&visitor, "ada").await.location(), "/profile?x");
    assert!(visitor.is_signed_in().await);
}

/// A stale attempt begins again by itself, and asks for as much as before.
#[actix_web::test]
async fn a_step_up_that_took_too_long_begins_again_with_what_it_required() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("STEP_UP_ACR", "phr")]);
    acr(&app, Acr::Honoured);
    let visitor = app.visitor();
    let provider = visitor.begin("/step-up?return_to=/profile?x").await;
    let callback = visitor.choose(&provider, "ada").await;
    app.clock.shift(Duration::minutes(11));
    app.provider.faults(|faults| faults.clock_ahead_secs = 660);
    let again = visitor.get(&callback).await.location().to_owned();
    assert_eq!(sent(&again, "acr_values").as_deref(), Some("phr"));
    assert_eq!(sent(&again, "max_age").as_deref(), Some("300"));
    let callback = visitor.choose(&again, "ada").await;
    assert_eq!(visitor.get(&callback).await.location(), "/profile?x");
}

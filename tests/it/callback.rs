//! The way back from the provider, as it must not go: each answer that is refused, and what becomes of the attempt.

use awc::http::Method;
use url::Url;

use crate::on_both;
use crate::support::provider::Endpoint;
use crate::support::visitor::Answer;
use crate::support::{TestApp, Visitor};

const NO_CODE: &str = "The code was not returned or is not accessible";
/// No page, but the provider's again.
const RESTARTED: &str = "";
const NO_STATE: &str = "The response does not say which sign-in it belongs to.";
const MALFORMED: &str = "The response from your sign-in provider is malformed.";
const TOO_LATE: &str = "You have ten minutes to sign in, and they have passed.";
const CODE_REFUSED: &str = "Your sign-in provider no longer accepts the code: a code works only once, and only for a short time.";
const NOT_REMEMBERED: &str =
    "Your browser did not keep our sign-in cookie, even on the second try.";

/// The name of the session's cookie.
const SESSION: &str = "doorward";

/// A parameter of a URL's query.
fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    let found = url.query_pairs().find(|(known, _)| known == name);
    found.expect(name).1.into_owned()
}

/// The URL with another value for a parameter, or without it.
fn with(url: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse(url).unwrap();
    let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    pairs.retain(|(known, _)| known != name);
    pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url.into()
}

/// The name of the cookie that keeps the attempt of a callback.
fn attempt_of(callback: &str) -> String {
    format!("doorward-login-{}", &parameter(callback, "state")[..16])
}

/// Opens `callback`, which must be refused with exactly this status and sentence, and must sign no person in.
async fn refused(app: &TestApp, visitor: &Visitor, callback: &str, status: u16, sentence: &str) {
    let answer = visitor.get(callback).await;
    assert_eq!(
        answer.refusal(),
        (status, sentence.to_owned()),
        "{callback}"
    );
    if status == 303 {
        restarts(app, visitor, &answer);
    }
    assert!(
        !visitor.app_cookies().contains_key(SESSION),
        "{:?}",
        answer.cookies()
    );
    assert!(!visitor.is_signed_in().await);
    assert_eq!(app.storage().sessions(), 0);
}

/// A stale callback redirects to the provider with a new attempt. This removes the new attempt, so that the test sees what
/// happens to the first one.
fn restarts(app: &TestApp, visitor: &Visitor, answer: &Answer) {
    let provider = format!("{}/authorize?", app.provider.issuer());
    assert!(
        answer.location().starts_with(&provider),
        "{}",
        answer.location()
    );
    let fresh = format!(
        "doorward-login-{}",
        &parameter(answer.location(), "state")[..16]
    );
    assert!(visitor.app_cookies().contains_key(&fresh));
    visitor.set_app_cookie(&fresh, "");
}

/// As [`refused`], without a request to the token endpoint.
async fn refused_without_a_token_request(
    app: &TestApp,
    visitor: &Visitor,
    callback: &str,
    status: u16,
    sentence: &str,
) {
    refused(app, visitor, callback, status, sentence).await;
    assert_eq!(app.provider.request_count(Endpoint::Token), 0, "{callback}");
}

on_both! {
    /// Core 3.1.2.7
    async fn a_callback_without_a_code_is_refused_and_the_attempt_is_spent(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        assert_eq!(ada.attempts().len(), 1);
        refused_without_a_token_request(&app, &ada, &with(&callback, "code", None), 403, NO_CODE).await;
        assert_eq!(ada.attempts(), []);
        refused_without_a_token_request(&app, &ada, &callback, 303, RESTARTED).await;
    }

    /// RFC 6749 3.1 (c)
    async fn a_callback_with_an_empty_code_is_refused_and_the_attempt_is_spent(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        refused_without_a_token_request(&app, &ada, &with(&callback, "code", Some("")), 403, NO_CODE).await;
        assert_eq!(ada.attempts(), []);
    }

    /// RFC 6749 3.1 (c)
    async fn a_callback_with_nothing_at_all_is_refused(app: TestApp) {
        let ada = app.visitor();
        for query in ["", "?", "?code", "?state", "?code=&state=&error=", "?x=y", "?%ff=%00&&&=="] {
            let callback = format!("{}/authorization-code/callback{query}", app.url);
            refused_without_a_token_request(&app, &ada, &callback, 403, NO_CODE).await;
        }
    }

    /// Core 3.1.2.7
    /// RFC 6749 4.1.1, 10.12
    async fn a_callback_without_a_state_is_refused_and_leaves_the_attempts_alone(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        for stateless in [with(&callback, "state", None), with(&callback, "state", Some(""))] {
            refused_without_a_token_request(&app, &ada, &stateless, 403, NO_STATE).await;
        }
        assert_eq!(ada.get(&callback).await.location(), "/profile");
    }

    /// Core 3.1.2.7
    /// RFC 6749 10.14
    async fn a_callback_with_a_wrong_state_is_refused_and_leaves_the_attempts_alone(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        let state = parameter(&callback, "state");
        let backwards: String = state.chars().rev().collect();
        for wrong in [&backwards, "x", "../../etc/passwd", "a;b=c", "\0\r\nSet-Cookie: x=y", "é", &"A".repeat(8000)] {
            refused_without_a_token_request(&app, &ada, &with(&callback, "state", Some(wrong)), 303, RESTARTED).await;
        }
        assert_eq!(ada.get(&callback).await.location(), "/profile");
    }

    /// Core 16.12: the whole value is compared; that it takes constant time is what aws-lc-rs promises
    async fn a_state_that_only_begins_like_ours_is_refused_and_the_attempt_is_spent(app: TestApp) {
        let changes: [fn(&str) -> String; 3] = [|state| state[..16].to_owned(), |state| format!("{state}A"), |state| format!("{}AAAA", &state[..39])];
        for change in changes {
            let ada = app.visitor();
            let callback = ada.callback_for("ada").await;
            let close = with(&callback, "state", Some(&change(&parameter(&callback, "state"))));
            refused_without_a_token_request(&app, &ada, &close, 303, RESTARTED).await;
            assert_eq!(ada.attempts(), []);
        }
    }

    /// Core 2; 3.1.3.7 (11)
    /// Core 16.9, 16.10
    /// RFC 6749 4.1.2 (a)
    /// RFC 9700 4.2.4 (c)
    /// RFC 9700 4.3.1
    async fn a_callback_url_works_once(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        let attempt = ada.attempts().remove(0);
        assert_eq!(ada.get(&callback).await.location(), "/profile");
        assert_eq!(ada.attempts(), []);
        assert_eq!(ada.get(&callback).await.location(), "/profile", "who is signed in goes on");
        assert_eq!((app.provider.request_count(Endpoint::Token), app.storage().sessions()), (1, 1));

        // A person who kept the cookie has a code that is used up.
        let thief = app.visitor();
        thief.set_app_cookie(&attempt.0, &attempt.1);
        restarts(&app, &thief, &thief.get(&callback).await);
        assert_eq!(thief.attempts(), []);
        assert!(!thief.is_signed_in().await);
        assert_eq!(app.storage().sessions(), 1);
    }

    /// RFC 9700 4.2.4 (c)
    async fn an_attempt_ends_after_ten_minutes(app: TestApp) {
        let (quick, slow) = (app.visitor(), app.visitor());
        let in_time = quick.callback_for("ada").await;
        let too_late = slow.callback_for("ada").await;
        app.clock.shift(time::Duration::seconds(601));
        refused_without_a_token_request(&app, &slow, &too_late, 303, RESTARTED).await;
        assert_eq!(slow.attempts(), []);
        app.clock.shift(time::Duration::seconds(-11));
        assert_eq!(quick.get(&in_time).await.location(), "/profile");
    }

    /// RFC 6749 4.1.1, 10.12
    /// RFC 9700 4.7
    async fn a_state_of_another_browser_is_refused_and_both_can_still_sign_in(app: TestApp) {
        let (ada, bob) = (app.visitor(), app.visitor());
        let hers = ada.callback_for("ada").await;
        refused_without_a_token_request(&app, &bob, &hers, 303, RESTARTED).await;
        let his = bob.callback_for("grace").await;
        refused_without_a_token_request(&app, &bob, &hers, 303, RESTARTED).await;
        assert_eq!(bob.get(&his).await.location(), "/profile");
        assert_eq!(ada.get(&hers).await.location(), "/profile");
    }

    /// Core 15.5.2
    /// RFC 9700 2.1.1 (b)
    async fn the_cookie_of_one_attempt_does_not_open_another(app: TestApp) {
        let (ada, eve) = (app.visitor(), app.visitor());
        let (one, two) = (ada.callback_for("ada").await, ada.callback_for("ada").await);
        let planted = eve.callback_for("grace").await;
        let foreign = eve.attempts().remove(0).1;
        let other = ada.app_cookies()[&attempt_of(&two)].clone();
        ada.set_app_cookie(&attempt_of(&one), &other);
        refused_without_a_token_request(&app, &ada, &one, 303, RESTARTED).await;
        assert!(!ada.app_cookies().contains_key(&attempt_of(&one)));

        ada.set_app_cookie(&attempt_of(&two), &foreign);
        refused_without_a_token_request(&app, &ada, &two, 303, RESTARTED).await;
        assert_eq!(ada.attempts(), []);
        refused_without_a_token_request(&app, &ada, &planted, 303, RESTARTED).await;
    }

    /// RFC 6749 10.10, 10.12
    async fn an_attempts_cookie_that_we_did_not_seal_is_refused_and_spent(app: TestApp) {
        let change: [fn(&str) -> String; 13] = [
            |_| "x".into(),
            |_| "AAAA".into(),
            |_| "A".repeat(400),
            |_| "A".repeat(4000),
            |_| "A".repeat(15_000),
            |_| "%00%0d%0a".into(),
            |_| "eyJzdGF0ZSI6IngifQ".into(),
            |real| real[..real.len() - 1].into(),
            |real| real[..real.len() / 2].into(),
            |real| real[1..].into(),
            |real| format!("{real}AAAA"),
            |real| format!("{real}{real}"),
            |real| real.chars().rev().collect(),
        ];
        for change in change {
            let ada = app.visitor();
            let callback = ada.callback_for("ada").await;
            let (name, real) = ada.attempts().remove(0);
            ada.set_app_cookie(&name, &change(&real));
            refused_without_a_token_request(&app, &ada, &callback, 303, RESTARTED).await;
            assert_eq!(ada.attempts(), []);
        }
    }

    async fn an_empty_attempts_cookie_is_refused(app: TestApp) {
        let (ada, eve) = (app.visitor(), app.visitor());
        let callback = ada.callback_for("ada").await;
        let empty = format!("{}=", app.cookie_name(&attempt_of(&callback)));
        for cookie in [&empty, &format!("{empty}; {empty}"), &format!("{empty}\"\"")] {
            let answer = eve.send(Method::GET, &callback, &[("cookie", cookie)], "").await;
            assert_eq!(answer.refusal(), (303, RESTARTED.to_owned()));
            assert!(!eve.app_cookies().contains_key(SESSION));
        }
        assert_eq!((app.provider.request_count(Endpoint::Token), app.storage().sessions()), (0, 0));
    }

    async fn of_more_attempts_than_fit_the_oldest_is_dropped(app: TestApp) {
        let ada = app.visitor();
        let mut callbacks = Vec::new();
        // `cookie_budget` measures them.
        while ada.attempts().len() == callbacks.len() {
            callbacks.push(ada.callback_for("ada").await);
            app.clock.shift(time::Duration::SECOND);
        }
        assert!(callbacks.len() > 9);
        for callback in &callbacks[1..] {
            assert_eq!(ada.get(callback).await.location(), "/profile");
        }
        assert_eq!(ada.attempts(), []);
        ada.post("/logout", "").await;
        restarts(&app, &ada, &ada.get(&callbacks[0]).await);
    }

    async fn attempts_that_can_not_be_finished_make_room_first(app: TestApp) {
        let ada = app.visitor();
        ada.callback_for("ada").await;
        app.clock.shift(time::Duration::seconds(601));
        ada.set_app_cookie("doorward-login-forged", "AAAA");
        let mut callbacks = Vec::new();
        for _ in 0..5 {
            callbacks.push(ada.callback_for("ada").await);
        }
        let mut kept: Vec<String> = ada.attempts().into_iter().map(|(name, _)| name).collect();
        let mut begun: Vec<String> = callbacks.iter().map(|callback| attempt_of(callback)).collect();
        kept.sort();
        begun.sort();
        assert_eq!(kept, begun);
    }

    /// RFC 6749 3.1 (b)
    async fn a_parameter_that_comes_twice_is_malformed_and_the_attempt_is_spent(app: TestApp) {
        for extra in [
            "&code=another", "&code=", "&c%6fde=another",
            "&error=access_denied&error=access_denied", "&error=&error=",
            "&error=access_denied&error_description=a&error_description=b",
        ] {
            let ada = app.visitor();
            let callback = ada.callback_for("ada").await;
            refused_without_a_token_request(&app, &ada, &format!("{callback}{extra}"), 400, MALFORMED).await;
            assert_eq!(ada.attempts(), [], "{extra}");
        }
    }

    /// RFC 6749 3.1 (b)
    async fn a_state_that_comes_twice_is_malformed(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        let same = format!("&state={}", parameter(&callback, "state"));
        for extra in [&same, "&state=another", "&state=", "&st%61te=another"] {
            refused_without_a_token_request(&app, &ada, &format!("{callback}{extra}"), 400, MALFORMED).await;
        }
    }

    /// Core 16.9, 16.10
    /// RFC 6749 10.6: A code of another session can't be planted
    /// RFC 7636 4.6: A code with another verifier gets nothing
    /// RFC 9700 2.1.1 (a): Injection of codes is prevented: PKCE also for confidential clients (RECOMMENDED)
    /// RFC 9700 4.5.3
    async fn a_code_of_another_attempt_is_refused_and_both_are_spent(app: TestApp) {
        let (ada, eve) = (app.visitor(), app.visitor());
        let (one, two) = (ada.callback_for("ada").await, ada.callback_for("ada").await);
        let mixed = with(&one, "code", Some(&parameter(&two, "code")));
        refused(&app, &ada, &mixed, 303, RESTARTED).await;
        assert!(!ada.app_cookies().contains_key(&attempt_of(&one)));

        // A stranger's code is planted on a victim: PKCE shows that it was issued for another request.
        let stolen = parameter(&eve.callback_for("grace").await, "code");
        let planted = with(&ada.callback_for("ada").await, "code", Some(&stolen));
        refused(&app, &ada, &planted, 303, RESTARTED).await;
        assert!(!ada.app_cookies().contains_key(&attempt_of(&planted)));
    }

    /// RFC 6749 4.1.2 (c): 8000 characters reach the provider
    /// RFC 6749 10.14
    async fn a_code_that_was_made_up_is_refused_and_the_attempt_is_spent(app: TestApp) {
        for code in ["x", "' OR 1=1 --", "\0", "\r\nHost: evil.example", "é\u{202e}", "<script>", "&grant_type=x", &"A".repeat(8000)] {
            let ada = app.visitor();
            let callback = with(&ada.callback_for("ada").await, "code", Some(code));
            refused(&app, &ada, &callback, 303, RESTARTED).await;
            assert_eq!(ada.attempts(), []);
        }
    }

    /// RFC 6750 5.3 (c): the session's cookie is a random key
    async fn the_session_key_is_fresh_whatever_the_browser_had_before(app: TestApp) {
        // A valid cookie of the attacker's own: the attacker signs in and plants the cookie.
        let eve = app.visitor();
        eve.sign_in("grace").await;
        let evil = eve.app_cookies()[SESSION].clone();
        let made_up = "c".repeat(43);
        let unsigned = evil.chars().rev().collect::<String>();
        for planted in [evil, made_up, unsigned] {
            let ada = app.visitor();
            ada.set_app_cookie(SESSION, &planted);
            assert_eq!(ada.sign_in("ada").await.location(), "/profile");
            let hers = ada.app_cookies()[SESSION].clone();
            assert_ne!(hers, planted);
            ada.sign_in("ada").await;
            assert_ne!(ada.app_cookies()[SESSION], hers, "each sign-in has a key of its own");

            let thief = app.visitor();
            for old in [&planted, &hers] {
                thief.set_app_cookie(SESSION, old);
                assert!(!thief.is_signed_in().await);
            }
            assert!(ada.is_signed_in().await);
        }
        assert!(!eve.is_signed_in().await, "the session that she planted is over");
    }

    /// Logout 2 (b)
    async fn a_second_person_who_signs_in_gets_nothing_of_the_first(app: TestApp) {
        let (browser, thief) = (app.visitor(), app.visitor());
        browser.sign_in("ada").await;
        let first = browser.app_cookies()[SESSION].clone();
        let old_row = app.storage().number("SELECT COUNT(*) AS n FROM sessions");
        app.provider.faults(|faults| faults.edit_userinfo = Some(Box::new(|userinfo| {
            userinfo.as_object_mut().unwrap().remove("name");
        })));
        assert_eq!(browser.sign_in("grace").await.location(), "/profile");
        assert_eq!((old_row, app.storage().sessions(), app.storage().users()), (1, 1, 2));
        let left = "SELECT COUNT(*) AS n FROM sessions JOIN users ON users.id = sessions.user_id WHERE subject <> '00uada'";
        assert_eq!(app.storage().number(left), 1, "the row that is left is the second person's");

        for path in ["/", "/profile"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, 200);
            for hers in ["Ada", "Lovelace", "ada@example.com", "00uada"] {
                assert!(!page.body.contains(hers), "{path} shows {hers}");
            }
        }
        assert_eq!(browser.get("/profile").await.text("claim-email").as_deref(), Some("grace@example.com"));
        thief.set_app_cookie(SESSION, &first);
        assert!(!thief.is_signed_in().await);

        // Nor does the hint at sign-out name the first.
        let out = browser.post("/logout", "").await;
        let hint = parameter(out.location(), "id_token_hint");
        let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, hint.split('.').nth(1).unwrap());
        let claims: serde_json::Value = serde_json::from_slice(&claims.unwrap()).unwrap();
        assert_eq!(claims["sub"], "00ugrace");
    }

    async fn a_refused_callback_leaves_whoever_is_signed_in_alone(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let callback = ada.callback_for("grace").await;
        for wrong in [with(&callback, "state", Some("x")), with(&callback, "code", Some("x"))] {
            assert_eq!(ada.get(&wrong).await.location(), "/profile");
        }
        assert_eq!(ada.get("/profile").await.text("claim-email").as_deref(), Some("ada@example.com"));
    }

    async fn a_callback_by_head_signs_nobody_in_and_spends_nothing(app: TestApp) {
        let (ada, scanner) = (app.visitor(), app.visitor());
        let callback = ada.callback_for("ada").await;
        for visitor in [&scanner, &ada] {
            let answer = visitor.send(Method::HEAD, &callback, &[], "").await;
            assert!(answer.status < 500 && answer.body.is_empty());
            assert_eq!(answer.cookies(), [""; 0]);
        }
        assert_eq!((app.provider.request_count(Endpoint::Token), app.storage().sessions()), (0, 0));
        assert_eq!(ada.get(&callback).await.location(), "/profile");
    }
}

// A sign-in restarts twice; the third time shows a page.
on_both! {
    async fn whose_browser_keeps_no_cookies_is_told_so_the_third_time(app: TestApp) {
        let mut callback = app.visitor().callback_for("ada").await;
        for count in 1..=2 {
            let forgetful = app.visitor();
            let restarted = forgetful.begin(&callback).await;
            assert!(parameter(&restarted, "state").ends_with(&format!("~{count}")));
            callback = forgetful.choose(&restarted, "ada").await;
        }
        // Another tab may have signed in meanwhile: one more look, without the code.
        let looks_again = app.visitor().get(&callback).await;
        assert_eq!(looks_again.cookies(), [""; 0]);
        let looks_again = format!("{}{}", app.url, looks_again.location());
        assert!(parameter(&looks_again, "state").ends_with("~3") && !looks_again.contains("code="));
        refused_without_a_token_request(&app, &app.visitor(), &looks_again, 403, NOT_REMEMBERED).await;
    }

    /// RFC 9700 2.1 (c): it contains a count, and changing it gains nothing
    async fn a_made_up_state_does_not_start_again_for_ever(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        for wrong in ["x~2", "x~0~2"] {
            let looks_again = ada.get(&with(&callback, "state", Some(wrong))).await;
            let looks_again = format!("{}{}", app.url, looks_again.location());
            refused_without_a_token_request(&app, &ada, &looks_again, 403, NOT_REMEMBERED).await;
        }
        for wrong in ["x~3", "x~255", "x~256", "x~", "x~-1", "x~a", "~", "x~99999999999999999999"] {
            refused_without_a_token_request(&app, &ada, &with(&callback, "state", Some(wrong)), 403, NOT_REMEMBERED).await;
        }
        assert_eq!(ada.get(&callback).await.location(), "/profile");
    }

    async fn who_takes_too_long_is_told_so_the_third_time(app: TestApp) {
        let ada = app.visitor();
        let mut callback = ada.callback_for("ada").await;
        for _ in 1..=2 {
            app.clock.shift(time::Duration::seconds(601));
            let restarted = ada.begin(&callback).await;
            callback = ada.choose(&restarted, "ada").await;
        }
        app.clock.shift(time::Duration::seconds(601));
        refused_without_a_token_request(&app, &ada, &callback, 403, TOO_LATE).await;
        assert_eq!(ada.attempts(), []);
    }

    async fn a_code_that_is_refused_is_told_the_third_time(app: TestApp) {
        let ada = app.visitor();
        let mut callback = with(&ada.callback_for("ada").await, "code", Some("x"));
        for _ in 1..=2 {
            let restarted = ada.begin(&callback).await;
            callback = with(&ada.choose(&restarted, "ada").await, "code", Some("x"));
        }
        refused(&app, &ada, &callback, 403, CODE_REFUSED).await;
        assert_eq!(ada.attempts(), []);
    }
}

on_both! {
    /// Form Post 2 (e)
    async fn a_callback_by_post_with_nothing_in_its_form_is_refused_and_spends_nothing(database: Database) {
        let app = TestApp::spawn_with(database, &[("OIDC_RESPONSE_MODE", "form_post")]);
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        for form in ["", "code=x", "state=", "x=y"] {
            let answer = ada.post(&callback, form).await;
            assert_eq!(answer.refusal(), (403, NO_STATE.to_owned()));
            assert_eq!(answer.cookies(), [""; 0]);
        }
        assert_eq!(ada.post(&callback, "state=x&state=y").await.refusal(), (400, MALFORMED.to_owned()));
        let longer = ada.post(&callback, &format!("state=x&code={}", "a".repeat(20_000))).await;
        assert_eq!(longer.status, 413);
        assert!(longer.cookies().is_empty() && longer.has("error-sentence"));
        assert_eq!(app.provider.request_count(Endpoint::Token), 0);
        assert_eq!(ada.get(&callback).await.location(), "/profile");
    }

    /// Form Post 4 (a)
    async fn a_callback_by_post_from_elsewhere_signs_nobody_in(database: Database) {
        let app = TestApp::spawn_with(database, &[("OIDC_RESPONSE_MODE", "form_post")]);
        let (ada, eve) = (app.visitor(), app.visitor());
        let hers = eve.callback_for("grace").await;
        let (_, planted) = hers.split_once('?').unwrap();
        let waits = ada.post("/authorization-code/callback", planted).await;
        assert!(waits.location().starts_with("/authorization-code/callback?state="));
        assert!(!waits.location().contains("code="));
        let begun = ada.begin(waits.location()).await;
        assert!(begun.starts_with(&app.provider.issuer()));
        assert!(!ada.app_cookies().keys().any(|name| name.contains("answer")));
        assert_eq!((app.provider.request_count(Endpoint::Token), app.storage().sessions()), (0, 0));
    }
}

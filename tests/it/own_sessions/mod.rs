//! `/sessions`: people see in which browsers they are signed in, and end that.

mod odd;
mod slow;
mod stepped_up;

use awc::http::Method;
use time::Duration;

use crate::on_both;
use crate::support::process::{DOORWARD, Process};
use crate::support::{Answer, TestApp, Visitor};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const ENDED_ALREADY: &str = "That session has ended already.";

/// Signs in with a browser that calls itself so.
async fn signed_in_as(app: &TestApp, person: &str, user_agent: &str) -> Visitor {
    let visitor = app.visitor();
    let callback = visitor.callback_for(person).await;
    let headers = [("user-agent", user_agent)];
    let answer = visitor.send(Method::GET, &callback, &headers, "").await;
    assert_eq!(answer.location(), "/profile");
    visitor
}

/// The page, as somebody who is signed in sees it.
pub async fn page(visitor: &Visitor) -> Answer {
    let page = visitor.get("/sessions").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    page
}

/// The ids in the page's forms: all but that of this browser.
pub fn ids(page: &Answer) -> Vec<String> {
    let parts = page.body.split("name=\"session\" value=\"").skip(1);
    parts
        .map(|part| part.split('"').next().unwrap().to_owned())
        .collect()
}

fn rows(page: &Answer) -> usize {
    page.body.matches("scope=\"row\"").count()
}

/// The events of endings, oldest first: `event subject reason`.
fn endings(app: &TestApp) -> Vec<String> {
    app.storage().texts(
        "SELECT event || ' ' || COALESCE(subject, '') || ' ' || COALESCE(reason, '') AS what \
         FROM audit_events WHERE event NOT IN ('sign_in', 'user_created') ORDER BY id",
    )
}

on_both! {
    /// The page has room for a hundred.
    async fn this_browser_is_listed_first_however_many_were_seen_later(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let add = |first: u32, last: u32| {
            app.storage().execute(&format!(
                "INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at) \
                 WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) \
                 SELECT 'hash-' || i, id, 'sealed', created_at, '2100-01-01 00:00:00' FROM n, users"
            ));
        };
        for (first, last, has_more) in [(2, 100, false), (101, 101, true)] {
            add(first, last);
            let seen = page(&ada).await;
            assert_eq!((rows(&seen), seen.has("has-more")), (100, has_more), "{last}");
            let this = seen.body.find("id=\"this-session\"").expect("it is there");
            let other = seen.body.find("name=\"session\"").unwrap();
            assert!(this < other, "{last}");
        }
    }

    async fn people_see_their_own_sessions_only(app: TestApp) {
        let ada = signed_in_as(&app, "ada", FIREFOX).await;
        let elsewhere = signed_in_as(&app, "ada", "curl/8.14.1").await;
        let grace = app.signed_in("grace").await;
        let at = app.storage().number("SELECT COUNT(*) AS n FROM sessions");
        assert_eq!(at, 3);
        let seen = page(&ada).await;
        assert_eq!((rows(&seen), ids(&seen).len()), (2, 1), "{}", seen.body);
        for text in ["Firefox on Linux", "unknown browser", "127.0.0.1", "this browser"] {
            assert!(seen.body.contains(text), "{text}: {}", seen.body);
        }
        let [this, other] = ["this browser", "unknown browser"].map(|text| seen.body.find(text));
        assert!(this < other, "this one is first: {}", seen.body);
        let began = app.clock.now().date().to_string();
        let label = format!("End the session of unknown browser at 127.0.0.1, began {began}");
        assert!(seen.body.contains(&label), "{label}: {}", seen.body);
        // The other way round.
        assert!(page(&elsewhere).await.body.contains("End the session of Firefox on Linux at"));
        let seen = page(&grace).await;
        assert_eq!((rows(&seen), ids(&seen).len()), (1, 0), "{}", seen.body);
        assert!(!seen.has("end-others"));
        assert!(ada.get("/profile").await.body.contains("href=\"/sessions\""));
    }

    async fn a_session_ends_with_its_button(app: TestApp) {
        let (ada, other) = (app.signed_in("ada").await, app.signed_in("ada").await);
        let id = ids(&page(&ada).await).remove(0);
        let ended = ada.post("/sessions/end", &format!("session={id}")).await;
        assert_eq!((ended.status, ended.location()), (303, "/sessions"));
        assert!(!other.is_signed_in().await && ada.is_signed_in().await);
        assert_eq!(endings(&app), ["session_revoked 00uada person"]);
        // Twice, as after a double click.
        let again = ada.post("/sessions/end", &format!("session={id}")).await;
        assert_eq!(again.text("notice").as_deref(), Some(ENDED_ALREADY));
        assert_eq!(endings(&app).len(), 1);
    }

    async fn a_session_of_somebody_else_can_not_be_ended(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let (grace, other) = (app.signed_in("grace").await, app.signed_in("grace").await);
        let hers = ids(&page(&grace).await).remove(0);
        let mut answers = Vec::new();
        for form in [format!("session={hers}"), "session=gone".to_owned(), "session=".to_owned(),
            String::new(), format!("session={hers}&session={hers}")]
        {
            let answer = ada.post("/sessions/end", &form).await;
            assert_eq!(answer.status, 200, "{form}");
            assert_eq!(answer.text("notice").as_deref(), Some(ENDED_ALREADY), "{form}");
            answers.push(answer.body);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "they tell one from another");
        assert!(grace.is_signed_in().await && other.is_signed_in().await);
        assert_eq!(endings(&app), [""; 0]);
    }

    async fn ending_the_others_keeps_this_one(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let others = [app.signed_in("ada").await, app.signed_in("ada").await];
        let grace = app.signed_in("grace").await;
        // One that is under way is not there yet.
        let coming = app.visitor();
        let callback = coming.callback_for("ada").await;
        let ended = ada.post("/sessions/end-others", "").await;
        assert_eq!((ended.status, ended.location()), (303, "/sessions"));
        for other in &others {
            assert!(!other.is_signed_in().await);
        }
        assert!(ada.is_signed_in().await && grace.is_signed_in().await);
        assert_eq!(endings(&app), ["session_revoked 00uada person"; 2]);
        assert_eq!(rows(&page(&ada).await), 1);
        assert_eq!(coming.get(&callback).await.location(), "/profile");
    }

    async fn ending_all_leaves_through_the_provider(app: TestApp) {
        let (ada, other) = (app.signed_in("ada").await, app.signed_in("ada").await);
        let grace = app.signed_in("grace").await;
        let coming = app.visitor();
        let callback = coming.callback_for("ada").await;
        let left = ada.post("/sessions/end-all", "").await;
        let provider = format!("{}/end_session?", app.provider.issuer());
        assert!(left.location().starts_with(&provider), "{left:?}");
        assert!(left.location().contains("id_token_hint="), "{left:?}");
        assert!(!ada.is_signed_in().await && !other.is_signed_in().await);
        assert!(grace.is_signed_in().await);
        assert_eq!(endings(&app), ["session_revoked 00uada person", "sign_out 00uada "]);
        // Of a double click, the browser follows the second answer.
        let again = ada.post("/sessions/end-all", "").await;
        assert!(again.location().starts_with(&provider), "{again:?}");
        // A sign-in that began before is void: it begins again.
        let back = coming.get(&callback).await;
        assert!(back.location().starts_with(&app.provider.issuer()), "{back:?}");
        assert!(!coming.is_signed_in().await);
        app.clock.shift(time::Duration::SECOND);
        assert!(app.signed_in("ada").await.is_signed_in().await);
    }

    async fn what_a_person_ends_is_recorded_with_their_address_and_request(app: TestApp) {
        let ada = app.signed_in("ada").await;
        for _ in 0..2 {
            app.signed_in("ada").await;
        }
        let form = format!("session={}", ids(&page(&ada).await)[0]);
        for (path, form) in [("/sessions/end", form.as_str()), ("/sessions/end-others", ""), ("/sessions/end-all", "")] {
            ada.post(path, form).await;
        }
        assert_eq!(endings(&app).len(), 3);
        let known = "SELECT COUNT(*) AS n FROM audit_events WHERE address = '127.0.0.1' AND request_id IS NOT NULL";
        let all = "SELECT COUNT(*) AS n FROM audit_events";
        assert_eq!(app.storage().number(known), app.storage().number(all));
    }

    async fn ending_this_session_by_its_id_is_a_sign_out(app: TestApp) {
        let (ada, other) = (app.signed_in("ada").await, app.signed_in("ada").await);
        let id = ids(&page(&other).await).remove(0);
        let left = ada.post("/sessions/end", &format!("session={id}")).await;
        assert!(left.location().starts_with(&app.provider.issuer()), "{left:?}");
        assert!(!ada.is_signed_in().await && other.is_signed_in().await);
        assert_eq!(endings(&app), ["sign_out 00uada "]);
    }

    async fn a_session_that_has_expired_is_not_listed(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let n = 4;
        app.storage().execute(&format!(
            "INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) \
             SELECT 'hash-' || i, id, 'sealed', created_at, created_at FROM n, users"
        ));
        assert_eq!(rows(&page(&ada).await), 5);
        app.storage().execute("UPDATE sessions SET ends_at = created_at WHERE key_hash = 'hash-1'");
        app.storage().execute("UPDATE sessions SET created_at = '2020-01-01 00:00:00' WHERE key_hash = 'hash-2'");
        app.storage().execute("UPDATE sessions SET last_seen_at = '2020-01-01 00:00:00' WHERE key_hash = 'hash-3'");
        assert_eq!(ids(&page(&ada).await), ["hash-4"]);
    }
}

/// Neither a page of another site, nor one of a sibling domain.
#[actix_web::test]
async fn another_site_can_not_end_sessions() {
    let app = TestApp::spawn();
    let (ada, other) = (app.signed_in("ada").await, app.signed_in("ada").await);
    let id = ids(&page(&ada).await).remove(0);
    let form = format!("session={id}");
    for path in ["/sessions/end", "/sessions/end-others", "/sessions/end-all"] {
        for header in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let refused = ada.send(Method::POST, path, &[header], &form).await;
            let sentence = "Another site tried to sign you out.".to_owned();
            assert_eq!(refused.refusal(), (403, sentence), "{path} {header:?}");
        }
        assert_eq!(ada.get(path).await.status, 405, "{path}");
    }
    assert!(ada.is_signed_in().await && other.is_signed_in().await);
    assert_eq!(endings(&app), [""; 0]);
}

#[actix_web::test]
async fn a_browser_with_a_name_of_markup_is_shown_as_text() {
    let app = TestApp::spawn();
    let hostile = "<script>alert('1')</script>\" onmouseover=x Firefox/1 &";
    let ada = signed_in_as(&app, "ada", hostile).await;
    signed_in_as(&app, "ada", hostile).await;
    app.storage()
        .execute("UPDATE sessions SET address = '<b>\"1'");
    let seen = page(&ada).await;
    assert!(seen.body.contains("Firefox"), "{}", seen.body);
    for markup in ["<script", "onmouseover", "<b>"] {
        assert!(!seen.body.contains(markup), "{markup}: {}", seen.body);
    }
    assert!(seen.body.contains("&lt;b&gt;&quot;1"), "{}", seen.body);
}

/// The key of a row is a hash of the cookie's secret.
#[actix_web::test]
async fn an_id_opens_nothing() {
    let app = TestApp::spawn();
    let (ada, other) = (app.signed_in("ada").await, app.signed_in("ada").await);
    let id = ids(&page(&ada).await).remove(0);
    let cookie = other.app_cookies().remove("doorward").unwrap();
    assert!(!cookie.contains(&id));
    let thief = app.visitor();
    for value in [id.clone(), format!("{}{id}", &cookie[..43])] {
        thief.set_app_cookie("doorward", &value);
        assert!(!thief.is_signed_in().await, "{value}");
    }
}

/// After the sign-in the person is there.
#[actix_web::test]
async fn who_is_not_signed_in_is_asked_to_sign_in() {
    let app = TestApp::spawn();
    let nobody = app.visitor();
    let asked = nobody.get("/sessions").await;
    assert_eq!(asked.location(), "/login?return_to=%2Fsessions");
    for path in ["/sessions/end", "/sessions/end-others"] {
        assert_eq!(nobody.post(path, "session=x").await.location(), "/login");
    }
    assert_eq!(nobody.post("/sessions/end-all", "").await.location(), "/");
}

/// The session is the same one, so it keeps what is known of its sign-in.
#[actix_web::test]
async fn a_step_up_keeps_address_and_browser() {
    let app = TestApp::spawn();
    let ada = signed_in_as(&app, "ada", FIREFOX).await;
    let provider = ada.begin("/step-up").await;
    let callback = ada.choose(&provider, "ada").await;
    app.clock.shift(Duration::minutes(1));
    assert_eq!(ada.get(&callback).await.location(), "/profile");
    let seen = page(&ada).await;
    assert_eq!(rows(&seen), 1);
    assert!(seen.body.contains("Firefox on Linux"), "{}", seen.body);
}

#[actix_web::test]
async fn the_command_lists_the_same() {
    let app = TestApp::spawn();
    signed_in_as(&app, "ada", FIREFOX).await;
    let variables = [("DATABASE_URL", app.storage().url.as_str())];
    let list = |arguments: &[&str]| {
        let arguments = [&["sessions", "list"], arguments].concat();
        let (code, printed) = Process::start(DOORWARD, &arguments, &variables).ends();
        assert_eq!(code, Some(0), "{printed}");
        printed
    };
    let text = list(&[]);
    assert!(text.contains("  Firefox on Linux  127.0.0.1"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&list(&["--json"])).unwrap();
    assert_eq!(json["browser"], "Firefox on Linux");
    assert_eq!(json["user_agent"], FIREFOX);
    assert_eq!(json["address"], "127.0.0.1");
}

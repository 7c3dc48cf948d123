//! Ids that no page of ours sends, names that no browser has, and sessions that have ended elsewhere.

use super::{ENDED_ALREADY, endings, ids, page, rows};
use crate::on_both;
use crate::support::process::{DOORWARD, Process};
use crate::support::raw::raw;
use crate::support::{Database, TestApp};

on_both! {
    async fn an_id_of_odd_bytes_is_one_that_is_gone(app: TestApp) {
        let (ada, other) = (app.signed_in("ada").await, app.signed_in("ada").await);
        let long = format!("session={}", "a".repeat(15_000));
        let too_long = format!("session={}", "a".repeat(17_000));
        let id = ids(&page(&ada).await).remove(0);
        let (upper, nul) = (id.to_uppercase(), format!("session={id}%00"));
        for form in [
            "session=%00", "session=a%00b", &nul, "session=%FF%FE", "session=%F0%9F%98%80", "session=%0A", "session=%",
            "session=' OR '1'='1", &format!("session={upper}"), &format!("session=+{id}"), &long, &too_long,
        ] {
            let answer = ada.post("/sessions/end", form).await;
            let shown = &form[..form.len().min(60)];
            assert_eq!(answer.status, 200, "{shown}: {}", answer.body);
            assert_eq!(answer.text("notice").as_deref(), Some(ENDED_ALREADY), "{shown}");
        }
        assert!(ada.is_signed_in().await && other.is_signed_in().await);
        assert_eq!(endings(&app), [""; 0]);
    }

    /// In any bytes that a header can have. The name is for people, so nothing of it is shown but words of ours, and a
    /// terminal obeys none of it.
    async fn a_browser_may_call_itself_anything(app: TestApp) {
        let mut names: Vec<Vec<u8>> = vec![
            b"\xff\xfe Firefox/1 \x80\x9b31m".to_vec(),
            "\u{202e}Firefox/1\u{202c} \u{9b}31m\u{200b} Linux".as_bytes().to_vec(),
            [&b"Firefox/1 "[..], &b"\xe2\x80".repeat(2000)].concat(),
            b"\t".to_vec(),
        ];
        names.push([&"\u{10ffff}".repeat(300).into_bytes()[..], b"Firefox/1"].concat());
        for name in &names {
            let visitor = app.visitor();
            let callback = visitor.callback_for("ada").await;
            let cookies = visitor.app_cookies();
            let site = app.url.rsplit(':').next().unwrap().to_owned();
            let cookies: Vec<String> = cookies
                .iter()
                .map(|(name, value)| match name.ends_with(&site) {
                    true => format!("{name}={value}"),
                    false => format!("{name}.{site}={value}"),
                })
                .collect();
            let target = callback.strip_prefix(&app.url).unwrap_or(&callback);
            let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {}\r\nUser-Agent: ", cookies.join("; "));
            let answer = raw(&app, &[head.as_bytes(), name, b"\r\n\r\n"].concat());
            assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("/profile"), "{name:?}: {answer}");
        }
        let ada = app.signed_in("ada").await;
        let seen = page(&ada).await;
        assert_eq!(rows(&seen), names.len() + 1);
        let obeyed = |it: char| it != '\n' && (it.is_control() || matches!(it, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'));
        assert_eq!(seen.body.find(obeyed), None, "{:?}", seen.body);
        assert!(!seen.body.contains('\u{fffd}') && !seen.body.contains("31m"), "{}", seen.body);
        let variables = [("DATABASE_URL", app.storage().url.as_str())];
        for arguments in [&["sessions", "list"][..], &["sessions", "list", "--json"]] {
            let (code, printed) = Process::start(DOORWARD, arguments, &variables).ends();
            assert_eq!((code, printed.lines().count()), (Some(0), names.len() + 1), "{printed}");
            assert_eq!(printed.find(obeyed), None, "{printed:?}");
        }
    }
}

/// Another process has ended it, and this one has it in its cache: it is good for looking, not for ending others.
#[actix_web::test]
async fn a_session_that_has_ended_elsewhere_ends_no_other() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("SESSION_CACHE", "1m")]);
    let (thief, ada) = (app.signed_in("ada").await, app.signed_in("ada").await);
    let id = ids(&page(&thief).await).remove(0);
    let stolen = ids(&page(&ada).await).remove(0);
    for path in ["/sessions/end", "/sessions/end-others", "/sessions/end-all"] {
        app.storage()
            .execute(&format!("DELETE FROM sessions WHERE key_hash = '{stolen}'"));
        assert!(thief.is_signed_in().await, "it is in the cache");
        let form = format!("session={id}");
        let answer = thief.post(path, &form).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.body);
        assert_eq!(app.storage().sessions(), 1, "{path}");
        assert!(ada.is_signed_in().await, "{path}");
        let signed_out = "SELECT COUNT(*) AS n FROM users WHERE signed_out_at IS NOT NULL";
        assert_eq!(app.storage().number(signed_out), 0, "{path}");
    }
    assert_eq!(endings(&app), [""; 0]);
}

/// This process has them in its memory, and would open them for a minute more.
#[actix_web::test]
async fn a_session_that_ends_here_is_in_no_memory() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("SESSION_CACHE", "1m")]);
    for path in ["/sessions/end", "/sessions/end-others", "/sessions/end-all"] {
        for steps_up in [false, true] {
            let (ada, other) = (app.signed_in("ada").await, app.signed_in("ada").await);
            let id = ids(&page(&ada).await).remove(0);
            if steps_up {
                let provider = other.begin("/step-up?return_to=/profile").await;
                let callback = other.choose(&provider, "ada").await;
                assert_eq!(other.get(&callback).await.location(), "/profile");
            }
            assert!(other.is_signed_in().await, "it is in the cache");
            let form = format!("session={id}");
            assert_eq!(ada.post(path, &form).await.status, 303, "{path}");
            assert!(!other.is_signed_in().await, "{path}, steps up: {steps_up}");
            ada.post("/logout", "").await;
            assert_eq!(app.storage().sessions(), 0, "{path}");
        }
    }
}

//! Cookies, forged and real: what they open, and how they are set.

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use super::HTTPS;
use crate::on_both;
use crate::support::raw::raw_get;
use crate::support::{Database, TestApp};

on_both! {
    /// Core 17.1
    /// RFC 6749 10.1 to 10.3
    /// RFC 6750 5.3 (c)
    /// RFC 9700 2.2.1: Sender-constrained access tokens (SHOULD)
    async fn a_session_table_that_leaks_gives_no_access(app: TestApp) {
        let secrets = Arc::new(Mutex::new(Vec::new()));
        let (id_tokens, access_tokens) = (secrets.clone(), secrets.clone());
        app.provider.faults(|faults| {
            faults.edit_id_token = Some(Box::new(move |token| {
                id_tokens.lock().unwrap().extend(token.split('.').map(str::to_owned));
                token
            }));
            faults.edit_token_response = Some(Box::new(move |response| {
                let access_token = response["access_token"].as_str().unwrap().to_owned();
                access_tokens.lock().unwrap().push(access_token);
            }));
        });
        let ada = app.visitor();
        let callback = Url::parse(&ada.callback_for("ada").await).unwrap();
        ada.get(callback.as_str()).await;
        let callback: Vec<_> = callback.query_pairs().map(|(_, value)| value.into_owned()).collect();
        let cookie = ada.app_cookies()["doorward"].clone();
        let key = cookie[cookie.len() - 43..].to_owned();

        let rows_with = |text: &str| {
            let columns = "key_hash || '|' || user_id || '|' || state";
            app.storage().number(&format!("SELECT COUNT(*) AS n FROM sessions WHERE {columns} LIKE '%{text}%'"))
        };
        let hash = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, key.as_bytes()));
        assert_eq!(rows_with(&hash), 1, "the row is found by the key's hash");
        let mut secrets = secrets.lock().unwrap().clone();
        assert!(secrets.len() == 4 && callback.len() == 2);
        secrets.extend(callback);
        secrets.extend([key, cookie, "00uada".into(), "Lovelace".into(), "ada@example.com".into(), "id_token".into()]);
        for secret in secrets {
            let (head, tail) = (&secret[..secret.len().min(30)], &secret[secret.len().saturating_sub(30)..]);
            assert_eq!((rows_with(head), rows_with(tail)), (0, 0), "the table holds {secret}");
        }
    }

    async fn forged_and_broken_cookies_open_nothing_and_break_nothing(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let real = ada.app_cookies()["doorward"].clone();
        let (signature, key) = real.split_at(real.len() - 43);
        let mut flipped = real.clone().into_bytes();
        flipped[0] = if flipped[0] == b'A' { b'B' } else { b'A' };
        let flipped = String::from_utf8(flipped).unwrap();
        let name = app.cookie_name("doorward");
        let values: Vec<Vec<u8>> = [
            format!("{name}="),
            name.clone(),
            "=".into(),
            format!("={name}"),
            ";;;;".into(),
            format!("{name}=x"),
            format!("{name}={key}"),
            format!("{name}={signature}"),
            format!("{name}={flipped}"),
            format!("{name}={}", &real[..real.len() - 1]),
            format!("{name}={real}x"),
            format!("{name}={signature}{}", "A".repeat(43)),
            format!("{name}={}", "A".repeat(8 << 10)),
            format!("{name}={}", "=".repeat(8 << 10)),
            format!("{name}=%00; {name}=%ff; {name}={flipped}"),
            format!("{name}=\"{flipped}\""),
            format!("{}{name}=x", format!("{name}=; ").repeat(60)),
            format!("{}{name}=x", "a=b; ".repeat(60)),
            format!("user_id={key}; id={key}; session={real}; Doorward={real}"),
            format!("__Host-doorward={real}"),
        ]
        .map(String::into_bytes)
        .into_iter()
        .chain([
            [name.as_bytes(), b"=\xff\xfe\x80"].concat(),
            [b"\xff\xfe=\xfd; ", name.as_bytes(), b"=x"].concat(),
            [name.as_bytes(), b"=\x01\x02\x7f"].concat(),
            [name.as_bytes(), b"=", &[0x80; 8 << 10]].concat(),
        ])
        .collect();
        for value in values {
            let shown = String::from_utf8_lossy(&value[..value.len().min(80)]).into_owned();
            let home = raw_get(&app, "/", &value);
            // A value that is no header at all is malformed; all others are of a person who is not signed in.
            if home.starts_with("HTTP/1.1 400") {
                assert!(value.iter().any(u8::is_ascii_control), "{shown}");
                continue;
            }
            assert!(home.starts_with("HTTP/1.1 200"), "{shown}: {home:.200}");
            assert!(home.contains("login-button") && !home.contains("logout-button"), "{shown}");
            let profile = raw_get(&app, "/profile", &value);
            assert!(profile.starts_with("HTTP/1.1 303"), "{shown}: {profile:.200}");
            assert!(profile.contains("location: /login?return_to=%2Fprofile"), "{shown}: {profile:.300}");
        }
        let profile = raw_get(&app, "/profile", format!("a=b; {name}={real}").as_bytes());
        assert!(profile.starts_with("HTTP/1.1 200"), "the real one still opens it: {profile:.200}");
    }

    async fn a_header_that_is_far_too_long_is_refused_and_the_next_visitor_served(app: TestApp) {
        let answer = raw_get(&app, "/", format!("{}={}", app.cookie_name("doorward"), "A".repeat(2 << 20)).as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:.200}");
        assert_eq!(app.visitor().get("/").await.status, 200);
    }
}

/// RFC 6749 3.1.2.1, 10.5: The redirect endpoint uses TLS, and so codes travel over it (SHOULD)
#[actix_web::test]
async fn over_https_cookies_are_bound_to_the_host_and_out_of_reach() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", HTTPS)]);
    let ada = app.visitor();
    let begun = ada.get("/login").await;
    let callback = ada
        .choose(begun.location(), "ada")
        .await
        .replace(HTTPS, &app.url);
    let arrived = ada.get(&callback).await;
    assert_eq!(arrived.location(), "/profile");
    let left = ada.post("/logout", "").await;
    let mut names = Vec::new();
    for cookie in [&begun, &arrived, &left]
        .into_iter()
        .flat_map(|answer| answer.cookies())
    {
        let mut parts = cookie.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = parts.collect();
        assert!(name.starts_with("__Host-doorward"), "{cookie}");
        for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(
                attributes.contains(&attribute),
                "{attribute} is missing: {cookie}"
            );
        }
        assert!(!cookie.to_ascii_lowercase().contains("domain="), "{cookie}");
        if !value.is_empty() {
            names.push(name.split("-login-").next().unwrap().to_owned());
        }
    }
    assert_eq!(
        names,
        [
            "__Host-doorward",
            "__Host-doorward",
            "__Host-doorward-logout"
        ]
    );
}

/// The prefix is what keeps a sibling domain from planting a cookie; browsers look at the name as it is written.
#[actix_web::test]
async fn a_cookie_whose_name_is_only_spelled_like_ours_is_not_ours() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", HTTPS)]);
    let eve = app.visitor();
    let callback = eve.callback_for("grace").await.replace(HTTPS, &app.url);
    eve.get(&callback).await;
    let session = eve.app_cookies()["__Host-doorward"].clone();
    for name in [
        "%5F%5FHost-doorward",
        "__Host%2Ddoorward",
        "__Host-doorwar%64",
        "__host-doorward",
        "doorward",
    ] {
        let home = raw_get(&app, "/", format!("{name}={session}").as_bytes());
        assert!(
            home.starts_with("HTTP/1.1 200") && home.contains("login-button"),
            "{name} is accepted as ours"
        );
    }
    let home = raw_get(&app, "/", format!("__Host-doorward={session}").as_bytes());
    assert!(home.contains("logout-button"));
}

/// RFC 6749 10.10, 10.12
#[actix_web::test]
async fn over_http_cookies_are_out_of_reach_of_scripts_and_other_sites() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let arrived = ada.get(&callback).await;
    let cookies = arrived.cookies();
    assert_eq!(
        cookies.len(),
        2,
        "the session's, and the removal of the attempt's"
    );
    for cookie in cookies {
        assert!(
            cookie.contains("; HttpOnly")
                && cookie.contains("; SameSite=Lax")
                && cookie.contains("; Path=/"),
            "{cookie}"
        );
        assert!(
            !cookie.contains("Secure") && !cookie.contains("Domain") && !cookie.contains("__Host-"),
            "{cookie}"
        );
    }
}

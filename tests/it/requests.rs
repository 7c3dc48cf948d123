//! Requests that no page of ours makes: where they lead, what they are answered, and what every answer carries.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use awc::http::Method;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use crate::on_both;
use crate::support::visitor::Answer;
use crate::support::{Database, TestApp, Visitor};

const HTTPS: &str = "https://app.example.com";
const CROSS_SITE: &str = "Another site tried to sign you out.";
const NOT_FOUND: &str = "Nothing is at this address.";
const NOT_ALLOWED: &str = "This address does not answer that kind of request.";
const UNREADABLE: &str = "Your browser sent something that we can't read.";
const NO_DATABASE: &str = "Our database does not answer just now, so nothing could be looked up.";

/// `/login?return_to=…`.
fn login_for(wanted: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::from("/login?"));
    query.append_pair("return_to", wanted).finish()
}

fn hostile_values() -> Vec<String> {
    let lines = include_str!("../data/return_to_hostile.txt").lines();
    lines
        .map(|line| serde_json::from_str(&format!("\"{line}\"")).expect(line))
        .collect()
}

/// How many characters the sealed attempt of an answer has: the value itself is nobody's to read.
fn attempt_len(answer: &Answer) -> usize {
    let cookies = answer.cookies();
    let attempt = cookies
        .iter()
        .find(|cookie| cookie.starts_with("doorward-login-") && !cookie.contains("Max-Age=0"));
    let (_, value) = attempt.unwrap().split_once('=').unwrap();
    value.split(';').next().unwrap().len()
}

/// The head and the body of an answer, for requests that no client would send. It is read while the request is still
/// being written, as browsers do: the server may answer, and want no more, before it has read all of it.
pub fn raw(app: &TestApp, request: &[u8]) -> String {
    let port = Url::parse(&app.url).unwrap().port().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut answer = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| (&stream).write_all(request));
        let mut part = [0; 4096];
        while let Ok(len @ 1..) = (&stream).read(&mut part) {
            answer.extend_from_slice(&part[..len]);
            if is_whole(&answer) {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    });
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether all has come that `Content-Length` promises.
fn is_whole(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse::<usize>().unwrap())
}

/// A raw `GET` with these cookies.
pub fn raw_get(app: &TestApp, path: &str, cookies: &[u8]) -> String {
    let mut request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: ")
            .into_bytes();
    request.extend_from_slice(cookies);
    request.extend_from_slice(b"\r\n\r\n");
    raw(app, &request)
}

async fn refused(answer: Answer, status: u16, sentence: &str) {
    assert_eq!(answer.refusal(), (status, sentence.to_owned()));
}

/// What every answer carries, of whatever kind.
fn has_security_headers(answer: &Answer, https: bool) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "style-src 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    for loose in ["unsafe-inline", "unsafe-eval", "script-src", " *", "data:"] {
        assert!(!policy.contains(loose), "{policy}");
    }
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    // An error page can be at an address that holds a code: its style sheet's request must not tell.
    let referrer_policy = match answer.status {
        400.. => "no-referrer",
        _ => "same-origin",
    };
    assert_eq!(answer.header("referrer-policy"), Some(referrer_policy));
    assert_eq!(
        answer.header("cross-origin-opener-policy"),
        Some("same-origin")
    );
    assert_eq!(
        answer.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
    let permissions = answer.header("permissions-policy").unwrap_or_default();
    for feature in ["camera", "geolocation", "microphone", "payment", "usb"] {
        assert!(
            permissions.contains(&format!("{feature}=()")),
            "{permissions}"
        );
    }
    assert_eq!(
        answer.header("strict-transport-security"),
        https.then_some("max-age=31536000")
    );
    assert_eq!(answer.header("server"), None);
    assert_eq!(answer.header("x-powered-by"), None);
}

on_both! {
    async fn no_hostile_return_to_is_followed(app: TestApp) {
        let ada = app.visitor();
        let profile = attempt_len(&app.visitor().get("/login").await);
        for (at, wanted) in hostile_values().iter().enumerate() {
            let login = login_for(wanted);
            let answer = app.visitor().get(&login).await;
            assert_eq!(answer.status, 303, "{wanted:?}");
            // What is kept has the length of `/profile`; only what is just as long could still be something else.
            assert_eq!(attempt_len(&answer), profile, "{wanted:?} is kept");
            if at % 20 == 0 || wanted.len() == "/profile".len() {
                let callback = ada.choose(&ada.begin(&login).await, "ada").await;
                assert_eq!(ada.get(&callback).await.location(), "/profile", "{wanted:?}");
            }
        }
    }

    async fn a_session_table_that_leaks_opens_no_door(app: TestApp) {
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
            // What is no header at all is malformed; everything else is somebody who is not signed in.
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

    async fn after_sign_out_the_old_cookie_opens_nothing(app: TestApp) {
        let (ada, thief) = (app.visitor(), app.visitor());
        ada.sign_in("ada").await;
        thief.set_app_cookie("doorward", &ada.app_cookies()["doorward"]);
        assert!(thief.is_signed_in().await);
        assert_eq!(ada.post("/logout", "").await.status, 303);
        assert!(!thief.is_signed_in().await);
        assert!(!thief.get("/").await.has("logout-button"));
        assert_eq!(app.storage().sessions(), 0);
    }

    async fn a_database_that_is_away_is_a_page_that_says_so(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.storage().execute("ALTER TABLE sessions RENAME TO elsewhere");
        for path in ["/", "/profile", "/logout"] {
            let answer = ada.get(path).await;
            has_security_headers(&answer, false);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(!answer.body.contains("elsewhere") && !answer.body.contains("SELECT"));
            refused(answer, 503, NO_DATABASE).await;
        }
        let callback = app.visitor().get("/login").await;
        assert_eq!(callback.status, 303, "who has no session needs no database to set out");
        app.storage().execute("ALTER TABLE elsewhere RENAME TO sessions");
        assert!(ada.is_signed_in().await);
    }

    async fn the_way_out_at_the_provider_comes_back_with_our_state_only(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let out = ada.post("/logout", "").await;
        let kept = ada.app_cookies()["doorward-logout"].clone();
        let state = kept[kept.len() - 43..].to_owned();
        assert!(out.location().contains(&format!("state={state}")));
        for wrong in ["x", "", &state[..42], &format!("{state}A"), &"A".repeat(8000)] {
            let back = ada.get(&format!("/?state={wrong}")).await;
            assert_eq!((back.status, back.location()), (303, "/"));
            assert_eq!(ada.app_cookies().get("doorward-logout"), Some(&kept), "{wrong} changes nothing");
        }
        let back = ada.get(&format!("/?state={state}")).await;
        assert_eq!((back.status, back.location()), (303, "/"));
        assert!(ada.app_cookies().is_empty());
        assert_eq!(ada.get("/?state=x&state=y").await.refusal(), (400, UNREADABLE.to_owned()));
    }
}

#[actix_web::test]
async fn the_attempt_of_the_longest_return_to_fits_a_cookie() {
    let app = TestApp::spawn(Database::Sqlite);
    // Some characters become three when an address is written properly.
    for wanted in ["a", "\"", "<", "{"].map(|character| format!("/{}", character.repeat(511))) {
        let answer = app.visitor().get(&login_for(&wanted)).await;
        assert_eq!(answer.status, 303);
        let cookie = answer.cookies().into_iter().map(str::len).max();
        assert!(
            cookie.unwrap() < 4096,
            "{wanted:.8}…: browsers drop a cookie of {cookie:?} characters"
        );
    }
}

/// A browser encodes once what stands in a link; what is decoded here are letters again.
#[actix_web::test]
async fn letters_beyond_ascii_are_a_place_to_return_to() {
    let app = TestApp::spawn(Database::Sqlite);
    for (written, lands) in [
        ("/berichte/%C3%BCber", "/berichte/%C3%BCber"),
        ("/berichte/%25C3%25BCber", "/berichte/%C3%BCber"),
        (
            "/%E5%A0%B1%E5%91%8A?q=%C3%A9",
            "/%E5%A0%B1%E5%91%8A?q=%C3%A9",
        ),
        ("/berichte/%FCber", "/profile"),
        ("/%E2%80%AEgnp.exe", "/profile"),
    ] {
        let ada = app.visitor();
        let there = ada.begin(&format!("/login?return_to={written}")).await;
        let callback = ada.choose(&there, "ada").await;
        assert_eq!(ada.get(&callback).await.location(), lands, "{written}");
    }
}

/// The router reads `%6c` as `l`.
#[actix_web::test]
async fn signing_in_or_out_is_no_place_to_return_to_however_it_is_spelled() {
    let app = TestApp::spawn(Database::Sqlite);
    for wanted in [
        "/%6cogin",
        "/logi%6E",
        "/%6cogout",
        "/log%6fut",
        "/%6C%6F%67%6F%75%74",
        "/log%6Fut?x",
        "/x/../%6cogout",
        "/%61uthorization-code/callback",
        "/authorization%2dcode/callback",
        "/authorization-code/call%62ack",
    ] {
        // Only what the router takes for one of these pages has to be refused.
        if app.visitor().get(wanted).await.status == 404 {
            continue;
        }
        let ada = app.visitor();
        let callback = ada
            .choose(&ada.begin(&login_for(wanted)).await, "ada")
            .await;
        assert_eq!(ada.get(&callback).await.location(), "/profile", "{wanted}");
    }
}

#[actix_web::test]
async fn a_query_that_can_not_be_read_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    let answer = app.visitor().get("/login?return_to=/a&return_to=/b").await;
    refused(answer, 400, UNREADABLE).await;
}

#[actix_web::test]
async fn there_is_nothing_elsewhere() {
    let app = TestApp::spawn(Database::Sqlite);
    let visitor = app.visitor();
    for path in [
        "/nothing",
        "/profile/",
        "/login/x",
        "//",
        "//login",
        "/LOGIN",
        "/index.html",
        "/.env",
        "/.git/config",
        "/assets",
        "/assets/",
        "/assets/nothing.css",
        "/assets/..%2f.env",
        "/assets/%2e%2e%2fCargo.toml",
        "/assets/style.css%00",
        "/authorization-code",
        "/authorization-code/callback/",
        "/admin",
        "/metrics/x",
        "/<script>alert(1)</script>",
    ] {
        for method in [Method::GET, Method::POST] {
            let answer = visitor.send(method, path, &[], "").await;
            assert!(!answer.body.contains("<script"));
            has_security_headers(&answer, false);
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            // An asset's address exists for any name; it answers GET alone.
            if answer.status == 405 && path.starts_with("/assets/") {
                continue;
            }
            assert_eq!(answer.refusal(), (404, NOT_FOUND.to_owned()), "{path}");
        }
    }
}

#[actix_web::test]
async fn an_address_answers_its_own_verbs_and_names_them() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    ada.sign_in("ada").await;
    let all = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "FOO",
    ];
    for (path, verbs) in [
        ("/", &["GET", "HEAD"][..]),
        ("/login", &["GET", "HEAD"]),
        ("/authorization-code/callback", &["GET"]),
        ("/profile", &["GET", "HEAD"]),
        ("/logout", &["GET", "POST"]),
        ("/healthz", &["GET", "HEAD"]),
        ("/readyz", &["GET", "HEAD"]),
        ("/assets/favicon.svg", &["GET", "HEAD"]),
    ] {
        for verb in all {
            // What HEAD does to these two is told elsewhere.
            if verbs.contains(&verb) || verb == "HEAD" {
                continue;
            }
            let answer = ada
                .send(Method::from_bytes(verb.as_bytes()).unwrap(), path, &[], "")
                .await;
            let allow: Vec<&str> = answer
                .header("allow")
                .unwrap_or_default()
                .split(", ")
                .collect();
            assert!(
                verbs.iter().all(|right| allow.contains(right)),
                "{verb} {path}: {allow:?}"
            );
            assert!(!allow.contains(&verb), "{verb} {path}");
            has_security_headers(&answer, false);
            assert_eq!(
                answer.refusal(),
                (405, NOT_ALLOWED.to_owned()),
                "{verb} {path}"
            );
        }
    }
    assert!(ada.is_signed_in().await);
}

#[actix_web::test]
async fn head_answers_as_get_without_the_page() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    ada.sign_in("ada").await;
    for path in [
        "/",
        "/profile",
        "/healthz",
        "/readyz",
        "/assets/favicon.svg",
        "/nothing",
    ] {
        let get = ada.get(path).await;
        let head = ada.send(Method::HEAD, path, &[], "").await;
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{path}"
        );
        for header in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(header), get.header(header), "{path} {header}");
        }
        has_security_headers(&head, false);
    }
    assert_eq!(
        app.visitor()
            .send(Method::HEAD, "/login", &[], "")
            .await
            .status,
        303
    );
}

#[actix_web::test]
async fn every_kind_of_answer_carries_the_security_headers() {
    for (public_url, https) in [("", false), (HTTPS, true)] {
        let app = match https {
            true => TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", public_url)]),
            false => TestApp::spawn(Database::Sqlite),
        };
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await.replace(HTTPS, &app.url);
        let stylesheet = {
            let home = ada.get("/").await;
            let (_, rest) = home.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
            rest.split('"').next().unwrap().replace(HTTPS, &app.url)
        };
        for (target, status) in [
            ("/", 200),
            ("/login", 303),
            ("/profile", 303),
            ("/logout", 303),
            ("/nothing", 404),
            ("/healthz", 200),
            ("/readyz", 200),
            ("/authorization-code/callback", 403),
            ("/login?return_to=a&return_to=b", 400),
            (&callback, 303),
            ("/profile", 200),
            ("/assets/favicon.svg", 200),
            (&stylesheet, 200),
            ("/assets/x", 404),
        ] {
            let answer = ada.get(target).await;
            assert_eq!(answer.status, status, "{target}");
            has_security_headers(&answer, https);
            let is_asset = target.contains("/assets/") && status == 200;
            assert_eq!(
                answer.header("cache-control") == Some("no-store"),
                !is_asset,
                "{target}"
            );
        }
        let refused = ada
            .send(
                Method::POST,
                "/logout",
                &[("sec-fetch-site", "cross-site")],
                "",
            )
            .await;
        assert_eq!(refused.status, 403);
        has_security_headers(&refused, https);
        let not_allowed = ada.send(Method::PUT, "/logout", &[], "").await;
        assert_eq!(not_allowed.status, 405);
        has_security_headers(&not_allowed, https);
        app.provider.stop();
        let app = match https {
            true => TestApp::spawn_with(
                Database::Sqlite,
                &[
                    ("PUBLIC_URL", public_url),
                    ("OIDC_ISSUER", &app.provider.issuer()),
                ],
            ),
            false => {
                TestApp::spawn_with(Database::Sqlite, &[("OIDC_ISSUER", &app.provider.issuer())])
            }
        };
        let away = app.visitor().get("/login").await;
        assert_eq!(away.status, 502);
        has_security_headers(&away, https);
    }
}

#[actix_web::test]
async fn pages_load_nothing_that_is_not_ours_and_run_nothing() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    ada.sign_in("ada").await;
    let asks = ada
        .send(
            Method::GET,
            "/logout",
            &[("sec-fetch-site", "cross-site")],
            "",
        )
        .await;
    for page in [
        app.visitor().get("/").await,
        ada.get("/").await,
        ada.get("/profile").await,
        ada.get("/nothing").await,
        asks,
    ] {
        for no in [
            "<script",
            "javascript:",
            " style=",
            "<style",
            " onclick",
            " onload",
            "<iframe",
            "data:",
            "//fonts",
            "cdn",
        ] {
            assert!(!page.body.contains(no), "{no} in {}", page.body);
        }
        assert_eq!(page.body.matches("<h1").count(), 1);
    }
}

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
            "{name} is taken for ours"
        );
    }
    let home = raw_get(&app, "/", format!("__Host-doorward={session}").as_bytes());
    assert!(home.contains("logout-button"));
}

#[actix_web::test]
async fn over_http_cookies_are_out_of_reach_of_scripts_and_other_sites() {
    let app = TestApp::spawn(Database::Sqlite);
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

#[actix_web::test]
async fn the_host_and_what_proxies_say_of_it_change_nothing() {
    let app = TestApp::spawn(Database::Sqlite);
    let visitor = app.visitor();
    let evil = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "444"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-original-url", "/logout"),
        ("x-rewrite-url", "/logout"),
        ("x-http-method-override", "POST"),
    ];
    for header in evil {
        let login = visitor.send(Method::GET, "/login", &[header], "").await;
        let provider = Url::parse(login.location()).unwrap();
        let redirect_uri = provider
            .query_pairs()
            .find(|(name, _)| name == "redirect_uri")
            .unwrap()
            .1;
        assert_eq!(
            redirect_uri,
            format!("{}/authorization-code/callback", app.url),
            "{header:?}"
        );
        assert!(
            login
                .cookies()
                .iter()
                .all(|cookie| !cookie.contains("Secure")),
            "{header:?}"
        );
        let home = visitor.send(Method::GET, "/", &[header], "").await;
        assert!(
            home.status == 200 && !home.body.contains("evil.example"),
            "{header:?}"
        );
        assert_eq!(home.header("strict-transport-security"), None, "{header:?}");
        let profile = visitor.send(Method::GET, "/profile", &[header], "").await;
        assert_eq!(
            profile.location(),
            "/login?return_to=%2Fprofile",
            "{header:?}"
        );
    }
    let ada = app.visitor();
    ada.sign_in("ada").await;
    let out = ada.send(Method::POST, "/logout", &evil[..5], "").await;
    let provider = Url::parse(out.location()).unwrap();
    let back = provider
        .query_pairs()
        .find(|(name, _)| name == "post_logout_redirect_uri")
        .unwrap()
        .1;
    assert_eq!(back, app.url);
}

async fn signed_in(app: &TestApp) -> Visitor {
    let ada = app.visitor();
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    ada
}

#[actix_web::test]
async fn another_sites_form_signs_nobody_out() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = signed_in(&app).await;
    let upper = app.url.to_uppercase();
    let longer = format!("{}.evil.example", app.url);
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", "null"), ("sec-fetch-site", "none")],
        &[("origin", "")],
        &[("origin", &upper)],
        &[("origin", &longer)],
        &[("origin", "http://localhost")],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://evil.example"),
        ],
        &[("sec-fetch-site", "cross-site"), ("origin", &app.url)],
    ] {
        let answer = ada.send(Method::POST, "/logout", headers, "").await;
        assert_eq!(
            answer.refusal(),
            (403, CROSS_SITE.to_owned()),
            "{headers:?}"
        );
        assert!(ada.is_signed_in().await, "{headers:?}");
        let stranger = app
            .visitor()
            .send(Method::POST, "/logout", headers, "")
            .await;
        assert_eq!(stranger.status, 403);
    }
    let ours = [
        ("sec-fetch-site", "same-origin"),
        ("origin", app.url.as_str()),
    ];
    assert_eq!(
        ada.send(Method::POST, "/logout", &ours, "").await.status,
        303
    );
    assert!(!ada.is_signed_in().await);
}

/// A second header of the same name is not passed over.
#[actix_web::test]
async fn a_request_that_says_two_things_about_where_it_comes_from_signs_nobody_out() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = signed_in(&app).await;
    for headers in [
        [
            ("origin", app.url.as_str()),
            ("origin", "https://evil.example"),
        ],
        [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ],
    ] {
        let answer = ada.send(Method::POST, "/logout", &headers, "").await;
        assert_eq!(
            answer.refusal(),
            (403, CROSS_SITE.to_owned()),
            "{headers:?}"
        );
        assert!(ada.is_signed_in().await);
    }
}

#[actix_web::test]
async fn head_signs_nobody_out() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = signed_in(&app).await;
    let answer = ada.send(Method::HEAD, "/logout", &[], "").await;
    assert!(answer.status < 500 && answer.body.is_empty());
    assert!(ada.is_signed_in().await);
}

#[actix_web::test]
async fn who_is_not_signed_in_and_signs_out_is_sent_home() {
    let app = TestApp::spawn(Database::Sqlite);
    let visitor = app.visitor();
    for method in [Method::GET, Method::POST] {
        let answer = visitor.send(method, "/logout", &[], "").await;
        assert_eq!((answer.status, answer.location()), (303, "/"));
        assert_eq!(answer.cookies(), [""; 0]);
    }
}

#[actix_web::test]
async fn a_big_body_at_the_sign_out_does_no_harm() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = signed_in(&app).await;
    let (name, cookie) = (
        app.cookie_name("doorward"),
        ada.app_cookies()["doorward"].clone(),
    );
    for (size, chunked) in [
        (64 << 10, false),
        (64 << 10, true),
        (8 << 20, false),
        (8 << 20, true),
    ] {
        let head = format!(
            "POST /logout HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nCookie: {name}={cookie}\r\nConnection: close\r\n"
        );
        let body = "a".repeat(size);
        let request = match chunked {
            true => {
                format!("{head}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n")
            }
            false => format!("{head}Content-Length: {size}\r\n\r\n{body}"),
        };
        let answer = raw(&app, request.as_bytes());
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer:.200}"
        );
        assert!(ada.is_signed_in().await);
    }
    let form = format!("a={}", "b".repeat(12 << 10));
    assert_eq!(ada.post("/logout", &form).await.status, 303);
    assert!(!ada.is_signed_in().await);
}

#[actix_web::test]
async fn the_style_sheet_is_kept_for_a_year_under_the_name_of_its_content() {
    let app = TestApp::spawn(Database::Sqlite);
    let visitor = app.visitor();
    let home = visitor.get("/").await;
    let (_, rest) = home.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let href = rest.split('"').next().unwrap();
    let style = visitor.get(href).await;
    assert_eq!(style.status, 200);
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    assert_eq!(
        style.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(style.header("x-content-type-options"), Some("nosniff"));
    assert!(!style.body.contains("http") && !style.body.contains("@import"));

    let name = href.rsplit('/').next().unwrap();
    let hash = name
        .strip_prefix("style-")
        .and_then(|name| name.strip_suffix(".css"))
        .unwrap();
    let digest = digest::digest(&digest::SHA256, style.body.as_bytes());
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let base64 = URL_SAFE_NO_PAD.encode(digest);
    assert!(
        hash.len() >= 8 && (hex.starts_with(hash) || base64.starts_with(hash)),
        "{name}"
    );
    assert_eq!(visitor.get("/assets/style-00000000.css").await.status, 404);
}

//! `PUBLIC_URL` with a path: everything is below it, and other paths of the host are not ours.

use crate::support::{Database, TestApp, Visitor};

fn spawn(public_url: &str) -> TestApp {
    TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", public_url)])
}

async fn sign_in(visitor: &Visitor, login: &str) -> String {
    let provider = visitor.begin(login).await;
    let callback = visitor.choose(&provider, "ada").await;
    visitor.get(&callback).await.location().to_owned()
}

#[actix_web::test]
async fn the_whole_journey_stays_below_the_path() {
    // With a slash at its end or without one, it is the same path.
    for public_url in ["/doorward", "/doorward/"] {
        let app = spawn(public_url);
        let ada = app.visitor();
        for home in ["/doorward", "/doorward/"] {
            let home = ada.get(home).await;
            assert!(home.has("login-button"), "{}", home.body);
            assert!(home.body.contains(r#"action="/doorward/login""#));
            let (_, stylesheet) = home.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
            let stylesheet = stylesheet.split('"').next().unwrap();
            assert!(stylesheet.starts_with("/doorward/assets/"), "{stylesheet}");
            assert_eq!(ada.get(stylesheet).await.status, 200);
            for link in home.body.split("href=\"").skip(1) {
                assert!(
                    link.starts_with("/doorward/") || link.starts_with('#'),
                    "{link}"
                );
            }
        }

        assert_eq!(sign_in(&ada, "/doorward/login").await, "/doorward/profile");
        let profile = ada.get("/doorward/profile").await;
        assert_eq!(profile.text("claim-name").as_deref(), Some("Ada Lovelace"));
        assert!(profile.body.contains(r#"action="/doorward/logout""#));

        let out = ada.post("/doorward/logout", "").await;
        let back = ada.get(out.location()).await;
        let public_url = &app.variables["PUBLIC_URL"];
        assert!(
            back.location().starts_with(&format!("{public_url}?state=")),
            "it must be exactly PUBLIC_URL"
        );
        let home = ada.get(back.location()).await;
        assert_eq!((home.status, home.location()), (303, "/doorward/"));
        let asked = ada.get("/doorward/profile?a=b").await;
        assert_eq!(
            asked.location(),
            "/doorward/login?return_to=%2Fdoorward%2Fprofile%3Fa%3Db"
        );
        assert!(ada.app_cookies().is_empty(), "{:?}", ada.app_cookies());
    }
}

#[actix_web::test]
async fn a_person_returns_below_the_path_or_beside_it_but_nowhere_else() {
    let app = spawn("/doorward");
    for (wanted, lands) in [
        ("/doorward/profile?a=b", "/doorward/profile?a=b"),
        ("/another/app", "/another/app"),
        ("/login", "/login"),
        ("/doorward/logout", "/doorward/profile"),
        ("//evil.example/doorward", "/doorward/profile"),
    ] {
        let login = format!("/doorward/login?return_to={wanted}");
        assert_eq!(sign_in(&app.visitor(), &login).await, lands, "{wanted}");
    }
}

#[actix_web::test]
async fn beside_the_path_is_nothing_but_the_probes() {
    let app = spawn("/doorward");
    let visitor = app.visitor();
    for path in [
        "/",
        "/login",
        "/profile",
        "/logout",
        "/doorwardx",
        "/assets/favicon.svg",
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(
            answer.refusal(),
            (404, "There is nothing at this address.".to_owned()),
            "{path}"
        );
        assert!(
            answer
                .body
                .contains(r#"id="error-action" href="/doorward/""#),
            "{path}"
        );
    }
    for probe in [
        "/healthz",
        "/readyz",
        "/doorward/healthz",
        "/doorward/readyz",
    ] {
        assert_eq!(visitor.get(probe).await.status, 200, "{probe}");
    }
}

#[actix_web::test]
async fn cookies_are_for_the_path_alone() {
    let app = spawn("/doorward");
    let ada = app.visitor();
    let login = ada.get("/doorward/login").await;
    let callback = ada.choose(login.location(), "ada").await;
    let arrived = ada.get(&callback).await;
    let out = ada.post("/doorward/logout", "").await;
    let all = [login.cookies(), arrived.cookies(), out.cookies()].concat();
    assert_eq!(all.len(), 5, "{all:?}");
    for cookie in all {
        assert!(
            cookie.split("; ").any(|part| part == "Path=/doorward"),
            "{cookie}"
        );
    }
}

/// `__Host-` cookies must be for the whole host, or browsers drop them. Their names carry the path.
#[actix_web::test]
async fn over_https_cookies_are_for_the_whole_host_and_their_names_carry_port_and_path() {
    for (public_url, suffix, path) in [
        ("https://app.example.com", "", ""),
        ("https://app.example.com:8443", ".8443", ""),
        ("https://app.example.com/doorward", "+doorward", "/doorward"),
        ("https://app.example.com:8443/a/b/", ".8443+a+b", "/a/b"),
    ] {
        let app = spawn(public_url);
        let ada = app.visitor();
        let begun = ada.get(&format!("{path}/login")).await;
        let callback = ada.choose(begun.location(), "ada").await;
        let public = app.url.strip_suffix(path).unwrap_or(&app.url);
        let origin = public_url.split('/').take(3).collect::<Vec<_>>().join("/");
        let arrived = ada.get(&callback.replace(&origin, public)).await;
        assert_eq!(arrived.location(), format!("{path}/profile"));
        assert_eq!(ada.get(&format!("{path}/profile")).await.status, 200);
        let out = ada.post(&format!("{path}/logout"), "").await;
        let all = [begun.cookies(), arrived.cookies(), out.cookies()].concat();
        assert_eq!(all.len(), 5, "{all:?}");
        for cookie in all {
            let (name, _) = cookie.split_once('=').unwrap();
            let own = name
                .strip_prefix("__Host-doorward")
                .and_then(|own| own.strip_suffix(suffix));
            let kind = own.unwrap_or_else(|| panic!("{cookie}"));
            assert!(
                ["", "-logout"].contains(&kind) || kind.starts_with("-login-"),
                "{cookie}"
            );
            for attribute in ["Secure", "HttpOnly", "Path=/"] {
                assert!(cookie.split("; ").any(|part| part == attribute), "{cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
    }
}

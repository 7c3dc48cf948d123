//! Headers: what every response carries, and what no request can change.

use awc::http::Method;
use url::Url;

use super::{HTTPS, has_security_headers};
use crate::support::{Database, TestApp};

/// Core 4 (d): `frame-ancestors 'none'`
/// RFC 6749 3.1.2.5, 10.13
/// RFC 9700 4.2.4 (a): the callback is among them
/// RFC 9700 4.16: Clickjacking (MUST for servers)
#[actix_web::test]
async fn every_kind_of_answer_carries_the_security_headers() {
    for (public_url, https) in [("", false), (HTTPS, true)] {
        let app = match https {
            true => TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", public_url)]),
            false => TestApp::spawn(),
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

/// Core 3.1.2.1 (c)
/// Logout 2 (d)
/// RFC 9700 4.1.3: ours never varies
/// RFC 9700 4.13
#[actix_web::test]
async fn the_host_and_what_proxies_say_of_it_change_nothing() {
    let app = TestApp::spawn();
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

//! What went wrong elsewhere, tested by name: each test bears the id of a published weakness, or of a
//! fix, of a system that does the same job. What has no counterpart in Doorward yet (rules about email
//! domains and hosts, identity headers for applications behind it) has no test yet.

use awc::http::Method;
use doorward::settings::Settings;
use serde_json::json;
use time::Duration;

use crate::on_both;
use crate::support::provider::{Canned, Endpoint, Person, Signing};
use crate::support::{TestApp, Visitor};

fn sqlite() -> TestApp {
    TestApp::spawn()
}

async fn assert_signed_out(visitor: &Visitor) {
    assert!(!visitor.is_signed_in().await);
}

/// Where a person lands who signs in with that `return_to`.
async fn landing(app: &TestApp, return_to: &str) -> String {
    let visitor = app.visitor();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("return_to", return_to);
    let provider = visitor.begin(&format!("/login?{}", query.finish())).await;
    let callback = visitor.choose(&provider, "ada").await;
    visitor.get(&callback).await.location().to_owned()
}

async fn assert_lands_on_the_profile(return_tos: &[&str]) {
    let app = sqlite();
    for return_to in return_tos {
        assert_eq!(landing(&app, return_to).await, "/profile", "{return_to:?}");
    }
}

on_both! {
    /// Vaultwarden SSO: a state alone is not enough, the browser must be the one that began.
    ///
    /// Core 3.1.2.1 (d)
    /// RFC 6749 4.1.1, 10.12
    /// RFC 9700 2.1 (b): Forged requests are prevented (MUST)
    async fn cve_2026_47158_an_attempt_is_bound_to_its_browser(app: TestApp) {
        let (attacker, victim) = (app.visitor(), app.visitor());
        let callback = attacker.callback_for("grace").await;
        let answer = victim.get(&callback).await;
        assert!(answer.location().starts_with(&app.provider.issuer()), "starts again");
        assert_signed_out(&victim).await;
        assert_eq!(app.storage().users(), 0);
    }

    /// Vaultwarden SSO: never find or link a user by email.
    ///
    /// Core 5.7 (b)
    async fn cve_2026_47164_a_user_is_never_found_by_email(app: TestApp) {
        app.visitor().sign_in("ada").await;
        let same_email = Person::new("eve", "00ueve").claim("email", "ada@example.com").claim("email_verified", true);
        app.provider.add_person(same_email);
        let eve = app.visitor();
        eve.sign_in("eve").await;
        assert_eq!(eve.get("/profile").await.text("claim-subject").as_deref(), Some("00ueve"));
        assert_eq!(app.storage().users(), 2);
    }

    /// Vaultwarden SSO: revoking a user ends what was derived from the sign-in.
    async fn cve_2026_43911_a_deleted_person_is_out_at_the_next_request(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.storage().execute("DELETE FROM users");
        assert_signed_out(&ada).await;
        assert_eq!(app.storage().sessions(), 0);
    }

    /// express-openid-connect: the session key before and after sign-in differ.
    async fn cve_2021_41246_the_session_key_changes_at_sign_in(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let before = ada.app_cookies()["doorward"].clone();
        ada.sign_in("ada").await;
        assert_ne!(ada.app_cookies()["doorward"], before);
        let thief = app.visitor();
        thief.set_app_cookie("doorward", &before);
        assert_signed_out(&thief).await;
    }

    /// oauth2-proxy: a new sign-in always replaces the old session.
    async fn ghsa_f24x_5g9q_753f_a_new_sign_in_replaces_the_old_session(app: TestApp) {
        let browser = app.visitor();
        browser.sign_in("ada").await;
        browser.post(&format!("{}/end_session", app.provider.issuer()), "client_id=x").await;
        let authorization_request = browser.begin("/login").await;
        let callback = browser.choose(&format!("{authorization_request}&prompt=login"), "grace").await;
        browser.get(&callback).await;
        let profile = browser.get("/profile").await;
        assert_eq!(profile.text("claim-name").as_deref(), Some("Grace Hopper"));
        assert!(!profile.body.contains("Ada"));
        assert_eq!(app.storage().sessions(), 1);
    }

    /// mod_auth_openidc ChangeLog: sign-in never writes into a session id that the browser supplied.
    async fn changelog_2026_a_supplied_session_id_is_never_used(app: TestApp) {
        let ada = app.visitor();
        for planted in ["planted", "a.b", ""] {
            ada.set_app_cookie("doorward", planted);
            ada.sign_in("ada").await;
            assert_ne!(ada.app_cookies()["doorward"], planted);
        }
    }

    /// Pomerium: what changes after sign-in is bounded by the session's end.
    async fn cve_2021_41230_every_session_is_bounded(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.clock.shift(Duration::days(7));
        assert_signed_out(&ada).await;
    }
}

/// jsonwebtoken: times of a wrong JSON type are refused, not treated as absent.
#[actix_web::test]
async fn cve_2026_25537_times_of_a_wrong_type_are_refused() {
    let app = sqlite();
    for claim in ["exp", "nbf", "iat"] {
        for wrong in [
            json!("4102444800"),
            json!(null),
            json!([4102444800u64]),
            json!(true),
        ] {
            let value = wrong.clone();
            app.provider.faults(|faults| {
                faults.edit_claims = Some(Box::new(move |claims| claims[claim] = value.clone()));
            });
            let visitor = app.visitor();
            assert_eq!(visitor.sign_in("ada").await.status, 403, "{claim} {wrong}");
            assert_signed_out(&visitor).await;
        }
    }
}

/// express-openid-connect: `//host` as a path is not a local return_to.
///
/// RFC 9700 4.11.1
#[actix_web::test]
async fn ghsa_7p99_3798_f85c_two_slashes_are_no_path() {
    assert_lands_on_the_profile(&["//evil.example", "///evil.example", "/.//evil.example"]).await;
}

/// oauth2-proxy: whitespace, encoded or not, and scheme tricks lead nowhere.
///
/// RFC 9700 4.11.1
#[actix_web::test]
async fn cve_2020_4037_5233_11053_encoded_whitespace_and_schemes_lead_nowhere() {
    assert_lands_on_the_profile(&[
        "/%09/evil.example",
        "/%0a/evil.example",
        "/%0b/evil.example",
        "/%0d/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "https://app@evil.example",
    ])
    .await;
}

/// mod_auth_openidc: no open redirect in the default set-up, signing out included.
///
/// RFC 6749 10.15
#[actix_web::test]
async fn cve_2022_23527_nothing_a_request_says_redirects_elsewhere() {
    let app = sqlite();
    let evil = "https%3A%2F%2Fevil.example";
    for path in [
        "/",
        "/logout",
        "/profile",
        "/login",
        "/authorization-code/callback",
    ] {
        for name in [
            "return_to",
            "redirect_uri",
            "post_logout_redirect_uri",
            "rd",
            "next",
            "state",
        ] {
            let visitor = app.visitor();
            let answer = visitor.get(&format!("{path}?{name}={evil}")).await;
            let location = answer.header("location").unwrap_or("/");
            let target = url::Url::parse(&app.url).unwrap().join(location).unwrap();
            assert_ne!(target.host_str(), Some("evil.example"), "{path} {name}");
        }
    }
}

/// mod_auth_mellon: a browser reads `\` as `/`.
///
/// RFC 9700 4.11.1
#[actix_web::test]
async fn cve_2019_3877_a_backslash_is_a_slash() {
    assert_lands_on_the_profile(&["/\\evil.example", "\\\\evil.example", "/%5cevil.example"]).await;
}

/// Pocket ID: URLs are parsed, never matched by prefix.
///
/// RFC 9700 4.11.1
#[actix_web::test]
async fn cve_2026_28512_a_prefix_is_no_origin() {
    let app = sqlite();
    let ours = app.url.clone();
    for evil in [
        format!("{ours}@evil.example/"),
        format!("{ours}.evil.example/"),
        "@evil.example".to_owned(),
    ] {
        assert_eq!(landing(&app, &evil).await, "/profile", "{evil}");
    }
}

/// mod_auth_openidc: malformed, huge, duplicate and chunked-looking cookies cost and crash nothing.
#[actix_web::test]
async fn cve_2024_24814_and_2023_28625_odd_cookies_are_no_cookies() {
    let app = sqlite();
    let huge = "x".repeat(8000);
    let (name, login) = (
        app.cookie_name("doorward"),
        app.cookie_name("doorward-login-x"),
    );
    for cookie in [
        format!("{name}="),
        name.clone(),
        ";;;=;=".to_owned(),
        format!("{name}=a; {name}=b"),
        "doorward_chunks=99999999; doorward_0=a".to_owned(),
        "doorward_chunks=-1".to_owned(),
        format!("{name}={huge}"),
        format!("{login}={huge}"),
        format!("{name}=%00%ff"),
    ] {
        let visitor = app.visitor();
        let headers = [("cookie", cookie.as_str())];
        assert_eq!(
            visitor.send(Method::GET, "/", &headers, "").await.status,
            200,
            "{cookie:.40}"
        );
        let profile = visitor.send(Method::GET, "/profile", &headers, "").await;
        assert_eq!(profile.status, 303, "{cookie:.40}");
    }
}

/// mod_auth_openidc: every value that a page reflects is escaped.
///
/// RFC 6749 10.14
#[actix_web::test]
async fn csnc_2019_001_what_pages_reflect_is_escaped() {
    let app = sqlite();
    let hostile = "</td><script>alert(1)</script>\"'";
    app.provider.add_person(
        Person::new("mallory", "00u<b>")
            .claim("name", hostile)
            .claim("email", hostile),
    );
    let mallory = app.visitor();
    mallory.sign_in("mallory").await;
    for path in ["/", "/profile"] {
        let page = mallory.get(path).await;
        assert!(
            !page.body.contains("<script") && !page.body.contains("<b>"),
            "{}",
            page.body
        );
    }
    let error = app.visitor();
    let authorization_request = error.begin("/login").await;
    let state = url::Url::parse(&authorization_request).unwrap();
    let state = state
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let callback = format!(
        "/authorization-code/callback?state={state}&error=%3Cscript%3E&error_description=%3Cscript%3E"
    );
    assert!(!error.get(&callback).await.body.contains("<script"));
}

/// mod_auth_openidc ChangeLog: a duplicated code or state is refused.
///
/// RFC 9207 2.4 (f): `iss` appears once
#[actix_web::test]
async fn changelog_2026_duplicated_parameters_are_refused() {
    let app = sqlite();
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    for twice in ["&code=x", "&state=x", "&iss=x&iss=x"] {
        assert_eq!(
            ada.get(&format!("{callback}{twice}")).await.status,
            400,
            "{twice}"
        );
    }
    assert_signed_out(&ada).await;
}

/// mod_auth_openidc ChangeLog: unknown `kid`s cannot force unlimited key fetches.
#[actix_web::test]
async fn changelog_2026_unknown_kids_do_not_fetch_keys_without_end() {
    let app = sqlite();
    app.provider.faults(|faults| {
        faults.edit_header = Some(Box::new(|header| header["kid"] = json!("made-up")));
    });
    for _ in 0..5 {
        assert_eq!(app.visitor().sign_in("ada").await.status, 403);
    }
    assert!(app.provider.request_count(Endpoint::Keys) <= 2);
}

/// mod_auth_openidc ChangeLog: a JSON array as userinfo is refused.
///
/// Core 5.3.2 (a)
#[actix_web::test]
async fn changelog_2026_an_array_is_no_userinfo() {
    let app = sqlite();
    let array = Canned::json(200, &json!(["00uada", "Ada"]));
    app.provider
        .faults(|faults| drop(faults.canned.insert(Endpoint::Userinfo, array)));
    let ada = app.visitor();
    assert_eq!(ada.sign_in("ada").await.status, 502);
    assert_signed_out(&ada).await;
}

/// mod_auth_openidc ChangeLog: `exp: 1e300` does not overflow, and times after 2038 work.
///
/// Core 2 (d)
#[actix_web::test]
async fn changelog_2026_times_beyond_sense_are_refused_and_after_2038_accepted() {
    let app = sqlite();
    let expiring = |exp: serde_json::Value| {
        app.provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(move |claims| claims["exp"] = exp.clone()));
        });
    };
    expiring(json!(1e300));
    assert_eq!(app.visitor().sign_in("ada").await.status, 403);
    expiring(json!(4_102_444_800_u64));
    assert_eq!(app.visitor().sign_in("ada").await.status, 303);
    app.provider.heal();
    let years_30 = Duration::days(365 * 30);
    app.clock.shift(years_30);
    app.provider.faults(|faults| {
        faults.edit_claims = Some(Box::new(move |claims| {
            for time in ["exp", "iat", "auth_time"] {
                claims[time] =
                    json!(claims[time].as_i64().unwrap_or_default() + years_30.whole_seconds());
            }
        }));
    });
    let ada = app.visitor();
    assert_eq!(ada.sign_in("ada").await.status, 303);
    assert!(ada.is_signed_in().await);
}

/// mod_auth_openidc ChangeLog: a decompression bomb stops at the limit. Nothing is decompressed.
#[actix_web::test]
async fn changelog_2026_a_decompression_bomb_stays_small() {
    let app = sqlite();
    let mut bomb = Canned::new(
        200,
        "application/json",
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
    );
    bomb.headers
        .push(("content-encoding".to_owned(), "gzip".to_owned()));
    app.provider.faults(|faults| {
        drop(
            faults
                .canned
                .insert(Endpoint::Token, bomb.repeated(200_000)),
        )
    });
    assert_eq!(app.visitor().sign_in("ada").await.status, 502);
}

/// mod_auth_openidc ChangeLog: no CR or LF survives into a header.
///
/// RFC 6749 10.14
#[actix_web::test]
async fn changelog_2026_no_line_break_gets_into_a_header() {
    let app = sqlite();
    for hostile in [
        "/a%0d%0aset-cookie:x=y",
        "/%250d%250aset-cookie:x=y",
        "/profile%0aX:y",
    ] {
        let answer = app
            .visitor()
            .get(&format!("/login?return_to={hostile}"))
            .await;
        assert!(
            answer
                .cookies()
                .iter()
                .all(|cookie| cookie.starts_with("doorward-login-"))
        );
        let asked = app.visitor().get(&format!("/profile?x={hostile}")).await;
        assert!(asked.cookies().is_empty());
    }
}

/// mod_auth_openidc ChangeLog: missing `alg` and `none` are refused.
///
/// RFC 8725 3.2
#[actix_web::test]
async fn changelog_2026_no_alg_and_none_are_refused() {
    let app = sqlite();
    app.provider.faults(|faults| faults.signing = Signing::None);
    assert_eq!(app.visitor().sign_in("ada").await.status, 403);
    app.provider.heal();
    app.provider.faults(|faults| {
        faults.edit_header = Some(Box::new(|header| {
            header.as_object_mut().unwrap().remove("alg");
        }));
    });
    assert_eq!(app.visitor().sign_in("ada").await.status, 403);
}

/// mod_auth_openidc: an answer that sends someone to sign in carries no protected content.
#[actix_web::test]
async fn ghsa_59jp_rwph_878r_who_must_sign_in_sees_nothing() {
    let app = sqlite();
    app.visitor().sign_in("ada").await;
    for method in [Method::GET, Method::HEAD] {
        let answer = app.visitor().send(method, "/profile", &[], "").await;
        assert_eq!((answer.status, answer.body.as_str()), (303, ""));
    }
}

/// Authlib, FastAPI-users, Langfuse: state is random, single use and per browser; no built-in key.
///
/// RFC 9700 4.7
#[actix_web::test]
async fn cve_2025_68158_14546_68481_65107_a_state_works_once_and_no_key_is_built_in() {
    let app = sqlite();
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    ada.get(&callback).await;
    ada.set_app_cookie("doorward", "");
    ada.get(&callback).await;
    assert_signed_out(&ada).await;
    assert_eq!(app.provider.request_count(Endpoint::Token), 1);

    let mut variables = app.variables.clone();
    variables.remove("SESSION_KEY");
    variables.insert(
        "PUBLIC_URL".to_owned(),
        "https://app.example.com".to_owned(),
    );
    let complaints = Settings::read(&|name| variables.get(name).cloned(), &|path| {
        std::fs::read(path)
    })
    .err()
    .unwrap();
    assert_eq!(complaints.len(), 1);
    assert_eq!(complaints[0].variable, "SESSION_KEY");
}

/// oauth2-proxy and Traefik: forwarding headers and their aliases from anybody change nothing.
///
/// RFC 9700 4.13
#[actix_web::test]
async fn cve_2026_40575_and_39858_forwarding_headers_change_nothing() {
    let app = sqlite();
    let plain = app.visitor().get("/login").await;
    let forged = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/evil"),
        ("x_forwarded_host", "evil.example"),
        ("x-forwarded-uri", "/healthz"),
        ("x-original-url", "/healthz"),
        ("forwarded", "host=evil.example;proto=https"),
    ];
    let answer = app.visitor().send(Method::GET, "/login", &forged, "").await;
    let redirect_uri = |location: &str| {
        let url = url::Url::parse(location).unwrap();
        url.query_pairs()
            .find(|(name, _)| name == "redirect_uri")
            .unwrap()
            .1
            .into_owned()
    };
    assert_eq!(
        redirect_uri(answer.location()),
        redirect_uri(plain.location())
    );
    assert!(!answer.cookies()[0].contains("Secure"));
    let profile = app
        .visitor()
        .send(Method::GET, "/profile", &forged, "")
        .await;
    assert_eq!(profile.location(), "/login?return_to=%2Fprofile");
}

/// oauth2-proxy: no request header ever grants access.
///
/// RFC 9700 4.13
#[actix_web::test]
async fn ghsa_5hvv_m4w4_gf6v_no_header_grants_access() {
    let app = sqlite();
    app.visitor().sign_in("ada").await;
    let headers = [
        ("authorization", "Bearer 00uada"),
        ("x-forwarded-user", "00uada"),
        ("x-forwarded-email", "ada@example.com"),
        ("x-auth-request-user", "00uada"),
        ("remote-user", "00uada"),
        ("user-agent", "GoogleHC/1.0"),
        ("x-forwarded-for", "127.0.0.1"),
    ];
    let answer = app
        .visitor()
        .send(Method::GET, "/profile", &headers, "")
        .await;
    assert_eq!(answer.status, 303);
}

/// oauth2-proxy: `#` and the query never take part in matching a path.
#[actix_web::test]
async fn ghsa_pxq7_h93f_9jrg_and_7rh7_c77v_6434_only_the_path_is_matched() {
    let app = sqlite();
    for path in [
        "/profile?/healthz",
        "/profile?x=/assets/",
        "/profile%23/healthz",
        "/profile/../profile",
        "//profile",
    ] {
        let answer = app.visitor().get(path).await;
        assert!(
            matches!(answer.status, 303 | 404),
            "{path} {}",
            answer.status
        );
        assert!(!answer.body.contains("claim-"), "{path}");
    }
}

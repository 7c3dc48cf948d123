//! A provider that answers badly, late or not at all: the person reads what happened, and nobody is signed in.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::CLIENT_SECRET;
use crate::support::provider::{Canned, Endpoint, Params, Person};
use crate::support::visitor::Answer;
use crate::support::{Database, TestApp, Visitor, log};

const UNUSABLE: (u16, &str) = (
    502,
    "It let you in but then gave us no answer that we can use.",
);
const UNREACHABLE: (u16, &str) = (
    502,
    "We could not reach it, so nobody can sign in just now.",
);
pub const NOT_SET_UP: (u16, &str) = (
    502,
    "This application and your sign-in provider do not fit together, so nobody can sign in.",
);
const NOT_SURE: (u16, &str) = (
    403,
    "What your sign-in provider sent did not pass our checks, so you are not signed in.",
);
const NOT_BEARER: (u16, &str) = (403, "Unsupported token type. Should be 'Bearer'.");
const CODE_USED_UP: (u16, &str) = (
    403,
    "Your sign-in provider does not accept the code any more: codes work once, and not for long.",
);
const NO_STATE: (u16, &str) = (403, "The answer does not say which sign-in it belongs to.");
const BUSY: (u16, &str) = (502, "It can't sign anybody in just now.");

/// Ada tries to sign in and gets `expected`; nobody is signed in afterwards, her attempt is used up, and the log says
/// `cause` (or what begins so) beside the page's reference, without code, token or secret.
pub async fn assert_refused(app: &TestApp, expected: (u16, &str), cause: &str) {
    let ada = app.visitor();
    let refused = ada.sign_in("ada").await;
    assert_page(&refused, expected, cause);
    let cookies = refused.cookies();
    assert_eq!(cookies.len(), 1, "{cause}: {cookies:?}");
    assert!(
        cookies[0].starts_with("doorward-login-") && cookies[0].contains("Max-Age=0"),
        "{cause}: {cookies:?}"
    );
    assert!(ada.app_cookies().is_empty(), "{cause}");
    assert_nobody_is_signed_in(app, &ada, cause).await;

    let line = line_of(&refused);
    let requests = app.provider.requests(Endpoint::Token);
    let request = requests.last().expect("the code was exchanged");
    let credentials = request.header("authorization").unwrap();
    let credentials = credentials.trim_start_matches("Basic ");
    let code = request.form.get("code").unwrap();
    // Every JWT begins with `eyJ`: that is `{"`.
    for secret in [code, CLIENT_SECRET, credentials, "eyJ"] {
        assert!(!line.contains(secret), "{secret} in {line}");
        assert!(!refused.body.contains(secret), "{secret}");
    }
}

async fn assert_nobody_is_signed_in(app: &TestApp, visitor: &Visitor, what: &str) {
    let profile = visitor.get("/profile").await;
    assert_eq!(profile.location(), "/login?return_to=%2Fprofile", "{what}");
    assert_eq!(app.storage().users(), 0, "{what}");
    assert_eq!(app.storage().sessions(), 0, "{what}");
}

/// The page is `expected`, and the log names `cause` beside its reference.
fn assert_page(page: &Answer, expected: (u16, &str), cause: &str) {
    let (status, sentence) = expected;
    assert_eq!(page.refusal(), (status, sentence.to_owned()), "{cause}");
    let line = line_of(page);
    let (_, logged) = line.split_once("]: ").unwrap();
    assert!(logged.starts_with(cause), "expected {cause:?} in {line:?}");
}

/// The one log line that tells of the error by the page's reference.
fn line_of(page: &Answer) -> String {
    let lines = log::errors_of(page);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().unwrap()
}

async fn assert_signs_in(app: &TestApp, person: &str) {
    let visitor = app.visitor();
    let back = visitor.sign_in(person).await;
    assert_eq!(back.status, 303, "{:?}", back.refusal());
    assert_eq!(back.location(), "/profile");
    assert!(visitor.is_signed_in().await);
}

fn answer_with(app: &TestApp, endpoint: Endpoint, canned: Canned) {
    app.provider
        .faults(|faults| drop(faults.canned.insert(endpoint, canned)));
}

fn edit_tokens(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_token_response = Some(Box::new(edit)));
}

fn edit_userinfo(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_userinfo = Some(Box::new(edit)));
}

fn edit_discovery(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_discovery = Some(Box::new(edit)));
}

/// `{"sub":"00uada","name":"Zipped"}`, compressed.
fn gzipped() -> Canned {
    let body = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 46, 77, 82, 178, 82, 50, 48, 40, 77, 76, 73,
        84, 210, 81, 202, 75, 204, 77, 5, 242, 163, 50, 11, 10, 82, 83, 148, 106, 1, 166, 182, 86,
        0, 32, 0, 0, 0,
    ];
    let mut canned = Canned::new(200, "application/json", body);
    canned
        .headers
        .push(("Content-Encoding".into(), "gzip".into()));
    canned
}

/// 50 MB that begin like a good answer and never end.
fn huge() -> Canned {
    Canned::new(200, "application/json", vec![b' '; 1 << 20]).repeated(50)
}

/// A redirect, and the listener it leads to, which answers nobody.
fn redirect(status: u16) -> (Canned, TcpListener) {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    target.set_nonblocking(true).unwrap();
    let mut canned = Canned::new(status, "text/plain", "");
    let location = format!("http://{}/elsewhere", target.local_addr().unwrap());
    canned.headers.push(("Location".into(), location));
    (canned, target)
}

// The token endpoint.

#[actix_web::test]
async fn a_token_answer_in_html_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for html in ["<html>We are back soon</html>", "", "\"Bearer\"", "null"] {
        answer_with(&app, Endpoint::Token, Canned::html(200, html));
        assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
    }
}

#[actix_web::test]
async fn a_code_that_the_provider_does_not_take_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    let refusal = json!({"error": "invalid_grant", "error_description": "<b>stale</b>"});
    answer_with(&app, Endpoint::Token, Canned::json(400, &refusal));
    let ada = app.visitor();
    let mut answer = ada.sign_in("ada").await;
    for _ in 0..2 {
        let at_the_provider = ada.get(answer.location()).await;
        answer = ada.get(at_the_provider.location()).await;
    }
    assert_page(
        &answer,
        CODE_USED_UP,
        "the token endpoint answered invalid_grant",
    );
    assert_nobody_is_signed_in(&app, &ada, "a refused code").await;
}

#[actix_web::test]
async fn a_token_endpoint_that_does_not_take_us_is_the_providers_or_the_operators_fault() {
    let app = TestApp::spawn(Database::Sqlite);
    for (status, error) in [
        (401, "invalid_client"),
        (400, "unauthorized_client"),
        (400, "invalid_request"),
        (400, "unsupported_grant_type"),
    ] {
        let refusal = json!({"error": error, "error_description": "a\r\nb"});
        answer_with(&app, Endpoint::Token, Canned::json(status, &refusal));
        let cause = format!("the token endpoint answered {error:?}: check OIDC_CLIENT_ID");
        assert_refused(&app, NOT_SET_UP, &cause).await;
    }
}

#[actix_web::test]
async fn a_token_endpoint_in_trouble_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for (status, page) in [
        (404, UNUSABLE),
        (429, BUSY),
        (500, UNUSABLE),
        (503, BUSY),
        (204, UNUSABLE),
        (201, UNUSABLE),
    ] {
        answer_with(
            &app,
            Endpoint::Token,
            Canned::html(status, "<h1>Sorry</h1>"),
        );
        let cause = format!("token: the provider answered with status {status}");
        assert_refused(&app, page, &cause).await;
    }
}

#[actix_web::test]
async fn tokens_without_a_type_are_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    let cause = "the token response is refused: it has no token_type";
    edit_tokens(&app, |tokens| {
        drop(tokens.as_object_mut().unwrap().remove("token_type"))
    });
    assert_refused(&app, NOT_BEARER, cause).await;
    edit_tokens(&app, |tokens| tokens["token_type"] = json!(null));
    assert_refused(&app, NOT_BEARER, cause).await;
}

#[actix_web::test]
async fn tokens_of_another_type_are_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for other in ["DPoP", "mac", "N_A", "", "Bearer ", "Bearer\u{0}"] {
        edit_tokens(&app, move |tokens| tokens["token_type"] = json!(other));
        let cause = "the token response is refused: its token_type is not Bearer";
        assert_refused(&app, NOT_BEARER, cause).await;
    }
}

#[actix_web::test]
async fn bearer_is_accepted_in_any_case() {
    let app = TestApp::spawn(Database::Sqlite);
    for bearer in ["bearer", "BEARER"] {
        edit_tokens(&app, move |tokens| tokens["token_type"] = json!(bearer));
        assert_signs_in(&app, "ada").await;
    }
}

#[actix_web::test]
async fn an_answer_without_id_token_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_tokens(&app, |tokens| {
        drop(tokens.as_object_mut().unwrap().remove("id_token"))
    });
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
}

#[actix_web::test]
async fn an_answer_without_access_token_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_tokens(&app, |tokens| {
        drop(tokens.as_object_mut().unwrap().remove("access_token"))
    });
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
}

#[actix_web::test]
async fn tokens_of_a_wrong_json_type_are_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for name in ["access_token", "id_token", "token_type"] {
        for wrong in [json!(7), json!(["x"]), json!({}), json!(true)] {
            edit_tokens(&app, move |tokens| tokens[name] = wrong.clone());
            assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
        }
    }
}

#[actix_web::test]
async fn a_token_answer_that_is_an_array_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_tokens(&app, |tokens| *tokens = json!([tokens.clone()]));
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
    edit_tokens(&app, |tokens| {
        *tokens = json!([tokens["access_token"], tokens["id_token"], "Bearer"]);
    });
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
    edit_tokens(&app, |tokens| *tokens = json!(["Bearer"]));
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
}

#[actix_web::test]
async fn an_access_token_that_would_break_the_request_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| {
        faults.edit_claims = Some(Box::new(|claims| {
            drop(claims.as_object_mut().unwrap().remove("at_hash"))
        }));
    });
    edit_tokens(&app, |tokens| {
        tokens["access_token"] = json!("a\r\nX-Injected: yes")
    });
    assert_refused(&app, UNUSABLE, "userinfo: the provider can't be reached: ").await;
    assert_eq!(app.provider.request_count(Endpoint::Userinfo), 0);
}

#[actix_web::test]
async fn a_huge_token_answer_is_refused_before_it_ends() {
    let app = TestApp::spawn(Database::Sqlite);
    answer_with(&app, Endpoint::Token, huge());
    let began = Instant::now();
    assert_refused(&app, UNUSABLE, "token: the provider's answer can't be read").await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

/// One test waits for the ten seconds; all that takes so long is in it, side by side.
#[actix_web::test]
async fn a_slow_provider_costs_the_person_ten_seconds_and_nobody_else_any() {
    let app = TestApp::spawn(Database::Sqlite);
    let [ada, grace, lin] = [(); 3].map(|()| app.visitor());
    let [late, dripping] = [
        ada.callback_for("ada").await,
        grace.callback_for("ada").await,
    ];
    let timed = async |visitor: &Visitor, callback: &str| {
        let began = Instant::now();
        (visitor.get(callback).await, began.elapsed())
    };
    let asked = async |endpoint: Endpoint, times: usize| {
        let began = Instant::now();
        while app.provider.request_count(endpoint) < times {
            assert!(began.elapsed() < Duration::from_secs(5), "{endpoint:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };

    let never = Canned::json(200, &json!({})).late(Duration::from_secs(15));
    answer_with(&app, Endpoint::Token, never);
    let others = async {
        asked(Endpoint::Token, 1).await;
        app.provider.heal();
        let drops = Canned::json(200, &json!({"sub": "00uada"})).dripping(Duration::from_secs(2));
        answer_with(&app, Endpoint::Userinfo, drops);
        let by_drops = timed(&grace, &dripping);
        let meanwhile = async {
            asked(Endpoint::Userinfo, 1).await;
            app.provider.heal();
            let began = Instant::now();
            assert_eq!(lin.get("/").await.status, 200);
            assert_eq!(lin.sign_in("grace").await.location(), "/profile");
            assert!(lin.is_signed_in().await);
            assert!(
                began.elapsed() < Duration::from_secs(3),
                "{:?}",
                began.elapsed()
            );
        };
        futures_util::future::join(by_drops, meanwhile).await.0
    };
    let (late, dripping) = futures_util::future::join(timed(&ada, &late), others).await;

    for ((page, took), what) in [(late, "token"), (dripping, "userinfo")] {
        let cause = format!("{what}: the provider did not answer within 10 s");
        assert_page(&page, UNUSABLE, &cause);
        let limits = Duration::from_millis(9500)..Duration::from_secs(12);
        assert!(limits.contains(&took), "{what}: {took:?}");
    }
    assert!(!ada.is_signed_in().await && !grace.is_signed_in().await);
    assert_eq!((app.storage().users(), app.storage().sessions()), (1, 1));
}

#[actix_web::test]
async fn a_connection_that_breaks_is_refused_and_the_code_is_sent_once_more_at_most() {
    let app = TestApp::spawn(Database::Sqlite);
    answer_with(&app, Endpoint::Token, Canned::reset());
    let cause = "token: the provider can't be reached: the connection was closed before an answer";
    assert_refused(&app, UNUSABLE, cause).await;
    // Discovery came over the first connection.
    assert_eq!(app.provider.request_count(Endpoint::Token), 2);
}

#[actix_web::test]
async fn a_redirect_is_not_followed() {
    let app = TestApp::spawn(Database::Sqlite);
    for (endpoint, what) in [(Endpoint::Token, "token"), (Endpoint::Userinfo, "userinfo")] {
        for status in [301, 302, 303, 307, 308] {
            let (canned, target) = redirect(status);
            answer_with(&app, endpoint, canned);
            let cause = format!("{what}: the provider answered with status {status}");
            assert_refused(&app, UNUSABLE, &cause).await;
            assert!(target.accept().is_err(), "nobody went there");
        }
        app.provider.heal();
    }
}

#[actix_web::test]
async fn a_compressed_answer_is_neither_asked_for_nor_unpacked() {
    let app = TestApp::spawn(Database::Sqlite);
    answer_with(&app, Endpoint::Userinfo, gzipped());
    let cause = "the userinfo response is refused: not a JSON object";
    assert_refused(&app, UNUSABLE, cause).await;
    answer_with(&app, Endpoint::Token, gzipped());
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
    for endpoint in [
        Endpoint::Discovery,
        Endpoint::Token,
        Endpoint::Keys,
        Endpoint::Userinfo,
    ] {
        for request in app.provider.requests(endpoint) {
            assert_eq!(
                request.header("accept-encoding"),
                Some("identity"),
                "{endpoint:?}"
            );
        }
    }
}

// Userinfo.

#[actix_web::test]
async fn userinfo_about_somebody_else_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for other in ["00ugrace", "00UADA", "00uada ", "00uad", ""] {
        edit_userinfo(&app, move |claims| claims["sub"] = json!(other));
        let cause = "the sub of userinfo is not the sub of the ID token";
        assert_refused(&app, NOT_SURE, cause).await;
    }
}

#[actix_web::test]
async fn userinfo_that_is_no_object_with_a_sub_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for (content_type, body) in [
        ("text/html", "<html>We are back soon</html>"),
        ("application/json", ""),
        ("application/json", "[\"00uada\"]"),
        ("application/json", "[]"),
        ("application/json", "null"),
        ("application/json", "{}"),
        ("application/json", "{\"name\":\"Ada\"}"),
        ("application/json", "{\"sub\":7}"),
        ("application/json", "{\"sub\":null}"),
        ("application/json", "{\"sub\":[\"00uada\"]}"),
        ("application/json", "{\"sub\":\"00uada\"} {}"),
        (
            "application/json",
            "{\"sub\":\"00ugrace\",\"sub\":\"00uada\"}",
        ),
        ("application/jwt", "e30.e30.e30"),
    ] {
        answer_with(
            &app,
            Endpoint::Userinfo,
            Canned::new(200, content_type, body),
        );
        assert_refused(&app, UNUSABLE, "the userinfo response is refused: ").await;
    }
}

#[actix_web::test]
async fn userinfo_that_is_refused_us_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    for (status, page) in [
        (401, UNUSABLE),
        (403, UNUSABLE),
        (500, UNUSABLE),
        (503, BUSY),
        (204, UNUSABLE),
    ] {
        answer_with(&app, Endpoint::Userinfo, Canned::html(status, "no"));
        let cause = format!("userinfo: the provider answered with status {status}");
        assert_refused(&app, page, &cause).await;
    }
}

#[actix_web::test]
async fn a_huge_userinfo_is_refused_before_it_ends() {
    let app = TestApp::spawn(Database::Sqlite);
    answer_with(&app, Endpoint::Userinfo, huge());
    let began = Instant::now();
    assert_refused(
        &app,
        UNUSABLE,
        "userinfo: the provider's answer can't be read",
    )
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

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

#[actix_web::test]
async fn null_is_as_good_as_nothing_in_userinfo() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_userinfo(&app, |claims| {
        for name in [
            "name",
            "given_name",
            "family_name",
            "email",
            "email_verified",
        ] {
            claims[name] = json!(null);
        }
    });
    let ada = app.visitor();
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    let profile = ada.get("/profile").await;
    assert!(!profile.has("claim-name") && !profile.has("claim-email"));
}

#[actix_web::test]
async fn a_person_without_email_signs_in() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider
        .add_person(Person::new("ada", "00uada").claim("given_name", "Ada"));
    let ada = app.visitor();
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    let profile = ada.get("/profile").await;
    assert_eq!(profile.text("claim-name").as_deref(), Some("Ada"));
    assert!(!profile.has("claim-email"));
}

// Discovery and keys.

#[actix_web::test]
async fn a_provider_that_is_down_at_start_is_found_when_it_comes() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.stop();
    let ada = app.visitor();
    for _ in 0..2 {
        let page = ada.get("/login").await;
        assert_page(
            &page,
            UNREACHABLE,
            "discovery: the provider can't be reached: ",
        );
        assert!(page.cookies().is_empty(), "{:?}", page.cookies());
    }
    for healthy in ["/", "/healthz", "/readyz"] {
        assert_eq!(ada.get(healthy).await.status, 200, "{healthy}");
    }
    app.provider.restart().unwrap();
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
}

#[actix_web::test]
async fn a_provider_that_dies_on_the_way_gets_a_page_and_works_when_it_is_back() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    app.provider.stop();
    let page = ada.get(&callback).await;
    assert_page(&page, UNUSABLE, "token: the provider can't be reached: ");
    assert_nobody_is_signed_in(&app, &ada, "down").await;
    app.provider.restart().unwrap();
    let again = ada.get(&callback).await;
    assert!(again.location().contains("/authorize?"), "begins anew");
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
}

/// A document that can't be used lets nobody through, is not remembered, and its page does not claim that the person
/// was let in.
async fn assert_no_discovery(app: &TestApp, expected: (u16, &str), cause: &str) {
    let ada = app.visitor();
    let page = ada.get("/login").await;
    assert_page(&page, expected, cause);
    assert!(page.cookies().is_empty(), "{:?}", page.cookies());
    app.provider.heal();
    ada.begin("/login").await;
}

#[actix_web::test]
async fn a_discovery_endpoint_in_trouble_is_refused() {
    for (status, page) in [
        (404, NOT_SET_UP),
        (500, UNREACHABLE),
        (502, UNREACHABLE),
        (204, UNREACHABLE),
    ] {
        let app = TestApp::spawn(Database::Sqlite);
        answer_with(&app, Endpoint::Discovery, Canned::html(status, "no"));
        let cause = format!("discovery: the provider answered with status {status}");
        assert_no_discovery(&app, page, &cause).await;
    }
}

#[actix_web::test]
async fn a_discovery_document_that_leads_elsewhere_is_not_followed() {
    let app = TestApp::spawn(Database::Sqlite);
    let (canned, target) = redirect(302);
    answer_with(&app, Endpoint::Discovery, canned);
    assert_no_discovery(
        &app,
        UNREACHABLE,
        "discovery: the provider answered with status 302",
    )
    .await;
    assert!(target.accept().is_err(), "nobody went there");
}

#[actix_web::test]
async fn a_discovery_document_of_another_issuer_is_refused() {
    for other in ["https://evil.example", "/"] {
        let app = TestApp::spawn(Database::Sqlite);
        let issuer = app.provider.issuer();
        let other = match other {
            "/" => format!("{issuer}/"),
            other => other.to_owned(),
        };
        let cause = format!(
            "the discovery document is refused: OIDC_ISSUER is {issuer:?} but the document there says {other:?}"
        );
        edit_discovery(&app, move |document| document["issuer"] = json!(other));
        assert_no_discovery(&app, NOT_SET_UP, &cause).await;
    }
}

#[actix_web::test]
async fn a_discovery_document_that_is_none_is_refused() {
    for body in ["<html>We are back soon</html>", "", "null", "[]", "{}"] {
        let app = TestApp::spawn(Database::Sqlite);
        answer_with(&app, Endpoint::Discovery, Canned::html(200, body));
        assert_no_discovery(&app, NOT_SET_UP, "the discovery document is refused: ").await;
    }
}

/// OpenID Connect Discovery 1.0, 4.2: it is an object, though serde would take an array for one.
#[actix_web::test]
async fn a_discovery_document_in_an_array_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_discovery(&app, |document| {
        let in_order = [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "end_session_endpoint",
            "id_token_signing_alg_values_supported",
        ];
        *document = json!(in_order.map(|name| document[name].clone()));
    });
    assert_no_discovery(&app, NOT_SET_UP, "the discovery document is refused: ").await;
}

#[actix_web::test]
async fn an_endpoint_in_the_clear_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_discovery(&app, |document| {
        document["token_endpoint"] = json!("http://evil.example/token");
    });
    let cause = "the discovery document is refused: http://evil.example/token is neither https nor";
    assert_no_discovery(&app, NOT_SET_UP, cause).await;
}

#[actix_web::test]
async fn a_huge_discovery_document_is_refused_before_it_ends() {
    let app = TestApp::spawn(Database::Sqlite);
    answer_with(&app, Endpoint::Discovery, huge());
    let began = Instant::now();
    assert_no_discovery(
        &app,
        UNREACHABLE,
        "discovery: the provider's answer can't be read",
    )
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

#[actix_web::test]
async fn keys_that_are_none_are_refused_and_not_remembered() {
    let app = TestApp::spawn(Database::Sqlite);
    for body in [
        "<html>We are back soon</html>",
        "",
        "null",
        "[]",
        "{}",
        "{\"keys\":{}}",
    ] {
        answer_with(&app, Endpoint::Keys, Canned::html(200, body));
        assert_refused(&app, UNUSABLE, "the provider's keys are refused: ").await;
    }
    app.provider.heal();
    assert_signs_in(&app, "ada").await;
}

/// RFC 7517, 5: a key set is an object, though serde would take an array for one.
#[actix_web::test]
async fn keys_in_an_array_are_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| {
        faults.edit_keys = Some(Box::new(|keys| *keys = json!([keys["keys"]])));
    });
    assert_refused(&app, UNUSABLE, "the provider's keys are refused: ").await;
}

#[actix_web::test]
async fn keys_that_can_not_be_had_are_said_to_be_so() {
    let app = TestApp::spawn(Database::Sqlite);
    answer_with(&app, Endpoint::Keys, Canned::html(500, "no"));
    assert_refused(
        &app,
        UNREACHABLE,
        "keys: the provider answered with status 500",
    )
    .await;
    answer_with(&app, Endpoint::Keys, huge());
    assert_refused(
        &app,
        UNREACHABLE,
        "keys: the provider's answer can't be read",
    )
    .await;
    app.provider.heal();
    assert_signs_in(&app, "ada").await;
}

#[actix_web::test]
async fn what_is_known_serves_on_while_discovery_and_keys_are_away() {
    let app = TestApp::spawn(Database::Sqlite);
    assert_signs_in(&app, "ada").await;
    app.clock.shift(time::Duration::hours(2));
    answer_with(&app, Endpoint::Discovery, Canned::html(500, "no"));
    answer_with(&app, Endpoint::Keys, Canned::html(500, "no"));
    app.provider.faults(|faults| {
        faults.edit_claims = Some(Box::new(|claims| {
            claims["exp"] = json!(claims["exp"].as_u64().unwrap() + 86_400);
        }));
    });
    assert_signs_in(&app, "ada").await;
    assert_eq!(
        app.provider.request_count(Endpoint::Discovery),
        2,
        "they were asked again"
    );
    assert_eq!(
        app.provider.request_count(Endpoint::Keys),
        2,
        "they were asked again"
    );
}

// Sign-out.

#[actix_web::test]
async fn a_provider_without_a_place_to_sign_out_leads_home() {
    let app = TestApp::spawn(Database::Sqlite);
    edit_discovery(&app, |document| {
        drop(
            document
                .as_object_mut()
                .unwrap()
                .remove("end_session_endpoint"),
        )
    });
    let ada = app.visitor();
    ada.sign_in("ada").await;
    let out = ada.post("/logout", "").await;
    assert_eq!((out.status, out.location()), (303, "/"));
    assert!(ada.app_cookies().is_empty(), "{:?}", ada.app_cookies());
    assert_eq!(app.storage().sessions(), 0);
    assert!(!ada.is_signed_in().await);
}

#[actix_web::test]
async fn a_person_signs_out_here_while_the_provider_is_down() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    ada.sign_in("ada").await;
    let before = ada.app_cookies();
    app.provider.stop();
    let out = ada.post("/logout", "").await;
    // Where that is, is known still; whether it is back, the browser will see.
    let end_session = format!("{}/end_session?", app.provider.issuer());
    assert_eq!(out.status, 303);
    assert!(
        out.location().starts_with(&end_session),
        "{}",
        out.location()
    );
    assert_eq!(app.storage().sessions(), 0);
    assert!(!ada.is_signed_in().await);
    let kept = app.visitor();
    kept.set_app_cookie("doorward", &before["doorward"]);
    assert!(!kept.is_signed_in().await, "the old cookie opens nothing");
}

#[actix_web::test]
async fn a_person_signs_out_here_while_nothing_is_known_of_the_provider_any_more() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    ada.sign_in("ada").await;
    app.provider.stop();
    for _ in 0..4 {
        app.clock.shift(time::Duration::hours(7));
        assert!(ada.is_signed_in().await);
    }
    let out = ada.post("/logout", "").await;
    assert_eq!((out.status, out.location()), (303, "/"));
    assert_eq!(app.storage().sessions(), 0);
    assert!(!ada.is_signed_in().await);
}

// The provider says no.

/// From now on the provider sends people back with these parameters and the state.
fn send_back(app: &TestApp, parameters: &'static [(&'static str, &'static str)]) {
    let edit = move |answer: &mut Params| {
        answer.0.retain(|(name, _)| name == "state");
        for (name, value) in parameters {
            answer.push(name, *value);
        }
    };
    app.provider
        .faults(|faults| faults.edit_redirect = Some(Box::new(edit)));
}

const HOSTILE: &str =
    "<b id=\"x\">no</b><script>alert(1)</script>\r\nERROR doorward: forged\u{1b}[31m";

#[actix_web::test]
async fn each_error_of_the_provider_has_its_sentence() {
    const CANCELLED: (u16, &str) = (
        403,
        "Sign-in was cancelled, or your account may not use this application.",
    );
    const NEEDS_YOU: (u16, &str) = (
        403,
        "It could not sign you in without asking you something first.",
    );
    const OURS: (u16, &str) = (
        403,
        "It did not accept the way this application asked it to sign you in.",
    );
    const THEIRS: (u16, &str) = (502, "Something went wrong on its side.");
    let app = TestApp::spawn(Database::Sqlite);
    for (code, parameters, expected) in [
        // RFC 6749, 4.1.2.1.
        said("invalid_request", OURS),
        said("unauthorized_client", OURS),
        said("access_denied", CANCELLED),
        said("unsupported_response_type", OURS),
        said("invalid_scope", OURS),
        said("server_error", THEIRS),
        said("temporarily_unavailable", BUSY),
        // OpenID Connect Core 3.1.2.6.
        said("interaction_required", NEEDS_YOU),
        said("login_required", NEEDS_YOU),
        said("account_selection_required", NEEDS_YOU),
        said("consent_required", NEEDS_YOU),
        said("invalid_request_uri", OURS),
        said("invalid_request_object", OURS),
        said("request_not_supported", OURS),
        said("request_uri_not_supported", OURS),
        said("registration_not_supported", OURS),
        // Nobody's.
        said("ACCESS_DENIED", OURS),
        said("<b>access_denied</b>", OURS),
        said("a\r\nERROR doorward: forged", OURS),
    ] {
        send_back(&app, parameters);
        let ada = app.visitor();
        let page = ada.sign_in("ada").await;
        let cause = format!("the provider answered {code:?}: {HOSTILE:?}");
        assert_page(&page, expected, &cause);
        for theirs in [
            "<b ",
            "<b>",
            "<script",
            "&lt;",
            "alert",
            "forged",
            "evil.example",
        ] {
            assert!(!page.body.contains(theirs), "{code}: {theirs}");
        }
        let line = line_of(&page);
        assert!(!line.contains(['\r', '\n', '\u{1b}']), "{line:?}");
        assert!(
            ada.app_cookies().is_empty(),
            "{code}: the attempt is used up"
        );
        assert_nobody_is_signed_in(&app, &ada, code).await;
    }
    assert_eq!(app.provider.request_count(Endpoint::Token), 0);

    type Case = (
        &'static str,
        &'static [(&'static str, &'static str)],
        (u16, &'static str),
    );
    fn said(code: &'static str, expected: (u16, &'static str)) -> Case {
        let parameters = vec![
            ("error", code),
            ("error_description", HOSTILE),
            ("error_uri", "https://evil.example/why"),
        ];
        (code, parameters.leak(), expected)
    }
}

#[actix_web::test]
async fn an_error_without_description_is_one_too() {
    let app = TestApp::spawn(Database::Sqlite);
    send_back(&app, &[("error", "access_denied")]);
    let page = app.visitor().sign_in("ada").await;
    let expected = (
        403,
        "Sign-in was cancelled, or your account may not use this application.",
    );
    assert_page(
        &page,
        expected,
        "the provider answered \"access_denied\": \"\"",
    );
}

#[actix_web::test]
async fn an_error_beside_a_code_counts_and_the_code_is_not_used() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| {
        faults.edit_redirect = Some(Box::new(|answer| answer.push("error", "server_error")));
    });
    let ada = app.visitor();
    let page = ada.sign_in("ada").await;
    let expected = (502, "Something went wrong on its side.");
    assert_page(&page, expected, "the provider answered \"server_error\"");
    assert_nobody_is_signed_in(&app, &ada, "error and code").await;
    assert_eq!(app.provider.request_count(Endpoint::Token), 0);
}

#[actix_web::test]
async fn an_error_of_no_known_attempt_says_nothing_of_the_provider() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    ada.begin("/login").await;
    for (query, cause) in [
        (
            "error=access_denied",
            "no attempt to sign in: the response has no state",
        ),
        (
            "error=access_denied&state=",
            "no attempt to sign in: the response has no state",
        ),
        (
            "error=access_denied&error_description=%3Cb%3E%0Aforged&state=unheard-of",
            "no attempt to sign in: this browser has no attempt of that state",
        ),
    ] {
        let page = ada
            .get(&format!("/authorization-code/callback?{query}"))
            .await;
        if page.status == 303 {
            assert!(page.location().contains("/authorize?"), "begins anew");
            continue;
        }
        assert_page(&page, NO_STATE, cause);
        assert!(!page.body.contains("forged") && !line_of(&page).contains("forged"));
        assert!(page.cookies().is_empty(), "{:?}", page.cookies());
    }
    assert_eq!(
        ada.app_cookies().len(),
        2,
        "the attempt of this browser goes on, beside the fresh one"
    );
}

/// Anybody can write it, so that it must not fill the disk.
#[actix_web::test]
async fn a_long_error_is_cut_in_the_log() {
    let app = TestApp::spawn(Database::Sqlite);
    // As long as a query may be.
    let long = &*"d".repeat(3500).leak();
    send_back(
        &app,
        vec![("error", long), ("error_description", long)].leak(),
    );
    let page = app.visitor().sign_in("ada").await;
    assert_eq!(page.status, 403);
    let line = line_of(&page);
    assert!(line.len() < 1000, "{} characters", line.len());
}

//! A third party begins a sign-in (OpenID Connect Core 4): Okta's dashboard, an activation mail, a link of a partner.

use awc::http::Method;
use url::Url;

use crate::support::provider::Endpoint;
use crate::support::{Answer, Database, TestApp, Visitor};

const THERE: &str = "The link names a sign-in provider that this site does not use.";
const UNREADABLE: &str = "Your browser sent something that we can't read.";

/// Signs in where `answer` leads, and says where the person arrives.
async fn arrives(visitor: &Visitor, answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    let callback = visitor.choose(answer.location(), "ada").await;
    visitor.get(&callback).await.location().to_owned()
}

/// The names of the parameters of an authorization request, sorted.
fn names(answer: &Answer) -> Vec<String> {
    let url = Url::parse(answer.location()).unwrap();
    let mut names: Vec<_> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    names.sort();
    names
}

/// Core 4 (b)
#[actix_web::test]
async fn a_form_of_a_third_party_begins_a_sign_in() {
    let app = TestApp::spawn();
    let visitor = app.visitor();
    let cross_site = [
        ("origin", "https://third.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    let form = format!(
        "iss={}&login_hint=ada%2B1%40example.com&target_link_uri={}/logout/../?a%3Db",
        app.provider.issuer(),
        app.url
    );
    let answer = visitor
        .send(Method::POST, "/login", &cross_site, &form)
        .await;
    assert!(
        answer
            .location()
            .starts_with(&format!("{}/authorize?", app.provider.issuer()))
    );
    assert!(
        answer
            .location()
            .contains("login_hint=ada%2B1%40example.com")
    );
    assert_eq!(arrives(&visitor, &answer).await, "/?a=b");
    assert!(visitor.is_signed_in().await);
    // Somebody else may be meant: the session lasts until the callback replaces it.
    let answer = visitor.post("/login", "return_to=/").await;
    assert!(visitor.is_signed_in().await);
    let callback = visitor.choose(answer.location(), "grace").await;
    assert_eq!(visitor.get(&callback).await.location(), "/");
    assert_eq!(app.storage().sessions(), 1);
    // An empty form is a sign-in, too.
    assert_eq!(app.visitor().post("/login", "").await.status, 303);
}

#[actix_web::test]
async fn a_form_that_can_not_be_read_is_refused() {
    let app = TestApp::spawn();
    for form in [
        "return_to=/&return_to=/".to_owned(),
        "login_hint=a&login%5fhint=b".to_owned(),
        format!("iss={0}&iss={0}", app.provider.issuer()),
        "target_link_uri=/&target_link_uri=/".to_owned(),
        format!("x={}", "x".repeat(17_000)),
    ] {
        let visitor = app.visitor();
        let answer = visitor.post("/login", &form).await;
        assert_eq!(answer.refusal(), (400, UNREADABLE.to_owned()), "{form:.60}");
        assert!(answer.cookies().is_empty());
        if form.len() < 1000 {
            let answer = visitor.get(&format!("/login?{form}")).await;
            assert_eq!(answer.refusal(), (400, UNREADABLE.to_owned()), "{form}");
        }
    }
    let request = awc::Client::default().post(format!("{}/login", app.url));
    let json = request.content_type("application/json").send_body("{}");
    assert_eq!(json.await.unwrap().status(), 400);
}

/// Core 4 (b)
#[actix_web::test]
async fn an_issuer_that_is_not_ours_is_refused_and_not_asked() {
    let app = TestApp::spawn();
    let issuer = app.provider.issuer();
    let elsewhere = TestApp::spawn();
    let other = &elsewhere.provider;
    for iss in [
        other.issuer(),
        format!("{issuer}/"),
        issuer.to_uppercase(),
        format!("{issuer}%0d%0aSet-Cookie:a=b"),
        "<script>".to_owned(),
    ] {
        let visitor = app.visitor();
        let by_get = visitor.get(&format!("/login?iss={iss}&return_to=/")).await;
        let by_post = visitor.post("/login", &format!("iss={iss}")).await;
        for answer in [by_get, by_post] {
            assert_eq!(answer.refusal(), (400, THERE.to_owned()), "{iss}");
            let title = answer.text("error-title");
            assert_eq!(title.as_deref(), Some("We can't sign you in there"));
            assert!(answer.body.contains("href=\"/login\""), "{}", answer.body);
            assert!(!answer.body.contains("<script"), "{}", answer.body);
            assert!(answer.cookies().is_empty());
        }
    }
    assert_eq!(other.request_count(Endpoint::Discovery), 0);
    assert_eq!(app.provider.request_count(Endpoint::Discovery), 0);
    // It was no sign-in, so none has failed.
    assert_eq!(
        app.storage()
            .number("SELECT COUNT(*) AS n FROM audit_events"),
        0
    );
    for iss in ["", &issuer] {
        let answer = app.visitor().get(&format!("/login?iss={iss}")).await;
        assert_eq!(answer.status, 303, "{iss}");
    }
}

/// Core 4 (a): it leads below `PUBLIC_URL` or to the profile
/// IPSIE 3.2.2 (c)
#[actix_web::test]
async fn a_target_link_uri_elsewhere_leads_home() {
    let app = TestApp::spawn();
    let url = &app.url;
    for (target, expected) in [
        (format!("{url}/?a=b"), "/?a=b"),
        (url.clone(), "/"),
        (format!("{}/?a=b", url.to_uppercase()), "/?a=b"),
        (format!("{url}?a=b"), "/profile"),
        (url.replace("://", "://ada@"), "/profile"),
        (url.replace("://", "://ada:b@"), "/profile"),
        (url.replace("://", ":\\\\"), "/profile"),
        (url.replace("://", ":\t//"), "/profile"),
        (url.replace("http", "https"), "/profile"),
        (format!("{url}\\@evil.example/"), "/profile"),
        (format!("{url}0/"), "/profile"),
        (format!(" {url}/"), "/profile"),
        (format!("{url}\t/"), "/profile"),
        (format!("{url}/%2e%2e%2fb"), "/profile"),
        (format!("{url}/a?b=/..%2f"), "/a?b=/..%2f"),
        ("https://evil.example/".to_owned(), "/profile"),
        (format!("{url}.evil.example/"), "/profile"),
        (format!("{url}@evil.example/"), "/profile"),
        (format!("{url}//evil.example/"), "/profile"),
        (format!("{url}/%5cevil.example/"), "/profile"),
        (format!("{url}/logout"), "/profile"),
        (format!("{url}/login?iss=x"), "/profile"),
        (format!("{url}/{}", "a".repeat(600)), "/profile"),
        ("/".to_owned(), "/profile"),
        ("javascript:alert(1)".to_owned(), "/profile"),
        (String::new(), "/profile"),
    ] {
        let visitor = app.visitor();
        let target = url::form_urlencoded::byte_serialize(target.as_bytes()).collect::<String>();
        let answer = visitor
            .get(&format!("/login?target_link_uri={target}"))
            .await;
        assert_eq!(arrives(&visitor, &answer).await, expected, "{target}");
    }
    // Our own parameter wins.
    let visitor = app.visitor();
    let both = format!("/login?target_link_uri={url}/?a&return_to=/?b");
    let answer = visitor.get(&both).await;
    assert_eq!(arrives(&visitor, &answer).await, "/?b");
}

#[actix_web::test]
async fn a_target_link_uri_below_another_path_of_the_origin_is_elsewhere() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", "/doorward")]);
    let origin = app.url.strip_suffix("/doorward").unwrap();
    for (path, expected) in [
        ("/doorward", "/doorward"),
        ("/doorward/", "/doorward/"),
        ("/doorward/?a", "/doorward/?a"),
        ("/doorward/elsewhere/x", "/doorward/elsewhere/x"),
        ("/other", "/doorward/profile"),
        ("/doorwards", "/doorward/profile"),
        ("/doorward/../other", "/doorward/profile"),
        ("/doorward/%252e%252e/other", "/doorward/profile"),
        ("/doorward/%2e%2e/other", "/doorward/profile"),
        ("/doorward/..%252fother", "/doorward/profile"),
        ("/doorward/a/%252e.%252f..%252fother", "/doorward/profile"),
        ("/doorward/a..%252fb", "/doorward/a..%2fb"),
        ("/DOORWARD/", "/doorward/profile"),
        ("", "/doorward/profile"),
        ("/", "/doorward/profile"),
    ] {
        let visitor = app.visitor();
        let login = format!("/doorward/login?target_link_uri={origin}{path}");
        let answer = visitor.get(&login).await;
        assert_eq!(arrives(&visitor, &answer).await, expected, "{path}");
    }
}

/// Core 4 (a): they do not reach the provider
#[actix_web::test]
async fn nothing_else_of_the_link_reaches_the_provider() {
    let app = TestApp::spawn();
    let plain = names(&app.visitor().get("/login").await);
    let link = "scope=openid%20admin&prompt=none&acr_values=low&max_age=0&redirect_uri=https://evil.example&\
                client_id=x&state=x&nonce=x&response_mode=fragment&response_type=token&display=popup&domain_hint=x&\
                request=x&request_uri=https://evil.example&claims=%7B%7D&code_challenge=x&id_token_hint=x&x=1&x=2";
    let by_get = app.visitor().get(&format!("/login?{link}")).await;
    let by_post = app.visitor().post("/login", link).await;
    for answer in [by_get, by_post] {
        assert_eq!(names(&answer), plain);
        let location = answer.location();
        for foreign in ["admin", "evil", "=x", "low", "popup", "=none", "=token"] {
            assert!(!location.contains(foreign), "{foreign}: {location}");
        }
    }
}

#[actix_web::test]
async fn a_login_hint_that_is_long_or_has_control_characters_is_left_out() {
    let app = TestApp::spawn();
    let longest = "a".repeat(256);
    for (hint, is_sent) in [
        ("ada", true),
        (longest.as_str(), true),
        (&format!("{longest}a"), false),
        // Characters count, not the bytes of their encoded form.
        (&"%2b".repeat(256), true),
        (&"%2b".repeat(257), false),
        (&"%c3%a9".repeat(129), true),
        ("ada%0d%0ax", false),
        ("ada%00", false),
        ("ada%c2%85", false),
        // Nothing, and what is no UTF-8.
        ("", false),
        ("ad%e9", false),
        ("ad%c3%a9", true),
    ] {
        let answer = app
            .visitor()
            .get(&format!("/login?login_hint={hint}"))
            .await;
        let has_one = names(&answer).iter().any(|name| name == "login_hint");
        assert_eq!(has_one, is_sent, "{hint}");
    }
}

/// The suite sends the browser, and the sign-in runs to userinfo.
///
/// Suite third-party-initiated login
/// IPSIE 3.2.2 (a)
#[actix_web::test]
async fn oidcc_client_test_3rd_party_init_login() {
    let app = TestApp::spawn();
    let visitor = app.visitor();
    visitor.get("/").await;
    assert_eq!(app.provider.request_count(Endpoint::Authorize), 0);
    let answer = visitor
        .get(&format!("/login?iss={}", app.provider.issuer()))
        .await;
    assert_eq!(arrives(&visitor, &answer).await, "/profile");
    assert_eq!(app.provider.request_count(Endpoint::Userinfo), 1);
    assert!(visitor.is_signed_in().await);
}

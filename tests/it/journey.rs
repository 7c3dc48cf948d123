//! Sign-ins and sign-outs without a fault.

use crate::on_both;
use crate::support::TestApp;
use crate::support::provider::{Endpoint, Person};

on_both! {
    /// Core 2, 5.1.2: its ID token has `sid`, its userinfo `locale`
    /// Core 3.1.3.1 (b): the provider compares the redirect URI
    /// Discovery 3 (i): the document has `claims_supported` and more
    /// Discovery 4, 4.1
    /// Logout 2 (a)
    /// Logout 2 (b): the provider verifies it
    /// Logout 2 (d): the provider compares it
    /// Logout 3 (a): Back from the provider with the state, the person is on the sign-in page
    /// RFC 6749 2.3.1 (a): the tests' id and secret have spaces, colons, percent signs and umlauts, and the provider
    ///   decodes them
    /// RFC 6749 4.1.3: the provider compares the redirect URI
    /// RFC 7636 4.5: the provider verifies it
    /// RFC 9700 2.6 (a): Metadata of the server is used (RECOMMENDED)
    /// Suite basic `client-test`: a sign-in with `response_type=code`, token and userinfo requests
    /// Suite config `discovery-openid-config`: use the discovery document
    /// Suite logout `rp-init-logout`
    async fn a_person_signs_in_sees_their_profile_and_signs_out(app: TestApp) {
        let ada = app.visitor();
        let home = ada.get("/").await;
        assert_eq!(home.status, 200);
        assert!(home.has("login-button") && !home.has("logout-button"));

        let back = ada.sign_in("ada").await;
        assert_eq!((back.status, back.location()), (303, "/profile"));
        let profile = ada.get("/profile").await;
        assert_eq!(profile.text("claim-name").as_deref(), Some("Ada Lovelace"));
        assert_eq!(profile.text("claim-email").as_deref(), Some("ada@example.com"));
        let home = ada.get("/").await;
        assert!(home.has("logout-button") && !home.has("login-button"));

        let out = ada.post("/logout", "").await;
        assert!(out.location().starts_with(&format!("{}/end_session?", app.provider.issuer())));
        let returned = ada.get(out.location()).await;
        let returned = ada.get(returned.location()).await;
        assert_eq!((returned.status, returned.location()), (303, "/"));
        let home = ada.get("/").await;
        assert!(home.has("login-button") && !home.has("logout-button"));
        let profile = ada.get("/profile").await;
        assert_eq!(profile.location(), "/login?return_to=%2Fprofile");
        assert_eq!(app.storage().sessions(), 0);
        assert!(ada.app_cookies().is_empty(), "{:?}", ada.app_cookies());
    }

    /// Core 5.3.2 (b)
    async fn a_person_without_name_or_email_sees_what_there_is(app: TestApp) {
        let somebody = app.visitor();
        somebody.sign_in("noname").await;
        let profile = somebody.get("/profile").await;
        assert_eq!(profile.status, 200);
        assert!(!profile.has("claim-name") && !profile.has("claim-email"));
        assert_eq!(profile.text("claim-subject").as_deref(), Some("00unoname"));
    }

    /// RFC 6749 3.1.2.5: It removes the credentials from the URI and redirects the browser (SHOULD)
    async fn the_profile_asks_to_sign_in_and_the_person_arrives_where_they_wanted(app: TestApp) {
        let ada = app.visitor();
        let asked = ada.get("/profile?from=mail").await;
        assert_eq!(asked.location(), "/login?return_to=%2Fprofile%3Ffrom%3Dmail");
        let provider = ada.begin(asked.location()).await;
        let callback = ada.choose(&provider, "ada").await;
        assert_eq!(ada.get(&callback).await.location(), "/profile?from=mail");
    }

    async fn several_tabs_sign_in_side_by_side(app: TestApp) {
        let ada = app.visitor();
        let tabs = [ada.begin("/login?return_to=/a").await, ada.begin("/login?return_to=/b").await];
        let first = ada.choose(&tabs[0], "ada").await;
        let second = ada.choose(&tabs[1], "ada").await;
        assert_eq!(ada.get(&second).await.location(), "/b");
        assert_eq!(ada.get(&first).await.location(), "/a");
        assert_eq!(app.storage().users(), 1);
        assert_eq!(app.storage().sessions(), 1, "the second sign-in replaces the first");
    }

    /// Core 5.7 (b)
    async fn name_and_email_are_brought_up_to_date_at_each_sign_in(app: TestApp) {
        app.visitor().sign_in("ada").await;
        let married = Person::new("ada", "00uada").claim("name", "Ada King").claim("email", "king@example.com");
        app.provider.add_person(married);
        app.clock.shift(time::Duration::hours(1));
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let profile = ada.get("/profile").await;
        assert_eq!(profile.text("claim-name").as_deref(), Some("Ada King"));
        assert_eq!(profile.text("claim-email").as_deref(), Some("king@example.com"));
        let seen_again = "SELECT COUNT(*) AS n FROM users WHERE last_sign_in_at > created_at";
        assert_eq!((app.storage().users(), app.storage().number(seen_again)), (1, 1));
    }

    /// Core 5.7 (a)
    async fn two_people_with_one_email_are_two_people(app: TestApp) {
        app.provider.add_person(Person::new("eve", "00ueve").claim("email", "ada@example.com"));
        app.visitor().sign_in("ada").await;
        app.visitor().sign_in("eve").await;
        assert_eq!(app.storage().users(), 2);
    }

    /// Core 5.7 (a)
    async fn first_sign_ins_of_one_person_at_the_same_moment_make_one_user(app: TestApp) {
        let visitors: Vec<_> = (0..12).map(|_| app.visitor()).collect();
        let mut callbacks = Vec::new();
        for visitor in &visitors {
            callbacks.push(visitor.callback_for("ada").await);
        }
        let arrivals = visitors.iter().zip(&callbacks).map(|(visitor, callback)| visitor.get(callback));
        for back in futures_util::future::join_all(arrivals).await {
            assert_eq!(back.location(), "/profile");
        }
        assert_eq!((app.storage().users(), app.storage().sessions()), (1, 12));
    }

    async fn a_session_ends_when_nobody_uses_it(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.clock.shift(time::Duration::hours(7));
        assert!(ada.is_signed_in().await);
        app.clock.shift(time::Duration::hours(7));
        assert!(ada.is_signed_in().await, "it was used in between");
        app.clock.shift(time::Duration::hours(8));
        assert!(!ada.is_signed_in().await);
        assert_eq!(app.storage().sessions(), 0);
    }

    async fn a_session_ends_after_a_week_however_much_it_is_used(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        for _ in 0..27 {
            app.clock.shift(time::Duration::hours(6));
            assert!(ada.is_signed_in().await);
        }
        app.clock.shift(time::Duration::hours(6));
        assert!(!ada.is_signed_in().await);
    }

    async fn the_last_seen_time_is_written_once_a_minute(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let touched = "SELECT COUNT(*) AS n FROM sessions WHERE last_seen_at > created_at";
        app.clock.shift(time::Duration::seconds(50));
        ada.get("/profile").await;
        assert_eq!(app.storage().number(touched), 0);
        app.clock.shift(time::Duration::seconds(20));
        ada.get("/profile").await;
        assert_eq!(app.storage().number(touched), 1);
    }
}

/// The provider's request is what design and standard say.
///
/// Core 3.1.2.1 (a)
/// Core 3.1.2.1 (b): `response_type=code`, `client_id`, `redirect_uri` are sent (MUST)
/// Core 3.1.2.1 (c)
/// Core 3.1.2.1 (d)
/// Core 3.1.2.1 (e)
/// Core 3.1.2.1 (f): `response_mode` is not sent when it is the default (SHOULD NOT)
/// Core 5.4: Claims are asked for by scopes
/// Core 17.1
/// RFC 6749 3.3, 10.3: Scopes are separated by spaces (MUST), and as few as possible (SHOULD)
/// RFC 6749 4.1.1, 10.12
/// RFC 7636 4.2
/// RFC 7636 4.3: `code_challenge` and its method are in the authorization request (MUST)
/// RFC 9700 2.1.1 (c): The verifier is not exposed: `S256` (SHOULD)
/// RFC 9700 2.1.2, 2.4
/// RFC 9700 2.3: The least privilege (SHOULD)
/// Suite basic `scope-userinfo-claims`: ask for claims by scope
/// Suite basic, in all scope: `openid` is in each request
/// IPSIE 3.2.2 (i)
/// IPSIE 3.2.2 (l)
#[actix_web::test]
async fn the_authorization_request_has_all_that_it_needs() {
    let app = TestApp::spawn();
    let visitor = app.visitor();
    let request = |url: String| {
        let url = url::Url::parse(&url).unwrap();
        let pairs: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        (url, pairs)
    };
    let (url, one) = request(visitor.begin("/login").await);
    let (_, two) = request(visitor.begin("/login").await);
    assert_eq!(url.path(), "/authorize");
    for (name, value) in [
        ("client_id", crate::support::app::CLIENT_ID),
        (
            "redirect_uri",
            &format!("{}/authorization-code/callback", app.url),
        ),
        ("scope", "openid email profile"),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(one[name], value);
    }
    for secret in ["state", "nonce", "code_challenge"] {
        assert_eq!(one[secret].len(), 43);
        assert_ne!(
            one[secret], two[secret],
            "{secret} is fresh for each attempt"
        );
    }
}

/// Core 3.1.3.1 (b)
/// Core 9 (a)
/// RFC 6749 3.2: the provider's endpoint accepts nothing else
/// RFC 6749 4.1.3
/// RFC 7636 4.1, 7.1
/// RFC 9700 2.1.2, 2.4
/// Suite basic `client-secret-basic`: authenticate with `client_secret_basic`
#[actix_web::test]
async fn the_token_request_proves_who_asks_and_never_in_the_body() {
    let app = TestApp::spawn();
    app.visitor().sign_in("ada").await;
    let requests = app.provider.requests(Endpoint::Token);
    let token = &requests[0];
    assert!(token.header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(token.form.get("grant_type"), Some("authorization_code"));
    assert_eq!(token.form.get("code_verifier").unwrap().len(), 43);
    assert_eq!(token.form.get("client_secret"), None);
}

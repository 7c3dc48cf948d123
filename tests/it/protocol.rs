//! What providers may choose among: how the response comes, how we prove who we are, whether userinfo is
//! signed, whether the response names its issuer.

use serde_json::{Value, json};

use crate::on_both;
use crate::support::provider::{Canned, Endpoint, Provider, Signing};
use crate::support::{Answer, Database, TestApp, Visitor, log};

const FORM_POST: [(&str, &str); 1] = [("OIDC_RESPONSE_MODE", "form_post")];

/// The parameters of a URL's query, as a form.
fn query(url: &str) -> String {
    url.split_once('?').unwrap().1.to_owned()
}

/// The cookies that browsers send with a POST from another site: none of ours.
async fn post_from_the_provider(app: &TestApp, visitor: &Visitor, form: &str) -> Answer {
    let kept = visitor.app_cookies();
    for name in kept.keys() {
        visitor.set_app_cookie(name, "");
    }
    let answer = visitor
        .post(&format!("{}/authorization-code/callback", app.url), form)
        .await;
    for (name, value) in kept {
        visitor.set_app_cookie(&name, &value);
    }
    answer
}

fn discovery_says(provider: &Provider, name: &'static str, value: Value) {
    provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(move |document| document[name] = value.clone()));
    });
}

on_both! {
    async fn a_response_by_post_signs_in_and_gets_into_no_address(database: Database) {
        let app = TestApp::spawn_with(database, &FORM_POST);
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        let code = query(&callback).split('&').find(|pair| pair.starts_with("code=")).unwrap().to_owned();
        let answer = post_from_the_provider(&app, &ada, &query(&callback)).await;
        assert_eq!(answer.status, 303);
        assert!(answer.location().starts_with("/authorization-code/callback?state="));
        assert!(!answer.location().contains(&code));
        let waiting = answer.cookies()[0].to_owned();
        assert!(waiting.contains("HttpOnly; SameSite=Lax") && waiting.contains("Max-Age=60"), "{waiting}");
        assert!(!waiting.contains(code.trim_start_matches("code=")), "it is sealed");

        let back = ada.get(answer.location()).await;
        assert_eq!(back.location(), "/profile");
        assert!(ada.is_signed_in().await);
        assert_eq!(ada.app_cookies().len(), 1, "only the session's is left: {:?}", ada.app_cookies());
    }

    async fn a_response_by_post_is_bound_to_its_browser_too(database: Database) {
        let app = TestApp::spawn_with(database, &FORM_POST);
        let (attacker, victim) = (app.visitor(), app.visitor());
        let callback = attacker.callback_for("grace").await;
        let answer = post_from_the_provider(&app, &victim, &query(&callback)).await;
        let answer = victim.get(answer.location()).await;
        assert!(answer.location().contains("/authorize?"), "begins anew");
        assert!(!victim.is_signed_in().await);
        assert_eq!(app.storage().users(), 0);
    }
}

#[actix_web::test]
async fn the_response_mode_is_what_the_setting_says() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let authorization_request = app.visitor().begin("/login").await;
    assert!(authorization_request.contains("response_mode=form_post"));
}

#[actix_web::test]
async fn a_post_that_is_no_response_is_refused() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let endless = format!("state=x&code={}", "a".repeat(20_000));
    for (form, status) in [
        ("", 403),
        ("code=x", 403),
        ("state=x&state=y&code=z", 400),
        (&endless, 413),
    ] {
        let answer = app
            .visitor()
            .post("/authorization-code/callback", form)
            .await;
        assert_eq!(answer.status, status, "{form:.40}");
        assert!(
            answer.has("error-title") && answer.cookies().is_empty(),
            "{form:.40}"
        );
    }
}

/// A body that never ends is not waited for.
#[actix_web::test]
async fn a_form_that_does_not_end_is_given_up() {
    use std::io::{Read, Write};
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let addr = app.url.trim_start_matches("http://localhost:");
    let mut client = std::net::TcpStream::connect(format!("127.0.0.1:{addr}")).unwrap();
    write!(
        client,
        "POST /authorization-code/callback HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nstate=x"
    )
    .unwrap();
    client
        .set_read_timeout(Some(std::time::Duration::from_secs(15)))
        .unwrap();
    let mut status = [0; 12];
    client.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 408");
}

#[actix_web::test]
async fn the_client_proves_itself_the_way_the_provider_offers() {
    for (offered, setting, in_the_form) in [
        (
            json!(["client_secret_basic", "client_secret_post"]),
            "",
            false,
        ),
        (json!(["client_secret_post"]), "", true),
        (json!(["client_secret_basic"]), "client_secret_post", true),
        (json!(["private_key_jwt"]), "client_secret_basic", false),
    ] {
        let app = TestApp::spawn_with(Database::Sqlite, &[("OIDC_CLIENT_AUTH_METHOD", setting)]);
        discovery_says(
            &app.provider,
            "token_endpoint_auth_methods_supported",
            offered.clone(),
        );
        assert_eq!(
            app.visitor().sign_in("ada").await.location(),
            "/profile",
            "{offered}"
        );
        let request = app.provider.requests(Endpoint::Token).remove(0);
        assert_eq!(
            request.form.get("client_secret").is_some(),
            in_the_form,
            "{offered}"
        );
        assert_eq!(
            request.header("authorization").is_none(),
            in_the_form,
            "{offered}"
        );
    }
}

#[actix_web::test]
async fn a_provider_that_offers_no_way_we_know_is_named_in_the_log() {
    let app = TestApp::spawn(Database::Sqlite);
    discovery_says(
        &app.provider,
        "token_endpoint_auth_methods_supported",
        json!(["private_key_jwt"]),
    );
    let answer = app.visitor().sign_in("ada").await;
    assert_eq!(answer.status, 502);
    let line = log::errors_of(&answer).remove(0);
    assert!(line.contains("OIDC_CLIENT_AUTH_METHOD"), "{line}");
}

/// RFC 9207, 2.4: announced, it must come and match; unannounced, it must match.
#[actix_web::test]
async fn the_responses_issuer_is_checked() {
    for (announced, iss, status) in [
        (true, None, 403),
        (true, Some("https://evil.example"), 403),
        (false, Some("https://evil.example"), 403),
        (false, Some(""), 303),
        (false, None, 303),
    ] {
        let app = TestApp::spawn(Database::Sqlite);
        discovery_says(
            &app.provider,
            "authorization_response_iss_parameter_supported",
            json!(announced),
        );
        let ada = app.visitor();
        let mut callback = ada.callback_for("ada").await;
        if let Some(iss) = iss {
            callback.push_str(&format!("&iss={iss}"));
        }
        let answer = ada.get(&callback).await;
        assert_eq!(answer.status, status, "{announced} {iss:?}");
        let asked = if status == 403 { 0 } else { 1 };
        assert_eq!(
            app.provider.request_count(Endpoint::Token),
            asked,
            "{announced} {iss:?}"
        );
    }
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| faults.send_iss = true);
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
}

/// RFC 9207, 2.4: an error from another issuer is not our provider's error either.
#[actix_web::test]
async fn an_error_response_of_another_issuer_is_not_believed() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let state = url::Url::parse(&callback).unwrap();
    let state = state
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let error = format!(
        "/authorization-code/callback?error=access_denied&state={state}&iss=https://evil.example"
    );
    let (status, sentence) = ada.get(&error).await.refusal();
    assert_eq!(status, 403);
    assert!(sentence.starts_with("What your sign-in provider sent did not pass our checks"));
}

/// OpenID Connect Core 5.3.2: userinfo may be signed; then it is verified like an ID token.
#[actix_web::test]
async fn signed_userinfo_is_verified() {
    for (change, status) in [
        (json!({}), 303),
        (json!({"aud": ["x", crate::support::app::CLIENT_ID]}), 303),
        (json!({"iss": "https://evil.example"}), 502),
        (json!({"aud": "another"}), 502),
        (json!({"aud": null}), 502),
        (json!({"sub": "somebody"}), 403),
    ] {
        let app = TestApp::spawn(Database::Sqlite);
        let mut claims = json!({
            "iss": app.provider.issuer(),
            "aud": crate::support::app::CLIENT_ID,
            "sub": "00uada",
            "name": "Ada, signed",
        });
        claims
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let jwt = app.provider.sign_id_token(&claims);
        let signed = Canned::new(200, "application/jwt", jwt);
        app.provider
            .faults(|faults| drop(faults.canned.insert(Endpoint::Userinfo, signed)));
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.status, status, "{change}");
        assert_eq!(ada.is_signed_in().await, status == 303, "{change}");
        if status == 303 {
            let name = ada.get("/profile").await.text("claim-name");
            assert_eq!(name.as_deref(), Some("Ada, signed"));
        }
    }
}

/// Each kind of signed document has its own list in discovery (Discovery 3), and `OIDC_ID_TOKEN_ALGS` is of ID tokens
/// alone.
#[actix_web::test]
async fn userinfo_is_signed_with_an_algorithm_of_its_own() {
    const USERINFO_ALGS: &str = "userinfo_signing_alg_values_supported";
    for (variables, userinfo_algs, status) in [
        (&[][..], json!(["RS256"]), 303),
        (&[("OIDC_ID_TOKEN_ALGS", "ES256")], json!(["RS256"]), 303),
        (&[("OIDC_ID_TOKEN_ALGS", "ES256")], json!(null), 303),
        (&[], json!(["ES256"]), 502),
        (
            &[("OIDC_ID_TOKEN_ALGS", "ES256 RS256")],
            json!(["ES256"]),
            502,
        ),
        (&[], json!([]), 502),
    ] {
        let app = TestApp::spawn_with(Database::Sqlite, variables);
        let what = format!("{variables:?} {userinfo_algs}");
        let claims = json!({
            "iss": app.provider.issuer(), "aud": crate::support::app::CLIENT_ID, "sub": "00uada", "name": "Ada, signed",
        });
        // By RS256, which is the provider's default; its ID tokens are signed by ES256.
        let jwt = app.provider.sign_id_token(&claims);
        app.provider.faults(|faults| {
            faults.signing = Signing::Es256;
            let signed = Canned::new(200, "application/jwt", jwt);
            faults.canned.insert(Endpoint::Userinfo, signed);
            faults.edit_discovery = Some(Box::new(move |document| {
                document["id_token_signing_alg_values_supported"] = json!(["ES256"]);
                document[USERINFO_ALGS] = userinfo_algs.clone();
            }));
        });
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.status, status, "{what}");
        assert_eq!(ada.is_signed_in().await, status == 303, "{what}");
    }
}

#[actix_web::test]
async fn userinfo_with_a_broken_signature_is_refused() {
    let app = TestApp::spawn(Database::Sqlite);
    let claims = json!({"iss": app.provider.issuer(), "aud": crate::support::app::CLIENT_ID, "sub": "00uada"});
    let jwt = app.provider.sign_id_token(&claims);
    let (head, signature) = jwt.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{head}.{flipped}{}", &signature[1..]);
    for body in [forged.as_str(), head, "", "{\"sub\":\"00uada\"}"] {
        let signed = Canned::new(200, "application/jwt", body);
        app.provider
            .faults(|faults| drop(faults.canned.insert(Endpoint::Userinfo, signed)));
        assert_eq!(app.visitor().sign_in("ada").await.status, 502, "{body:.20}");
    }
}

/// Discovery 4.1: a trailing slash of the issuer is taken off before the well-known path is put on, and
/// 4.3: the issuer itself is compared to the letter.
#[actix_web::test]
async fn an_issuer_with_a_trailing_slash_is_another_issuer() {
    let app = TestApp::spawn(Database::Sqlite);
    let with_slash = format!("{}/", app.provider.issuer());
    let slashed = TestApp::spawn_with(Database::Sqlite, &[("OIDC_ISSUER", &with_slash)]);
    let answer = slashed.visitor().get("/login").await;
    assert_eq!(answer.status, 502);
    discovery_says(&app.provider, "issuer", json!(with_slash));
    assert_eq!(slashed.visitor().get("/login").await.status, 303);
}

/// Codes, tokens, secrets and cookies are in no line of all that was logged so far.
#[actix_web::test]
async fn nothing_secret_is_logged() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let secrets: Vec<String> = query(&callback)
        .split('&')
        .map(|pair| pair.split_once('=').unwrap().1.to_owned())
        .chain(ada.app_cookies().into_values())
        .collect();
    ada.get(&callback).await;
    let session = ada.app_cookies().remove("doorward").unwrap();
    let out = ada.post("/logout", "").await;
    let hint = url::Url::parse(out.location()).unwrap();
    let hint = hint
        .query_pairs()
        .find(|(name, _)| name == "id_token_hint")
        .unwrap()
        .1
        .into_owned();
    let token = app.provider.requests(Endpoint::Token).remove(0);
    let verifier = token.form.get("code_verifier").unwrap().to_owned();
    let bearer = app.provider.requests(Endpoint::Userinfo).remove(0);
    let access_token = bearer
        .header("authorization")
        .unwrap()
        .trim_start_matches("Bearer ")
        .to_owned();
    let secrets = secrets
        .into_iter()
        .chain([session, hint, verifier, access_token]);
    for secret in secrets.chain(["never-logged".to_owned()]) {
        assert!(secret.len() > 10);
        assert_eq!(log::lines_with(&secret), [""; 0]);
    }
}

/// RFC 6750, 2.3 and RFC 6749, 2.3.1: secrets and tokens go in headers and bodies, never in an address.
#[actix_web::test]
async fn no_secret_is_in_the_address_of_a_call() {
    for method in ["client_secret_basic", "client_secret_post"] {
        let app = TestApp::spawn_with(Database::Sqlite, &[("OIDC_CLIENT_AUTH_METHOD", method)]);
        app.visitor().sign_in("ada").await;
        let token = app.provider.requests(Endpoint::Token).remove(0);
        let userinfo = app.provider.requests(Endpoint::Userinfo).remove(0);
        assert_eq!((token.method.as_str(), token.query.0.len()), ("POST", 0));
        assert_eq!(
            (
                userinfo.method.as_str(),
                userinfo.query.0.len(),
                userinfo.form.0.len()
            ),
            ("GET", 0, 0)
        );
        assert!(
            userinfo
                .header("authorization")
                .unwrap()
                .starts_with("Bearer ")
        );
    }
}

/// OpenID Connect Core 4: the provider's dashboard may begin a sign-in, and cannot lead elsewhere.
#[actix_web::test]
async fn a_third_party_may_begin_a_sign_in() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    let issuer = app.provider.issuer();
    let initiate =
        format!("/login?iss={issuer}&login_hint=ada%26x&target_link_uri=https://evil.example&x=y");
    let authorization_request = ada.begin(&initiate).await;
    assert!(authorization_request.starts_with(&format!("{issuer}/authorize?")));
    assert!(authorization_request.ends_with("&login_hint=ada%26x"));
    let callback = ada.choose(&authorization_request, "ada").await;
    assert_eq!(ada.get(&callback).await.location(), "/profile");
}

/// OpenID Connect Discovery 3: endpoints may have a query of their own (RFC 6749, 3.1 and 3.2: kept).
#[actix_web::test]
async fn endpoints_with_a_query_keep_it() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            for endpoint in [
                "authorization_endpoint",
                "token_endpoint",
                "end_session_endpoint",
            ] {
                let with_query = format!("{}?tenant=a", document[endpoint].as_str().unwrap());
                document[endpoint] = json!(with_query);
            }
        }));
    });
    let ada = app.visitor();
    assert!(
        ada.begin("/login")
            .await
            .contains("/authorize?tenant=a&client_id=")
    );
    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    let token = app.provider.requests(Endpoint::Token).remove(0);
    assert_eq!(token.query.get("tenant"), Some("a"));
    assert!(
        ada.post("/logout", "")
            .await
            .location()
            .contains("/end_session?tenant=a&id_token_hint=")
    );
}

/// RFC 9700, 2.1.1: PKCE always, and never `plain`.
#[actix_web::test]
async fn pkce_is_s256_whatever_discovery_says() {
    for methods in [json!(null), json!([]), json!(["plain"])] {
        let app = TestApp::spawn(Database::Sqlite);
        discovery_says(&app.provider, "code_challenge_methods_supported", methods);
        let ada = app.visitor();
        assert!(
            ada.begin("/login")
                .await
                .contains("code_challenge_method=S256")
        );
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
    }
}

#[actix_web::test]
async fn an_unannounced_issuer_that_matches_is_accepted() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let issuer = app.provider.issuer();
    assert_eq!(
        ada.get(&format!("{callback}&iss={issuer}"))
            .await
            .location(),
        "/profile"
    );
}

/// RFC 9207, 2.4: simple string comparison (RFC 3986, 6.2.1).
#[actix_web::test]
async fn the_issuer_of_a_response_is_compared_to_the_letter() {
    let app = TestApp::spawn(Database::Sqlite);
    let issuer = app.provider.issuer();
    let encode = |text: &str| {
        text.replace('%', "%25")
            .replace(':', "%3A")
            .replace('/', "%2F")
    };
    for wrong in [
        format!("{issuer}/"),
        issuer.to_uppercase(),
        issuer.replace("127.0.0.1", "localhost"),
        encode(&encode(&issuer)),
    ] {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        assert_eq!(
            ada.get(&format!("{callback}&iss={wrong}")).await.status,
            403,
            "{wrong}"
        );
    }
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    assert_eq!(
        ada.get(&format!("{callback}&iss={}", encode(&issuer)))
            .await
            .status,
        303
    );
    discovery_says(
        &app.provider,
        "authorization_response_iss_parameter_supported",
        json!(true),
    );
    app.clock.shift(time::Duration::hours(2));
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    assert_eq!(
        ada.get(&format!("{callback}&iss=")).await.status,
        403,
        "empty is absent"
    );
}

#[actix_web::test]
async fn an_error_by_post_has_its_sentence() {
    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let state = query(&callback)
        .split('&')
        .find(|pair| pair.starts_with("state="))
        .unwrap()
        .to_owned();
    let form = format!("error=access_denied&{state}");
    let answer = post_from_the_provider(&app, &ada, &form).await;
    let page = ada.get(answer.location()).await;
    let sentence = "Sign-in was cancelled, or your account may not use this application.";
    assert_eq!(page.refusal(), (403, sentence.to_owned()));
    assert_eq!(app.provider.request_count(Endpoint::Token), 0);
    assert!(ada.app_cookies().is_empty());
}

#[actix_web::test]
async fn an_id_token_after_a_post_is_verified_all_the_same() {
    for (claim, wrong) in [
        ("nonce", json!("x")),
        ("aud", json!("another")),
        ("iss", json!("https://evil.example")),
    ] {
        let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
        app.provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(move |claims| claims[claim] = wrong.clone()));
        });
        let ada = app.visitor();
        let authorization_request = ada.begin("/login").await;
        // Taken from where the demo provider would put it in the form.
        let by_query = authorization_request.replace("form_post", "query");
        let callback = ada.choose(&by_query, "ada").await;
        let answer = post_from_the_provider(&app, &ada, &query(&callback)).await;
        assert_eq!(ada.get(answer.location()).await.status, 403, "{claim}");
        assert!(!ada.is_signed_in().await);
    }
}

/// RP-Initiated Logout 1.0, 2.
#[actix_web::test]
async fn the_end_session_request_has_all_that_it_needs() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    let mut states = Vec::new();
    for _ in 0..2 {
        ada.sign_in("ada").await;
        let out = ada.post("/logout", "").await;
        let url = url::Url::parse(out.location()).unwrap();
        let pairs: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(pairs["client_id"], crate::support::app::CLIENT_ID);
        assert_eq!(pairs["post_logout_redirect_uri"], app.url);
        assert_eq!(pairs["id_token_hint"].split('.').count(), 3);
        assert_eq!((pairs["state"].len(), pairs.len()), (43, 4));
        states.push(pairs["state"].clone());
    }
    assert_ne!(states[0], states[1]);
}

#[actix_web::test]
async fn back_without_a_state_is_the_sign_in_page() {
    let app = TestApp::spawn(Database::Sqlite);
    let ada = app.visitor();
    for _ in 0..2 {
        ada.sign_in("ada").await;
        ada.post("/logout", "").await;
        let home = ada.get("/").await;
        assert!(home.status == 200 && home.has("login-button"));
    }
}

#[actix_web::test]
async fn an_id_token_that_is_far_too_long_is_no_hint() {
    for (groups_len, is_hint) in [(10 << 10, true), (20 << 10, false)] {
        let app = TestApp::spawn(Database::Sqlite);
        app.provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(move |claims| {
                claims["groups"] = json!("g".repeat(groups_len))
            }));
        });
        let ada = app.visitor();
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        let out = ada.post("/logout", "").await;
        // By a redirect, or by a form where that fits no address.
        let has_hint = out.status == 200 && out.body.contains("name=\"id_token_hint\"");
        assert_eq!(has_hint, is_hint, "{groups_len}");
        let is_redirect = out
            .header("location")
            .is_some_and(|url| url.contains("client_id="));
        assert_eq!(is_redirect, !is_hint, "{groups_len}");
    }
}

/// A key that is rotated just before it signs: the one that was fetched a moment ago does not do.
#[actix_web::test]
async fn a_key_rotated_just_before_signing_signs_in() {
    use crate::support::provider::Keep;
    for with_kid in [true, false] {
        let app = TestApp::spawn(Database::Sqlite);
        if !with_kid {
            app.provider.faults(|faults| {
                faults.edit_keys = Some(Box::new(|document| {
                    let keys = document["keys"].as_array_mut().unwrap();
                    keys.retain(|key| key["alg"] == "RS256");
                    keys.iter_mut()
                        .for_each(|key| drop(key.as_object_mut().unwrap().remove("kid")));
                }));
                faults.edit_header = Some(Box::new(|header| {
                    drop(header.as_object_mut().unwrap().remove("kid"))
                }));
            });
        }
        assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
        app.provider.rotate_keys(Keep::No);
        assert_eq!(
            app.visitor().sign_in("ada").await.location(),
            "/profile",
            "{with_kid}"
        );
    }
}

//! `doorward check` against a healthy provider and against broken ones.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::on_both;
use crate::support::app::{CLIENT_SECRET, SESSION_KEY, Storage};
use crate::support::process::{DOORWARD, Process, free_addr, get};
use crate::support::provider::{Canned, Endpoint};
use crate::support::{Database, TestApp};
use crate::tls::{Authority, CaFile, HOST, behind_tls};

/// What `doorward check` prints beside `app`, with some variables set otherwise, and its exit code.
fn check_with(app: &TestApp, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut all = app.variables.clone();
    all.extend(
        variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string())),
    );
    let all: Vec<_> = all
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut doorward = Process::start(DOORWARD, &[&["check"], arguments].concat(), &all);
    let (code, printed) = doorward.ends();
    assert_eq!(doorward.files(), [""; 0], "it makes nothing");
    for secret in [CLIENT_SECRET, SESSION_KEY, "hunter2", "panicked"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
    let printed = printed
        .replace(&app.storage().url, "DATABASE")
        .replace(&format!(":{}", port(&app.provider.issuer())), ":PROVIDER")
        .replace(&format!(":{}", port(&app.url)), ":APP");
    (code.unwrap(), printed)
}

/// As [`check_with`]: the lines that are not ok, without the spaces that make columns. Something is at fault exactly if
/// the exit code says so.
pub fn complaints_with(app: &TestApp, variables: &[(&str, &str)]) -> Vec<String> {
    let (code, printed) = check_with(app, &[], variables);
    let mut lines: Vec<String> = printed
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let sum = lines.pop().unwrap();
    assert!(sum.starts_with("At fault: "), "{printed}");
    let faults = lines
        .iter()
        .filter(|line| line.starts_with("fault "))
        .count();
    assert!(
        sum.starts_with(&format!("At fault: {faults}. ")),
        "{printed}"
    );
    assert_eq!(code, i32::from(faults > 0), "{printed}");
    // A machine without trust roots is a machine to test on, too.
    lines.retain(|line| !line.starts_with("ok ") && !line.starts_with("warning tls_roots "));
    lines
}

pub fn complaints(app: &TestApp) -> Vec<String> {
    complaints_with(app, &[])
}

fn discovery_document(app: &TestApp) -> String {
    let addr = app.provider.issuer()["http://".len()..].parse().unwrap();
    let answer = get(addr, Endpoint::Discovery.path()).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// What is said of everything that needs discovery, when that fails.
const UNTOLD: [&str; 8] = [
    "can't tell issuer discovery comes first.",
    "can't tell keys discovery comes first.",
    "can't tell scopes discovery comes first.",
    "can't tell client_auth discovery comes first.",
    "can't tell response_mode discovery comes first.",
    "can't tell client discovery comes first.",
    "can't tell client_secret discovery comes first.",
    "can't tell end_session discovery comes first.",
];

/// That `fault` is the only one, and nothing but the clock is known besides.
fn assert_only_discovery_fails(mut found: Vec<String>, fault: &str) {
    found.retain(|line| !line.starts_with("can't tell clock "));
    assert_eq!(found.remove(0), fault);
    assert_eq!(found, UNTOLD);
}

const ISSUER_FORMS: &str = "Mend: check OIDC_ISSUER, to the letter (Okta: https://{domain} is the org server, \
                            https://{domain}/oauth2/default a custom one; Keycloak: https://{host}/realms/{realm}; \
                            Entra ID: https://login.microsoftonline.com/{tenant}/v2.0; Auth0: https://{domain}/ with \
                            its slash; Authentik: https://{host}/application/o/{slug}/; others: docs/providers.md).";

on_both! {
    async fn a_healthy_set_up_is_told_line_by_line(app: TestApp) {
        let (code, printed) = check_with(&app, &[], &[]);
        let database = match app.variables["DATABASE_URL"].starts_with("postgres") {
            true => "Postgres",
            false => "the SQLite file DATABASE",
        };
        let roots = printed.lines().find(|line| line.contains(" tls_roots ")).unwrap();
        let some_roots = roots.starts_with("ok          tls_roots      ") && roots.ends_with(" of this system, 0 of OIDC_CA_FILE.");
        assert!(some_roots || roots.starts_with("warning     tls_roots      no certificate authority is trusted."), "{roots}");
        let expected = format!("\
ok          settings       all that is needed is there and can be used.
ok          public_url     http://localhost:APP stays on this machine: cookies need no Secure and no __Host-.
ok          session_key    given, 64 bytes.
{roots}
ok          discovery      http://127.0.0.1:PROVIDER/.well-known/openid-configuration answers.
ok          issuer         http://127.0.0.1:PROVIDER.
ok          clock          ours and the provider's agree within 5 s.
ok          keys           4 can be used, for RS256 PS256 ES256 EdDSA.
ok          scopes         all are offered: openid email profile.
ok          client_auth    client_secret_basic is offered.
ok          response_mode  query is offered.
ok          client         the provider knows it, and its redirect URI http://localhost:APP/authorization-code/callback.
ok          client_secret  the token endpoint takes it: of a made-up code and us it refused the code.
ok          end_session    people sign out at http://127.0.0.1:PROVIDER/end_session, too.
ok          database       {database} answers.
ok          migrations     all are applied.
At fault: 0. Warnings: {}. Can't be told: 0.
", i32::from(!some_roots));
        assert_eq!(printed, expected);
        assert_eq!(code, 0);
    }

    async fn machines_get_one_document(app: TestApp) {
        app.provider.faults(|faults| faults.edit_discovery = Some(Box::new(|document| {
            document.as_object_mut().unwrap().remove("end_session_endpoint");
            document["scopes_supported"] = Value::Null;
        })));
        let (code, printed) = check_with(&app, &["--json"], &[("OIDC_CLIENT_ID", "another")]);
        let document: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!((code, &document["ok"], &document["faults"], &document["unknown"]), (1, &json!(false), &json!(2), &json!(1)));
        let of = |check: &str| document["checks"].as_array().unwrap().iter().find(|it| it["check"] == check).unwrap().clone();
        assert_eq!(of("discovery")["verdict"], "ok");
        assert_eq!(of("discovery")["mend"], Value::Null);
        assert_eq!(of("client")["verdict"], "fault");
        assert!(of("client")["mend"].as_str().unwrap().contains("OIDC_CLIENT_ID"));
        assert_eq!(of("end_session")["verdict"], "warning");
        assert_eq!(of("scopes")["verdict"], "unknown");

        app.provider.heal();
        let (code, printed) = check_with(&app, &["--json"], &[]);
        let document: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!((code, &document["ok"], &document["faults"]), (0, &json!(true), &json!(0)));
        assert_eq!(document["checks"].as_array().unwrap().len(), 16);
    }

    async fn it_leaves_no_trace(app: TestApp) {
        complaints(&app);
        assert_eq!((app.storage().users(), app.storage().sessions()), (0, 0));
        let asked = app.provider.requests(Endpoint::Authorize);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].query.get("prompt"), Some("none"));
        assert_eq!(asked[0].session, None);
        assert_eq!(app.provider.request_count(Endpoint::Userinfo), 0);
    }
}

on_both! {
    async fn missing_migrations_are_told_and_not_applied(database: Database) {
        let app = TestApp::spawn(Database::Sqlite);
        let storage = Storage::new(database);
        if database == Database::Sqlite {
            std::fs::write(&storage.url, "").unwrap();
        }
        let names = "2026-11-22-000001_create_users, 2026-11-22-000002_create_sessions, 2026-11-22-000003_block_users";
        let found = complaints_with(&app, &[("DATABASE_URL", &storage.url)]);
        let expected = format!("warning migrations missing: {names}");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
        assert!(found[0].ends_with(" Mend: start Doorward, which applies them, or run `diesel migration run`."), "{found:?}");
        let found = complaints_with(&app, &[("DATABASE_URL", &storage.url), ("AUTO_MIGRATE", "false")]);
        let expected = format!("fault migrations missing, and AUTO_MIGRATE is false, so Doorward does not start: {names}");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
        assert!(found[0].ends_with(" Mend: run `diesel migration run`."), "{found:?}");
    }
}

#[actix_web::test]
async fn a_provider_that_is_down() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.stop();
    assert_only_discovery_fails(
        complaints(&app),
        "fault discovery the provider can't be reached: Connection refused (os error 111). \
         Mend: check OIDC_ISSUER, the name service, and what may go out from here.",
    );
}

#[actix_web::test]
async fn a_discovery_document_that_is_not_there_or_is_none() {
    let app = TestApp::spawn(Database::Sqlite);
    for (canned, fault) in [
        (Canned::html(404, "<h1>Not Found</h1>"), format!("fault discovery the provider answered with status 404. {ISSUER_FORMS}")),
        (Canned::html(301, "<h1>Moved</h1>"), format!("fault discovery the provider answered with status 301. {ISSUER_FORMS}")),
        (Canned::html(200, "<h1>Welcome</h1>"), format!("fault discovery the discovery document is refused: not a JSON object. {ISSUER_FORMS}")),
        (Canned::json(200, &json!({"issuer": app.provider.issuer()})), format!("fault discovery the discovery document is refused: it has no authorization_endpoint. {ISSUER_FORMS}")),
        (Canned::html(503, ""), "fault discovery the provider answered with status 503. Mend: ask the provider's operator, or try again later.".to_owned()),
    ] {
        app.provider.faults(|faults| {
            faults.canned.insert(Endpoint::Discovery, canned);
        });
        assert_only_discovery_fails(complaints(&app), &fault);
    }
}

#[actix_web::test]
async fn a_document_of_another_issuer() {
    let app = TestApp::spawn(Database::Sqlite);
    for (path, okta) in [
        ("", "Okta's org server"),
        ("/oauth2/default", "Okta's custom server \"default\""),
    ] {
        let other = format!("https://dev-123456.okta.com{path}");
        let issuer = other.clone();
        app.provider.faults(|faults| {
            faults.edit_discovery =
                Some(Box::new(move |document| document["issuer"] = json!(issuer)));
        });
        let expected = format!(
            "fault issuer OIDC_ISSUER is \"http://127.0.0.1:PROVIDER\", but the document there is of {other:?}, {okta}. \
             Mend: set OIDC_ISSUER={other} if that is the provider you mean (Okta: a custom domain can change the \
             issuer, see the application's issuer mode)."
        );
        let mut found = complaints(&app);
        assert_eq!(found.remove(0), expected);
        let untold = UNTOLD[1..].iter();
        let untold = untold.map(|line| line.replace("discovery comes", "the issuer comes"));
        assert_eq!(found, untold.collect::<Vec<_>>());
        for endpoint in [
            Endpoint::Keys,
            Endpoint::Authorize,
            Endpoint::Token,
            Endpoint::EndSession,
        ] {
            assert_eq!(app.provider.request_count(endpoint), 0, "{endpoint:?}");
        }
    }
}

#[actix_web::test]
async fn okta_under_a_custom_domain_is_recognised() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            let endpoint = document["issuer"].as_str().unwrap().to_owned() + "/oauth2/v1/authorize";
            document["authorization_endpoint"] = json!(endpoint);
        }));
    });
    let (_, printed) = check_with(&app, &[], &[]);
    let issuer = "ok          issuer         http://127.0.0.1:PROVIDER, Okta's org server under a custom domain.\n";
    assert!(printed.contains(issuer), "{printed}");
}

#[actix_web::test]
async fn keys_that_nobody_can_use() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| {
        faults.edit_keys = Some(Box::new(|keys| {
            keys["keys"] = json!([{"kty": "oct", "k": "c2VjcmV0"}])
        }))
    });
    let none = "fault keys of the 0 that can be used, none is for an algorithm that it says it signs with. Mend: let the \
                provider sign with RS256, PS256, ES256 or EdDSA, or say in OIDC_ID_TOKEN_ALGS what it does sign with.";
    assert_eq!(complaints(&app), [none]);
    app.provider.heal();
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            document["id_token_signing_alg_values_supported"] = json!(["HS256"])
        }));
    });
    assert_eq!(complaints(&app), [none.replace("of the 0", "of the 4")]);
    let found = complaints_with(&app, &[("OIDC_ID_TOKEN_ALGS", "ES384")]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with(" Mend: check OIDC_ID_TOKEN_ALGS."),
        "{found:?}"
    );
    app.provider.heal();
    app.provider.faults(|faults| {
        faults.canned.insert(Endpoint::Keys, Canned::html(500, ""));
    });
    let away = "fault keys keys: the provider answered with status 500. Mend: ask the provider's operator: jwks_uri must \
                lead to its keys.";
    assert_eq!(complaints(&app), [away]);
}

#[actix_web::test]
async fn a_clock_that_is_off() {
    let app = TestApp::spawn(Database::Sqlite);
    let document = discovery_document(&app);
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    for (offset_secs, age_secs, verdict) in [
        (-3600, 0, "fault"),
        (3600, 0, "fault"),
        (30, 0, "warning"),
        (-30, 0, "warning"),
        (0, 0, "ok"),
        (-3600, 3600, "ok"),
    ] {
        let date = (OffsetDateTime::now_utc() + time::Duration::seconds(offset_secs))
            .format(form)
            .unwrap();
        let mut canned = Canned::new(200, "application/json", document.clone());
        canned.headers.push(("Date".to_owned(), date));
        canned
            .headers
            .push(("Age".to_owned(), age_secs.to_string()));
        app.provider.faults(|faults| {
            faults.canned.insert(Endpoint::Discovery, canned);
        });
        let found = complaints(&app);
        if verdict == "ok" {
            assert_eq!(found, [""; 0]);
            continue;
        }
        assert_eq!(found.len(), 1, "{found:?}");
        let side = if offset_secs > 0 {
            "s behind the provider's."
        } else {
            "s ahead of the provider's."
        };
        assert!(
            found[0].starts_with(&format!("{verdict} clock ours is ")),
            "{found:?}"
        );
        assert!(found[0].contains(side), "{found:?}");
        assert!(
            found[0].ends_with(
                " Mend: have the clocks set by NTP: ID tokens are taken up to 60 s off."
            ),
            "{found:?}"
        );
    }
}

#[actix_web::test]
async fn scopes_that_the_provider_does_not_have() {
    let app = TestApp::spawn(Database::Sqlite);
    let scopes = [("OIDC_SCOPES", "openid email groups offline_access")];
    let unlisted = "warning scopes the provider does not list: groups offline_access. Mend: take them out of OIDC_SCOPES, \
                    or add them at the authorization server (Okta lists none of its custom scopes: there it may be right).";
    assert_eq!(complaints_with(&app, &scopes), [unlisted]);
    app.provider.faults(|faults| {
        faults.edit_redirect = Some(Box::new(|answer| {
            answer.0.retain(|(name, _)| name != "error");
            answer.push("error", "invalid_scope");
        }));
    });
    let refused = "fault client the provider knows it and its redirect URI http://localhost:APP/authorization-code/callback, \
                   but answers \"invalid_scope\". Mend: OIDC_SCOPES asks for a scope that the authorization server does not \
                   have or whose access policy allows it to nobody.";
    assert_eq!(complaints_with(&app, &scopes), [unlisted, refused]);
}

#[actix_web::test]
async fn a_provider_that_denies_everybody_is_not_taken_for_sure() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| {
        faults.edit_redirect = Some(Box::new(|answer| {
            answer.0.retain(|(name, _)| name != "error");
            answer.push("error", "access_denied");
        }));
    });
    let denied = "warning client the provider knows it and its redirect URI http://localhost:APP/authorization-code/callback, \
                  but answers \"access_denied\". Mend: cancelled, or: assign the person to the application; give the \
                  authorization server an access policy with a rule for it; check network zones.";
    assert_eq!(complaints(&app), [denied]);
}

#[actix_web::test]
async fn a_client_that_the_provider_does_not_know() {
    let app = TestApp::spawn(Database::Sqlite);
    let found = complaints_with(&app, &[("OIDC_CLIENT_ID", "another")]);
    assert_eq!(
        found,
        [
            "fault client the authorization endpoint shows an error page (status 400) that names client_id. Mend: at the \
         provider, compare the application's client id with OIDC_CLIENT_ID, and have \
         http://localhost:APP/authorization-code/callback among its sign-in redirect URIs, to the letter.",
            WRONG_SECRET,
            "can't tell end_session asked at http://127.0.0.1:PROVIDER/end_session whether our post-logout redirect URI \
         http://localhost:APP is registered, it refuses it and a made-up address too, and does not say that the address is what is wrong.",
        ]
    );
}

const WRONG_SECRET: &str = "fault client_secret the token endpoint refuses us: invalid_client. Mend: copy the application's \
                            client secret into OIDC_CLIENT_SECRET again, and check its client authentication.";

#[actix_web::test]
async fn a_client_secret_that_is_wrong() {
    let app = TestApp::spawn(Database::Sqlite);
    assert_eq!(
        complaints_with(&app, &[("OIDC_CLIENT_SECRET", "hunter2")]),
        [WRONG_SECRET]
    );
    app.provider.faults(|faults| {
        faults
            .canned
            .insert(Endpoint::Token, Canned::html(500, "hunter2"));
    });
    assert_eq!(
        complaints(&app),
        ["can't tell client_secret token: the provider answered with status 500."]
    );
}

#[actix_web::test]
async fn a_redirect_uri_that_is_not_registered() {
    let app = TestApp::spawn(Database::Sqlite);
    let found = complaints_with(&app, &[("PUBLIC_URL", "https://app.example.com")]);
    assert_eq!(
        found,
        [
            "fault client the authorization endpoint shows an error page (status 400) that names redirect_uri. Mend: at the \
         provider, compare the application's client id with OIDC_CLIENT_ID, and have \
         https://app.example.com/authorization-code/callback among its sign-in redirect URIs, to the letter.",
            "fault end_session http://127.0.0.1:PROVIDER/end_session does not take our post-logout redirect URI \
         https://app.example.com: whoever signs out ends there on an error page. Mend: at the provider, have \
         https://app.example.com among the application's post-logout redirect URIs, to the letter.",
        ]
    );
}

#[actix_web::test]
async fn an_authorization_endpoint_of_which_nothing_can_be_told() {
    let app = TestApp::spawn(Database::Sqlite);
    let mut elsewhere = Canned::html(302, "");
    elsewhere
        .headers
        .push(("Location".to_owned(), "/login?client_id=x".to_owned()));
    for (canned, why) in [
        (
            elsewhere,
            "it sends the browser elsewhere, though it was asked not to",
        ),
        (
            Canned::html(200, "Sign in here"),
            "it shows a page, though it was asked not to",
        ),
        (Canned::html(403, "client_id"), "it answers with status 403"),
        (Canned::html(429, ""), "it answers with status 429"),
        (Canned::html(500, ""), "it answers with status 500"),
    ] {
        app.provider.faults(|faults| {
            faults.canned.insert(Endpoint::Authorize, canned);
        });
        let expected = format!(
            "can't tell client asked at the authorization endpoint whether it knows us, {why}."
        );
        assert_eq!(complaints(&app), [expected]);
    }
}

#[actix_web::test]
async fn a_provider_without_end_session_or_our_authentication_or_response_mode() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.faults(|faults| {
        faults.edit_discovery = Some(Box::new(|document| {
            document
                .as_object_mut()
                .unwrap()
                .remove("end_session_endpoint");
            document["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]);
            document["response_modes_supported"] = json!(["fragment"]);
        }));
    });
    let found = complaints(&app);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[0].starts_with("fault client_auth the discovery document is refused: it offers neither client_secret_basic nor client_secret_post"), "{found:?}");
    assert_eq!(
        found[1],
        "warning response_mode the provider does not list query. Mend: check OIDC_RESPONSE_MODE."
    );
    assert!(
        found[2].starts_with("can't tell client_secret "),
        "{found:?}"
    );
    assert_eq!(
        found[3],
        "warning end_session the provider has no end-session endpoint: people sign out here, and stay signed in \
                          there. Mend: tell people, or let sessions at the provider be short."
    );
    let found = complaints_with(&app, &[("OIDC_CLIENT_AUTH_METHOD", "client_secret_post")]);
    assert_eq!(
        found[0],
        "warning client_auth the provider does not list client_secret_post. Mend: check OIDC_CLIENT_AUTH_METHOD."
    );
}

#[actix_web::test]
async fn an_authority_that_is_not_trusted() {
    let ours = Authority::new("Doorward test: ours");
    let (app, _front) = behind_tls(ours.certify(HOST, 2999), &[]);
    let mut found = complaints_with(&app, &[]);
    // The fingerprint is another each time.
    let (start, end) = (
        found[0].find("(SHA-256 ").unwrap(),
        found[0].find(") ").unwrap(),
    );
    assert_eq!(end - start, "(SHA-256 ".len() + 32 * 3 - 1);
    found[0].replace_range(start..end + 2, "");
    assert_only_discovery_fails(
        found,
        "fault discovery its certificate for 127.0.0.1 is signed by an authority that is not trusted here. Mend: name \
         that authority's certificate (CA:TRUE) in OIDC_CA_FILE.",
    );
}

#[actix_web::test]
async fn an_authority_that_is_named() {
    let ours = Authority::new("Doorward test: ours");
    let (app, _front) = behind_tls(ours.certify(HOST, 2999), &[&ours]);
    let file = CaFile::of(&[&ours]);
    let variables = [("OIDC_CA_FILE", file.0.to_str().unwrap())];
    assert_eq!(complaints_with(&app, &variables), [""; 0]);
    let (_, printed) = check_with(&app, &[], &variables);
    assert!(
        printed.contains(" of this system, 1 of OIDC_CA_FILE.\n"),
        "{printed}"
    );
}

#[actix_web::test]
async fn a_system_without_authorities() {
    let app = TestApp::spawn(Database::Sqlite);
    let nobody = format!("https://{}", free_addr());
    let variables = [
        ("OIDC_ISSUER", nobody.as_str()),
        ("SSL_CERT_FILE", "/dev/null"),
    ];
    assert_eq!(
        complaints_with(&app, &variables)[0],
        "fault tls_roots no certificate authority is trusted. Mend: install the system's certificates (Debian: \
         ca-certificates), or name the provider's authority in OIDC_CA_FILE."
    );
}

#[actix_web::test]
async fn settings_that_are_wrong_are_all_told_and_the_database_is_looked_at() {
    let app = TestApp::spawn(Database::Sqlite);
    let found = complaints_with(
        &app,
        &[
            ("OIDC_ISSUER", "http://op.example.com"),
            ("OIDC_CLIENT_SECRET", ""),
            ("SESSION_KEY", "c2hvcnQ="),
        ],
    );
    assert_eq!(
        found[..3],
        [
            "fault settings OIDC_ISSUER must be https (plain http only on this machine). Mend: for example \
         OIDC_ISSUER=https://dev-123456.okta.com/oauth2/default.",
            "fault settings OIDC_CLIENT_SECRET is missing. Mend: for example OIDC_CLIENT_SECRET=the client secret of the \
         application at the provider.",
            "fault settings SESSION_KEY has 5 bytes; it needs 64 or more. Mend: for example SESSION_KEY=the output of `openssl \
         rand -base64 64`, on one line.",
        ]
    );
    assert_eq!(found.len(), 3 + 13);
    assert!(
        found[3..]
            .iter()
            .all(|line| line.starts_with("can't tell ")
                && line.ends_with(" the settings come first.")),
        "{found:?}"
    );
    assert!(
        !found.iter().any(|line| line.contains(" database ")),
        "{found:?}"
    );
}

#[actix_web::test]
async fn before_the_first_start_it_makes_neither_database_nor_key() {
    let app = TestApp::spawn(Database::Sqlite);
    let found = complaints_with(&app, &[("DATABASE_URL", "people.db"), ("SESSION_KEY", "")]);
    assert_eq!(
        found,
        [
            "warning database the SQLite file people.db is not there yet: Doorward makes it when it starts. Mend: nothing, if this \
         is before the first start; else check DATABASE_URL.",
            "can't tell migrations the database comes first.",
        ]
    );
    let (_, printed) = check_with(
        &app,
        &[],
        &[("DATABASE_URL", "people.db"), ("SESSION_KEY", "")],
    );
    assert!(
        printed.contains(
            "session_key    not given: made at the first start, and kept in people.key.\n"
        ),
        "{printed}"
    );
}

#[actix_web::test]
async fn a_database_that_is_away_or_hangs_or_is_none() {
    let app = TestApp::spawn(Database::Sqlite);
    let nobody = free_addr();
    let hung = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let none = Storage::new(Database::Sqlite);
    std::fs::write(&none.url, "hello, this is no database, ".repeat(100)).unwrap();
    for (url, cause) in [
        (
            format!("postgres://doorward:hunter2@{nobody}/doorward"),
            "Connection refused",
        ),
        (
            format!(
                "postgres://doorward:hunter2@{}/doorward",
                hung.local_addr().unwrap()
            ),
            "timed out",
        ),
        (none.url.clone(), "file is not a database"),
    ] {
        let found = complaints_with(&app, &[("DATABASE_URL", &url)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("fault database the database can't be reached: ")
                && found[0].contains(cause),
            "{found:?}"
        );
        assert!(
            found[0]
                .ends_with(" Mend: check DATABASE_URL, and that the database runs and lets us in."),
            "{found:?}"
        );
        assert_eq!(found[1], "can't tell migrations the database comes first.");
    }
    let (mut content, mut file) = (String::new(), std::fs::File::open(&none.url).unwrap());
    file.read_to_string(&mut content).unwrap();
    assert!(content.starts_with("hello") && content.len() == 2800);
}

#[actix_web::test]
async fn a_postgres_that_takes_no_writes() {
    let app = TestApp::spawn(Database::Postgres);
    let url = format!(
        "{}?options=-c%20default_transaction_read_only%3Don",
        app.storage().url
    );
    let found = complaints_with(&app, &[("DATABASE_URL", &url)]);
    assert_eq!(
        found,
        [
            "fault database Postgres answers, but takes no writes. Mend: name the primary in DATABASE_URL, not a \
             standby, and a role that may write."
        ]
    );
}

#[actix_web::test]
async fn plain_http_across_a_network_is_a_warning() {
    let app = TestApp::spawn(Database::Sqlite);
    app.provider.register(
        "http://app.example.com/authorization-code/callback",
        "http://app.example.com",
    );
    let found = complaints_with(&app, &[("PUBLIC_URL", "http://app.example.com")]);
    assert_eq!(
        found,
        [
            "warning public_url http://app.example.com is plain http: cookies go without Secure and __Host-, and who \
                        listens on the way can take a session over. Mend: put TLS before Doorward and say https in PUBLIC_URL."
        ]
    );
}

#[actix_web::test]
async fn a_session_key_that_others_may_read_is_a_fault() {
    use std::os::unix::fs::PermissionsExt;
    let app = TestApp::spawn_with(Database::Sqlite, &[("SESSION_KEY", "")]);
    assert_eq!(complaints(&app), [""; 0]);
    let key = app.storage().url.replace(".db", ".key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let found = complaints(&app);
    assert_eq!(
        found[0],
        format!(
            "fault settings SESSION_KEY is missing, and {key}: others may read it (mode 644): chmod 600 {key}; or delete \
             it, and a new key is made, with which everybody signs in again. Mend: for example SESSION_KEY=the output of \
             `openssl rand -base64 64`, on one line."
        )
    );
    let untold = " the settings come first.";
    assert!(found[1..].iter().all(|line| line.ends_with(untold)));
}

/// Each call is cut off after ten seconds, and discovery comes before the rest.
#[actix_web::test]
async fn a_provider_that_drips_does_not_hold_it_up() {
    let app = TestApp::spawn(Database::Sqlite);
    let slow = |body: &str| {
        Canned::json(200, &json!(body))
            .dripping(Duration::from_secs(1))
            .repeated(1000)
    };
    app.provider.faults(|faults| {
        for endpoint in [Endpoint::Keys, Endpoint::Authorize, Endpoint::Token] {
            faults.canned.insert(endpoint, slow("drip"));
        }
    });
    let began = Instant::now();
    let found = complaints(&app);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        found,
        [
            "fault keys keys: the provider did not answer within 10 s. Mend: ask the provider's operator: jwks_uri must lead to its keys.",
            "can't tell client asked at the authorization endpoint whether it knows us, the provider did not answer within 10 s.",
            "can't tell client_secret token: the provider did not answer within 10 s.",
        ]
    );
}

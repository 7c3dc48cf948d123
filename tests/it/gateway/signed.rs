//! The signed token: apps verify it with the published keys. Here openssl does.

use std::io::Write;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::support::{Browser, Gateway, NAVIGATION, RULES};
use crate::on_both;
use crate::support::app::Storage;
use crate::support::process::{Process, free_addr, provider_for};
use crate::support::provider::demo_people;
use crate::support::{Answer, Database, Visitor, provider_faults, secrets};

const KEYS: &str = "/.well-known/jwks.json";

fn start(database: Database, settings: &[(&str, &str)]) -> Gateway {
    let own = [("GATEWAY_JWT", "true")];
    Gateway::start_with(database, RULES, &[&own[..], settings].concat())
}

/// The token of an answer that lets a request through.
fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200);
    let token = answer.header("x-doorward-jwt").unwrap();
    secrets::register("a signed identity", token.rsplit('.').next().unwrap());
    token.to_owned()
}

fn decoded(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

fn part(token: &str, at: usize) -> Value {
    serde_json::from_slice(&decoded(token.split('.').nth(at).unwrap())).unwrap()
}

pub fn header(token: &str) -> Value {
    part(token, 0)
}

pub fn claims(token: &str) -> Value {
    part(token, 1)
}

async fn keys(visitor: &Visitor) -> Value {
    let answer = visitor.get(KEYS).await;
    for (name, value) in [
        ("content-type", "application/jwk-set+json"),
        ("cache-control", "public, max-age=300"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.status == 200 && answer.cookies().is_empty());
    let keys: Value = serde_json::from_str(&answer.body).unwrap();
    for key in keys["keys"].as_array().unwrap() {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
    keys
}

fn is_published(keys: &Value, token: &str) -> bool {
    let kid = &header(token)["kid"];
    let mut keys = keys["keys"].as_array().unwrap().iter();
    keys.any(|key| key["kid"] == *kid)
}

/// Whether openssl verifies the token with that of the keys which it names.
fn verifies(keys: &Value, token: &str) -> bool {
    let kid = &header(token)["kid"];
    let mut keys = keys["keys"].as_array().unwrap().iter();
    let key = keys.find(|key| key["kid"] == *kid).unwrap();
    assert_eq!((&key["kty"], &key["crv"]), (&json!("EC"), &json!("P-256")));
    // RFC 5480: an EC key on P-256, uncompressed.
    let head = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
    let coordinates = ["x", "y"].map(|name| decoded(key[name].as_str().unwrap()));
    let spki = [&head[..], &coordinates.concat()].concat();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(content))
            .unwrap();
        path
    };
    let output = Command::new("openssl")
        .args(["dgst", "-sha256", "-keyform", "DER", "-verify"])
        .arg(write("key", &spki))
        .arg("-signature")
        .arg(write("signature", &der(&decoded(signature))))
        .arg(write("signed", signed.as_bytes()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let is_verified = said.contains("Verified OK");
    assert!(
        is_verified || said.to_lowercase().contains("failure"),
        "{output:?}"
    );
    is_verified
}

/// The two numbers of a JWS's signature (RFC 7518, 3.4) as openssl wants them (RFC 3279, 2.2.3).
fn der(signature: &[u8]) -> Vec<u8> {
    assert_eq!(signature.len(), 64);
    let numbers = signature.chunks(32).map(|number| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let mut digits = number[zeros..].to_vec();
        if digits[0] >= 0x80 {
            digits.insert(0, 0);
        }
        [vec![2, u8::try_from(digits.len()).unwrap()], digits].concat()
    });
    let numbers = Vec::from_iter(numbers).concat();
    [vec![0x30, u8::try_from(numbers.len()).unwrap()], numbers].concat()
}

/// What an app does: RFC 8725, 3.
fn is_accepted_by(origin: &str, issuer: &str, keys: &Value, token: &str) -> bool {
    let (header, claims) = (header(token), claims(token));
    header["alg"] == "ES256"
        && header["typ"] == "doorward+jwt"
        && claims["iss"] == issuer
        && claims["aud"] == origin
        && verifies(keys, token)
}

on_both! {
    async fn an_app_verifies_who_asks_and_no_other_app_takes_the_token(database: Database) {
        let gateway = start(database, &[]);
        provider_faults::edit_claims(&gateway.app, |claims| {
            claims["acr"] = json!("phr");
            claims["auth_time"] = json!(1_800_000_000);
        });
        let grace = Browser::new(&gateway);
        let wiki = token(&grace.follow("http://wiki.test/", "grace").await.1);
        let metrics = token(&grace.follow("http://metrics.test/", "grace").await.1);
        let published = keys(&gateway.app.visitor()).await;
        let issuer = gateway.app.url.as_str();
        let accepts = |origin: &str, token: &str| is_accepted_by(origin, issuer, &published, token);
        assert!(accepts("http://wiki.test", &wiki) && accepts("http://metrics.test", &metrics));
        assert!(!accepts("http://metrics.test", &wiki) && !accepts("http://wiki.test", &metrics));
        assert!(!is_accepted_by("http://wiki.test", "http://other.test", &published, &wiki));
        // Somebody else's claims under the same signature.
        let parts: Vec<&str> = wiki.split('.').collect();
        let mut other = claims(&wiki);
        other["sub"] = json!("00uada");
        let other = URL_SAFE_NO_PAD.encode(other.to_string());
        assert!(!accepts("http://wiki.test", &[parts[0], &other, parts[2]].join(".")));

        let mut said = claims(&wiki);
        let now = gateway.app.clock.now().unix_timestamp();
        let (iat, exp) = (said["iat"].as_i64().unwrap(), said["exp"].as_i64().unwrap());
        assert!((now - 60..=now).contains(&iat) && exp == iat + 120);
        assert_eq!(said["jti"].as_str().unwrap().len(), 22);
        for name in ["iat", "exp", "jti"] {
            said.as_object_mut().unwrap().remove(name);
        }
        let expected = json!({
            "iss": issuer, "aud": "http://wiki.test", "sub": "00ugrace", "email": "grace@example.com",
            "name": "Grace Hopper", "groups": ["staff", "admins"], "acr": "phr", "auth_time": 1_800_000_000,
        });
        assert_eq!(said, expected);
    }
}

/// With `SESSION_CACHE=0`, so that each check reads the session again.
#[actix_web::test]
async fn a_token_is_made_once_a_minute_for_each_session_and_app_and_not_after_the_session() {
    let gateway = start(Database::Sqlite, &[]);
    let (laptop, phone) = (Browser::new(&gateway), Browser::new(&gateway));
    let first = token(&laptop.follow("http://wiki.test/", "ada").await.1);
    let of_phone = token(&phone.follow("http://wiki.test/", "ada").await.1);
    assert_ne!(claims(&first)["jti"], claims(&of_phone)["jti"]);
    // The person's latest sign-in counts for all their sessions, and was after the first token.
    let second = token(&laptop.open("http://wiki.test/").await);
    let again = laptop.ask("POST", "http://wiki.test/other", &[]).await;
    assert_eq!(token(&again), second);
    gateway.app.clock.shift(time::Duration::seconds(50));
    assert_eq!(token(&laptop.open("http://wiki.test/").await), second);
    gateway.app.clock.shift(time::Duration::seconds(10));
    let third = token(&laptop.open("http://wiki.test/").await);
    assert!(claims(&third)["iat"].as_i64() >= claims(&second)["iat"].as_i64().map(|at| at + 60));
    // A clock that is set back makes no token of the future.
    gateway.app.clock.shift(time::Duration::seconds(-30));
    assert_ne!(token(&laptop.open("http://wiki.test/").await), third);

    laptop
        .at_doorward
        .post("/logout", "")
        .await
        .header("location")
        .unwrap();
    let signed_out = laptop.ask("GET", "http://wiki.test/", &[]).await;
    assert_eq!(signed_out.status, 401);
    assert_eq!(signed_out.header("x-doorward-jwt"), None);
    let public = laptop.open("http://wiki.test/healthz").await;
    assert_eq!(public.header("x-doorward-jwt"), Some(""), "it is nobody's");
    // Whom a public rule lets through while they are signed in.
    let public = phone.open("http://wiki.test/healthz").await;
    assert_eq!(claims(&token(&public))["sub"], "00uada");
}

#[actix_web::test]
async fn the_next_token_says_what_a_sign_in_elsewhere_changed() {
    let gateway = start(Database::Sqlite, &[("SESSION_CACHE", "10s")]);
    let (laptop, phone) = (Browser::new(&gateway), Browser::new(&gateway));
    for browser in [&laptop, &phone] {
        let answer = browser.follow("http://wiki.test/", "grace").await.1;
        assert_eq!(
            claims(&token(&answer))["groups"],
            json!(["staff", "admins"])
        );
    }
    provider_faults::edit_userinfo(&gateway.app, |claims| claims["groups"] = json!("staff"));
    phone.at_doorward.sign_in("grace").await;
    let next = token(&laptop.open("http://wiki.test/").await);
    assert_eq!(claims(&next)["groups"], json!(["staff"]));
}

#[actix_web::test]
async fn without_the_setting_the_header_is_empty_and_no_key_is_published() {
    let gateway = Gateway::start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    let (_, answer) = ada.follow("http://wiki.test/", "ada").await;
    assert_eq!(answer.header("x-doorward-jwt"), Some(""));
    let keys = gateway.app.visitor().get(KEYS).await;
    assert_eq!((keys.status, keys.header("set-cookie")), (404, None));
}

/// The Python of the documentation, with these addresses, and what comes after it.
fn example(issuer: &str, audience: &str, rest: &str) -> String {
    let document = include_str!("../../../docs/gateway.md");
    let (_, code) = document.split_once("```python\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let code = code.replace("https://auth.example.com", issuer);
    code.replace("https://wiki.example.com", audience) + rest
}

/// Runs Python without assertions, as some servers do, and with Debian's PyJWT, which is old.
fn python(code: &str, arguments: &[&str]) -> String {
    let output = Command::new("/usr/bin/python3")
        .args(["-O", "-c", code])
        .args(arguments)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{output:?}");
    printed.into_owned()
}

#[actix_web::test]
async fn the_python_of_the_documentation_takes_its_own_tokens_and_no_others() {
    const TRY: &str = r#"
def tried(token):
    try:
        return person(token)["sub"]
    except Exception as cause:
        return type(cause).__name__

import sys
print(*map(tried, sys.argv[1:]))
"#;
    let gateway = start(Database::Sqlite, &[]);
    let grace = Browser::new(&gateway);
    let wiki = token(&grace.follow("http://wiki.test/", "grace").await.1);
    let metrics = token(&grace.follow("http://metrics.test/", "grace").await.1);
    let (signed, signature) = wiki.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{signed}.{other}{}", &signature[1..]);
    let url = gateway.app.url.clone();
    let code = example(&url, "http://wiki.test", TRY);
    let tried = actix_web::rt::task::spawn_blocking(move || {
        python(&code, &[&wiki, &metrics, &forged, "", "a.b.c"])
    });
    let tried = tried.await.unwrap();
    assert!(
        tried.starts_with("00ugrace InvalidAudienceError InvalidSignatureError DecodeError "),
        "{tried}"
    );

    // Of a key that is right, with claims that are right: what tells it from an ID token or an access token is its type.
    let code = r#"
import time
from cryptography.hazmat.primitives.asymmetric import ec
own = ec.generate_private_key(ec.SECP256R1())
class Own:
    key = own.public_key()
keys.get_signing_key_from_jwt = lambda token: Own
claims = dict(iss="http://auth.test", aud="http://wiki.test", sub="ada", exp=time.time() + 60)
def made(**header):
    return jwt.encode(claims, own, algorithm="ES256", headers=header)
sys.argv[1:] = [made(typ="doorward+jwt"), made(), made(typ="at+jwt"), made(typ=None)]
claims["exp"] -= 120
sys.argv.append(made(typ="doorward+jwt"))
print(*map(tried, sys.argv[1:]))
"#;
    let code = example("http://auth.test", "http://wiki.test", TRY) + code;
    assert_eq!(
        python(&code, &[]).trim(),
        "ada InvalidTokenError InvalidTokenError InvalidTokenError ExpiredSignatureError"
    );
}

mod slow {
    use super::*;

    /// One process has read a new key and signs with it, the other one has read it and does not sign with it yet.
    #[actix_web::test]
    async fn while_a_key_rotates_each_process_publishes_what_the_other_signs_with() {
        let (public, gateways) = ([free_addr(), free_addr()], [free_addr(), free_addr()]);
        let url = format!("http://{}", public[0]);
        let provider = provider_for(&url, demo_people());
        let storage = Storage::new(Database::Sqlite);
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let key = || {
            let bytes = doorward::random::bytes::<64>();
            base64::engine::general_purpose::STANDARD.encode(bytes)
        };
        let (old, new) = (key(), key());
        let rules = write("rules.toml", RULES);
        let issuer = provider.issuer();
        let processes = [("signs", "0s"), ("waits", "1h")];
        let processes = std::array::from_fn::<_, 2, _>(|at| {
            let (name, delay) = processes[at];
            let gateway = gateways[at].to_string();
            let key_file = write(name, &old);
            let mut process = Process::doorward(
                public[at],
                &[
                    ("OIDC_ISSUER", issuer.as_str()),
                    ("PUBLIC_URL", &url),
                    ("DATABASE_URL", &storage.url),
                    ("SESSION_KEY", ""),
                    ("SESSION_KEY_FILE", &key_file),
                    ("SESSION_KEY_DELAY", delay),
                    ("GATEWAY_ADDR", &gateway),
                    ("GATEWAY_JWT", "true"),
                    ("RULES_FILE", &rules),
                    ("TRUSTED_PROXIES", "127.0.0.1"),
                ],
            );
            process.answers(public[at]);
            process
        });
        let [signs, waits] = &processes;

        let ask = async |at: usize, uri: &str, cookies: &str| {
            let mut headers = vec![
                ("x-forwarded-method", "GET"),
                ("x-forwarded-proto", "http"),
                ("x-forwarded-host", "wiki.test"),
                ("x-forwarded-uri", uri),
                ("cookie", cookies),
            ];
            headers.extend(NAVIGATION);
            let proxy = Visitor::new(&format!("http://{}", gateways[at]));
            proxy
                .send(awc::http::Method::GET, "/auth/forward", &headers, "")
                .await
        };
        let cookie = |answer: &Answer| answer.cookies()[0].split(';').next().unwrap().to_owned();
        let ada = Visitor::new(&url);
        ada.sign_in("ada").await;
        let started = ask(0, "/", "").await;
        let code = ada.get(started.location()).await;
        let uri = code.location().strip_prefix("http://wiki.test").unwrap();
        let session = cookie(&ask(0, uri, &cookie(&started)).await);

        let published =
            async |at: usize| keys(&Visitor::new(&format!("http://{}", public[at]))).await;
        let of_old = token(&ask(0, "/", &session).await);
        write("signs", &new);
        signs.says("sealed with the new SESSION_KEY");
        let of_new = token(&ask(0, "/", &session).await);
        assert_ne!(header(&of_old)["kid"], header(&of_new)["kid"]);
        assert!(!is_published(&published(1).await, &of_new));
        write("waits", &new);
        waits.says("SESSION_KEY_FILE changed; its new content is in use");
        let still_of_old = token(&ask(1, "/", &session).await);
        assert_eq!(header(&of_old)["kid"], header(&still_of_old)["kid"]);
        for at in [0, 1] {
            let published = published(at).await;
            for token in [&of_old, &of_new, &still_of_old] {
                assert!(is_accepted_by("http://wiki.test", &url, &published, token));
            }
        }
    }
}

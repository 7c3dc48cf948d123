//! The provider for the load: stateless and fast, so that it is not what is measured. Its codes say whom they are for:
//! `subject~nonce`. It signs with RS256, as Okta does, with answers of about Okta's size. It checks nothing; that the
//! checks of Doorward hold is for the tests.

use actix_web::web::{Data, Form};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::{Value, json};

use super::process::announce;

pub const CLIENT_ID: &str = "load";
pub const CLIENT_SECRET: &str = "load-client-secret";

/// Okta's access tokens are JWTs of about so many characters.
const ACCESS_TOKEN_LEN: usize = 900;

struct Provider {
    issuer: String,
    key: RsaKeyPair,
    jwk: Value,
}

/// Serves until the process is killed, and says where on standard output.
pub fn run() {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made");
    let public = DecodingKey::from_rsa_der(key.public_key().as_ref());
    let jwk = Jwk::from_decoding_key(&public, Some(jsonwebtoken::Algorithm::RS256));
    let mut jwk =
        serde_json::to_value(jwk.expect("an RSA key has a JWK form")).expect("it is JSON");
    jwk["kid"] = "rsa-1".into();
    jwk["use"] = "sig".into();
    jwk["alg"] = "RS256".into();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let provider = Data::new(Provider {
        issuer: format!("http://127.0.0.1:{port}"),
        key,
        jwk,
    });
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(provider.clone())
                .route(
                    "/.well-known/openid-configuration",
                    web::get().to(discovery),
                )
                .route("/keys", web::get().to(keys))
                .route("/token", web::post().to(token))
                .route("/userinfo", web::get().to(userinfo))
        });
        let server = server.listen(listener).expect("it listens").run();
        announce(port);
        server.await.expect("it serves");
    });
}

async fn discovery(provider: Data<Provider>) -> HttpResponse {
    let issuer = &provider.issuer;
    HttpResponse::Ok().json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/keys"),
        "end_session_endpoint": format!("{issuer}/end_session"),
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

async fn keys(provider: Data<Provider>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "keys": [provider.jwk] }))
}

#[derive(Deserialize)]
struct TokenRequest {
    code: String,
}

async fn token(provider: Data<Provider>, request: Form<TokenRequest>) -> HttpResponse {
    let (subject, nonce) = request.code.split_once('~').unwrap_or((&request.code, ""));
    let mut access_token = format!("{subject}.");
    access_token.extend(std::iter::repeat_n('x', ACCESS_TOKEN_LEN));
    let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("the clock is past 1970").as_secs();
    let claims = json!({
        "ver": 1, "jti": "ID.0123456789abcdefghijklmnopqrstuvwxyz", "amr": ["pwd"], "idp": "00o0123456789abcdef",
        "iss": provider.issuer, "sub": subject, "aud": CLIENT_ID, "iat": now, "exp": now + 3600, "nonce": nonce,
        "auth_time": now, "at_hash": URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]),
        "name": "Ada Lovelace", "email": "ada@example.com", "preferred_username": "ada@example.com",
    });
    let header = json!({"alg": "RS256", "kid": "rsa-1"});
    let message = format!("{}.{}", encoded(&header), encoded(&claims));
    let mut signature = vec![0; provider.key.public_modulus_len()];
    provider
        .key
        .sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        )
        .expect("an RSA key signs");
    HttpResponse::Ok().json(json!({
        "token_type": "Bearer", "expires_in": 3600, "scope": "openid email profile",
        "access_token": access_token,
        "id_token": format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)),
    }))
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn userinfo(request: HttpRequest) -> HttpResponse {
    let bearer = request.headers().get("authorization");
    let bearer = bearer
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let subject = bearer.trim_start_matches("Bearer ").split('.').next();
    HttpResponse::Ok().json(json!({
        "sub": subject, "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace", "locale": "en-US",
        "preferred_username": "ada@example.com", "zoneinfo": "America/Los_Angeles", "updated_at": 1_700_000_000,
        "email": "ada@example.com", "email_verified": true,
    }))
}

//! The floor: actix-web with nothing of Doorward. A page of so many bytes, and for a sign-in the two calls to the
//! provider and one RS256 verification.

use std::cell::OnceCell;
use std::time::Duration;

use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::web::{Data, Path, Query};
use actix_web::{App, HttpResponse, HttpServer, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::process::announce;

struct Floor {
    provider: String,
    http: awc::Client,
    key: OnceCell<DecodingKey>,
}

/// Serves until the process is killed, and says where on standard output.
pub fn run(provider: String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            let http = awc::Client::builder()
                .disable_redirects()
                .timeout(Duration::from_secs(10));
            App::new()
                .app_data(Data::new(Floor {
                    provider: provider.clone(),
                    http: http.finish(),
                    key: OnceCell::new(),
                }))
                .route("/page/{size}", web::get().to(page))
                .route("/sign-in", web::get().to(sign_in))
        });
        let server = server.listen(listener).expect("it listens").run();
        announce(port);
        server.await.expect("it serves");
    });
}

async fn page(size: Path<usize>) -> HttpResponse {
    static PAGE: [u8; 64 * 1024] = [b'x'; 64 * 1024];
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(&PAGE[..*size])
}

#[derive(Deserialize)]
struct Callback {
    code: String,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    n: String,
    e: String,
}

async fn sign_in(floor: Data<Floor>, query: Query<Callback>) -> HttpResponse {
    let Floor {
        provider,
        http,
        key,
    } = &**floor;
    let form = [("grant_type", "authorization_code"), ("code", &query.code)];
    let mut answer = http
        .post(format!("{provider}/token"))
        .send_form(&form)
        .await
        .expect("the provider answers");
    let tokens: Tokens =
        serde_json::from_slice(&answer.body().await.expect("a body")).expect("tokens");
    if key.get().is_none() {
        let mut answer = http
            .get(format!("{provider}/keys"))
            .send()
            .await
            .expect("keys");
        let set: KeySet =
            serde_json::from_slice(&answer.body().await.expect("a body")).expect("keys");
        let jwk = &set.keys[0];
        // Somebody else may have been as fast: it is the same key.
        let _ = key.set(DecodingKey::from_rsa_components(&jwk.n, &jwk.e).expect("an RSA key"));
    }
    let (message, signature) = tokens.id_token.rsplit_once('.').expect("a JWS");
    let key = key.get().expect("it was set above");
    let right = jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, Algorithm::RS256);
    assert!(right.expect("a signature"));
    let mut answer = http
        .get(format!("{provider}/userinfo"))
        .bearer_auth(&tokens.access_token)
        .send()
        .await
        .expect("the provider answers");
    let userinfo = answer.body().await.expect("a body");
    let claims = message.split_once('.').expect("a JWS").1;
    assert!(!userinfo.is_empty() && URL_SAFE_NO_PAD.decode(claims).is_ok());
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/profile"))
        .finish()
}

//! `/auth/…` of the gateway's listener: a proxy asks whether a request may go on to its app.

mod arrival;
mod codes;
mod decline;
mod departure;
mod judge;
mod original;
mod record;
mod respond;

use std::time::Instant;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::gateway::kind::Kind;
use crate::http::gateway::{Gateway, RequestHeaders};
use crate::observe::request_id::{RequestContext, RequestId};
pub use record::Outcome;
use record::Record;
use respond::Responder;

/// Caddy, Traefik and HAProxy ask.
pub async fn forward(gateway: Data<Gateway>, request: HttpRequest) -> HttpResponse {
    check(Kind::Forward, &gateway, &request).await
}

/// nginx asks.
pub async fn request(gateway: Data<Gateway>, request: HttpRequest) -> HttpResponse {
    check(Kind::Request, &gateway, &request).await
}

/// Envoy asks.
pub async fn ext_authz(gateway: Data<Gateway>, request: HttpRequest) -> HttpResponse {
    check(Kind::ExtAuthz, &gateway, &request).await
}

async fn check(kind: Kind, gateway: &Gateway, request: &HttpRequest) -> HttpResponse {
    let began = Instant::now();
    let _in_flight = gateway.shutdown.begin_request();
    let client = gateway
        .trusted_proxies
        .client(request.peer_addr(), request.headers());
    let name_requests = client.peer_is_trusted && gateway.trusted_proxies.name_requests;
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let context = RequestContext {
        id: RequestId::of(name_requests, header),
        address: client.ip,
    };
    let mut record = Record::default();
    let responder = Responder {
        kind,
        id: context.id,
        client: client.ip,
    };
    context
        .scope(async {
            let response = match client.peer_is_trusted {
                true => examine(gateway, request, &responder, &mut record).await,
                false => {
                    record.set(Outcome::Untrusted, "untrusted_peer");
                    responder.forbidden()
                }
            };
            record.write(kind, began.elapsed());
            response
        })
        .await
}

/// Reads what a proxy that we trust describes, and has it judged.
async fn examine(
    gateway: &Gateway,
    request: &HttpRequest,
    responder: &Responder,
    record: &mut Record,
) -> HttpResponse {
    // nginx without `Content-Length ""` would let us read the next request as this one's body.
    if original::has_body(request) {
        record.set(Outcome::Malformed, "body");
        return responder.malformed(true);
    }
    let headers = RequestHeaders(request.headers());
    let original = match original::read(gateway, request, &headers, responder.kind) {
        Ok(original) => original,
        Err(malformed) => {
            record.set(Outcome::Malformed, malformed.part.reason());
            record.fault = Some(malformed);
            return responder.malformed(false);
        }
    };
    let response = judge::judge(gateway, &original, &headers, responder, record).await;
    record.of_request(&original);
    response
}

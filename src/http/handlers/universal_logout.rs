//! `/universal-logout`: the provider ends all sessions of a person (Okta's Universal Logout,
//! draft-parecki-oauth-global-token-revocation).

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde_json::json;

use super::ended_by_provider::{NotDone, end, not_done};
use super::posted::{media_type, read_body};
use crate::accounts::end::Channel;
use crate::db::Kind;
use crate::http::app::App;
use crate::http::error::Error;
use crate::oidc::{RevocationToken, RevocationTokenError, RevokedSubject};
use crate::session::{EndedByProvider, Said};

/// Why nobody was signed out.
enum Failure {
    /// There is no bearer token.
    NoToken(NotDone),
    /// The bearer token is not acted on.
    Token(NotDone),
    /// The body names nobody.
    Body(NotDone),
    /// It may come again, after so many seconds.
    Unavailable(NotDone, u64),
}

impl Failure {
    /// A token that is not acted on.
    fn of(cause: NotDone) -> Failure {
        match cause.retry_after_secs {
            Some(secs) => Failure::Unavailable(cause, secs),
            None => Failure::Token(cause),
        }
    }
}

/// `POST`: ends all sessions of whom the body names. 204 if they have ended, also if there were none; 404 if nobody is
/// called so.
pub async fn universal_logout(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let failure = match act(&app, &request, payload).await {
        Ok(EndedByProvider::NobodyKnown) => return Ok(respond(HttpResponse::NotFound()).finish()),
        Ok(_) => return Ok(respond(HttpResponse::NoContent()).finish()),
        Err(failure) => failure,
    };
    let (response, cause) = match failure {
        Failure::NoToken(cause) => {
            let mut response = respond(HttpResponse::Unauthorized());
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
            (response.finish(), cause)
        }
        Failure::Token(cause) => {
            let mut response = respond(HttpResponse::Unauthorized());
            response.insert_header((WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""));
            (response.json(json!({"error": "invalid_token"})), cause)
        }
        Failure::Body(cause) => {
            let mut response = respond(HttpResponse::BadRequest());
            (response.json(json!({"error": "invalid_request"})), cause)
        }
        Failure::Unavailable(cause, secs) => {
            let mut response = respond(HttpResponse::ServiceUnavailable());
            response.insert_header((RETRY_AFTER, secs));
            (
                response.json(json!({"error": "temporarily_unavailable"})),
                cause,
            )
        }
    };
    not_done(&app, Channel::Universal, &cause).await?;
    Ok(response)
}

fn respond(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    response.insert_header((CACHE_CONTROL, "no-store"));
    response
}

/// The bearer token comes first: who has none learns nothing of the body's faults.
async fn act(
    app: &App,
    request: &HttpRequest,
    payload: Payload,
) -> Result<EndedByProvider, Failure> {
    let Some(token) = bearer(request) else {
        let cause = NotDone::refused("malformed", "it has no bearer token, or several");
        return Err(Failure::NoToken(cause));
    };
    let token = app.provider.verify_revocation_token(&app.http, token).await;
    let RevocationToken { jti, exp } = token
        .map_err(|error| Failure::of(NotDone::of_token(error, RevocationTokenError::reason)))?;
    let malformed = |cause: String| Failure::Body(NotDone::refused("malformed", cause));
    if media_type(request) != "application/json" {
        return Err(malformed(
            "its Content-Type is not application/json".to_owned(),
        ));
    }
    let body = read_body(payload).await;
    let body = body.map_err(|cause| malformed(cause.to_string()))?;
    let subject = app.provider.read_revocation(&body).map_err(malformed)?;
    let (whose, named) = match subject {
        RevokedSubject::Subject(sub) => {
            let named = format!("of {sub:?}");
            (app.sessions.of_subject(sub), named)
        }
        RevokedSubject::Email(email) => {
            let named = format!("of the email {email:?}");
            (app.sessions.of_email(email), named)
        }
    };
    let said = Said {
        channel: Channel::Universal,
        token: Some((Kind::RevocationToken, &jti, exp)),
    };
    // If it is refused now, it came before.
    end(app, whose, &said, &named).await.map_err(Failure::of)
}

/// The token of the only `Authorization` header (RFC 6750, 2.1). It is a secret until its `jti` is used up.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (value, None) = (headers.next()?, headers.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

//! `/backchannel-logout`: the provider says that a session of its own has ended (OpenID Connect Back-Channel Logout 1.0).

use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::ended_by_provider::{NotDone, end, not_done};
use super::posted::read_form;
use crate::accounts::end::{Channel, Whose};
use crate::db::Kind;
use crate::http::app::App;
use crate::http::error::Error;
use crate::oidc::{LogoutToken, LogoutTokenError, Who};
use crate::session::Said;

/// `POST`: ends what the logout token names. 200 if it is valid, whether or not it found a session; 400 for everything
/// else, since the standard knows no other status (2.8).
pub async fn backchannel_logout(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Err(cause) = act(&app, &request, payload).await else {
        return Ok(HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish());
    };
    not_done(&app, Channel::Back, &cause).await?;
    let mut response = HttpResponse::BadRequest();
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(match cause.retry_after_secs {
        Some(secs) => response
            .insert_header((RETRY_AFTER, secs))
            .json(json!({"error": "temporarily_unavailable"})),
        None => response.json(json!({
            "error": "invalid_request",
            "error_description": "This is not a valid logout token.",
        })),
    })
}

async fn act(app: &App, request: &HttpRequest, payload: Payload) -> Result<(), NotDone> {
    let token = read_form(request, payload, "logout_token").await;
    let token = token.map_err(|cause| NotDone::refused("malformed", cause))?;
    let token = app.provider.verify_logout_token(&app.http, &token).await;
    let LogoutToken { who, jti, exp } =
        token.map_err(|error| NotDone::of_token(error, LogoutTokenError::reason))?;
    let (whose, named) = match who {
        Who::Subject(sub) => {
            let named = format!("of {sub:?}");
            (app.sessions.of_subject(sub), named)
        }
        Who::Session(sid) => (
            Whose::Sid(app.sessions.sid_hash(&sid)),
            "by their sid".to_owned(),
        ),
        Who::Both { sub, sid } => {
            let named = format!("of {sub:?} by their sid");
            (app.sessions.of_sid_and_subject(&sid, sub), named)
        }
    };
    let said = Said {
        channel: Channel::Back,
        token: Some((Kind::LogoutToken, &jti, exp)),
    };
    end(app, whose, &said, &named).await.map(drop)
}

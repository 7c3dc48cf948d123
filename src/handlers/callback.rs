//! `/authorization-code/callback`: back from the provider. The heart of Doorward; it reads as the
//! journey of one sign-in.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::go_to;
use crate::app::App;
use crate::db::{NewUser, User};
use crate::error::Error;
use crate::oidc::{AuthorizationResponse, Claims, Profile};
use crate::session::{ReturnTo, sign_in};

pub async fn callback(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let answer = AuthorizationResponse::parse(request.query_string())?;
    let spent = answer
        .state
        .as_deref()
        .and_then(|state| app.sessions.forget_login(&request, state));

    let mut response = match finish_login(&app, &request, answer).await {
        Ok(return_to) => go_to(return_to.as_str()),
        Err(error) => HttpResponse::from_error(error),
    };
    // Whatever came of it, the attempt is used up.
    if let Some(spent) = spent {
        response.add_cookie(&spent).map_err(Error::internal)?;
    }
    Ok(response)
}

async fn finish_login(
    app: &App,
    request: &HttpRequest,
    answer: AuthorizationResponse,
) -> Result<ReturnTo, Error> {
    // What can be told here comes before any call: an answer that is no answer, a stranger's.
    if answer.code.is_none() && answer.error.is_none() {
        return Err(Error::NoCode);
    }
    let login = app.sessions.take_login(request, answer.state.as_deref())?;
    if let Some(code) = answer.error {
        let description = answer.error_description;
        return Err(Error::ProviderSaid { code, description });
    }
    let code = answer.code.ok_or(Error::NoCode)?;

    let tokens = app
        .provider
        .exchange_code(&app.http, &code, &login.attempt)
        .await?;
    let claims = app
        .provider
        .verify_id_token(&app.http, &tokens, &login.attempt)
        .await?;
    let userinfo = app.provider.userinfo(&app.http, &tokens, &claims).await?;

    let new_user = new_user(app.provider.issuer(), claims, userinfo);
    let now = app.clock.now();
    let user = app
        .db
        .run(move |connection| User::get_or_create(connection, new_user, now));
    sign_in(request, &user.await?, &tokens.id_token)?;
    Ok(login.return_to)
}

/// The one place where what the protocol learned becomes what the database keeps.
fn new_user(issuer: &str, claims: Claims, userinfo: Profile) -> NewUser {
    let profile = userinfo.or(claims.profile);
    NewUser {
        issuer: issuer.to_owned(),
        subject: claims.sub,
        name: profile.display_name(),
        email: profile.email(),
        email_verified: profile.email_verified(),
    }
}

//! The steps of one sign-in, from the authorization response to the session. Each step can refuse it.

use actix_web::HttpRequest;

use crate::accounts::audit::Stage;
use crate::db::{Groups, NewUser};
use crate::http::app::App;
use crate::http::error::{Error, Refused};
use crate::observe::metrics;
use crate::oidc::{Attempt, AuthorizationResponse, Claims, Profile, ResponseMode, TokenResponse};
use crate::session::{AttemptError, Authentication, FinishedAttempt, LoginAttempt};

/// Signs in the person whom the provider has identified.
pub async fn finish_login(
    app: &App,
    request: &HttpRequest,
    response: AuthorizationResponse,
    attempt: Result<LoginAttempt, AttemptError>,
) -> Result<(), Refused> {
    let stage = match &attempt {
        Ok(_) => Stage::Attempt,
        Err(_) => Stage::NoAttempt,
    };
    let identified = match identify(app, response, attempt).await {
        Ok(identified) => identified,
        Err(error) => return Err(error.at(stage)),
    };
    let subject = identified.claims.sub.clone();
    let signed_in = start_session(app, request, identified).await;
    signed_in.map_err(|error| match &error {
        Error::Blocked { user_id } => {
            let user_id = user_id.clone();
            error.at(Stage::Known { subject, user_id })
        }
        _ => error.at(Stage::Identified { subject }),
    })
}

/// A person whom the provider has identified, and the attempt, which is used up.
struct Identified {
    claims: Claims,
    tokens: TokenResponse,
    attempt: FinishedAttempt,
}

/// The steps from the response to a verified ID token.
async fn identify(
    app: &App,
    response: AuthorizationResponse,
    attempt: Result<LoginAttempt, AttemptError>,
) -> Result<Identified, Error> {
    // A response without a code and without an error is refused before any request to the provider.
    if response.code.is_none() && response.error.is_none() {
        let state = response.state.as_deref().unwrap_or_default();
        return Err(match app.provider.response_mode() {
            _ if Attempt::is_session_recheck(state) => AttemptError::NotThisBrowser.into(),
            ResponseMode::FormPost if !state.is_empty() => AttemptError::ResponseReplaced.into(),
            _ => Error::NoCode,
        });
    }
    let LoginAttempt {
        attempt,
        step_up,
        began_at,
        ..
    } = attempt?;
    app.provider
        .check_response_issuer(&app.http, &response)
        .await?;
    if let Some(error) = response.error {
        let description = response.error_description;
        return Err(Error::Authorization { error, description });
    }
    let code = response.code.ok_or(Error::NoCode)?;
    let used = app.sessions.use_attempt(&attempt.state)?;

    let tokens = app
        .provider
        .exchange_code(&app.http, &code, &attempt)
        .await?;
    let claims = app
        .provider
        .verify_id_token(&app.http, &tokens, &attempt, began_at, step_up.as_ref())
        .await?;
    Ok(Identified {
        claims,
        tokens,
        attempt: FinishedAttempt {
            used,
            session_secret: attempt.session_secret,
            is_step_up: step_up.is_some(),
            began_at,
        },
    })
}

/// The steps from a verified ID token to the session.
async fn start_session(
    app: &App,
    request: &HttpRequest,
    identified: Identified,
) -> Result<(), Error> {
    let Identified {
        claims,
        tokens,
        attempt,
    } = identified;
    let userinfo = app.provider.userinfo(&app.http, &tokens, &claims).await?;
    let authentication = Authentication {
        id_token: tokens.id_token,
        acr: claims.acr.clone(),
        auth_time: claims.auth_time,
        sid: claims.sid.clone(),
        session_expiry: claims.session_expiry,
        refresh_token: tokens.refresh_token,
    };
    let person = new_user(app.provider.issuer(), claims, userinfo);
    app.sessions
        .sign_in(request, person, authentication, attempt)
        .await?;
    metrics::signed_in();
    Ok(())
}

/// The row of the person: the only place where claims of the provider become columns of the database.
fn new_user(issuer: &str, claims: Claims, userinfo: Profile) -> NewUser {
    let profile = userinfo.or(claims.profile);
    NewUser {
        issuer: issuer.to_owned(),
        subject: claims.sub,
        name: profile.display_name(),
        email: profile.email(),
        email_verified: profile.email_verified(),
        groups: Groups(profile.groups()),
        preferred_username: profile.preferred_username(),
    }
}

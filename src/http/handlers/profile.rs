//! `/profile`: what the provider told us about the person.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::db::User;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::pages::{Claim, ProfilePage};
use crate::observe::logging::visible;
use crate::session::SignedIn;

pub async fn profile(app: Data<App>, person: SignedIn) -> Result<HttpResponse, Error> {
    app.pages.respond(StatusCode::OK, &page(person.user())?)
}

/// A time in UTC, to the minute.
pub(super) fn minute(at: PrimitiveDateTime) -> Result<String, Error> {
    let minute = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    at.format(minute).map_err(Error::internal)
}

fn page(user: &User) -> Result<ProfilePage, Error> {
    let last_sign_in = minute(user.last_sign_in_at)?;
    let heading = user.name.as_ref().or(user.email.as_ref());
    let heading = heading.map_or("Your profile", String::as_str).to_owned();
    let verified = user.email.is_some().then(|| match user.email_verified {
        true => "Yes".to_owned(),
        false => "No".to_owned(),
    });
    let groups: Vec<String> = user.groups.0.iter().map(|it| visible(it)).collect();
    let groups = (!groups.is_empty()).then(|| {
        groups.join(
            "
",
        )
    });
    let username = user.preferred_username.as_deref().map(visible);
    let rows = [
        ("name", "Name", user.name.clone()),
        ("email", "Email", user.email.as_deref().map(visible)),
        ("email-verified", "Email verified", verified),
        ("username", "Username", username),
        ("groups", "Groups", groups),
        ("subject", "Subject", Some(visible(&user.subject))),
        ("issuer", "Provider", Some(visible(&user.issuer))),
        ("last-sign-in", "Last sign-in", Some(last_sign_in)),
    ];
    let claims = rows
        .into_iter()
        .filter_map(|(name, label, value)| {
            Some(Claim {
                name,
                label,
                value: value?,
            })
        })
        .collect();
    Ok(ProfilePage { heading, claims })
}

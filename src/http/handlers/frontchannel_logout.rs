//! `/frontchannel-logout`: a page of the provider's shows it in a frame when a session there ends (OpenID Connect
//! Front-Channel Logout 1.0).
//!
//! Nobody signed the request, and browsers send no cookie of ours into a frame of another site: the `sid` alone, which can't
//! be guessed, says which sessions end. So the answer tells nobody whether there was one, and no cookie is touched.

use actix_web::http::Method;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

use super::ended_by_provider::{NotDone, end_sid, not_done_by_browser};
use super::posted::{media_type, read_body};
use crate::accounts::end::Channel;
use crate::http::app::App;
use crate::observe::logging::cut;

/// How much of another issuer is logged, in characters.
const ISS_LIMIT: usize = 200;

/// `GET` and `POST` (Okta posts): ends the sessions of the `sid`. The answer is the same page, whatever came of it.
pub async fn frontchannel_logout(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    if let Err(cause) = act(&app, &request, payload).await {
        not_done_by_browser(&app, Channel::Front, &cause).await;
    }
    app.pages.framed(&app.framed_policy)
}

async fn act(app: &App, request: &HttpRequest, payload: Payload) -> Result<(), NotDone> {
    let malformed = |cause: &str| NotDone::refused("malformed", cause);
    let mut form = None;
    if request.method() == Method::POST {
        let body = read_body(payload).await;
        let body = body.map_err(|cause| NotDone::refused("malformed", cause))?;
        let is_form = media_type(request) == "application/x-www-form-urlencoded";
        form = (is_form || body.is_empty()).then_some(body);
        if form.is_none() {
            return Err(malformed("its body is not a form"));
        }
    }
    let query = request.query_string().as_bytes();
    let named = Named::read([query, form.as_deref().unwrap_or_default()]);
    let named = named.ok_or_else(|| malformed("it has a parameter twice"))?;
    // Without one, the only provider is meant: Entra sends the `sid` alone.
    if let Some(iss) = named.iss
        && iss != app.provider.issuer()
    {
        let (iss, expected) = (cut(&iss, ISS_LIMIT), app.provider.issuer());
        let cause = format!("its iss is {iss:?}, expected {expected:?}");
        return Err(NotDone::refused("issuer", cause));
    }
    let sid = named.sid.filter(|sid| !sid.is_empty());
    let sid = sid.ok_or_else(|| malformed("it has no sid"))?;
    end_sid(app, &sid).await
}

/// What the request names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    iss: Option<String>,
    sid: Option<String>,
}

impl Named {
    /// Reads query and form as one; nothing if they have one of the two parameters twice. Others are ignored.
    fn read(texts: [&[u8]; 2]) -> Option<Named> {
        let mut named = Named::default();
        for (name, value) in texts.into_iter().flat_map(form_urlencoded::parse) {
            let parameter = match &*name {
                "iss" => &mut named.iss,
                "sid" => &mut named.sid,
                _ => continue,
            };
            if parameter.replace(value.into_owned()).is_some() {
                return None;
            }
        }
        Some(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_in_the_query_or_in_the_form_and_there_once() {
        let named = |iss: Option<&str>, sid: Option<&str>| {
            let [iss, sid] = [iss, sid].map(|value| value.map(str::to_owned));
            Some(Named { iss, sid })
        };
        for (query, form, expected) in [
            ("", "", named(None, None)),
            (
                "iss=https%3A%2F%2Fa&sid=b+c",
                "",
                named(Some("https://a"), Some("b c")),
            ),
            ("iss=a", "sid=b&x=1&x=2", named(Some("a"), Some("b"))),
            ("x=1&x=2", "s%69d=b", named(None, Some("b"))),
            ("sid=b&sid=b", "", None),
            ("sid=b", "sid=b", None),
            ("", "iss=&sid=b&iss=a", None),
        ] {
            let found = Named::read([query.as_bytes(), form.as_bytes()]);
            assert_eq!(found, expected, "{query} {form}");
        }
    }
}

//! Requests through all layers of the session, with an SQLite file of their own.

use std::sync::Arc;
use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, read_body, try_call_service};
use actix_web::{App, HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret, SecretSlice};
use tempfile::TempDir;

use super::super::tests::settings;
use super::*;
use crate::clock::Clock;
use crate::db::{DatabaseUrl, Db, Groups, NewUser, Session};
use crate::session::{Authentication, FinishedAttempt, SignInError, SignedIn};

mod previous_version;

struct House {
    _folder: TempDir,
    sessions: Arc<Sessions>,
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings("https://app.example");
        settings.sessions.previous_key = Some(SecretSlice::from(vec![7; 64]));
        let db = Db::new(DatabaseUrl::Sqlite(folder.path().join("doorward.db")));
        db.migrate(Duration::ZERO).unwrap();
        let sessions = Arc::new(Sessions::new(
            &settings,
            settings.sessions.key.as_ref().unwrap(),
            db,
            Clock::default(),
        ));
        House {
            _folder: folder,
            sessions,
        }
    }

    async fn state_of(&self, key_hash: &'static str) -> Option<String> {
        let db = &self.sessions.db;
        let found = db.read(move |connection| Session::get(connection, key_hash));
        found.await.unwrap().map(|(session, _)| session.state)
    }

    /// The response to a request with this cookie: its body, and the cookie that it sets.
    async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        let sessions = web::Data::from(self.sessions.clone());
        let app = App::new()
            .app_data(sessions)
            .route("/", web::get().to(who))
            .route("/public", web::get().to(public))
            .route("/in/{subject}", web::get().to(sign_in))
            .route("/out", web::get().to(sign_out))
            .route("/anonymous", web::get().to(anonymous))
            .wrap(identity_middleware())
            .wrap(from_fn(reseal))
            .wrap(session_middleware(&self.sessions))
            .wrap(from_fn(session_scope));
        let app = init_service(app).await;
        let mut request = TestRequest::get().uri(path);
        if let Some(cookie) = cookie {
            request = request.insert_header((COOKIE, format!("__Host-doorward={cookie}")));
        }
        let response = match try_call_service(&app, request.to_request()).await {
            Ok(response) => response,
            // Of the session's layer; our outermost one makes it a page.
            Err(cause) => {
                let body = cause.to_string();
                return Answer { body, cookie: None };
            }
        };
        let cookie = response.headers().get(SET_COOKIE).map(|header| {
            let cookie = Cookie::parse(header.to_str().unwrap().to_owned()).unwrap();
            cookie.value().to_owned()
        });
        let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        Answer { body, cookie }
    }
}

struct Answer {
    body: String,
    cookie: Option<String>,
}

/// Who is signed in, and the ID token of their sign-in.
async fn who(sessions: web::Data<Sessions>, request: HttpRequest) -> String {
    let Some(person) = SignedIn::of(&request) else {
        return "nobody".to_owned();
    };
    let kept = sessions.id_token_hint(&request, &person).await;
    let hint = kept.ok().flatten();
    let hint = hint.as_ref().map(ExposeSecret::expose_secret);
    format!("{} {}", person.user().subject, hint.unwrap_or("-"))
}

async fn public() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "public, max-age=60"));
    response.finish()
}

async fn sign_in(
    sessions: web::Data<Sessions>,
    request: HttpRequest,
    subject: web::Path<String>,
) -> String {
    let person = NewUser {
        issuer: "https://op.example".to_owned(),
        subject: subject.into_inner(),
        name: None,
        email: None,
        email_verified: false,
        groups: Groups::default(),
        preferred_username: None,
    };
    let now = time::OffsetDateTime::now_utc();
    let authentication = Authentication {
        sid: None,
        session_expiry: None,
        id_token: "a.b.c".into(),
        acr: None,
        refresh_token: None,
        auth_time: None,
    };
    let attempt = FinishedAttempt {
        used: sessions.use_attempt(&crate::random::secret()).unwrap(),
        session_secret: crate::random::secret(),
        is_step_up: false,
        began_at: now,
    };
    let signed_in = sessions
        .sign_in(&request, person, authentication, attempt)
        .await;
    match signed_in {
        Ok(()) => "in".to_owned(),
        Err(SignInError::Carrier(cause)) => cause.to_string(),
        Err(_) => panic!("the database is there, and nobody is blocked"),
    }
}

async fn sign_out(sessions: web::Data<Sessions>, request: HttpRequest) -> &'static str {
    match SignedIn::of(&request) {
        Some(person) => {
            sessions.sign_out(&request, person).await.unwrap();
            "out"
        }
        None => "nobody",
    }
}

/// A misuse that none of our handlers commits.
async fn anonymous(request: HttpRequest) -> &'static str {
    request.get_session().insert("visits", 1).unwrap();
    ""
}

#[actix_web::test]
async fn somebody_who_signs_in_is_in_until_they_sign_out() {
    let house = House::new();
    assert_eq!(house.get("/", None).await.body, "nobody");
    let ada = house.get("/in/ada", None).await.cookie;
    let ada = ada.as_deref();
    let seen = house.get("/", ada).await;
    assert_eq!((seen.body.as_str(), seen.cookie), ("ada a.b.c", None));
    let out = house.get("/out", ada).await;
    assert_eq!(
        (out.body.as_str(), out.cookie.as_deref()),
        ("out", Some(""))
    );
    assert_eq!(house.get("/", ada).await.body, "nobody");
}

#[actix_web::test]
async fn who_signs_in_again_gets_another_session_and_the_old_cookie_opens_nothing() {
    let house = House::new();
    let ada = house.get("/in/ada", None).await.cookie;
    let grace = house.get("/in/grace", ada.as_deref()).await.cookie;
    assert_eq!(house.get("/", ada.as_deref()).await.body, "nobody");
    assert_eq!(house.get("/", grace.as_deref()).await.body, "grace a.b.c");
}

#[actix_web::test]
async fn each_of_many_requests_at_once_sees_its_own_session() {
    let house = House::new();
    let mut cookies = Vec::new();
    for subject in ["ada", "grace"] {
        let cookie = house.get(&format!("/in/{subject}"), None).await.cookie;
        cookies.push((Some(cookie.unwrap()), format!("{subject} a.b.c")));
    }
    cookies.push((None, "nobody".to_owned()));
    let requests = cookies.iter().cycle().take(60);
    let checks = requests.map(async |(cookie, expected)| {
        let seen = house.get("/", cookie.as_deref()).await.body;
        assert_eq!(&seen, expected);
    });
    futures_util::future::join_all(checks).await;
}

#[actix_web::test]
async fn nobody_gets_a_session_without_a_sign_in() {
    let house = House::new();
    let refused = house.get("/anonymous", None).await;
    assert_eq!(refused.cookie, None);
    assert_eq!(refused.body, "a session without a sign-in can't be stored");
}

#[actix_web::test]
async fn without_the_outermost_layer_nobody_is_in() {
    let house = House::new();
    let request = TestRequest::default().to_http_request();
    let secret = crate::random::secret().into();
    let refused = log_in(&request, "ada".to_owned(), secret);
    assert_eq!(refused, Err(CarrierError::NoScope));
    assert!(SignedIn::of(&request).is_none());
    let ada = house.get("/in/ada", None).await.cookie.unwrap();
    let value = Cookie::parse_encoded(format!("x={ada}")).unwrap();
    let key = signed_part(value.value()).unwrap().to_owned();
    let key = SessionKey::try_from(key).unwrap();
    let store = Store(house.sessions.clone());
    assert!(matches!(store.load(&key).await, Err(LoadError::Other(_))));
}

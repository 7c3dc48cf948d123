//! A row of the table of routes, and what follows from it: registration at actix-web, the `Allow` header, the label in
//! metrics. The layers find a request's row by its path.

use actix_web::guard::{Any, Get, Guard, Head, Post};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

use crate::observe::metrics;
use crate::oidc::ResponseMode;
use crate::public_url::PublicUrl;

/// A row of the table.
pub struct Route {
    /// The path below that of `PUBLIC_URL`. The last segment can be `{name}`. It is the route's label in metrics too.
    pub path: &'static str,
    /// The handlers, with their verbs.
    pub handlers: &'static [Handler],
    /// Whether `RATE_LIMIT` counts its requests.
    pub rate: Rate,
    /// What its errors look like.
    pub errors: Errors,
    /// Whether the cookies that come with a request are read.
    pub cookies: Cookies,
    /// Whether `return_to` can name it.
    pub return_to: Returning,
    /// Where it is reachable.
    pub place: Place,
}

/// A handler, with its verbs.
pub type Handler = (Verbs, fn() -> actix_web::Route);

/// The verbs of one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbs {
    /// `GET` and `HEAD`: the request changes nothing.
    Read,
    /// `GET` only: the request changes something, which a `HEAD` must not do.
    Follow,
    /// `POST`.
    Post,
    /// `POST`, if the provider sends its response that way (`OIDC_RESPONSE_MODE=form_post`).
    FormPost,
    /// `GET` and `POST` of a page in a frame of the provider's, if there is one (`OIDC_FRONTCHANNEL_LOGOUT`).
    Framed,
}

/// What the settings add to the table.
#[derive(Clone, Copy, Debug)]
pub struct Optional {
    /// How the provider sends its response.
    pub response_mode: ResponseMode,
    /// Whether the provider may sign people out by a frame.
    pub frontchannel_logout: bool,
}

/// Whether `RATE_LIMIT` counts a route's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Yes: they cause work here and at the provider.
    Limited,
    /// No.
    Unlimited,
}

/// What a route's errors look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    /// A page, for people.
    Page,
    /// A line of text, for programs.
    Text,
}

/// Whether the cookies that come with a route's requests are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookies {
    /// Yes: a session is loaded, and its use is recorded.
    Read,
    /// No: the request is the same, whoever sends it. No session is loaded or kept alive, and none is needed, so a
    /// database that is away changes nothing.
    Ignored,
}

/// Whether a person can be redirected to a route after signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returning {
    /// Yes.
    Allowed,
    /// No: it signs in or out.
    Never,
}

/// Where a route is reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the path of `PUBLIC_URL`.
    Below,
    /// There and at the root, so that a probe need not know that path.
    RootToo,
}

impl Verbs {
    fn names(self) -> &'static [&'static str] {
        match self {
            Verbs::Read => &["GET", "HEAD"],
            Verbs::Follow => &["GET"],
            Verbs::Post | Verbs::FormPost => &["POST"],
            Verbs::Framed => &["GET", "POST"],
        }
    }

    fn guard(self) -> Box<dyn Guard> {
        match self {
            Verbs::Read => Box::new(Any(Get()).or(Head())),
            Verbs::Follow => Box::new(Get()),
            Verbs::Post | Verbs::FormPost => Box::new(Post()),
            Verbs::Framed => Box::new(Any(Get()).or(Post())),
        }
    }

    fn exists_with(self, optional: Optional) -> bool {
        match self {
            Verbs::Read | Verbs::Follow | Verbs::Post => true,
            Verbs::FormPost => optional.response_mode == ResponseMode::FormPost,
            Verbs::Framed => optional.frontchannel_logout,
        }
    }
}

impl Route {
    /// The label of requests that are on no route.
    const NO_LABEL: &'static str = "none";

    /// The route's label in metrics.
    pub fn label(route: Option<&'static Route>) -> &'static str {
        route.map_or(Route::NO_LABEL, |route| route.path)
    }

    /// Whether `path`, decoded and without the path of `PUBLIC_URL`, is on this route.
    fn matches(&self, path: &str) -> bool {
        match self.path.split_once('{') {
            None => path == self.path,
            Some((before, _)) => path
                .strip_prefix(before)
                .is_some_and(|segment| !segment.is_empty() && !segment.contains('/')),
        }
    }

    fn handlers_with(&self, optional: Optional) -> impl Iterator<Item = &Handler> {
        let handlers = self.handlers.iter();
        handlers.filter(move |(verbs, _)| verbs.exists_with(optional))
    }

    /// The `Allow` header of a 405: the verbs that the route takes (RFC 9110, 15.5.6).
    pub fn allow(&self, optional: Optional) -> String {
        let handlers = self.handlers_with(optional);
        let verbs = handlers.flat_map(|(verbs, _)| verbs.names());
        let verbs: Vec<&str> = verbs.copied().collect();
        verbs.join(", ")
    }

    fn resource(&self, path: &str, optional: Optional) -> Resource {
        let allow = HeaderValue::from_str(&self.allow(optional)).expect("verbs are ASCII");
        let otherwise = web::to(move || {
            let mut response = HttpResponse::MethodNotAllowed();
            response.insert_header((ALLOW, allow.clone()));
            async move { response.finish() }
        });
        self.handlers_with(optional).fold(
            web::resource(path).default_service(otherwise),
            |resource, (verbs, handler)| {
                let verbs = verbs.guard();
                let is_right = actix_web::guard::fn_guard(move |request| verbs.check(request));
                resource.route(handler().guard(is_right))
            },
        )
    }
}

/// The table, below the path of `PUBLIC_URL`.
#[derive(Clone)]
pub struct Routes {
    table: &'static [Route],
    public_url: PublicUrl,
}

impl Routes {
    /// `table` below `public_url`.
    pub fn new(table: &'static [Route], public_url: PublicUrl) -> Routes {
        let labels = table.iter().map(|route| route.path);
        metrics::know_routes(labels.chain([Route::NO_LABEL]));
        Routes { table, public_url }
    }

    /// The route of a whole path, decoded as the router decodes it.
    pub fn find(&self, path: &str) -> Option<&'static Route> {
        let below = match path.strip_prefix(self.public_url.base()) {
            Some("") => Some("/"),
            below => below.filter(|below| below.starts_with('/')),
        };
        self.table.iter().find(|route| {
            let is_below = below.is_some_and(|below| route.matches(below));
            is_below || route.place == Place::RootToo && route.matches(path)
        })
    }

    /// Whether a person can be redirected to a whole decoded path after signing in. A path on none of our routes is
    /// allowed: another application may be there.
    pub fn may_return_to(&self, path: &str) -> bool {
        let route = self.find(path);
        route.is_none_or(|route| route.return_to == Returning::Allowed)
    }

    /// Registers the routes at actix-web.
    pub fn register(self, optional: Optional) -> impl FnOnce(&mut ServiceConfig) {
        move |app| {
            let Routes { table, public_url } = self;
            let base = public_url.base();
            for route in table {
                if route.handlers_with(optional).next().is_none() {
                    continue;
                }
                app.service(route.resource(&public_url.at(route.path), optional));
                if route.place == Place::RootToo && !base.is_empty() {
                    app.service(route.resource(route.path, optional));
                }
                // `https://app.example.com/doorward` is the home page too.
                if route.path == "/" && !base.is_empty() {
                    app.service(route.resource(base, optional));
                }
            }
        }
    }
}

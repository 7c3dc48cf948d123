//! What the table of routes says of each, and what follows from it: registration at actix-web, the `Allow` header, the label
//! in metrics. The layers ask it by the path of a request.

use actix_web::guard::{Any, Get, Guard, Head, Post};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

use crate::observe::metrics;
use crate::oidc::ResponseMode;
use crate::public_url::PublicUrl;

/// A row of the table.
pub struct Route {
    /// Below the path of `PUBLIC_URL`. The last segment can be `{name}`. It is the route's label in metrics too.
    pub path: &'static str,
    /// What answers which verbs.
    pub handlers: &'static [(Verbs, fn() -> actix_web::Route)],
    /// Whether `RATE_LIMIT` counts its requests.
    pub rate: Rate,
    /// What becomes of its errors.
    pub errors: Errors,
    /// Whether `return_to` can name it.
    pub return_to: Returning,
    /// Where it is.
    pub place: Place,
}

/// The verbs of one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbs {
    /// `GET` and `HEAD`: something to look at.
    Read,
    /// `GET` alone: something happens, and `HEAD` must not make it happen.
    Follow,
    /// `POST`.
    Post,
    /// `POST`, if the provider answers by it (`OIDC_RESPONSE_MODE=form_post`).
    FormPost,
}

/// Whether `RATE_LIMIT` counts a route's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Yes: they cost us and the provider work.
    Limited,
    /// No.
    Unlimited,
}

/// What becomes of a route's errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    /// A page, for people.
    Page,
    /// A line of text, for programs.
    Text,
}

/// Whether somebody can be sent to a route after signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returning {
    /// Yes.
    Allowed,
    /// No: it signs in or out.
    Never,
}

/// Where a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the path of `PUBLIC_URL`.
    Below,
    /// There, and at the root too: whoever probes the process need not know that path.
    RootToo,
}

impl Verbs {
    fn names(self) -> &'static [&'static str] {
        match self {
            Verbs::Read => &["GET", "HEAD"],
            Verbs::Follow => &["GET"],
            Verbs::Post | Verbs::FormPost => &["POST"],
        }
    }

    fn guard(self) -> Box<dyn Guard> {
        match self {
            Verbs::Read => Box::new(Any(Get()).or(Head())),
            Verbs::Follow => Box::new(Get()),
            Verbs::Post | Verbs::FormPost => Box::new(Post()),
        }
    }

    fn exists_in(self, mode: ResponseMode) -> bool {
        self != Verbs::FormPost || mode == ResponseMode::FormPost
    }
}

impl Route {
    /// For requests that are on no route.
    const NO_LABEL: &'static str = "none";

    /// Its label in metrics.
    pub fn label(route: Option<&'static Route>) -> &'static str {
        route.map_or(Route::NO_LABEL, |route| route.path)
    }

    /// Whether `path`, which is decoded and below `PUBLIC_URL`, is on it.
    fn matches(&self, path: &str) -> bool {
        match self.path.split_once('{') {
            None => path == self.path,
            Some((before, _)) => path
                .strip_prefix(before)
                .is_some_and(|segment| !segment.is_empty() && !segment.contains('/')),
        }
    }

    fn handlers_in(
        &self,
        mode: ResponseMode,
    ) -> impl Iterator<Item = &(Verbs, fn() -> actix_web::Route)> {
        let handlers = self.handlers.iter();
        handlers.filter(move |(verbs, _)| verbs.exists_in(mode))
    }

    /// A 405 names the verbs that would have been right (RFC 9110, 15.5.6).
    pub fn allow(&self, mode: ResponseMode) -> String {
        let verbs = self.handlers_in(mode).flat_map(|(verbs, _)| verbs.names());
        let verbs: Vec<&str> = verbs.copied().collect();
        verbs.join(", ")
    }

    fn resource(&self, path: &str, mode: ResponseMode) -> Resource {
        let allow = HeaderValue::from_str(&self.allow(mode)).expect("verbs are ASCII");
        let otherwise = web::to(move || {
            let mut response = HttpResponse::MethodNotAllowed();
            response.insert_header((ALLOW, allow.clone()));
            async move { response.finish() }
        });
        self.handlers_in(mode).fold(
            web::resource(path).default_service(otherwise),
            |resource, (verbs, handler)| {
                let verbs = verbs.guard();
                let is_right = actix_web::guard::fn_guard(move |request| verbs.check(request));
                resource.route(handler().guard(is_right))
            },
        )
    }
}

/// The table, and `PUBLIC_URL`, whose path stands before its paths.
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

    /// The route of a whole path, decoded as the router does it.
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

    /// Whether somebody can be sent to a whole decoded path after signing in: to any but those that sign in or out.
    pub fn may_return_to(&self, path: &str) -> bool {
        let route = self.find(path);
        route.is_none_or(|route| route.return_to == Returning::Allowed)
    }

    /// Registers all of them at actix-web.
    pub fn register(self, mode: ResponseMode) -> impl FnOnce(&mut ServiceConfig) {
        move |app| {
            let Routes { table, public_url } = self;
            let base = public_url.base();
            for route in table {
                app.service(route.resource(&public_url.at(route.path), mode));
                if route.place == Place::RootToo && !base.is_empty() {
                    app.service(route.resource(route.path, mode));
                }
                // `https://app.example.com/doorward` is the home page too.
                if route.path == "/" && !base.is_empty() {
                    app.service(route.resource(base, mode));
                }
            }
        }
    }
}

//! THE TABLE of routes, and the only place with their rules.

use actix_web::web::to;

use super::handlers::{
    assets, backchannel_logout, callback, frontchannel_logout, handover, health, home, jwks, login,
    logout, profile, refused, sessions, step_up, universal_logout,
};
use super::paths::{
    ASSET, BACKCHANNEL_LOGOUT, CALLBACK, FRONTCHANNEL_LOGOUT, HANDOVER, HEALTHZ, HOME, JWKS, LOGIN,
    LOGOUT, PROFILE, READYZ, REFUSED, SESSIONS, SESSIONS_END, SESSIONS_END_ALL,
    SESSIONS_END_OTHERS, STEP_UP, UNIVERSAL_LOGOUT,
};
use super::route::Cookies;
use super::route::Errors::{Page, Text};
use super::route::Place::{Below, RootToo};
use super::route::Rate::{Limited, Unlimited};
use super::route::Returning::{Allowed, Never};
use super::route::Route;
use super::route::Verbs::{Follow, FormPost, Framed, Post, Read};

/// The table. `route.rs` says what its columns mean.
#[rustfmt::skip]
pub static ROUTES: [Route; 19] = [
    Route { path: HOME,     handlers: &[(Read,     || to(home::home))],
            rate: Unlimited, errors: Page, cookies: Cookies::Read,    return_to: Allowed, place: Below },
    Route { path: LOGIN,    handlers: &[(Read,     || to(login::login)),
                                        (Post,     || to(login::login_by_post))],
            rate: Limited,   errors: Page, cookies: Cookies::Read,    return_to: Never,   place: Below },
    Route { path: STEP_UP,  handlers: &[(Read,     || to(step_up::step_up))],
            rate: Limited,   errors: Page, cookies: Cookies::Read,    return_to: Never,   place: Below },
    Route { path: CALLBACK, handlers: &[(Follow,   || to(callback::callback)),
                                        (FormPost, || to(callback::callback_by_post))],
            rate: Limited,   errors: Page, cookies: Cookies::Read,    return_to: Never,   place: Below },
    Route { path: PROFILE,  handlers: &[(Read,     || to(profile::profile))],
            rate: Unlimited, errors: Page, cookies: Cookies::Read,    return_to: Allowed, place: Below },
    Route { path: LOGOUT,   handlers: &[(Follow,   || to(logout::logout_by_link)),
                                        (Post,     || to(logout::logout))],
            rate: Unlimited, errors: Page, cookies: Cookies::Read,    return_to: Never,   place: Below },
    Route { path: SESSIONS, handlers: &[(Read,     || to(sessions::sessions))],
            rate: Unlimited, errors: Page, cookies: Cookies::Read,    return_to: Allowed, place: Below },
    Route { path: SESSIONS_END, handlers: &[(Post, || to(sessions::end))],
            rate: Unlimited, errors: Page, cookies: Cookies::Read,    return_to: Never,   place: Below },
    Route { path: SESSIONS_END_OTHERS, handlers: &[(Post, || to(sessions::end_others))],
            rate: Unlimited, errors: Page, cookies: Cookies::Read,    return_to: Never,   place: Below },
    Route { path: SESSIONS_END_ALL, handlers: &[(Post, || to(sessions::end_all))],
            rate: Unlimited, errors: Page, cookies: Cookies::Read,    return_to: Never,   place: Below },
    Route { path: BACKCHANNEL_LOGOUT, handlers: &[(Post, || to(backchannel_logout::backchannel_logout))],
            rate: Unlimited, errors: Text, cookies: Cookies::Ignored, return_to: Never,   place: Below },
    Route { path: FRONTCHANNEL_LOGOUT, handlers: &[(Framed, || to(frontchannel_logout::frontchannel_logout))],
            rate: Limited,   errors: Text, cookies: Cookies::Ignored, return_to: Never,   place: Below },
    Route { path: UNIVERSAL_LOGOUT, handlers: &[(Post, || to(universal_logout::universal_logout))],
            rate: Unlimited, errors: Text, cookies: Cookies::Ignored, return_to: Never,   place: Below },
    Route { path: HANDOVER, handlers: &[(Follow,   || to(handover::handover))],
            rate: Limited,   errors: Page, cookies: Cookies::Read,    return_to: Allowed, place: Below },
    Route { path: REFUSED,  handlers: &[(Read,     || to(refused::refused))],
            rate: Unlimited, errors: Page, cookies: Cookies::Read,    return_to: Allowed, place: Below },
    Route { path: JWKS,     handlers: &[(Read,     || to(jwks::jwks))],
            rate: Unlimited, errors: Text, cookies: Cookies::Read,    return_to: Allowed, place: Below },
    Route { path: HEALTHZ,  handlers: &[(Read,     || to(health::healthz))],
            rate: Unlimited, errors: Text, cookies: Cookies::Read,    return_to: Allowed, place: RootToo },
    Route { path: READYZ,   handlers: &[(Read,     || to(health::readyz))],
            rate: Unlimited, errors: Text, cookies: Cookies::Read,    return_to: Allowed, place: RootToo },
    Route { path: ASSET,    handlers: &[(Read,     || to(assets::asset))],
            rate: Unlimited, errors: Text, cookies: Cookies::Read,    return_to: Allowed, place: Below },
];

//! `doorward check --through URL`: sends harmless requests of a hostile kind through the operator's own proxy to an app behind
//! it, and says what the proxy's configuration lets through.
//!
//! What the gateway was told is sealed into the redirect to the sign-in, and this command has the key. What reaches the app
//! can be seen only by the app: with `--as-app ADDR` this command listens in its place.

mod app;
mod for_app;
mod front;
mod lengths;
mod lines;
mod protected;
mod public;
mod reply;
mod sign_in;
mod to_app;
mod told;

use clap::Args;
use url::{Position, Url};

use super::report::Finding;
use crate::commands::output::Form;
use crate::db::DatabaseUrl;
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::rules::{Allow, Selected};
use crate::oidc;
use crate::server::session_key_file;
use crate::session::Prober;
use crate::settings::{Gateway, Settings};
use app::App;
use front::Front;

/// What to check.
#[derive(Args, Debug)]
pub struct Check {
    /// Also send requests through your proxy to this address of an app behind it, and say what its configuration lets through;
    /// can be given several times: one address that needs a sign-in, and one that a rule makes public
    #[arg(long, value_name = "URL")]
    pub through: Vec<Url>,
    /// Listen here in place of the app meanwhile, to see what reaches it at a public address
    #[arg(long, value_name = "ADDRESS", requires = "through")]
    pub as_app: Option<std::net::SocketAddr>,
    #[command(flatten)]
    pub form: Form,
}

/// Checks each address.
pub fn check(
    urls: &[Url],
    as_app: Option<std::net::SocketAddr>,
    settings: &Settings,
) -> Vec<Finding> {
    let Some(gateway) = &settings.gateway else {
        let why = "needs a gateway: set GATEWAY_ADDR, RULES_FILE and TRUSTED_PROXIES as the server has them";
        return vec![Finding::unknown("through", why)];
    };
    let tls = match oidc::tls_config(settings.provider.extra_roots.as_deref()) {
        Ok(tls) => tls,
        Err(cause) => {
            return vec![Finding::unknown(
                "through",
                format!("OIDC_CA_FILE: {cause}"),
            )];
        }
    };
    let app = match as_app.map(App::listen).transpose() {
        Ok(app) => app,
        Err(cause) => {
            let fix = "stop the app for as long as this takes, or give a copy of its block in the proxy another address";
            return vec![Finding::fault("through", cause, fix)];
        }
    };
    let prober = prober(settings);
    let check_one = |url: &Url| {
        let is_web = matches!(url.scheme(), "http" | "https");
        if !is_web {
            return vec![Finding::unknown(
                "through",
                format!("{url} is no web address"),
            )];
        }
        let mut url = url.clone();
        url.set_fragment(None);
        let front = Front::new(url.clone(), tls.clone());
        match rule(gateway, &url[..Position::AfterQuery]) {
            Err(why) => vec![Finding::unknown("through", format!("{url}: {why}"))],
            Ok((name, true)) => {
                let told = format!("{url} is public by rule {name:?}");
                let told = Finding::ok("through", told);
                let rest = public::check(&front, app.as_ref());
                std::iter::once(told).chain(rest).collect()
            }
            Ok((name, false)) => {
                let told = format!("{url} needs a sign-in by rule {name:?}");
                let told = Finding::ok("through", told);
                let rest = protected::check(&front, &settings.public_url, prober.as_ref());
                std::iter::once(told).chain(rest).collect()
            }
        }
    };
    urls.iter().flat_map(check_one).collect()
}

/// The name of the rule that decides about this address, and whether it is public.
fn rule(gateway: &Gateway, url: &str) -> Result<(String, bool), &'static str> {
    let original = OriginalRequest::of_url("GET", url);
    let original =
        original.map_err(|_| "Doorward refuses such an address; choose a plainer one")?;
    match gateway.rules.select(&original, None) {
        Selected::Rule(rule) => match rule.allow {
            Allow::Public => Ok((rule.name.clone(), true)),
            Allow::SignedIn | Allow::People(_) => Ok((rule.name.clone(), false)),
            Allow::Nobody => Err("its rule lets nobody in; choose another address"),
        },
        Selected::NoRule => Err("no rule names it; choose an address of an app"),
        Selected::Ambiguous => Err("its path is ambiguous; choose a plainer one"),
    }
}

/// What opens what the server sealed; nothing if the key can't be read, which another check says.
fn prober(settings: &Settings) -> Option<Prober> {
    let previous = settings.sessions.previous_key.as_ref();
    match (&settings.sessions.key, &settings.database.url) {
        (Some(key), _) => Some(Prober::new(key, previous)),
        (None, DatabaseUrl::Sqlite(database)) => {
            let key = session_key_file::read_if_there(database).ok()??;
            Some(Prober::new(&key, previous))
        }
        (None, DatabaseUrl::Postgres(_)) => None,
    }
}

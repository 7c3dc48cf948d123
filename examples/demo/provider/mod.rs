//! A real OpenID provider over HTTP on loopback, for the demo and for the tests; it may use nothing of Doorward.
//!
//! It follows the standards (Core, Discovery, RFC 6749, RFC 7636, RP-Initiated Logout, Back-Channel and Front-Channel Logout)
//! until a test makes it misbehave: see [`Faults`]. It accepts everyone without a password, so it is never in the production binary.

// The demo starts it and prints its address. Everything else is for the tests.
#![allow(dead_code, unused_imports)]

mod authorize;
mod backchannel_logout;
mod canned;
mod discovery;
mod end_session;
mod faults;
mod frontchannel_logout;
mod id_token;
mod keys;
pub mod pages;
mod people;
mod refresh;
mod seen;
mod server;
mod state;
mod token;
mod userinfo;
mod wish;

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;

pub use backchannel_logout::Told;
pub use canned::{Canned, Gate};
pub use faults::{Acr, Edit, EditParams, EditToken, Faults};
pub use id_token::Signing;
pub use keys::Keep;
pub use people::{Person, demo_people};
pub use seen::{Endpoint, Params, Seen, on_secret};

use server::Server;
use state::{State, lock};

/// The state of a provider when it starts. Redirect URIs and people can be added later.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// 0 takes any free port.
    pub port: u16,
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub people: Vec<Person>,
}

/// A running provider. Clones are the same provider. It stops when the last of them is dropped.
#[derive(Clone)]
pub struct Provider {
    running: Arc<Running>,
}

struct Running {
    state: Arc<State>,
    server: Mutex<Option<Server>>,
}

impl Provider {
    /// Binds 127.0.0.1 and serves from a thread of its own, so it can be called from sync and async code.
    pub fn start(config: ProviderConfig) -> io::Result<Provider> {
        let (listener, port) = server::bind(config.port)?;
        let state = Arc::new(State::new(config, port));
        let server = Server::start(listener, Arc::clone(&state))?;
        let server = Mutex::new(Some(server));
        Ok(Provider {
            running: Arc::new(Running { state, server }),
        })
    }

    pub fn issuer(&self) -> String {
        self.state().issuer.clone()
    }

    pub fn port(&self) -> u16 {
        self.state().port
    }

    /// Stops listening and drops open connections before it returns; sessions, codes and keys are kept.
    pub fn stop(&self) {
        self.running.stop();
    }

    /// Listens again on the same port with the same state. Stops first if it is running.
    pub fn restart(&self) -> io::Result<()> {
        let mut server = lock(&self.running.server);
        if let Some(old) = server.take() {
            old.stop();
        }
        let (listener, _) = server::bind(self.port())?;
        *server = Some(Server::start(listener, Arc::clone(self.state()))?);
        Ok(())
    }

    /// Registers an app's URIs while running, for an app whose port is known only later.
    pub fn register(&self, redirect_uri: &str, post_logout_redirect_uri: &str) {
        let mut memory = self.state().memory();
        memory.redirect_uris.push(redirect_uri.to_owned());
        memory
            .post_logout_redirect_uris
            .push(post_logout_redirect_uri.to_owned());
    }

    /// Registers where the app is told, by a logout token, that a session has ended here.
    pub fn register_backchannel_logout(&self, uri: &str) {
        let mut memory = self.state().memory();
        memory.backchannel_logout_uris.push(uri.to_owned());
    }

    /// Registers what the page that ends a session here shows in a frame.
    pub fn register_frontchannel_logout(&self, uri: &str) {
        let mut memory = self.state().memory();
        memory.frontchannel_logout_uris.push(uri.to_owned());
    }

    /// Ends all sessions here, and tells nobody: they have been too long.
    pub fn forget_sessions(&self) {
        self.state().memory().sessions.clear();
    }

    /// The logout tokens that were posted so far, oldest first.
    pub fn told(&self) -> Vec<Told> {
        self.state().memory().told.clone()
    }

    /// Adds a person, or replaces the one with the same login.
    pub fn add_person(&self, person: Person) {
        let mut memory = self.state().memory();
        memory.people.retain(|known| known.login != person.login);
        memory.people.push(person);
    }

    /// Removes a person, whose sessions and tokens then open nothing.
    pub fn remove_person(&self, login: &str) {
        let mut memory = self.state().memory();
        memory.people.retain(|known| known.login != login);
    }

    /// How many refresh tokens work now.
    pub fn live_refresh_tokens(&self) -> usize {
        self.state().memory().refresh_tokens.live_count()
    }

    /// Changes how it misbehaves. Not to be called from within one of the edits.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        self.state().change_faults(change);
    }

    /// Follows the standards again. Rotated keys stay rotated.
    pub fn heal(&self) {
        self.state().heal();
    }

    /// Signs with a new RSA key from now on: "rsa-2", "rsa-3", …
    pub fn rotate_keys(&self, keep: Keep) {
        self.state().keys().rotate(keep);
    }

    /// The public half of the RSA key it signs with, for the attack that uses it as an HMAC secret.
    pub fn public_rsa_pem(&self) -> Vec<u8> {
        self.state().keys().public_rsa_pem()
    }

    /// Signs any claims as an ID token, the way `signing`, `edit_header` and `edit_id_token` say at this moment.
    pub fn sign_id_token(&self, claims: &Value) -> String {
        let faults = self.state().faults();
        id_token::compact(self.state(), &faults, claims)
    }

    /// The requests to an endpoint, oldest first.
    pub fn requests(&self, endpoint: Endpoint) -> Vec<Seen> {
        self.state().requests(endpoint)
    }

    pub fn request_count(&self, endpoint: Endpoint) -> usize {
        self.state().request_count(endpoint)
    }

    pub fn forget_requests(&self) {
        self.state().forget_requests();
    }

    fn state(&self) -> &Arc<State> {
        &self.running.state
    }
}

impl Running {
    fn stop(&self) {
        if let Some(server) = lock(&self.server).take() {
            server.stop();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

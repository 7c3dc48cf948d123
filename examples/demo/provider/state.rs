//! The provider's state: registrations, people, its sessions, codes and access tokens, faults, requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ProviderConfig;
use super::backchannel_logout::Told;
use super::faults::Faults;
use super::keys::Keys;
use super::people::Person;
use super::refresh::RefreshTokens;
use super::seen::{self, Endpoint, Seen};

pub struct State {
    pub issuer: String,
    pub port: u16,
    pub client_id: String,
    pub client_secret: String,
    memory: Mutex<Memory>,
    keys: Mutex<Keys>,
    // Requests take a snapshot, so that an edit may call the provider (to sign a token, say) without a deadlock.
    faults: Mutex<Arc<Faults>>,
    seen: Mutex<Vec<(Endpoint, Seen)>>,
}

pub struct Memory {
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub backchannel_logout_uris: Vec<String>,
    pub frontchannel_logout_uris: Vec<String>,
    pub told: Vec<Told>,
    pub people: Vec<Person>,
    pub sessions: HashMap<String, Session>,
    pub grants: HashMap<String, Grant>,
    pub access_tokens: HashMap<String, Access>,
    pub refresh_tokens: RefreshTokens,
}

/// A session at the provider itself; the key is the cookie's value.
#[derive(Clone)]
pub struct Session {
    pub login: String,
    pub sid: String,
    pub auth_time_secs: u64,
    /// How strongly the person signed in.
    pub acr: Option<String>,
}

/// The authorization of a code; the key is the code.
#[derive(Clone)]
pub struct Grant {
    pub redirect_uri: String,
    pub code_challenge: String,
    pub nonce: Option<String>,
    pub scope: String,
    pub session: Session,
    pub expires: Instant,
    pub use_: CodeUse,
}

#[derive(Clone)]
pub enum CodeUse {
    Fresh,
    /// Set when the code is used, even wrongly. Names the access token that it was exchanged for, if any.
    Spent(Option<String>),
}

/// The authorization of an access token; the key is the token.
#[derive(Clone)]
pub struct Access {
    pub login: String,
    pub scope: String,
    pub expires: Instant,
}

impl State {
    pub fn new(config: ProviderConfig, port: u16) -> State {
        State {
            issuer: format!("http://127.0.0.1:{port}"),
            port,
            client_id: config.client_id,
            client_secret: config.client_secret,
            memory: Mutex::new(Memory {
                redirect_uris: config.redirect_uris,
                post_logout_redirect_uris: config.post_logout_redirect_uris,
                backchannel_logout_uris: Vec::new(),
                frontchannel_logout_uris: Vec::new(),
                told: Vec::new(),
                people: config.people,
                sessions: HashMap::new(),
                grants: HashMap::new(),
                access_tokens: HashMap::new(),
                refresh_tokens: RefreshTokens::default(),
            }),
            keys: Mutex::new(Keys::new()),
            faults: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.memory)
    }

    pub fn keys(&self) -> MutexGuard<'_, Keys> {
        lock(&self.keys)
    }

    pub fn faults(&self) -> Arc<Faults> {
        Arc::clone(&lock(&self.faults))
    }

    /// Seconds since 1970 by this provider's clock.
    pub fn now_secs(&self) -> u64 {
        now_secs() + self.faults().clock_ahead_secs
    }

    pub fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        loop {
            if let Some(faults) = Arc::get_mut(&mut lock(&self.faults)) {
                return change(faults);
            }
            // A request is being handled with the old faults; that takes microseconds.
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn heal(&self) {
        *lock(&self.faults) = Arc::default();
    }

    pub fn record(&self, endpoint: Endpoint, request: Seen) {
        request.tell_secrets();
        lock(&self.seen).push((endpoint, request));
    }

    pub fn requests(&self, endpoint: Endpoint) -> Vec<Seen> {
        let seen = lock(&self.seen);
        let of_endpoint = seen.iter().filter(|(known, _)| *known == endpoint);
        of_endpoint.map(|(_, request)| request.clone()).collect()
    }

    pub fn request_count(&self, endpoint: Endpoint) -> usize {
        let seen = lock(&self.seen);
        seen.iter().filter(|(known, _)| *known == endpoint).count()
    }

    pub fn forget_requests(&self) {
        lock(&self.seen).clear();
    }
}

impl Memory {
    pub fn person(&self, login: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.login == login)
    }
}

/// A test that panics in `faults` must not take the provider down for the assertions that follow.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value that can't be guessed: a code, an access token, a session.
pub fn opaque() -> String {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).expect("the system gives random bytes");
    let value = URL_SAFE_NO_PAD.encode(bytes);
    seen::report_secret("a code, a token or a session of the provider", &value);
    value
}

fn now_secs() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("the clock is past 1970").as_secs()
}

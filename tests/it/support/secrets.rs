//! What must not be logged: whatever any test of the run makes a Doorward log or print is searched for
//! every code, token, cookie and key that came into being in the run. That happens when the test
//! process ends, so it depends on no order, and what is found turns the run red.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use super::app::{CLIENT_SECRET, SESSION_KEY};
use super::log;
use super::provider;

/// Secrets are looked for piece by piece, so that half of one is found too. Made-up values that are
/// shorter than a piece guard nothing.
const PIECE: usize = 12;

type Piece = [u8; PIECE];

/// The pieces of all secrets, with what they are of.
static PIECES: Mutex<Option<HashMap<Piece, &'static str>>> = Mutex::new(None);

/// What processes printed.
static PRINTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, the end of the process is the check.
pub fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        // Safety: the function neither panics nor unwinds out of itself, and needs no thread but
        // the one that ends the process.
        let registered = unsafe { libc::atexit(at_exit) };
        assert_eq!(registered, 0);
        provider::on_secret(register);
        register("the client secret", CLIENT_SECRET);
        register("the client secret", "hunter2-secret");
        register("the session key", SESSION_KEY);
    });
}

/// `secret` must not be logged.
pub fn register(what: &'static str, secret: &str) {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let decoded = percent_encoding::percent_decode_str(secret).collect::<Vec<u8>>();
    let mut pieces = lock(&PIECES);
    let pieces = pieces.get_or_insert_default();
    for form in [secret.as_bytes(), encoded.as_bytes(), &decoded] {
        for piece in form.chunks_exact(PIECE) {
            let piece = piece.try_into().expect("chunks are as long as a piece");
            pieces.insert(piece, what);
        }
    }
}

/// A line that a process printed.
pub fn printed(line: &str) {
    lock(&PRINTED).push(line.to_owned());
}

/// The lines that hold a piece of a secret, with what it is of.
fn leaks() -> Vec<(&'static str, String)> {
    let pieces = lock(&PIECES);
    let Some(pieces) = pieces.as_ref() else {
        return Vec::new();
    };
    let printed = lock(&PRINTED);
    let logged = log::all();
    let lines = logged.iter().chain(printed.iter());
    let leak = |line: &String| {
        let mut places = line.as_bytes().windows(PIECE);
        let what = places.find_map(|place| pieces.get(place))?;
        Some((*what, line.clone()))
    };
    lines.filter_map(leak).collect()
}

extern "C" fn at_exit() {
    let leaks = leaks();
    if leaks.is_empty() {
        return;
    }
    let mut out = std::io::stderr().lock();
    for (what, line) in leaks.iter().take(20) {
        let _ = writeln!(out, "SECRET LOGGED: {what} in: {line}");
    }
    let _ = writeln!(out, "{} lines hold a secret: the run failed", leaks.len());
    // Safety: it only ends the process, which is ending, with another code.
    unsafe { libc::_exit(101) }
}

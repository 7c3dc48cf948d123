//! The key of a machine for development: made once, kept beside the SQLite file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};

use super::ownership::{self, Access};
use super::source::Source;
use super::values::session_key;
use crate::db::DatabaseUrl;
use crate::public_url::PublicUrl;

const EXAMPLE: &str = "the output of `openssl rand -base64 64`, on one line";

/// The key in the file beside the database, made now if need be. There is no built-in key: where
/// browsers come over https, or the database is not a file, the key must be given.
pub fn keep(
    source: &mut Source<'_>,
    public_url: &PublicUrl,
    database: &DatabaseUrl,
) -> Option<SecretSlice<u8>> {
    let DatabaseUrl::Sqlite(database) = database else {
        source.complain(
            "SESSION_KEY",
            "is missing (DATABASE_URL is Postgres)",
            EXAMPLE,
        );
        return None;
    };
    if public_url.is_https() {
        source.complain("SESSION_KEY", "is missing (PUBLIC_URL is https)", EXAMPLE);
        return None;
    }
    if source.has_complaints() {
        return None;
    }
    let path = path(database);
    if !source.may_write && !path.exists() {
        return Some(random_key());
    }
    match read_or_make(&path) {
        Ok(key) => Some(key),
        Err(fault) => {
            let fault = format!("is missing, and {}: {fault}", path.display());
            source.complain("SESSION_KEY", fault, EXAMPLE);
            None
        }
    }
}

/// Where the key of the database in this file is kept.
pub fn path(database: &Path) -> PathBuf {
    database.with_extension("key")
}

fn random_key() -> SecretSlice<u8> {
    SecretSlice::from(crate::random::bytes::<64>().to_vec())
}

fn read_or_make(path: &Path) -> Result<SecretSlice<u8>, String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(path).and_then(|()| File::open(path))
        }
        file => file,
    };
    read(file.map_err(|error| error.to_string())?, path)
}

/// A key that others could read may be theirs by now: whoever has it can sign in as anybody.
fn read(mut file: File, path: &Path) -> Result<SecretSlice<u8>, String> {
    let fault = ownership::fault(&file, Access::Any, &path.display().to_string());
    if let Some(fault) = fault.map_err(|error| error.to_string())? {
        return Err(format!(
            "{fault}; or delete it, and a new key is made, with which everybody signs in again"
        ));
    }
    let mut text = String::new();
    let read = file.read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    session_key(text)
}

/// Written whole under another name, then linked: of two processes that start together, one wins
/// and neither reads half a key.
fn make(path: &Path) -> io::Result<()> {
    let key = random_key();
    let mut draft = PathBuf::from(path).into_os_string();
    draft.push(format!(".{}", crate::random::id()));
    let draft = PathBuf::from(draft);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let written = file
        .write_all(STANDARD.encode(key.expose_secret()).as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft)?;
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        written => written,
    }
}

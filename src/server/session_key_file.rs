//! The key of a machine for development: made once, kept beside the SQLite file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};

use crate::server::file_access::{self, Access};
use crate::settings::session_key;

/// The key in the file beside the database, made now if need be.
///
/// # Errors
/// Why there is none, as a sentence that names the file.
pub fn read_or_make(database: &Path) -> Result<SecretSlice<u8>, String> {
    let path = path(database);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(&path).and_then(|()| File::open(&path))
        }
        file => file,
    };
    read_opened(file, &path)
}

/// The key in the file beside the database, if there is one. Nothing is written.
///
/// # Errors
/// As [`read_or_make`].
pub fn read_if_there(database: &Path) -> Result<Option<SecretSlice<u8>>, String> {
    let path = path(database);
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // A link that leads nowhere is a fault: no key can be made in its place.
        _ => read_opened(File::open(&path), &path).map(Some),
    }
}

/// Where the key of the database in this file is kept.
pub fn path(database: &Path) -> PathBuf {
    database.with_extension("key")
}

fn random_key() -> SecretSlice<u8> {
    SecretSlice::from(crate::random::bytes::<64>().to_vec())
}

fn read_opened(file: io::Result<File>, path: &Path) -> Result<SecretSlice<u8>, String> {
    let key = file
        .map_err(|error| error.to_string())
        .and_then(|file| read(file, path));
    key.map_err(|fault| format!("{}: {fault}", path.display()))
}

/// A key that others could read may be theirs by now: whoever has it can sign in as anybody.
fn read(mut file: File, path: &Path) -> Result<SecretSlice<u8>, String> {
    let fault = file_access::fault(&file, Access::Any, &path.display().to_string());
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_beside_the_database_for_its_owner_only() {
        let folder = std::env::temp_dir().join(format!("doorward-{}", crate::random::id()));
        std::fs::create_dir(&folder).unwrap();
        let database = folder.join("people.db");
        assert!(read_if_there(&database).unwrap().is_none());
        let key = || read_or_make(&database).unwrap().expose_secret().to_vec();
        let (first, second) = (key(), key());
        assert_eq!(first, second);
        assert_eq!(first.len(), 64);
        let there = read_if_there(&database).unwrap().unwrap();
        assert_eq!(there.expose_secret(), first);
        let file = std::fs::metadata(folder.join("people.key")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_link_that_leads_nowhere_is_a_fault_before_a_key_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("people.db");
        std::os::unix::fs::symlink("/nowhere/key", path(&database)).unwrap();
        let fault = read_if_there(&database).unwrap_err();
        assert!(fault.contains("people.key: No such file"), "{fault}");
    }
}

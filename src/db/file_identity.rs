//! Tells whether two paths name the same file, and the names of SQLite's files.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The device and the inode, which no two files share while one of them is open.
pub type Identity = (u64, u64);

/// Which file a path names.
pub fn identity(path: &Path) -> io::Result<Identity> {
    std::fs::metadata(path).map(|it| (it.dev(), it.ino()))
}

/// Whether there is a file, and another one than `opened`.
pub fn is_foreign(path: &Path, opened: Option<Identity>) -> bool {
    match (opened, identity(path)) {
        (Some(opened), Ok(found)) => found != opened,
        _ => false,
    }
}

/// Whether two paths name the same file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

/// A file of SQLite's: `beside("doorward.db", "-wal")`. It lies beside the file itself, not beside a link to it.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let file = file.canonicalize().unwrap_or(file.to_owned());
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

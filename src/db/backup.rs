//! Backups of an SQLite file, while it is in use, and back. What has a file's name is complete and on the disk: a process
//! that is killed leaves the former file or the new one, and never a mix.

mod contents;
mod in_use;
mod restore;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sql_types::Text;
use tempfile::NamedTempFile;

use super::file_identity::{beside, is_same_file};
use super::sqlite::{self, MissingFile};
use super::sqlite_users;
use contents::Contents;

pub use restore::{Restored, restore};

/// What to do about a file that has the backup's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Keep it, and fail.
    Keep,
    /// Replace it when the backup is complete.
    Replace,
}

/// Writes all of `database` but its sessions and sign-outs to `backup`, for the owner only, and checks it. Others may read
/// and write meanwhile. Returns how many people are in it.
///
/// # Errors
/// A sentence for whoever typed the command.
pub fn backup(database: &Path, backup: &Path, existing: Existing) -> Result<i64, String> {
    for part in ["", "-wal", "-shm", "-journal"] {
        if is_same_file(&beside(database, part), backup) {
            return Err(format!("{} is the database itself.", backup.display()));
        }
    }
    let is_taken = || {
        format!(
            "{} is there already. Name another file, or add --overwrite.",
            backup.display()
        )
    };
    if existing == Existing::Keep && backup.symlink_metadata().is_ok() {
        return Err(is_taken());
    }
    let bad =
        |cause: &dyn std::fmt::Display| format!("{} can't be written: {cause}", backup.display());
    let folder = folder_of(backup).map_err(|cause| bad(&cause))?;
    let draft = draft_in(&folder).map_err(|cause| bad(&cause))?;
    copy(database, draft.path())?;
    let people = Contents::open(draft.path())
        .and_then(|mut contents| {
            contents.forget_sessions()?;
            contents.check()?;
            contents.people()
        })
        .map_err(|cause| format!("The backup of {} failed: {cause}.", database.display()))?;
    draft.as_file().sync_all().map_err(|cause| bad(&cause))?;
    match existing {
        Existing::Replace => draft.persist(backup),
        Existing::Keep => draft.persist_noclobber(backup),
    }
    .map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => is_taken(),
        _ => bad(&failed.error),
    })?;
    sync_folder(&folder).map_err(|cause| bad(&cause))?;
    Ok(people)
}

/// A consistent copy, without the pages that are free. It reads one state of the database, whoever writes meanwhile.
fn copy(database: &Path, to: &Path) -> Result<(), String> {
    let name = to
        .to_str()
        .ok_or_else(|| format!("{} is not a UTF-8 path.", to.display()))?;
    let opened = sqlite_users::check_before_opening(database).and_then(|()| {
        sqlite::open(database, MissingFile::Fail).map_err(|cause| cause.to_string())
    });
    let mut connection =
        opened.map_err(|cause| format!("The database can't be opened: {cause}."))?;
    diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(name)
        .execute(&mut connection)
        .map_err(|cause| format!("{} can't be copied: {cause}.", database.display()))?;
    Ok(())
}

/// An empty file that goes unless it gets a name.
fn draft_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut draft = tempfile::Builder::new();
    draft.prefix(".doorward-").suffix(".db").tempfile_in(folder)
}

/// The folder of a file that may not be there yet.
fn folder_of(file: &Path) -> io::Result<PathBuf> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.canonicalize(),
        _ => Path::new(".").canonicalize(),
    }
}

/// Makes the names in it survive a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

//! Puts a backup in the place of an SQLite file.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use time::OffsetDateTime;
use time::macros::format_description;

use super::contents::Contents;
use super::in_use::{Held, hold};
use super::{beside, draft_in, folder_of, is_same_file, sync_folder};

/// What was done.
#[derive(Debug)]
pub struct Restored {
    /// How many people the backup knows.
    pub people: i64,
    /// How many of its sessions were deleted.
    pub sessions: usize,
    /// Where the former database is, if there was one.
    pub former: Option<PathBuf>,
}

/// Replaces `database` by a checked copy of `backup` without sessions and sign-outs. `now` names the former database, which
/// stays beside it.
///
/// # Errors
/// A sentence for whoever typed the command. Nothing has changed then, except that what was in a log beside the database may
/// be in the database.
pub fn restore(backup: &Path, database: &Path, now: OffsetDateTime) -> Result<Restored, String> {
    // SQLite follows links, too.
    let database = &database.canonicalize().unwrap_or(database.to_owned());
    if is_same_file(backup, database) {
        return Err(format!("{} is the database itself.", backup.display()));
    }
    for part in ["-wal", "-journal"] {
        let part = beside(backup, part);
        if part.metadata().is_ok_and(|it| it.len() > 0) {
            return Err(format!(
                "{} lies beside the backup, which is not complete without it: it is a database in use, or was copied \
                 from one. `doorward backup` makes complete ones.",
                part.display()
            ));
        }
    }
    let bad = |cause: io::Error| format!("{} can't be replaced: {cause}.", database.display());
    let folder = folder_of(database).map_err(bad)?;
    let draft = draft_in(&folder).map_err(bad)?;
    let copied = File::open(backup).and_then(|mut file| io::copy(&mut file, &mut draft.as_file()));
    copied.map_err(|cause| {
        let (backup, folder) = (backup.display(), folder.display());
        format!("{backup} can't be copied to {folder}: {cause}.")
    })?;
    let (people, sessions) = Contents::open(draft.path())
        .and_then(|mut contents| {
            contents.check()?;
            let sessions = contents.forget_sessions()?;
            Ok((contents.people()?, sessions))
        })
        .map_err(|cause| format!("{} can't be restored: {cause}.", backup.display()))?;
    own(draft.as_file(), database, &folder)?;
    draft.as_file().sync_all().map_err(bad)?;

    let is_there = database.try_exists().map_err(bad)?;
    let held = is_there.then(|| hold(database)).transpose()?;
    let former = beside(database, &format!(".replaced-{}", name_of(now)));
    if is_there {
        fs::hard_link(database, &former).map_err(bad)?;
    }
    clear_the_way(database, &former, held.as_ref()).map_err(bad)?;
    draft
        .persist(database)
        .map_err(|failed| bad(failed.error))?;
    sync_folder(&folder).map_err(bad)?;
    drop(held);
    Ok(Restored {
        people,
        sessions,
        former: is_there.then_some(former),
    })
}

/// Removes what SQLite left beside the database, which would damage the new one. A complete database has nothing in it;
/// what a damaged one has is kept with it.
fn clear_the_way(database: &Path, former: &Path, held: Option<&Held>) -> io::Result<()> {
    for suffix in ["-wal", "-journal", "-shm"] {
        let file = beside(database, suffix);
        let cleared = match (held, suffix) {
            (Some(Held::Complete(_)), _) | (_, "-shm") => fs::remove_file(file),
            _ => fs::rename(file, beside(former, suffix)),
        };
        match cleared {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => (),
            cleared => cleared?,
        }
    }
    Ok(())
}

/// Gives the file to whom the database belongs, or the folder if there is none: root may be who types the command.
fn own(file: &File, database: &Path, folder: &Path) -> Result<(), String> {
    let owner = database.metadata().or_else(|_| folder.metadata());
    let given = owner.and_then(|owner| {
        file.set_permissions(Permissions::from_mode(0o600))?;
        match owner.uid() == geteuid().as_raw() {
            true => Ok(()),
            false => fchown(file, Some(owner.uid()), Some(owner.gid())),
        }
    });
    given.map_err(|cause| {
        format!(
            "The new file can't be given to the owner of {}: {cause}. Run this as that user.",
            database.display()
        )
    })
}

fn name_of(now: OffsetDateTime) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    now.format(format)
        .expect("a date has all that the format names")
}

//! Opens SQLite files, with the settings that each connection needs.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What to do if the file does not exist.
#[derive(Clone, Copy)]
pub enum MissingFile {
    /// Create it.
    Create,
    /// Return an error.
    Fail,
}

/// How long each statement waits for a lock that another connection has, at first.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Sets how long each statement waits for a lock.
pub fn set_lock_wait(connection: &mut SqliteConnection, wait: Duration) -> QueryResult<()> {
    connection.batch_execute(&format!("PRAGMA busy_timeout = {}", wait.as_millis()))
}

/// Copies what the log holds into the database and empties the log; whether it did. A reader that is under way prevents it.
pub fn empty_log(connection: &mut SqliteConnection) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Checkpoint {
        #[diesel(sql_type = Integer)]
        busy: i32,
    }
    let checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)");
    let checkpoint: Checkpoint = checkpoint.get_result(connection)?;
    Ok(checkpoint.busy == 0)
}

/// Makes a checkpoint after each hundred pages of log, 400 KiB.
pub fn keep_log_small(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection.batch_execute("PRAGMA wal_autocheckpoint = 100")
}

/// Makes each statement that would write an error.
pub fn only_read(connection: &mut SqliteConnection) -> ConnectionResult<()> {
    connection
        .batch_execute("PRAGMA query_only = ON")
        .map_err(ConnectionError::CouldntSetupConfiguration)
}

/// Opens the file. Whoever has it for themselves is waited for as long as `LOCK_WAIT`.
pub fn open(path: &Path, missing: MissingFile) -> ConnectionResult<SqliteConnection> {
    open_within(LOCK_WAIT, path, missing)
}

/// The same with another wait, for opening alone.
pub fn open_within(
    wait: Duration,
    path: &Path,
    missing: MissingFile,
) -> ConnectionResult<SqliteConnection> {
    let mut connection = match missing {
        MissingFile::Create => open_or_create(path, wait),
        MissingFile::Fail => open_existing(path, wait),
    }?;
    set_lock_wait(&mut connection, LOCK_WAIT)
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

fn open_or_create(path: &Path, wait: Duration) -> ConnectionResult<SqliteConnection> {
    let bad =
        |cause: String| ConnectionError::BadConnection(format!("{}: {cause}", path.display()));
    create_private(path).map_err(|cause| bad(cause.to_string()))?;
    let name = path
        .to_str()
        .ok_or_else(|| bad("not a UTF-8 path".to_owned()))?;
    let mut connection = SqliteConnection::establish(name)?;
    // The timeout comes first: switching to WAL needs a lock that another process may hold. Each commit waits for the disk
    // (FULL), or a power cut could undo a sign-out that was confirmed. A checkpoint copies every page that has changed since
    // the last one. At 16 MiB of log there is one a quarter as often as by default.
    // A long reader makes the log grow beyond that; after it, the log is cut again. The last statement opens the log.
    set_lock_wait(&mut connection, wait)
        .and_then(|()| {
            connection.batch_execute(
                "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 4000;
             PRAGMA journal_size_limit = 20000000;
             PRAGMA user_version;",
            )
        })
        .and_then(|()| match free_bytes(path) {
            Some(free) if free < SMALL_DISK => keep_log_small(&mut connection),
            _ => Ok(()),
        })
        .map_err(|cause| explained(path, cause))?;
    Ok(connection)
}

/// A disk with less room, in bytes, could be filled by the log before its first checkpoint. A checkpoint needs room as well:
/// there would be no way on.
const SMALL_DISK: u128 = 64 << 20;

fn free_bytes(path: &Path) -> Option<u128> {
    let disk = statvfs(path).ok()?;
    Some(u128::from(disk.blocks_available()) * u128::from(disk.fragment_size()))
}

/// Changes nothing about the file, not even its journal mode.
fn open_existing(path: &Path, wait: Duration) -> ConnectionResult<SqliteConnection> {
    let bad = |cause: &str| ConnectionError::BadConnection(format!("{}: {cause}", path.display()));
    match path.try_exists() {
        Ok(true) => (),
        Ok(false) => return Err(bad("there is no such file")),
        Err(cause) => return Err(bad(&cause.to_string())),
    }
    let name = path.to_str().ok_or_else(|| bad("not a UTF-8 path"))?;
    // As a URI, so that it is not created even if it was removed a moment ago.
    let name = utf8_percent_encode(name, NOT_IN_A_URI_PATH);
    let mut connection = SqliteConnection::establish(&format!("file:{name}?mode=rw"))
        .map_err(|cause| bad(&cause.to_string()))?;
    set_lock_wait(&mut connection, wait)
        .and_then(|()| {
            connection.batch_execute(
                "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA user_version;",
            )
        })
        .map_err(|cause| explained(path, cause))?;
    Ok(connection)
}

/// SQLite has few words for it if it can't make other files beside the database.
fn explained(path: &Path, cause: diesel::result::Error) -> ConnectionError {
    let texts = ["unable to open database file", "readonly database"];
    let is_likely = texts.iter().any(|text| cause.to_string().contains(text));
    let folder = path.canonicalize();
    let folder = folder.as_deref().ok().and_then(Path::parent);
    match folder.map(|folder| (folder, access(folder, AccessFlags::W_OK))) {
        Some((folder, Err(denied))) if is_likely => ConnectionError::BadConnection(format!(
            "{}: {cause}. SQLite needs files of its own beside it (-wal, -shm), but {} can't be written ({}): give the \
             folder to Doorward's user (chown), and mount it for writing",
            path.display(),
            folder.display(),
            denied.desc()
        )),
        _ => ConnectionError::CouldntSetupConfiguration(cause),
    }
}

/// The characters that would end the path of a URI.
const NOT_IN_A_URI_PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// The file holds people's names and email addresses, so only its owner may read it. SQLite gives `-wal` and `-shm` the same
/// mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    // `exists` follows a link.
    if path.exists() {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::dsl::sql;

    /// A commit that was confirmed survives a power cut: each commit waits for the disk.
    #[test]
    fn sqlite_is_sure_of_what_it_has_committed() {
        let folder = std::env::temp_dir().join(format!("doorward-{}", crate::random::id()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("doorward.db");
        let full = 2;
        for open in [open_or_create, open_existing] {
            let mut connection = open(&file, LOCK_WAIT).unwrap();
            let synchronous = sql::<Integer>("SELECT synchronous FROM pragma_synchronous");
            assert_eq!(synchronous.get_result(&mut connection), Ok(full));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
    /// A backup, for example. The log holds all that is written meanwhile.
    #[test]
    fn the_log_is_small_again_after_a_long_reader() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("doorward.db");
        let mut writer = open(&file, MissingFile::Create).unwrap();
        writer
            .batch_execute("CREATE TABLE rows (row BLOB)")
            .unwrap();
        let mut reader = open(&file, MissingFile::Create).unwrap();
        reader.batch_execute("BEGIN; SELECT * FROM rows").unwrap();
        let mut write = || writer.batch_execute("INSERT INTO rows VALUES (zeroblob(9000000))");
        let log = || {
            std::fs::metadata(folder.path().join("doorward.db-wal"))
                .unwrap()
                .len()
        };
        for _ in 0..4 {
            write().unwrap();
        }
        assert!(log() > 30_000_000, "{}", log());
        reader.batch_execute("COMMIT").unwrap();
        for _ in 0..2 {
            write().unwrap();
        }
        assert!(log() <= 20_000_000, "{}", log());
    }
}

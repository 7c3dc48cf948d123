//! Who else has an SQLite file open, and whether we may open it beside them. All that use a file with a write-ahead log must
//! share the log and the shared memory beside it (`-wal`, `-shm`). If one of these was removed, or belongs to another
//! database, SQLite does not notice: what one process commits, another overwrites.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::file_identity::{beside, is_same_file};

/// The bytes that SQLite locks (`PENDING_BYTE` and what follows it). With a write-ahead log, each connection has some of them
/// locked until it is closed, whether or not it does anything.
const LOCK_BYTES: (i64, i64) = (0x4000_0000, 512);

/// The byte of the shared memory that each process has locked that uses it (`UNIX_SHM_DMS`).
const SHARED_MEMORY_BYTES: (i64, i64) = (128, 1);

/// What a file begins with that has a write-ahead log: this, the size of a page, and twice this version.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const WITH_LOG: u8 = 2;

/// While a process opens or closes the file, it may lack the others for a moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// Checks that we may open the file beside other processes that have it open. If this one has, nothing is checked: closing
/// a file would give up all locks of the process on it.
///
/// # Errors
/// A sentence without its stop, with what to do.
pub fn check_before_opening(database: &Path) -> Result<(), String> {
    if have_we_opened(database).unwrap_or(false) {
        return Ok(());
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        // What can't be read is for SQLite to report.
        match fault(database).unwrap_or(None) {
            None => return Ok(()),
            Some(fault) if Instant::now() >= deadline => return Err(fault),
            Some(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn have_we_opened(database: &Path) -> io::Result<bool> {
    let mut open = std::fs::read_dir("/proc/self/fd")?;
    Ok(open.any(|file| file.is_ok_and(|it| is_same_file(&it.path(), database))))
}

fn fault(database: &Path) -> io::Result<Option<String>> {
    let [log, shared_memory] = ["-wal", "-shm"].map(|suffix| beside(database, suffix));
    let missing = [&log, &shared_memory]
        .into_iter()
        .find(|file| !file.exists());
    let mut file = File::open(database)?;
    let user = user_of(&file)?;
    match (missing, user) {
        (None, None) => {
            let memory = File::open(&shared_memory)?;
            let foreign = holder(&memory, libc::F_WRLCK, SHARED_MEMORY_BYTES)?;
            Ok(foreign.map(|by| {
                format!(
                    "{} and the log beside it belong to another file, which {} has open: {} was replaced. What is \
                     written to it would be lost. Stop that process first",
                    shared_memory.display(),
                    by.name(),
                    database.display()
                )
            }))
        }
        // One that has the file for itself needs no shared memory, and SQLite does not let us in.
        (Some(missing), Some(user)) if !user.is_alone && has_log(&mut file)? => Ok(Some(format!(
            "{} was removed while {} has the database open. What is written beside that process would be lost. \
                 Restart it first",
            missing.display(),
            user.name()
        ))),
        _ => Ok(None),
    }
}

fn has_log(file: &mut File) -> io::Result<bool> {
    let mut header = [0; 20];
    file.read_exact(&mut header)?;
    Ok(header.starts_with(MAGIC) && header[18..] == [WITH_LOG; 2])
}

/// Another process that has a file open.
pub struct User {
    /// Unless it is in another container.
    process: Option<i32>,
    /// Whether it has the file for itself.
    is_alone: bool,
}

impl User {
    /// For a sentence.
    pub fn name(&self) -> String {
        match self.process {
            Some(id) => format!("process {id}"),
            None => "another process".to_owned(),
        }
    }
}

/// Another process that has a database open.
pub fn user_of(database: &File) -> io::Result<Option<User>> {
    holder(database, libc::F_WRLCK, LOCK_BYTES)
}

/// Who has a lock on some of these bytes that would not let us have `lock`.
fn holder(file: &File, lock: libc::c_int, (start, length): (i64, i64)) -> io::Result<Option<User>> {
    let mut lock = libc::flock {
        l_type: lock as _,
        l_whence: libc::SEEK_SET as _,
        l_start: start,
        l_len: length,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_GETLK(&mut lock))?;
    Ok(match i32::from(lock.l_type) {
        libc::F_UNLCK => None,
        found => Some(User {
            process: (lock.l_pid > 0).then_some(lock.l_pid),
            is_alone: found == libc::F_WRLCK,
        }),
    })
}

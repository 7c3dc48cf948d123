//! `.env`: fills in what the environment does not say.

use std::fs::{self, File};
use std::io::ErrorKind;

use crate::server::file_access::{self, Access};

const NAME: &str = ".env";

/// Reads `.env` in the working directory, if it is there. Never that of a folder above, which may be
/// anybody's, and not one that others may write: it decides whom we trust. To be called while there
/// is one thread, since it changes the environment.
///
/// # Errors
/// What is wrong, as a sentence that names no line: it may hold a secret.
pub fn read_dotenv() -> Result<(), String> {
    let file = match File::open(NAME) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match fs::symlink_metadata(NAME) {
                Ok(_) => Err(format!(
                    "{NAME} can't be read: it is a link to a file that is not there"
                )),
                Err(_) => Ok(()),
            };
        }
        file => file.map_err(|cause| format!("{NAME} can't be read: {cause}"))?,
    };
    let fault = file_access::fault(&file, Access::Write, NAME);
    if let Some(fault) = fault.map_err(|cause| format!("{NAME} can't be read: {cause}"))? {
        return Err(format!("{NAME} is not used, since {fault}"));
    }
    dotenvy::from_read(file).map_err(|cause| match cause {
        dotenvy::Error::Io(cause) => format!("{NAME} can't be read: {cause}"),
        _ => {
            format!("{NAME} can't be read: each line must be NAME=value (quote values with spaces)")
        }
    })
}

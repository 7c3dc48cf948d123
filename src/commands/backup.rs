//! `doorward backup` and `doorward restore`: an SQLite file. Postgres has tools of its own.

use std::path::PathBuf;

use clap::Args;

use super::explain;
use crate::clock::Clock;
use crate::db::DatabaseUrl;
use crate::db::backup::{self, Existing};
use crate::settings::Settings;

/// Where to write the backup.
#[derive(Args, Debug)]
pub struct Backup {
    /// The file to write
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
}

/// What to restore.
#[derive(Args, Debug)]
pub struct Restore {
    /// The backup
    file: PathBuf,
}

/// Makes a backup and returns what to print.
pub fn backup(Backup { file, overwrite }: Backup) -> Result<String, String> {
    let database = match database_url()? {
        DatabaseUrl::Sqlite(database) => database,
        DatabaseUrl::Postgres(url) => {
            return Err(format!(
                "The database is Postgres, so nothing was written. This makes a backup without sessions:\n\
                 pg_dump --format=custom --exclude-table-data=sessions --exclude-table-data=sign_outs \
                 --file={} '{}'\n\
                 The password comes from PGPASSWORD or ~/.pgpass.",
                quoted(&file),
                url.without_password()
            ));
        }
    };
    let existing = match overwrite {
        true => Existing::Replace,
        false => Existing::Keep,
    };
    let people = backup::backup(&database, &file, existing)?;
    Ok(format!(
        "{} has everything of {} but its sessions, and was checked. People: {people}.\n",
        file.display(),
        database.display()
    ))
}

/// Restores a backup and returns what to print.
pub fn restore(Restore { file }: Restore) -> Result<String, String> {
    let database = match database_url()? {
        DatabaseUrl::Sqlite(database) => database,
        DatabaseUrl::Postgres(url) => {
            let url = url.without_password();
            return Err(format!(
                "The database is Postgres, so nothing was restored. Stop Doorward everywhere, then run:\n\
                 pg_restore --clean --if-exists --no-owner --single-transaction --dbname='{url}' {}\n\
                 psql --command='DELETE FROM sessions; DELETE FROM sign_outs' '{url}'\n\
                 The password comes from PGPASSWORD or ~/.pgpass.",
                quoted(&file),
            ));
        }
    };
    let restored = backup::restore(&file, &database, Clock::default().now())?;
    let mut text = format!(
        "{} was restored from {}. People: {}. Sessions deleted: {}, since some may have ended after the backup; \
         everybody signs in again. Whoever was blocked after the backup must be blocked again.\n",
        database.display(),
        file.display(),
        restored.people,
        restored.sessions,
    );
    if let Some(former) = restored.former {
        text.push_str(&format!(
            "The former database is now {}. Delete it when you do not need it any more.\n",
            former.display()
        ));
    }
    Ok(text)
}

fn database_url() -> Result<DatabaseUrl, String> {
    let settings = Settings::database_from_env(&|path| std::fs::read(path));
    let (url, _) = settings.map_err(|complaints| explain(&complaints))?;
    Ok(url)
}

/// For a shell.
fn quoted(file: &std::path::Path) -> String {
    format!("'{}'", file.display().to_string().replace('\'', r"'\''"))
}

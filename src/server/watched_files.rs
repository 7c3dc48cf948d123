//! Reads certificates and secrets again when their files change, so that they can be replaced without a restart.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::rt;
use aws_lc_rs::digest;
use secrecy::ExposeSecret;

use crate::observe::metrics;
use crate::settings::FileContent;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// What to do with the files' new content; why it can't be used.
type Apply = Box<dyn FnMut(&[Vec<u8>]) -> Result<(), String>>;

/// Files that change together, and what they hold.
#[derive(Clone)]
pub struct Files {
    paths: Vec<PathBuf>,
    /// The hash of what is in use; nothing if they could not be read.
    used: Option<Vec<u8>>,
}

impl Files {
    /// Files as the settings read them: what has changed since then counts as a change.
    pub fn of(files: &[FileContent]) -> Self {
        let contents: Vec<&[u8]> = files
            .iter()
            .map(|file| file.bytes.expose_secret())
            .collect();
        Files {
            paths: files.iter().map(|file| file.path.clone()).collect(),
            used: Some(hash(&contents)),
        }
    }

    /// A file that can be read again; none if it is a pipe, out of which each byte comes once. A file that is not there
    /// just now may be about to be replaced, and is watched.
    pub fn of_one(file: &FileContent) -> Option<Self> {
        let is_pipe = fs::metadata(&file.path).is_ok_and(|it| !it.is_file());
        (!is_pipe).then(|| Files::of(std::slice::from_ref(file)))
    }
}

/// Files that are checked for changes every two seconds.
pub struct Watched {
    name: &'static str,
    files: Files,
    /// The hash of what was read last; nothing if they could not be read.
    seen: Option<Vec<u8>>,
    /// The hash of content that was rejected.
    refused: Option<Vec<u8>>,
    apply: Apply,
}

impl Watched {
    /// What comes to be in `files` goes to `apply`.
    pub fn new(
        name: &'static str,
        files: Files,
        apply: impl FnMut(&[Vec<u8>]) -> Result<(), String> + 'static,
    ) -> Self {
        Watched {
            name,
            seen: files.used.clone(),
            files,
            refused: None,
            apply: Box::new(apply),
        }
    }

    /// New content is used once it was read twice without a difference: it may still be being written. Content that
    /// is rejected changes nothing and is logged once.
    fn look(&mut self) {
        self.apply_new_content();
        let is_in_use = self.seen.is_some() && self.seen != self.refused;
        metrics::file_unusable(self.name, !is_in_use);
    }

    fn apply_new_content(&mut self) {
        let name = self.name;
        let contents = match read(&self.files.paths) {
            Ok(contents) => contents,
            Err(cause) => {
                if self.seen.take().is_some() {
                    log::error!("{name} can't be read ({cause}); its last content stays in use");
                }
                return;
            }
        };
        let found = Some(hash(&contents));
        let is_complete = found == self.seen;
        self.seen = found.clone();
        if !is_complete || found == self.files.used || found == self.refused {
            return;
        }
        match (self.apply)(&contents) {
            Ok(()) => {
                log::info!("{name} changed; its new content is in use");
                (self.files.used, self.refused) = (found, None);
            }
            Err(fault) => {
                log::error!("{name} changed but {fault}; its last content stays in use");
                self.refused = found;
            }
        }
    }
}

/// Checks the files for ever.
pub async fn watch(mut files: Vec<Watched>) {
    let mut interval = rt::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        files.iter_mut().for_each(Watched::look);
    }
}

fn read(paths: &[PathBuf]) -> std::io::Result<Vec<Vec<u8>>> {
    paths.iter().map(fs::read).collect()
}

fn hash(contents: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut hash = digest::Context::new(&digest::SHA256);
    for content in contents {
        let content = content.as_ref();
        hash.update(&content.len().to_be_bytes());
        hash.update(content);
    }
    hash.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[test]
    fn a_change_counts_once_when_it_is_complete_and_a_bad_one_changes_nothing() {
        let path = std::env::temp_dir().join(format!("doorward-{}", crate::random::id()));
        fs::write(&path, "old").unwrap();
        let used = Rc::new(RefCell::new(Vec::new()));
        let keep = used.clone();
        let files = Files::of(&[FileContent {
            path: path.clone(),
            bytes: b"old".to_vec().into(),
        }]);
        let mut file = Watched::new("FILE", files, move |contents| {
            let text = String::from_utf8_lossy(&contents[0]).into_owned();
            if text == "bad" {
                return Err("is bad".to_owned());
            }
            keep.borrow_mut().push(text);
            Ok(())
        });
        let mut look_after = |content: &str, looks: usize| {
            fs::write(&path, content).unwrap();
            (0..looks).for_each(|_| file.look());
            used.borrow().clone()
        };
        assert_eq!(look_after("old", 3), [""; 0]);
        assert_eq!(look_after("ne", 1), [""; 0], "it is still being written");
        assert_eq!(look_after("new", 1), [""; 0]);
        assert_eq!(look_after("new", 3), ["new"]);
        assert_eq!(look_after("bad", 3), ["new"]);
        assert_eq!(look_after("new", 3), ["new"], "it is in use already");
        fs::remove_file(&path).unwrap();
        file.look();
        fs::write(&path, "new").unwrap();
        (0..3).for_each(|_| file.look());
        assert_eq!(*used.borrow(), ["new"], "it only came back");
        fs::write(&path, "newer").unwrap();
        (0..2).for_each(|_| file.look());
        assert_eq!(*used.borrow(), ["new", "newer"]);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_is_watched_though_it_is_away_and_a_pipe_is_not() {
        let is_watched = |path: &str| {
            let file = FileContent {
                path: path.into(),
                bytes: b"old".to_vec().into(),
            };
            Files::of_one(&file).is_some()
        };
        assert!(is_watched("/no/such/file"));
        assert!(!is_watched("/dev/null"));
    }
}

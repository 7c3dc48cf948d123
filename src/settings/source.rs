//! Where settings come from: a variable, or the file that `NAME_FILE` names; and what is wrong.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use secrecy::{ExposeSecret, SecretSlice};

/// Reads a file: what the server or a command gives, since settings open nothing.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// A file that a setting names, as it was when the settings were read.
#[derive(Clone)]
pub struct FileContent {
    /// Where it is.
    pub path: PathBuf,
    /// What it held.
    pub bytes: SecretSlice<u8>,
}

/// One thing that is wrong with the environment.
#[derive(Debug, PartialEq)]
pub struct Complaint {
    /// The variable.
    pub variable: String,
    /// What is wrong with it.
    pub fault: String,
    /// What it could look like.
    pub example: &'static str,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Complaint {
            variable,
            fault,
            example,
        } = self;
        write!(
            f,
            "{variable} {fault}\n    for example: {variable}={example}"
        )
    }
}

/// What the environment says. Bytes that are no text become replacement characters: to leave the variable out would be
/// to take its default, another database or no proxy.
pub fn environment(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?;
    Some(value.to_string_lossy().into_owned())
}

/// Asks for variables and collects complaints.
pub struct Source<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    read_file: ReadFile<'a>,
    complaints: Vec<Complaint>,
}

impl<'a> Source<'a> {
    pub fn new(variable: &'a dyn Fn(&str) -> Option<String>, read_file: ReadFile<'a>) -> Self {
        Source {
            variable,
            read_file,
            complaints: Vec::new(),
        }
    }

    /// A variable that must be there.
    pub fn required<T>(
        &mut self,
        name: &str,
        example: &'static str,
        parse: impl Fn(String) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(name);
        self.needed(name, example, value, parse)
    }

    /// A variable that has a default.
    pub fn optional<T>(
        &mut self,
        name: &str,
        example: &'static str,
        parse: impl Fn(String) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(name)?;
        self.parsed(name, example, value, parse)
    }

    /// Like [`Source::required`], or from the file that `NAME_FILE` names: with that file, then.
    pub fn required_secret<T>(
        &mut self,
        name: &str,
        example: &'static str,
        parse: impl Fn(String) -> Result<T, String>,
    ) -> Option<(T, Option<FileContent>)> {
        let complaints = self.complaints.len();
        let (value, file) = self.secret(name, example).unzip();
        if self.complaints.len() > complaints {
            return None;
        }
        let value = self.needed(name, example, value, parse)?;
        Some((value, file.flatten()))
    }

    /// Like [`Source::optional`], or from the file that `NAME_FILE` names: with that file, then.
    pub fn optional_secret<T>(
        &mut self,
        name: &str,
        example: &'static str,
        parse: impl Fn(String) -> Result<T, String>,
    ) -> Option<(T, Option<FileContent>)> {
        let (value, file) = self.secret(name, example)?;
        Some((self.parsed(name, example, value, parse)?, file))
    }

    /// Adds a complaint.
    pub fn complain(&mut self, name: &str, fault: impl Into<String>, example: &'static str) {
        self.complaints.push(Complaint {
            variable: name.to_owned(),
            fault: fault.into(),
            example,
        });
    }

    pub fn has_complaints_about(&self, name: &str) -> bool {
        self.complaints
            .iter()
            .any(|complaint| complaint.variable.starts_with(name))
    }

    pub fn complaints(self) -> Vec<Complaint> {
        self.complaints
    }

    /// `settings`, if there are no complaints.
    pub fn none_or<T>(self, settings: T) -> Result<T, Vec<Complaint>> {
        match self.complaints {
            none if none.is_empty() => Ok(settings),
            complaints => Err(complaints),
        }
    }

    /// The content of a file.
    pub fn file(&self, path: &Path) -> io::Result<FileContent> {
        let bytes = (self.read_file)(path)?;
        Ok(FileContent {
            path: path.to_owned(),
            bytes: bytes.into(),
        })
    }

    fn value(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// A secret, and the file that it came from, if it came from one.
    fn secret(
        &mut self,
        name: &str,
        example: &'static str,
    ) -> Option<(String, Option<FileContent>)> {
        let file_name = format!("{name}_FILE");
        let path = match (self.value(name), self.value(&file_name)) {
            (Some(_), Some(_)) => {
                let fault = format!("and {file_name} are both set; keep one");
                self.complain(name, fault, example);
                return None;
            }
            (value, None) => return Some((value?, None)),
            (None, Some(path)) => PathBuf::from(path),
        };
        let read = self.file(&path).and_then(|file| {
            let text = std::str::from_utf8(file.bytes.expose_secret());
            let text = text.map_err(|_| io::Error::other("it is not UTF-8"))?;
            Ok((text.trim().to_owned(), Some(file)))
        });
        match read {
            Ok((text, file)) => (!text.is_empty()).then_some((text, file)),
            Err(cause) => {
                let fault = format!("names a file that can't be read ({cause})");
                self.complain(&file_name, fault, "/run/secrets/name");
                None
            }
        }
    }

    fn needed<T>(
        &mut self,
        name: &str,
        example: &'static str,
        value: Option<String>,
        parse: impl Fn(String) -> Result<T, String>,
    ) -> Option<T> {
        match value {
            Some(value) => self.parsed(name, example, value, parse),
            None => {
                self.complain(name, "is missing", example);
                None
            }
        }
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        example: &'static str,
        value: String,
        parse: impl Fn(String) -> Result<T, String>,
    ) -> Option<T> {
        // What stands for bytes that are no text: see [`environment`].
        if value.contains(char::REPLACEMENT_CHARACTER) {
            self.complain(name, "is not UTF-8", example);
            return None;
        }
        match parse(value) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.complain(name, fault, example);
                None
            }
        }
    }
}

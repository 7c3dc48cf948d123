//! Where settings come from: a variable, or the file that `NAME_FILE` names; and what is wrong.

use std::fmt;
use std::path::PathBuf;

use crate::server::watched_files::Files;

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
    complaints: Vec<Complaint>,
    /// Whether reading may leave a file behind: the key that is made when none is given.
    pub may_write: bool,
}

impl<'a> Source<'a> {
    pub fn new(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Source {
            variable,
            complaints: Vec::new(),
            may_write: true,
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

    /// Like [`Source::required`], or from the file that `NAME_FILE` names.
    pub fn required_secret<T>(
        &mut self,
        name: &str,
        example: &'static str,
        parse: impl Fn(String) -> Result<T, String>,
    ) -> Option<T> {
        let complaints = self.complaints.len();
        let value = self.secret(name, example);
        if self.complaints.len() > complaints {
            return None;
        }
        self.needed(name, example, value, parse)
    }

    /// Like [`Source::optional`], or from the file that `NAME_FILE` names.
    pub fn optional_secret<T>(
        &mut self,
        name: &str,
        example: &'static str,
        parse: impl Fn(String) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.secret(name, example)?;
        self.parsed(name, example, value, parse)
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

    pub fn has_complaints(&self) -> bool {
        !self.complaints.is_empty()
    }

    pub fn complaints(self) -> Vec<Complaint> {
        self.complaints
    }

    /// The file that `NAME_FILE` names, as it is now; none if that is a pipe, out of which each byte comes once.
    pub fn file_of(&self, name: &str) -> Option<Files> {
        let path = PathBuf::from(self.value(&format!("{name}_FILE"))?);
        path.is_file().then(|| Files::as_they_are(vec![path]))
    }

    fn value(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    fn secret(&mut self, name: &str, example: &'static str) -> Option<String> {
        let file_name = format!("{name}_FILE");
        match (self.value(name), self.value(&file_name)) {
            (Some(_), Some(_)) => {
                let fault = format!("and {file_name} are both set; keep one");
                self.complain(name, fault, example);
                None
            }
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
                Err(cause) => {
                    let fault = format!("names a file that can't be read ({cause})");
                    self.complain(&file_name, fault, "/run/secrets/name");
                    None
                }
            },
            (value, None) => value,
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

//! The files of `templates/`, built into the program. `TEMPLATES_DIR` can replace any of them.

use std::io::ErrorKind;
use std::path::Path;

use aws_lc_rs::digest;

/// A file: its name, and its built-in content.
type BuiltIn = (&'static str, &'static str);

const TEMPLATES: [BuiltIn; 11] = [
    ("base.html", include_str!("../../../templates/base.html")),
    (
        "illustration.html",
        include_str!("../../../templates/illustration.html"),
    ),
    ("login.html", include_str!("../../../templates/login.html")),
    (
        "profile.html",
        include_str!("../../../templates/profile.html"),
    ),
    (
        "logout.html",
        include_str!("../../../templates/logout.html"),
    ),
    (
        "continue.html",
        include_str!("../../../templates/continue.html"),
    ),
    (
        "end_session.html",
        include_str!("../../../templates/end_session.html"),
    ),
    (
        "signed_out.html",
        include_str!("../../../templates/signed_out.html"),
    ),
    ("error.html", include_str!("../../../templates/error.html")),
    (
        "refused.html",
        include_str!("../../../templates/refused.html"),
    ),
    (
        "sessions.html",
        include_str!("../../../templates/sessions.html"),
    ),
];
const STYLE: BuiltIn = ("style.css", include_str!("../../../templates/style.css"));
const FAVICON: BuiltIn = (
    "favicon.svg",
    include_str!("../../../templates/favicon.svg"),
);

/// A file that pages refer to.
pub struct Asset {
    /// Its name below `/assets/`.
    pub name: String,
    /// Its content.
    pub body: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Whether its name changes with its content.
    pub immutable: bool,
}

/// Where the files come from: `TEMPLATES_DIR` for those that are in it, the program for the others.
pub struct Files<'a>(pub Option<&'a Path>);

impl Files<'_> {
    /// Name and text of each template. An error names the file that can't be read.
    pub fn templates(&self) -> Result<Vec<(&'static str, String)>, String> {
        let templates = TEMPLATES.into_iter();
        templates
            .map(|file| Ok((file.0, self.load(file)?)))
            .collect()
    }

    /// The style sheet, whose name changes with its content so that browsers may keep it.
    pub fn stylesheet(&self) -> Result<Asset, String> {
        let body = self.load(STYLE)?;
        Ok(Asset {
            name: format!("style-{}.css", content_tag(&body)),
            body,
            content_type: "text/css; charset=utf-8",
            immutable: true,
        })
    }

    /// The icon.
    pub fn favicon(&self) -> Result<Asset, String> {
        Ok(Asset {
            name: FAVICON.0.to_owned(),
            body: self.load(FAVICON)?,
            content_type: "image/svg+xml",
            immutable: false,
        })
    }

    fn load(&self, (name, built_in): BuiltIn) -> Result<String, String> {
        let Some(path) = self.0.map(|dir| dir.join(name)) else {
            return Ok(built_in.to_owned());
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text),
            // Only what is not there is built in: a page that can't be reached was meant to be shown.
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(built_in.to_owned()),
            Err(cause) => Err(format!("{} can't be read: {cause}", path.display())),
        }
    }
}

/// 16 hexadecimal digits of the content's SHA-256.
fn content_tag(content: &str) -> String {
    let hash = digest::digest(&digest::SHA256, content.as_bytes());
    hash.as_ref()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_is_not_there_is_built_in() {
        let folder = tempfile::tempdir().unwrap();
        let names = |dir: &Path| Files(Some(dir)).templates().map(|all| all.len());
        assert_eq!(names(folder.path()), Ok(TEMPLATES.len()));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let fault = names(&file).unwrap_err();
        assert!(fault.contains("base.html can't be read"), "{fault}");
    }
}

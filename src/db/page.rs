//! Long lists are read page by page.

/// A part of a list that is sorted by id. By id rather than by offset, so that each page costs the same.
#[derive(Clone)]
pub struct Page {
    /// The last id of the page before.
    pub after: Option<String>,
    /// How many rows at most.
    pub limit: i64,
}

//! Reads a rule's values by their keys.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::FileFault;

/// Collects faults while it reads.
pub struct Reader {
    /// Where the lines of the file end.
    pub line_ends: Vec<usize>,
    pub faults: Vec<FileFault>,
}

/// A rule's table.
pub struct Keys<'a, 'i> {
    pub table: &'a DeTable<'i>,
    pub span: Range<usize>,
}

impl<'a, 'i> Keys<'a, 'i> {
    pub fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    /// Where a fault about `key` is: its value, or the rule's beginning.
    pub fn span(&self, key: &str) -> Range<usize> {
        self.get(key).map_or(self.span.clone(), Spanned::span)
    }
}

impl Reader {
    pub fn line(&self, span: &Range<usize>) -> usize {
        1 + self.line_ends.partition_point(|end| *end < span.start)
    }

    pub fn fault(&mut self, span: Range<usize>, fault: impl Into<String>) {
        let line = self.line(&span);
        self.faults.push(FileFault {
            line,
            fault: fault.into(),
        });
    }

    pub fn text(&mut self, keys: &Keys<'_, '_>, key: &str) -> Option<String> {
        let value = keys.get(key)?;
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.fault(value.span(), format!("{key} must be a text in quotes"));
        }
        text
    }

    /// The texts of a list, each read by `parse`.
    pub fn parsed<T>(
        &mut self,
        keys: &Keys<'_, '_>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let Some(list) = keys.get(key) else {
            return Vec::new();
        };
        let Some(values) = list
            .get_ref()
            .as_array()
            .filter(|values| !values.is_empty())
        else {
            self.fault(
                list.span(),
                format!("{key} must be a list of texts, with one at least"),
            );
            return Vec::new();
        };
        let mut parsed = Vec::new();
        for value in values.iter() {
            match value.get_ref().as_str().map(|text| (text, parse(text))) {
                Some((_, Ok(value))) => parsed.push(value),
                Some((text, Err(fault))) => {
                    self.fault(value.span(), format!("{key}: {text:?} {fault}"))
                }
                None => self.fault(
                    value.span(),
                    format!("{key} must be a list of texts in quotes"),
                ),
            }
        }
        parsed
    }

    pub fn parsed_set(
        &mut self,
        keys: &Keys<'_, '_>,
        key: &str,
        parse: impl Fn(&str) -> Result<String, String>,
    ) -> HashSet<String> {
        self.parsed(keys, key, parse).into_iter().collect()
    }
}

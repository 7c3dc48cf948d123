//! Options for long lists, which are printed page by page.

use clap::Args;
use clap::builder::RangedI64ValueParser;

use crate::db::Page;

/// Which page of a list.
#[derive(Args, Debug)]
pub struct Paging {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_once())]
    limit: u16,
    /// Start after this id
    // It can begin with a hyphen.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    after: Option<String>,
}

fn at_once() -> RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=10_000)
}

impl Paging {
    /// For the query.
    pub fn page(&self) -> Page {
        Page {
            after: self.after.clone(),
            limit: self.limit.into(),
        }
    }

    /// Says on standard error that there may be another page, since a program may read standard output.
    pub fn mention_next_page(&self, last_id: Option<&str>, count: usize) {
        if let Some(last_id) = last_id.filter(|_| count == usize::from(self.limit)) {
            eprintln!("There may be more: --after={last_id}");
        }
    }
}

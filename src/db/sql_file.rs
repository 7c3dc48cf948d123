//! Statements that are written as `.sql` files.

use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Nullable, Text, Timestamp};

use super::{AnyConnection, AuditEvent};

/// What both databases have in common.
pub(crate) type Backend = <AnyConnection as Connection>::Backend;

/// A statement from a file, with the values of its `$1`, `$2` … in this order.
pub(crate) struct SqlFile<'text, 'a, 'b> {
    rest: &'text str,
    out: AstPass<'a, 'b, Backend>,
}

impl<'text, 'a, 'b> SqlFile<'text, 'a, 'b> {
    pub fn new(text: &'text str, out: AstPass<'a, 'b, Backend>) -> Self {
        SqlFile { rest: text, out }
    }

    /// Adds the next value.
    pub fn bind<Type, Value>(&mut self, value: &'b Value) -> QueryResult<()>
    where
        Backend: HasSqlType<Type>,
        Value: ToSql<Type, Backend> + ?Sized,
    {
        let (before, after) = self
            .rest
            .split_once('$')
            .expect("the file has a parameter for each value");
        self.out.push_sql(before);
        self.rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
        self.out.push_bind_param::<Type, Value>(value)
    }

    /// Adds the next five values: what the columns `id`, `occurred_at`, `event`, `address` and `request_id` of an event hold.
    pub fn bind_event(&mut self, event: &'b AuditEvent) -> QueryResult<()> {
        self.bind::<Text, _>(&event.id)?;
        self.bind::<Timestamp, _>(&event.occurred_at)?;
        self.bind::<Text, _>(&event.event)?;
        self.bind::<Nullable<Text>, _>(&event.address)?;
        self.bind::<Nullable<Text>, _>(&event.request_id)
    }

    /// Adds what follows the last value.
    pub fn end(mut self) {
        self.out.push_sql(self.rest);
    }
}

/// Whether the parameters are `$1` to `$count`, in order and without gaps, because values are bound by position.
#[cfg(test)]
pub(crate) fn parameters_are_in_order(text: &str, count: usize) -> bool {
    let numbers = text.split('$').skip(1).map(|after| {
        let digits = after.split(|it: char| !it.is_ascii_digit()).next();
        digits.unwrap_or_default().parse::<usize>().ok()
    });
    numbers.eq((1..=count).map(Some))
}

//! The groups of a person: a JSON list of texts in one column.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::sql_types::{Nullable, Text};
use serde::{Deserialize, Serialize};

/// The groups of a person, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromSqlRow, Serialize, Deserialize)]
pub struct Groups(pub Vec<String>);

impl Groups {
    /// What the column holds: NULL is none.
    pub(crate) fn to_column(&self) -> Option<String> {
        let json = || serde_json::to_string(&self.0).expect("texts always serialise");
        (!self.0.is_empty()).then(json)
    }

    /// A column that was edited by hand and is no list of texts is none: groups only ever open doors.
    fn from_column(json: &str) -> Groups {
        serde_json::from_str(json).unwrap_or_default()
    }
}

impl<DB: Backend> FromSql<Nullable<Text>, DB> for Groups
where
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Groups::from_column(&String::from_sql(bytes)?))
    }

    fn from_nullable_sql(bytes: Option<DB::RawValue<'_>>) -> deserialize::Result<Self> {
        bytes.map_or_else(|| Ok(Groups::default()), Self::from_sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_no_list_is_none() {
        for groups in [&[][..], &["a"], &["a\0b", "c,\"d\"", "\u{e4}"]] {
            let groups = Groups(groups.iter().map(|it| (*it).to_owned()).collect());
            let column = groups.to_column();
            assert!(
                column.iter().all(|json| !json.contains('\0')),
                "Postgres takes no NUL"
            );
            assert_eq!(Groups::from_column(&column.unwrap_or_default()), groups);
        }
        for odd in ["", "a", "[1]", "{}", "null", "[\"a\""] {
            assert_eq!(Groups::from_column(odd), Groups::default(), "{odd}");
        }
    }
}

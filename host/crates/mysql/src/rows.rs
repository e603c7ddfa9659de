//! Rows of the server's small answers (settings, lists, information_schema) as text.

use std::sync::Arc;

use mysql_async::prelude::FromRow;
use mysql_async::{Column, FromRowError, Row, Value};

use crate::SourceError;

/// One row of a text answer. Cells are looked up by column name without case, because servers
/// disagree about the case of information_schema's columns and about the order of SHOW's.
#[derive(Debug)]
pub(crate) struct TextRow {
    columns: Arc<[Column]>,
    values: Vec<Value>,
}

impl FromRow for TextRow {
    fn from_row_opt(row: Row) -> Result<Self, FromRowError> {
        Ok(Self::new(row))
    }
}

impl TextRow {
    pub(crate) fn new(row: Row) -> Self {
        let columns = row.columns();
        let values = row.unwrap_raw().into_iter().flatten().collect();
        Self { columns, values }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|c| c.name_ref().eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The cell as bytes; `None` for NULL and for a column that is not there.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        match self.values.get(self.index(name)?)? {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The cell as text; `None` for NULL, for a column that is not there, and for what is no UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }

    /// The cell as text of its own; empty for NULL.
    pub(crate) fn owned(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    /// The cell as a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// First cell as text.
    pub(crate) fn first(&self) -> Option<&str> {
        match self.values.first()? {
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The cell as text; an error where it is NULL or missing.
    pub(crate) fn required(&self, what: &str, name: &str) -> Result<&str, SourceError> {
        self.text(name).ok_or_else(|| SourceError::Answer {
            what: what.to_owned(),
            reason: format!("no column {name} in it"),
        })
    }

    /// The cell as a number; an error where it is none.
    pub(crate) fn required_number<T: std::str::FromStr>(
        &self,
        what: &str,
        name: &str,
    ) -> Result<T, SourceError> {
        let text = self.required(what, name)?;
        text.parse().map_err(|_| SourceError::Answer {
            what: what.to_owned(),
            reason: format!("column {name} is no number"),
        })
    }
}

/// Quotes a string literal for the source under an empty `sql_mode`.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// Quotes an identifier for the source.
pub(crate) fn quote_ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Quotes a list of string literals, `'a', 'b'`.
pub(crate) fn quote_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(quote).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_identifiers_are_quoted_for_an_empty_sql_mode() {
        assert_eq!(quote("it's \\ \"x\""), "'it''s \\\\ \"x\"'");
        assert_eq!(quote_ident("a`b"), "`a``b`");
        assert_eq!(quote_list(["a", "b'"]), "'a', 'b'''");
    }
}

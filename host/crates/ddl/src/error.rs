//! What can go wrong with a statement.

use chameleon_diag::{Diagnostic, ErrorCode, codes};
use chameleon_model::TableName;

/// A statement that could not be understood or applied. Whatever the variant, [`DdlError::tables`]
/// names the tables that it may have changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DdlError {
    /// The text does not follow the grammar.
    #[error("parse {kind} at byte {offset}: {expected} was expected, {found} found")]
    Syntax {
        /// Kind of the statement as far as it was recognised, `statement` where it was not.
        kind: &'static str,
        /// Byte offset into the text where the parser stopped.
        offset: usize,
        /// What would have been right.
        expected: String,
        /// What stands there: a word, a symbol, or `the end`. Never the content of a literal.
        found: String,
        /// Tables that the text names.
        tables: Vec<TableName>,
    },
    /// The statement does not fit the table version that it is applied to.
    #[error("apply {kind} to {table}: {reason}")]
    Mismatch {
        /// Kind of the statement.
        kind: &'static str,
        /// The table.
        table: TableName,
        /// What does not fit, one sentence without a full stop.
        reason: String,
    },
    /// Rows that exist already have new values that the statement does not tell. The structure
    /// after it is known: a new copy of the table goes on from there.
    #[error("follow the change of {table}: {reason}")]
    SourceOnly {
        /// The table.
        table: TableName,
        /// Which values, one sentence without a full stop.
        reason: String,
    },
    /// The change has no PostgreSQL form.
    #[error("translate the change of {table}: {reason}")]
    Untranslatable {
        /// The table.
        table: TableName,
        /// Why, one sentence without a full stop.
        reason: String,
    },
}

impl DdlError {
    /// Tables that the statement names: these must be held. Empty where none could be found.
    pub fn tables(&self) -> &[TableName] {
        match self {
            Self::Syntax { tables, .. } => tables,
            Self::Mismatch { table, .. }
            | Self::Untranslatable { table, .. }
            | Self::SourceOnly { table, .. } => std::slice::from_ref(table),
        }
    }
}

impl Diagnostic for DdlError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Untranslatable { .. } => codes::DDL001,
            Self::Syntax { .. } => codes::DDL002,
            Self::Mismatch { .. } => codes::DDL003,
            Self::SourceOnly { .. } => codes::DDL004,
        }
    }

    fn hint(&self) -> Option<String> {
        let names: Vec<&str> = self.tables().iter().map(|t| t.name.as_str()).collect();
        if names.is_empty() {
            return Some("chameleon-tools ddl translate FILE".into());
        }
        Some(format!(
            "chameleon sync_tables --tables {}",
            names.join(",")
        ))
    }
}

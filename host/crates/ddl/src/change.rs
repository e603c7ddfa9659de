//! What a statement did to the tables.

use std::sync::Arc;

use chameleon_model::{TableName, TableSchema};

use crate::context::Dialect;
use crate::statement::DefaultValue;

/// One change of one table. Every change names its source table or tables; whoever follows a
/// selection of tables drops the changes of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaChange {
    /// A table came to be.
    Create {
        /// The new table.
        after: Arc<TableSchema>,
    },
    /// A table went away.
    Drop {
        /// The table as it was.
        before: Arc<TableSchema>,
    },
    /// All rows of a table went away.
    Truncate {
        /// The table, which need not be known.
        table: TableName,
    },
    /// A table got another name (or database) and is otherwise as it was. Several renames of one
    /// statement are given one by one, in order, intermediate names included.
    Rename {
        /// Under the old name.
        before: Arc<TableSchema>,
        /// Under the new name.
        after: Arc<TableSchema>,
    },
    /// Columns, keys or comments of a table changed; its name did not.
    Alter {
        /// The version before.
        before: Arc<TableSchema>,
        /// The version after.
        after: Arc<TableSchema>,
        /// Every column of both versions stands in exactly one entry: those of `after` in order,
        /// then the dropped ones.
        columns: Vec<ColumnChange>,
        /// What the conversion of existing rows depends on.
        session: SessionFacts,
    },
    /// The statement did something to this table that has no translation: it must be held.
    Unsupported {
        /// The table.
        table: TableName,
        /// Why, one sentence without a full stop.
        reason: String,
    },
}

impl SchemaChange {
    /// The source table that the change begins with (`before`'s name of a rename).
    pub fn table(&self) -> &TableName {
        match self {
            Self::Create { after } => &after.name,
            Self::Drop { before } | Self::Rename { before, .. } | Self::Alter { before, .. } => {
                &before.name
            }
            Self::Truncate { table } | Self::Unsupported { table, .. } => table,
        }
    }

    /// The table version that is in force after the change; `None` where there is none or where it
    /// stays as it was.
    pub fn after(&self) -> Option<&Arc<TableSchema>> {
        match self {
            Self::Create { after } | Self::Rename { after, .. } | Self::Alter { after, .. } => {
                Some(after)
            }
            Self::Drop { .. } | Self::Truncate { .. } | Self::Unsupported { .. } => None,
        }
    }
}

/// Where a column of the new version comes from. Numbers index the columns of `before` or `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnChange {
    /// Same type and attributes; name and place may differ.
    Kept {
        /// In the version before.
        before: usize,
        /// In the version after.
        after: usize,
    },
    /// Type or attributes differ; name and place may too.
    Changed {
        /// In the version before.
        before: usize,
        /// In the version after.
        after: usize,
    },
    /// A generated column whose values the source computed anew, or may have; only it knows them.
    Recomputed {
        /// In the version before.
        before: usize,
        /// In the version after.
        after: usize,
    },
    /// New.
    Added {
        /// In the version after.
        after: usize,
        /// What the rows that exist already got.
        existing: ExistingRows,
    },
    /// Gone.
    Dropped {
        /// In the version before.
        before: usize,
    },
}

/// What the source put into a new column of rows that existed already. Row events tell nothing of
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExistingRows {
    /// NULL.
    Null,
    /// The type's implicit default: 0, the empty string, the zero date, the first label.
    Implicit,
    /// The column's DEFAULT, never [`DefaultValue::Expression`].
    Default(DefaultValue),
    /// The value of an expression, which only the source evaluates.
    Computed,
    /// AUTO_INCREMENT numbers in the source's own order of rows.
    Numbered,
    /// Nothing is known of it.
    Unknown,
}

/// What the conversion of existing rows depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// MySQL rounds fractional seconds where MariaDB cuts them off, and more of the kind.
    pub dialect: Dialect,
    /// See [`crate::ParseContext::time_zone`].
    pub time_zone: Option<String>,
    /// See [`crate::ParseContext::statement_micros`].
    pub statement_micros: Option<i64>,
}

//! What can go wrong while rows are written to the target.

use chameleon_catalog::CatalogError;
use chameleon_diag::{Diagnostic, ErrorCode, RetryDirective, codes};
use chameleon_postgres::{Class, EncodeError, Failure, PostgresError};

/// An attempt that failed as a whole: nothing of its transaction is stored.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A statement outside any single table's responsibility failed.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The catalog could not be read or written.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A batch could not be written to the relay log.
    #[error("write a batch to the relay log {log_table}")]
    Relay {
        /// The source's log table.
        log_table: String,
        /// Why.
        source: Failure,
    },
    /// A batch could not be applied, for a reason that is no single table's.
    #[error("apply changes to {table}")]
    Apply {
        /// `schema.table` at the target.
        table: String,
        /// Why.
        source: Failure,
    },
    /// A value cannot be encoded for its column.
    #[error("encode {table}.{column}")]
    Encode {
        /// `schema.table` at the target.
        table: String,
        /// Column at the target.
        column: String,
        /// Why.
        source: EncodeError,
    },
    /// The target's table is not as replication needs it.
    #[error("write to {table}: {reason}")]
    Shape {
        /// `schema.table` at the target.
        table: String,
        /// What is missing or different.
        reason: String,
    },
    /// A set-based statement touched another number of rows than it had to.
    #[error("apply changes to {table}: {operation} touched {actual} rows instead of {expected}")]
    Drift {
        /// `schema.table` at the target.
        table: String,
        /// `delete`, `update` or `insert`.
        operation: &'static str,
        /// Rows that the source changed.
        expected: u64,
        /// Rows that the target changed.
        actual: u64,
    },
    /// A relayed row cannot be read back.
    #[error("read the relay log back: {object}: {reason}")]
    ReadBack {
        /// Event or batch.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Rows were read from the source but not stored.
    #[error("copy {table}: {read} rows were read and {stored} stored")]
    RowCount {
        /// `schema.table` at the target.
        table: String,
        /// Rows read in the snapshot.
        read: u64,
        /// Rows stored.
        stored: u64,
    },
}

impl TargetError {
    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Postgres(error) => error.class(),
            Self::Relay { source, .. } | Self::Apply { source, .. } => source.class,
            Self::Encode { .. } => Class::Data,
            _ => Class::Other,
        }
    }

    /// The fault is one table's: that table is held and the source goes on. Everything else (a lost
    /// connection, a lock not to be had, a full disk) concerns the whole batch.
    pub fn is_of_one_table(&self) -> bool {
        match self {
            Self::Apply { source, .. } => matches!(
                source.class,
                Class::Data
                    | Class::Constraint(_)
                    | Class::UndefinedObject
                    | Class::Privilege
                    | Class::Other
            ),
            Self::Encode { .. } | Self::Shape { .. } | Self::Drift { .. } => true,
            _ => false,
        }
    }
}

impl Diagnostic for TargetError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Postgres(error) => error.code(),
            Self::Catalog(error) => error.code(),
            Self::Relay { .. } => codes::RLY001,
            Self::Apply { source, .. } => match source.class {
                Class::Constraint(_) | Class::Data => codes::RPL001,
                Class::UndefinedObject => codes::RPL003,
                Class::Privilege => codes::RPL004,
                _ => codes::RPL005,
            },
            Self::Encode { source, .. } => source.code(),
            Self::Shape { .. } => codes::RPL003,
            Self::Drift { .. } => codes::RPL002,
            Self::ReadBack { .. } => codes::RLY002,
            Self::RowCount { .. } => codes::RPL006,
        }
    }

    fn retry(&self) -> RetryDirective {
        match self {
            Self::Postgres(error) => error.retry(),
            Self::Catalog(error) => error.retry(),
            Self::Relay { source, .. } | Self::Apply { source, .. } => match source.class {
                Class::Connection | Class::Lock | Class::Disk | Class::ReadOnly => {
                    RetryDirective::WithBackoff
                }
                _ => RetryDirective::AfterOperatorAction,
            },
            _ => RetryDirective::AfterOperatorAction,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Postgres(error) => error.hint(),
            Self::Catalog(error) => error.hint(),
            Self::Relay { .. } | Self::Apply { .. } => Some("chameleon check".into()),
            Self::ReadBack { .. } => Some("chameleon show_errors".into()),
            Self::Encode { table, .. }
            | Self::Shape { table, .. }
            | Self::Drift { table, .. }
            | Self::RowCount { table, .. } => {
                let name = table.rsplit('.').next().unwrap_or(table);
                Some(format!("chameleon sync_tables --tables {name}"))
            }
        }
    }
}

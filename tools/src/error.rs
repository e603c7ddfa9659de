//! What can go wrong with the tools.

use std::path::PathBuf;
use std::time::Duration;

use chameleon_backup::BackupError;
use chameleon_catalog::CatalogError;
use chameleon_catalog::upgrade::UpgradeError;
use chameleon_config::ConfigError;
use chameleon_diag::{Diagnostic, ErrorCode, RetryDirective, codes};
use chameleon_mysql::SourceError;
use chameleon_postgres::PostgresError;

/// A command that could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ToolsError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The source refuses or does not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The target refuses or does not answer.
    #[error(transparent)]
    Target(#[from] PostgresError),
    /// The catalog cannot be read or changed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The upgrade of the catalog failed, or cannot be.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// There is neither a catalog nor a schema that was named. BLT001.
    #[error("find something to look at: there is no schema sch_chameleon, and --schema names none")]
    NothingToMeasure,
    /// `--schema` names a schema that is not there. BLT002.
    #[error("find the schema: {schema}")]
    UnknownSchema {
        /// The name.
        schema: String,
    },
    /// A backup, verification or rollback failed.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A question could not be asked, or was answered with no. CFG051.
    #[error("ask before it is done: {question}")]
    NotConfirmed {
        /// The question.
        question: String,
    },
    /// The source refused a query of the comparison. CMP002.
    #[error("{attempt} at the source")]
    Read {
        /// What was attempted, on which table.
        attempt: String,
        /// Why it failed.
        #[source]
        source: Box<mysql_async::Error>,
    },
    /// A server sent nothing for a long time. CMP003.
    #[error("read {table}: no row came for {} s", waited.as_secs())]
    Stalled {
        /// The table.
        table: String,
        /// How long nothing came.
        waited: Duration,
    },
    /// `--tables` names a table that is not there or not selected. CMP004.
    #[error("find the table at the source: {table}")]
    UnknownTable {
        /// The name.
        table: String,
    },
    /// There is nothing to compare. CMP005.
    #[error("find a table to compare: the configuration selects none")]
    NoTables,
    /// The file with statements cannot be read. CFG013.
    #[error("read the statements: {}", path.display())]
    Input {
        /// The file; `-` is standard input.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The output cannot be written. CFG014.
    #[error("write the output")]
    Output(#[source] std::io::Error),
    /// SIGINT or SIGTERM came. It is told without a code: it is what was asked for.
    #[error("interrupted; how the catalog stands: chameleon-tools migrate plan")]
    Interrupted,
}

impl ToolsError {
    pub(crate) fn source_failed(attempt: impl Into<String>, error: mysql_async::Error) -> Self {
        Self::Read {
            attempt: attempt.into(),
            source: Box::new(error),
        }
    }
}

impl Diagnostic for ToolsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Config(error) => error.code(),
            Self::Source(error) => error.code(),
            Self::Target(error) => error.code(),
            Self::Catalog(error) => error.code(),
            Self::Backup(error) => error.code(),
            Self::Upgrade(error) => error.code(),
            Self::NotConfirmed { .. } => codes::CFG051,
            Self::NothingToMeasure => codes::BLT001,
            Self::UnknownSchema { .. } => codes::BLT002,
            Self::Read { .. } => codes::CMP002,
            Self::Stalled { .. } => codes::CMP003,
            Self::UnknownTable { .. } => codes::CMP004,
            Self::NoTables => codes::CMP005,
            Self::Input { .. } => codes::CFG013,
            Self::Output(_) | Self::Interrupted => codes::CFG014,
        }
    }

    fn retry(&self) -> RetryDirective {
        match self {
            Self::Config(error) => error.retry(),
            Self::Source(error) => error.retry(),
            Self::Target(error) => error.retry(),
            Self::Catalog(error) => error.retry(),
            Self::Backup(error) => error.retry(),
            Self::Upgrade(error) => error.retry(),
            _ => self
                .code()
                .entry()
                .map_or(RetryDirective::Never, |entry| entry.retry),
        }
    }

    /// The next command to type; where there is none, the page of the code.
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Config(error) => error.hint(),
            Self::Source(error) => error.hint(),
            Self::Target(error) => error.hint(),
            Self::Catalog(error) => error.hint(),
            Self::Backup(error) => error.hint(),
            Self::Upgrade(error) => error.hint(),
            Self::NotConfirmed { .. } => Some("--yes answers it".into()),
            Self::NothingToMeasure => Some("chameleon-tools bloat --schema SCHEMA".into()),
            Self::UnknownSchema { .. } => {
                Some("spell it as PostgreSQL does, without quotes".into())
            }
            Self::UnknownTable { .. } => {
                Some("spell it as the source does, without its database".into())
            }
            Self::NoTables => Some("look at tables_limit and skip_tables".into()),
            _ => None,
        };
        hint.or_else(|| Some(format!("chameleon explain {}", self.code())))
    }
}

//! What can go wrong with the catalog.

use chameleon_diag::{Diagnostic, ErrorCode, RetryDirective, codes};
use chameleon_postgres::{Class, Failure, PostgresError};

use crate::ids::BatchId;

/// An attempt at the catalog that failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The schema does not exist.
    #[error("find the catalog: there is no schema sch_chameleon")]
    Absent,
    /// A statement on the catalog failed.
    #[error("{attempt}")]
    Statement {
        /// What was attempted, on which object.
        attempt: String,
        /// Why it failed.
        source: Box<Failure>,
    },
    /// A statement of the layer below failed.
    #[error("use the catalog")]
    Postgres(#[source] Box<PostgresError>),
    /// The catalog is of an older version, or stopped half-way to 1.3.
    #[error("use the catalog: it is {found}, not version 1.3")]
    NeedsUpgrade {
        /// What it is.
        found: String,
    },
    /// The catalog belongs to pg_chameleon 1.4 to 2.x.
    #[error("use the catalog: it is version {version} of pg_chameleon, newer than 1.3")]
    Newer {
        /// The version on its label.
        version: String,
    },
    /// The schema exists but is no catalog.
    #[error("use the catalog: the schema sch_chameleon holds something else")]
    Foreign,
    /// The catalog is there already.
    #[error("create the catalog: the schema sch_chameleon exists already")]
    Exists,
    /// No source has that name or id.
    #[error("find the source {name}: it is not registered")]
    UnknownSource {
        /// Its name, or its id where the name is not known.
        name: String,
    },
    /// Source or destination schema is registered already.
    #[error("register the source {name} for schema {schema}: the {taken} is taken already")]
    SourceTaken {
        /// Source name.
        name: String,
        /// Destination schema.
        schema: String,
        /// `name` or `schema`.
        taken: &'static str,
    },
    /// The batch is not the source's open one: somebody else has moved the source.
    #[error("{attempt} batch {batch}: it is not open any more")]
    NotOpen {
        /// What was attempted.
        attempt: &'static str,
        /// The batch.
        batch: BatchId,
    },
    /// A batch was to be closed at the position where it begins.
    #[error("close batch {batch}: the next one would begin at the same position {position}")]
    SamePosition {
        /// The batch.
        batch: BatchId,
        /// `FILE:POS`.
        position: String,
    },
    /// What the catalog holds cannot be read.
    #[error("read {what} from the catalog: {reason}")]
    Unreadable {
        /// Table and row.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl CatalogError {
    /// A failed statement. `attempt` says what was tried on which object.
    pub(crate) fn statement(attempt: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        Self::Statement {
            attempt: attempt.into(),
            source: Box::new(Failure::from(error)),
        }
    }

    /// Kind of the failure underneath; `Other` for what PostgreSQL did not refuse.
    pub fn class(&self) -> Class {
        match self {
            Self::Statement { source, .. } => source.class,
            Self::Postgres(source) => source.class(),
            _ => Class::Other,
        }
    }
}

impl From<PostgresError> for CatalogError {
    fn from(error: PostgresError) -> Self {
        Self::Postgres(Box::new(error))
    }
}

impl Diagnostic for CatalogError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Absent => codes::CAT001,
            Self::Statement { .. } => codes::CAT002,
            Self::Postgres(source) => source.code(),
            Self::NeedsUpgrade { .. } => codes::CAT003,
            Self::Newer { .. } => codes::CAT004,
            Self::Foreign => codes::CAT005,
            Self::Exists => codes::CAT006,
            Self::UnknownSource { .. } => codes::CAT007,
            Self::SourceTaken { .. } => codes::CAT008,
            Self::NotOpen { .. } => codes::CAT009,
            Self::SamePosition { .. } => codes::CAT010,
            Self::Unreadable { .. } => codes::CAT011,
        }
    }

    fn retry(&self) -> RetryDirective {
        match self {
            Self::Statement { source, .. } => match source.class {
                Class::Connection | Class::Lock => RetryDirective::WithBackoff,
                _ => RetryDirective::AfterOperatorAction,
            },
            Self::Postgres(source) => source.retry(),
            _ => self
                .code()
                .entry()
                .map_or(RetryDirective::Never, |e| e.retry),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Absent => "chameleon create_schema",
            Self::NeedsUpgrade { .. } => "chameleon-tools migrate plan",
            Self::UnknownSource { .. } => "chameleon add_source",
            Self::Exists => "chameleon show_status",
            Self::SourceTaken { .. } => "chameleon show_status, then choose another name",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

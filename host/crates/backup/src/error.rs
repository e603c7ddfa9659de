//! What can go wrong with backups and rollbacks.

use std::path::PathBuf;

use chameleon_catalog::CatalogError;
use chameleon_diag::{Diagnostic, ErrorCode, RetryDirective, codes};
use chameleon_postgres::{Failure, PostgresError};

/// A backup, verification or rollback that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A program of PostgreSQL is not there. BAK001.
    #[error("find {program} of PostgreSQL {least} or newer: {found}")]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// Oldest major version that would do.
        least: u32,
        /// What was found instead.
        found: String,
    },
    /// `pg_dump` is older than the server. BAK002.
    #[error("dump a server of version {server}: the newest pg_dump here is of version {found}")]
    TooOld {
        /// Major version of the server.
        server: u32,
        /// Newest major version found.
        found: u32,
    },
    /// A program of PostgreSQL ended with an error. BAK003.
    #[error("{attempt}: {reason}")]
    Failed {
        /// What was attempted.
        attempt: String,
        /// The last lines that it wrote.
        reason: String,
    },
    /// A file cannot be read or written. BAK004.
    #[error("{attempt} {}", path.display())]
    File {
        /// `read`, `write`.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The backup's file is there already. BAK005.
    #[error("write the backup {}: it exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The manifest is missing or not readable. BAK006.
    #[error("read the manifest {}: {reason}", path.display())]
    NoManifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The archive is not what was written. BAK007.
    #[error("read the backup {}: {reason}", path.display())]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The restored backup is not what the manifest says. BAK008.
    #[error("verify the backup {}: {}", path.display(), differences.join("; "))]
    Differs {
        /// The archive.
        path: PathBuf,
        /// What differs, each in one sentence.
        differences: Vec<String>,
    },
    /// No scratch server. BAK009.
    #[error("start a scratch server of PostgreSQL {least} or newer: {reason}")]
    NoScratch {
        /// Oldest major version that would do.
        least: u32,
        /// What was tried.
        reason: String,
    },
    /// The backup is of another version than 1.2. BAK010.
    #[error("roll back by {}: the backup is of version {version}, not 1.2", path.display())]
    NotOf12 {
        /// The archive.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// The backup is of another catalog. BAK011.
    #[error("roll back by {}: none of its sources is in this catalog", path.display())]
    OtherCatalog {
        /// The archive.
        path: PathBuf,
    },
    /// A verbatim restore was asked for where sources have moved. BAK012.
    #[error("restore the backup verbatim: {} moved since", names(sources))]
    Moved {
        /// Names of the sources.
        sources: Vec<String>,
    },
    /// A position does not fit into 1.2. BAK013.
    #[error("keep the position of source {source_name}: {position} is beyond 2 GiB")]
    BeyondReach {
        /// Source.
        source_name: String,
        /// `FILE:POS`.
        position: String,
    },
    /// Rows that wait cannot be replayed by 1.2. BAK014.
    #[error("keep {rows} waiting rows of {table}: {reason}")]
    Unreplayable {
        /// `schema.table`.
        table: String,
        /// How many.
        rows: u64,
        /// What 1.2 would do with them.
        reason: String,
    },
    /// A copy is not at its end. BAK015.
    #[error("roll back source {source_name}: {what}")]
    CopyUnderWay {
        /// Source.
        source_name: String,
        /// What is under way.
        what: String,
    },
    /// Something needs `--force`. BAK016.
    #[error("roll back source {source_name}: {what}")]
    NeedsForce {
        /// Source.
        source_name: String,
        /// What would be left behind.
        what: String,
    },
    /// There is nothing to roll back. BAK017.
    #[error("roll back the catalog: it is of version 1.2 already")]
    AlreadyOf12,
    /// No replaced catalog of that name. BAK018.
    #[error("find the replaced catalog: {name}")]
    NoReplaced {
        /// The schema.
        name: String,
    },
    /// Something outside of a replaced catalog uses it. BAK022.
    #[error("drop the replaced catalog {schema}: {} depends on it", objects.join(", "))]
    Dependants {
        /// The schema.
        schema: String,
        /// Views.
        objects: Vec<String>,
    },
    /// Nobody knows whether the commit happened. BAK019.
    #[error("commit the rollback: the connection broke")]
    OutcomeUnknown(#[source] Box<BackupError>),
    /// The transaction did not make what it should have made. BAK020.
    #[error("check the rollback before its commit: {what}")]
    WrongResult {
        /// What does not agree.
        what: String,
    },
    /// A host of ours works with the catalog. CAT012.
    #[error("roll back the catalog: {who}")]
    Busy {
        /// Session and source.
        who: String,
    },
    /// pg_chameleon 1.x works with the catalog. CAT013.
    #[error("roll back the catalog: pg_chameleon 1.x is connected: {who}")]
    PredecessorRuns {
        /// Session.
        who: String,
    },
    /// The catalog cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The target does not answer or refuses.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A statement failed.
    #[error("{attempt}")]
    Statement {
        /// What was attempted, on which object.
        attempt: String,
        /// Why it failed.
        source: Box<Failure>,
    },
}

fn names(sources: &[String]) -> String {
    format!("source {}", sources.join(", "))
}

impl BackupError {
    pub(crate) fn statement(attempt: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        Self::Statement {
            attempt: attempt.into(),
            source: Box::new(Failure::from(error)),
        }
    }

    pub(crate) fn file(
        attempt: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            attempt,
            path,
            source,
        }
    }
}

impl Diagnostic for BackupError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoProgram { .. } => codes::BAK001,
            Self::TooOld { .. } => codes::BAK002,
            Self::Failed { .. } => codes::BAK003,
            Self::File { .. } => codes::BAK004,
            Self::Exists { .. } => codes::BAK005,
            Self::NoManifest { .. } => codes::BAK006,
            Self::Damaged { .. } => codes::BAK007,
            Self::Differs { .. } => codes::BAK008,
            Self::NoScratch { .. } => codes::BAK009,
            Self::NotOf12 { .. } => codes::BAK010,
            Self::OtherCatalog { .. } => codes::BAK011,
            Self::Moved { .. } => codes::BAK012,
            Self::BeyondReach { .. } => codes::BAK013,
            Self::Unreplayable { .. } => codes::BAK014,
            Self::CopyUnderWay { .. } => codes::BAK015,
            Self::NeedsForce { .. } => codes::BAK016,
            Self::AlreadyOf12 => codes::BAK017,
            Self::NoReplaced { .. } => codes::BAK018,
            Self::OutcomeUnknown(_) => codes::BAK019,
            Self::Dependants { .. } => codes::BAK022,
            Self::WrongResult { .. } => codes::BAK020,
            Self::Busy { .. } => codes::CAT012,
            Self::PredecessorRuns { .. } => codes::CAT013,
            Self::Catalog(error) => error.code(),
            Self::Postgres(error) => error.code(),
            Self::Statement { source, .. } => source.code(),
        }
    }

    fn retry(&self) -> RetryDirective {
        match self {
            Self::Catalog(error) => error.retry(),
            Self::Postgres(error) => error.retry(),
            Self::Statement { source, .. } => source.retry(),
            _ => self
                .code()
                .entry()
                .map_or(RetryDirective::Never, |entry| entry.retry),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoProgram { program, least, .. } => {
                let package = match *program {
                    "pg_dump" | "pg_restore" => "postgresql-client",
                    _ => "postgresql",
                };
                return Some(format!("install the package {package}-{least}"));
            }
            Self::TooOld { server, .. } => {
                return Some(format!("install the package postgresql-client-{server}"));
            }
            Self::NoScratch { least, .. } => {
                return Some(format!("install the package postgresql-{least}"));
            }
            Self::Catalog(error) => return error.hint(),
            Self::Postgres(error) => return error.hint(),
            Self::Exists { .. } => "choose another --out",
            Self::NotOf12 { .. } => "chameleon-tools backup verify FILE says what a backup is of",
            Self::Moved { .. } => "leave --restore out: the living catalog is downgraded then",
            Self::BeyondReach { .. } => {
                "FLUSH BINARY LOGS at the source, then: chameleon start_replica --until-caught-up"
            }
            Self::Unreplayable { .. } | Self::CopyUnderWay { .. } => {
                "chameleon start_replica --until-caught-up"
            }
            Self::NeedsForce { .. } => "chameleon explain BAK016; --force accepts it",
            Self::AlreadyOf12 => "chameleon upgrade_schema",
            Self::NoReplaced { .. } => "chameleon-tools rollback --list",
            Self::OutcomeUnknown(_) => "chameleon-tools migrate plan",
            Self::Busy { .. } => "chameleon stop_replica",
            Self::PredecessorRuns { .. } => "chameleon.py stop_replica",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

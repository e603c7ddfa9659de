//! What can go wrong with an upgrade. Whatever does, nothing of it is kept.

use chameleon_diag::{Diagnostic, ErrorCode, RetryDirective, codes};
use chameleon_postgres::{Class, Failure};

use crate::error::CatalogError;

/// An upgrade, or a part of it, that failed.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// The catalog is not there, not ours, or cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The catalog is older than what is upgraded here. UPG001.
    #[error("upgrade the catalog: it is version {label}, and upgrades begin at 1.2")]
    Older {
        /// Version on its label.
        label: String,
    },
    /// Something that every catalog has is missing. UPG002.
    #[error("upgrade the catalog: it is damaged: {missing} is missing")]
    Damaged {
        /// The objects, in words.
        missing: String,
    },
    /// Another session held one of the tables for too long. UPG003.
    #[error("lock the catalog's tables: not to be had within {seconds} s{}", held_by(.holders))]
    Locked {
        /// How long was waited, all attempts together.
        seconds: u64,
        /// Sessions that hold locks on the tables.
        holders: Vec<String>,
    },
    /// Rows got lost, or came out of nowhere, on the way. UPG004.
    #[error("compare the rows of {object}: {expected} were expected, {found} are there")]
    CountsDiffer {
        /// Source and batch, or step and table.
        object: String,
        /// Rows that should be there.
        expected: u64,
        /// Rows that are.
        found: u64,
    },
    /// A statement of a step was refused. UPG003, UPG005, UPG006 or what the failure is.
    #[error("upgrade the catalog: step {step} on {object}")]
    Step {
        /// The step.
        step: String,
        /// What it works on.
        object: String,
        /// Why.
        source: Box<Failure>,
    },
    /// Nobody knows whether the commit has happened. UPG007.
    #[error("commit the upgrade: the answer was lost")]
    CommitUnknown {
        /// Why.
        source: Box<Failure>,
    },
    /// A replica of ours is connected. CAT012.
    #[error("upgrade the catalog: a replica is running: {session}")]
    ReplicaAlive {
        /// Its session.
        session: String,
    },
    /// pg_chameleon 1.x is connected. CAT013.
    #[error("upgrade the catalog: pg_chameleon 1.x is running: {session}")]
    PredecessorAlive {
        /// Its session.
        session: String,
    },
    /// The status word says that a source runs, and no session is there. CAT030.
    #[error(
        "upgrade the catalog: the source {source_name} says that it is {status}, but no session is there"
    )]
    SaysRunning {
        /// Name of the source.
        source_name: String,
        /// Its status word.
        status: String,
    },
}

fn held_by(holders: &[String]) -> String {
    match holders {
        [] => String::new(),
        holders => format!("; held by {}", holders.join("; ")),
    }
}

impl UpgradeError {
    /// A statement outside of the steps that failed.
    pub(super) fn statement(attempt: &str, error: &tokio_postgres::Error) -> Self {
        Self::Catalog(CatalogError::statement(attempt, error))
    }

    /// The connection was lost: nothing is known of the server.
    pub fn is_disconnected(&self) -> bool {
        match self {
            Self::Catalog(error) => error.class() == Class::Connection,
            Self::Step { source, .. } => source.class == Class::Connection,
            Self::CommitUnknown { .. } => true,
            _ => false,
        }
    }
}

impl Diagnostic for UpgradeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Catalog(error) => error.code(),
            Self::Older { .. } => codes::UPG001,
            Self::Damaged { .. } => codes::UPG002,
            Self::Locked { .. } => codes::UPG003,
            Self::CountsDiffer { .. } => codes::UPG004,
            Self::Step { source, .. } => match source.class {
                Class::Connection | Class::Disk => source.code(),
                Class::Lock => codes::UPG003,
                Class::Privilege => codes::UPG005,
                _ => codes::UPG006,
            },
            Self::CommitUnknown { .. } => codes::UPG007,
            Self::ReplicaAlive { .. } => codes::CAT012,
            Self::PredecessorAlive { .. } => codes::CAT013,
            Self::SaysRunning { .. } => codes::CAT030,
        }
    }

    fn retry(&self) -> RetryDirective {
        match self {
            Self::Catalog(error) => error.retry(),
            _ => self
                .code()
                .entry()
                .map_or(RetryDirective::Never, |entry| entry.retry),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Catalog(error) => {
                let owner = || "run it as the owner of the schema sch_chameleon".to_owned();
                let is_right = error.class() == Class::Privilege;
                return error.hint().or_else(|| is_right.then(owner));
            }
            Self::Older { .. } => {
                "pip install pg_chameleon==1.2, then `chameleon.py show_status` brings it to 1.2"
            }
            Self::Damaged { .. } => "restore the catalog from a backup; chameleon explain UPG002",
            Self::Locked { .. } => "end these sessions or wait, then run it again",
            Self::CountsDiffer { .. } => "nothing was changed; chameleon explain UPG004",
            Self::Step { .. } => {
                "nothing was changed; chameleon-tools migrate dry-run shows whether it passes now"
            }
            Self::CommitUnknown { .. } => "run it again: it is done as a whole or not begun",
            Self::ReplicaAlive { .. } => "chameleon stop_replica",
            Self::PredecessorAlive { .. } => "chameleon.py stop_replica",
            Self::SaysRunning { .. } => "make sure that no replica runs anywhere, then add --force",
        };
        Some(hint.to_owned())
    }
}

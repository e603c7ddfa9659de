//! What can go wrong in the host itself, and the errors of all crates below under one roof.

use std::path::PathBuf;

use chameleon_backup::BackupError;
use chameleon_catalog::CatalogError;
use chameleon_catalog::upgrade::UpgradeError;
use chameleon_config::ConfigError;
use chameleon_ddl::DdlError;
use chameleon_diag::{Diagnostic, ErrorCode, RetryDirective, codes};
use chameleon_mysql::SourceError;
use chameleon_postgres::{EncodeError, PostgresError};
use chameleon_target::TargetError;
use chameleon_transform::TransformError;

/// Everything that a command can fail with.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A statement of the source cannot be followed.
    #[error(transparent)]
    Ddl(#[from] DdlError),
    /// The target failed.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The catalog's upgrade failed, or cannot be.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// The backup before the catalog's upgrade could not be taken.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Something stands in the way of the catalog's upgrade. The code is that of the finding.
    #[error("upgrade the catalog: {object}: {what}")]
    UpgradeRefused {
        /// Code of the finding.
        code: ErrorCode,
        /// What it is about.
        object: String,
        /// What was found.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Writing rows failed.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A value has no form at the target.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A transform failed.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// Something around a transform that is being written.
    #[error(transparent)]
    Author(#[from] crate::commands::transform::AuthorError),
    /// The arguments do not go together, or name what is not there. CFG050.
    #[error("{what}")]
    Usage {
        /// What was attempted and why it cannot be, in one sentence without a full stop.
        what: String,
        /// What to type instead.
        hint: String,
    },
    /// There is nobody to ask. CFG051.
    #[error("ask \"{question}?\": this is no terminal")]
    NobodyToAsk {
        /// What would have been asked.
        question: String,
    },
    /// The answer was no. CFG052.
    #[error("ask \"{question}?\": the answer was no")]
    Declined {
        /// What was asked.
        question: String,
    },
    /// The command exists no more. CFG053.
    #[error("{command}: this command is disabled")]
    CommandDisabled {
        /// Its name.
        command: &'static str,
        /// What to type instead.
        hint: &'static str,
    },
    /// The source was disabled by an operator. CFG054.
    #[error("start the replica of {source_name}: it is disabled")]
    SourceDisabled {
        /// Name of the source.
        source_name: String,
    },
    /// The replica did not obey in time. CFG055.
    #[error("stop the replica of {source_name}: it still runs after {seconds} s: {session}")]
    DidNotStop {
        /// Name of the source.
        source_name: String,
        /// How long was waited.
        seconds: u64,
        /// The session that still holds the source.
        session: String,
    },
    /// No such error code. CFG056.
    #[error("explain {code}: there is no such code")]
    UnknownCode {
        /// What was typed.
        code: String,
    },
    /// Output or input failed. CFG057.
    #[error("{attempt}")]
    Terminal {
        /// What was attempted.
        attempt: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The log file cannot be written. CFG058.
    #[error("open the log file: {}", path.display())]
    LogFile {
        /// The file or its directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Metrics and health cannot be served. CFG059.
    #[error("serve metrics and health at {address}")]
    Http {
        /// Address and port.
        address: std::net::SocketAddr,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Two configurations of one command are for the same source. CFG060.
    #[error("start {source_name} twice: {first} and {second} are both for it")]
    SameSource {
        /// Name of the source.
        source_name: String,
        /// Configuration named first.
        first: String,
        /// Configuration named later.
        second: String,
    },
    /// There is no configuration to work with. CFG061.
    #[error("find configurations: there is none in {}", directory.display())]
    NoConfigs {
        /// Where they are looked for.
        directory: PathBuf,
    },
    /// The operating system refused what the program needs to run. CFG062.
    #[error("{attempt}")]
    System {
        /// What was attempted.
        attempt: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The source has no position to go on from. CFG070.
    #[error("start the replica of {source_name}: it was never initialised")]
    NotInitialised {
        /// Name of the source.
        source_name: String,
    },
    /// A part of the program ended by a defect. CFG071.
    #[error("run the {task} task: {reason}")]
    TaskFailed {
        /// Which.
        task: &'static str,
        /// How it ended.
        reason: &'static str,
    },
    /// A table cannot be taken as its transforms would have it. The code is theirs.
    #[error("plan the table {table}: {reason}")]
    Refused {
        /// The source's table.
        table: String,
        /// Code of the reason.
        code: ErrorCode,
        /// Why.
        reason: String,
    },
    /// A copy could not be done as asked. CFG072.
    #[error("copy {object}: {reason}")]
    Copy {
        /// Table or source.
        object: String,
        /// What stands in the way.
        reason: String,
    },
    /// A replica of the source is alive. CAT012.
    #[error("{attempt} {source_name}: a replica of it is running: {session}")]
    ReplicaAlive {
        /// What was attempted.
        attempt: &'static str,
        /// Name of the source.
        source_name: String,
        /// Its session at the target.
        session: String,
    },
    /// pg_chameleon 1.x is alive. CAT013.
    #[error("{attempt}: pg_chameleon 1.x is running: {session}")]
    PredecessorAlive {
        /// What was attempted.
        attempt: &'static str,
        /// Its session at the target.
        session: String,
    },
    /// Changes wait for replay. CAT031.
    #[error("{attempt} {source_name}: {batches} batches with {rows} rows wait for replay")]
    Unreplayed {
        /// What was attempted.
        attempt: &'static str,
        /// Name of the source.
        source_name: String,
        /// Batches that wait.
        batches: u64,
        /// Rows in them, as far as they are known.
        rows: u64,
    },
}

impl HostError {
    /// Arguments that do not go together, or name what is not there.
    pub fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// The reader of stdout has gone away, as `| head` does: that is no failure.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Terminal { source, .. } => source.kind() == std::io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// The error of the crate below, where it is one.
    fn below(&self) -> Option<&dyn Diagnostic> {
        Some(match self {
            Self::Config(error) => error,
            Self::Source(error) => error,
            Self::Ddl(error) => error,
            Self::Postgres(error) => error,
            Self::Catalog(error) => error,
            Self::Upgrade(error) => error,
            Self::Backup(error) => error,
            Self::Target(error) => error,
            Self::Encode(error) => error,
            Self::Transform(error) => error,
            Self::Author(error) => error,
            _ => return None,
        })
    }
}

impl Diagnostic for HostError {
    fn code(&self) -> ErrorCode {
        if let Some(error) = self.below() {
            return error.code();
        }
        match self {
            Self::NobodyToAsk { .. } => codes::CFG051,
            Self::Declined { .. } => codes::CFG052,
            Self::CommandDisabled { .. } => codes::CFG053,
            Self::SourceDisabled { .. } => codes::CFG054,
            Self::DidNotStop { .. } => codes::CFG055,
            Self::UnknownCode { .. } => codes::CFG056,
            Self::Terminal { .. } => codes::CFG057,
            Self::LogFile { .. } => codes::CFG058,
            Self::Http { .. } => codes::CFG059,
            Self::SameSource { .. } => codes::CFG060,
            Self::NoConfigs { .. } => codes::CFG061,
            Self::System { .. } => codes::CFG062,
            Self::NotInitialised { .. } => codes::CFG070,
            Self::TaskFailed { .. } => codes::CFG071,
            Self::Refused { code, .. } | Self::UpgradeRefused { code, .. } => *code,
            Self::Copy { .. } => codes::CFG072,
            Self::ReplicaAlive { .. } => codes::CAT012,
            Self::PredecessorAlive { .. } => codes::CAT013,
            Self::Unreplayed { .. } => codes::CAT031,
            _ => codes::CFG050,
        }
    }

    fn retry(&self) -> RetryDirective {
        match self.below() {
            Some(error) => error.retry(),
            None => self
                .code()
                .entry()
                .map_or(RetryDirective::Never, |entry| entry.retry),
        }
    }

    fn hint(&self) -> Option<String> {
        if let Some(error) = self.below() {
            return error.hint();
        }
        let hint = match self {
            Self::Usage { hint, .. } | Self::UpgradeRefused { remedy: hint, .. } => hint,
            Self::NobodyToAsk { .. } => "add --yes, if that is what you want",
            Self::CommandDisabled { hint, .. } => hint,
            Self::SourceDisabled { .. } => "chameleon enable_replica",
            Self::DidNotStop { .. } => "chameleon stop_replica --timeout 300",
            Self::UnknownCode { .. } => "codes look like CAT003; every error prints its own",
            Self::LogFile { .. } => "look at log_dir, or set log_dest: stdout",
            Self::Http { .. } => "look at http.listen",
            Self::NoConfigs { .. } => "chameleon set_configuration_files",
            Self::NotInitialised { .. } => "chameleon init_replica",
            Self::TaskFailed { .. } => "chameleon start_replica --debug",
            Self::Copy { .. } | Self::Refused { .. } => "chameleon check",
            Self::ReplicaAlive { .. } => "chameleon stop_replica",
            Self::PredecessorAlive { .. } => "chameleon.py stop_replica",
            Self::Unreplayed { .. } => "chameleon start_replica --until-caught-up",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

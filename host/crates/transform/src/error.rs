//! Errors of this crate.
//!
//! Texts that come from a module are shortened, stripped of control characters, and searched for
//! the values of the rows that it was given, which are cut out.

use std::path::PathBuf;

use chameleon_diag::{Diagnostic, ErrorCode, codes};
use chameleon_model::TableName;

/// What can go wrong with transforms.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    /// TRF001.
    #[error("cannot read the module {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// TRF002.
    #[error("{path} is no WebAssembly module that can be used: {reason}")]
    NotWasm {
        /// The file.
        path: PathBuf,
        /// What the validation said.
        reason: String,
    },
    /// TRF003.
    #[error("transform `{transform}`: {path} has SHA-256 {found}, the configuration pins {pinned}")]
    Sha256 {
        /// The transform.
        transform: String,
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The hash of the configuration.
        pinned: String,
    },
    /// TRF004.
    #[error("{path} is a core module without the section that describes its interface")]
    NoDescription {
        /// The file.
        path: PathBuf,
    },
    /// TRF005.
    #[error("{path} is made for {found}, this program speaks {expected}")]
    Version {
        /// The file.
        path: PathBuf,
        /// What the module names.
        found: String,
        /// What the host has.
        expected: String,
    },
    /// TRF006.
    #[error("{path} imports what no transform may import: {}", imports.join(", "))]
    Imports {
        /// The file.
        path: PathBuf,
        /// The imports.
        imports: Vec<String>,
    },
    /// TRF007.
    #[error("{path} lacks a part of the interface: {reason}")]
    Interface {
        /// The file.
        path: PathBuf,
        /// What is missing or different.
        reason: String,
    },
    /// TRF008.
    #[error("compiled transforms cannot be kept in {path}: {reason}")]
    Cache {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// TRF009.
    #[error("transforms cannot be run here: {reason}")]
    Engine {
        /// What the engine said.
        reason: String,
    },
    /// TRF010.
    #[error("transform `{transform}` refuses its configuration: {reason}")]
    Config {
        /// The transform.
        transform: String,
        /// The module's words.
        reason: String,
    },
    /// TRF011.
    #[error("transform `{transform}` refuses table {table}: {reason}")]
    Table {
        /// The transform.
        transform: String,
        /// The source's table.
        table: TableName,
        /// The module's words.
        reason: String,
    },
    /// TRF012.
    #[error("transform `{transform}`: its plan for table {table} cannot be carried out: {reason}")]
    Plan {
        /// The transform.
        transform: String,
        /// The source's table.
        table: TableName,
        /// The rule that is broken.
        reason: String,
    },
    /// TRF013.
    #[error(
        "transform `{transform}`: column `{column}` of table {table} cannot be {pg_type}: {reason}"
    )]
    Type {
        /// The transform.
        transform: String,
        /// The source's table.
        table: Box<TableName>,
        /// The output column.
        column: String,
        /// The type asked for.
        pg_type: String,
        /// Why not.
        reason: String,
    },
    /// TRF020 to TRF029: a call failed on rows of a table.
    #[error("transform `{transform}` failed on row {row} of table {table} in this batch: {fault}")]
    Rows {
        /// The transform.
        transform: String,
        /// The source's table.
        table: Box<TableName>,
        /// The row's number among the changes of the buffer, from 0.
        row: usize,
        /// What went wrong.
        fault: Fault,
    },
    /// TRF020 to TRF025: a call failed that was about no row.
    #[error("transform `{transform}` failed to {attempt}: {fault}")]
    Call {
        /// The transform.
        transform: String,
        /// What it was asked to do.
        attempt: &'static str,
        /// The source's table, where the call was about one.
        table: Option<Box<TableName>>,
        /// What went wrong.
        fault: Fault,
    },
}

/// How a call into a module failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// TRF020.
    #[error("it took longer than {milliseconds} ms")]
    TimeOut {
        /// The time it had.
        milliseconds: u64,
    },
    /// TRF021.
    #[error("it asked for more than {limit_bytes} bytes of memory")]
    Memory {
        /// The memory it may have.
        limit_bytes: u64,
    },
    /// TRF022.
    #[error("it used up its stack")]
    Stack,
    /// TRF023.
    #[error("{reason}")]
    Trap {
        /// The kind of trap, and the module's last words.
        reason: String,
    },
    /// TRF024.
    #[error("its answer cannot be used: {reason}")]
    Answer {
        /// The rule that is broken, and by which column.
        reason: String,
    },
    /// TRF025.
    #[error("it refuses: {reason}")]
    Refused {
        /// The module's words.
        reason: String,
        /// It asks to be called again with the same rows.
        retry: bool,
    },
    /// TRF026.
    #[error("it rejects the row: {reason}")]
    Rejected {
        /// The module's words.
        reason: String,
    },
    /// TRF027.
    #[error("{need} needs the whole row, and column `{column}` is not in the binlog's image")]
    PartialImage {
        /// What needs it.
        need: &'static str,
        /// The column.
        column: String,
    },
    /// TRF028.
    #[error("more than {limit} calls ended in a time-out or a breakdown in one batch")]
    TooMany {
        /// How many are borne.
        limit: u32,
    },
    /// TRF029.
    #[error("the batch would exceed 4 GiB")]
    Full,
}

impl Fault {
    /// The code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TimeOut { .. } => codes::TRF020,
            Self::Memory { .. } => codes::TRF021,
            Self::Stack => codes::TRF022,
            Self::Trap { .. } => codes::TRF023,
            Self::Answer { .. } => codes::TRF024,
            Self::Refused { .. } => codes::TRF025,
            Self::Rejected { .. } => codes::TRF026,
            Self::PartialImage { .. } => codes::TRF027,
            Self::TooMany { .. } => codes::TRF028,
            Self::Full => codes::TRF029,
        }
    }
}

impl TransformError {
    /// The source's table that the error is about; the others can go on.
    pub fn table(&self) -> Option<&TableName> {
        match self {
            Self::Table { table, .. } | Self::Plan { table, .. } => Some(table),
            Self::Type { table, .. } | Self::Rows { table, .. } => Some(table),
            Self::Call { table, .. } => table.as_deref(),
            _ => None,
        }
    }

    /// The transform that the error is about.
    pub fn transform(&self) -> Option<&str> {
        match self {
            Self::Sha256 { transform, .. }
            | Self::Config { transform, .. }
            | Self::Table { transform, .. }
            | Self::Plan { transform, .. }
            | Self::Type { transform, .. }
            | Self::Rows { transform, .. }
            | Self::Call { transform, .. } => Some(transform),
            _ => None,
        }
    }
}

impl Diagnostic for TransformError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Read { .. } => codes::TRF001,
            Self::NotWasm { .. } => codes::TRF002,
            Self::Sha256 { .. } => codes::TRF003,
            Self::NoDescription { .. } => codes::TRF004,
            Self::Version { .. } => codes::TRF005,
            Self::Imports { .. } => codes::TRF006,
            Self::Interface { .. } => codes::TRF007,
            Self::Cache { .. } => codes::TRF008,
            Self::Engine { .. } => codes::TRF009,
            Self::Config { .. } => codes::TRF010,
            Self::Table { .. } => codes::TRF011,
            Self::Plan { .. } => codes::TRF012,
            Self::Type { .. } => codes::TRF013,
            Self::Rows { fault, .. } | Self::Call { fault, .. } => fault.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Sha256 { found, .. } => Some(format!(
                "if the new module is wanted, write sha256: {found} into the configuration"
            )),
            Self::NoDescription { .. } => {
                Some("build it with the SDK and do not strip custom sections".into())
            }
            Self::Imports { .. } => Some("build for wasm32-unknown-unknown, without WASI".into()),
            Self::Config { .. } => {
                Some("chameleon transform inspect MODULE shows the schema".into())
            }
            Self::Rows { table, .. } => Some(format!(
                "mend the module or its configuration, then chameleon sync_tables --tables {}",
                table.name
            )),
            _ => None,
        }
    }
}

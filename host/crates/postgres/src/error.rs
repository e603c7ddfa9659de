//! What can go wrong between here and the target.
//!
//! PostgreSQL puts cell values into DETAIL and CONTEXT, and for data exceptions into the message
//! itself. None of them is kept: a [`Failure`] holds the SQLSTATE, a message that is free of
//! values, and the names of the objects concerned.

use std::path::PathBuf;

use chameleon_diag::{Diagnostic, ErrorCode, codes};

use crate::sqlstate::{self, Class};

/// A failed exchange with the server, without any cell's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub class: Class,
    said: Box<Said>,
}

/// What the server, or the driver, said of a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) sqlstate: Option<String>,
    pub(crate) message: String,
    pub(crate) constraint: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) column: Option<String>,
}

impl Failure {
    pub(crate) fn new(class: Class, said: Said) -> Self {
        Self {
            class,
            said: Box::new(said),
        }
    }

    /// SQLSTATE, where the server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.said.sqlstate.as_deref()
    }

    /// The server's message, or a substitute where it may hold values.
    pub fn message(&self) -> &str {
        &self.said.message
    }

    /// Constraint that was violated.
    pub fn constraint(&self) -> Option<&str> {
        self.said.constraint.as_deref()
    }

    /// Table concerned, as `schema.table`, unquoted.
    pub fn table(&self) -> Option<&str> {
        self.said.table.as_deref()
    }

    /// Column concerned.
    pub fn column(&self) -> Option<&str> {
        self.said.column.as_deref()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())?;
        match self.sqlstate() {
            Some(state) => write!(f, " (SQLSTATE {state})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl Diagnostic for Failure {
    fn code(&self) -> ErrorCode {
        match self.class {
            Class::Connection => codes::TGT001,
            Class::Lock => codes::TGT003,
            Class::Data => codes::TGT004,
            Class::Constraint(_) => codes::TGT005,
            Class::Disk => codes::TGT006,
            Class::Privilege => codes::TGT007,
            Class::UndefinedObject => codes::TGT008,
            Class::ReadOnly => codes::TGT009,
            Class::Other => codes::TGT010,
        }
    }
}

impl From<&tokio_postgres::Error> for Failure {
    fn from(error: &tokio_postgres::Error) -> Self {
        sqlstate::failure(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        sqlstate::failure(&error)
    }
}

/// An attempt at the target that failed.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No connection could be opened.
    #[error("connect to the target {target}")]
    Connect {
        /// `user@host:port/database`.
        target: String,
        /// Why.
        source: Failure,
    },
    /// No connection within the time allowed.
    #[error("connect to the target {target}: no answer within {seconds} s")]
    ConnectTimeout {
        /// `user@host:port/database`.
        target: String,
        /// Seconds waited.
        seconds: u64,
    },
    /// The server's certificate was refused.
    #[error("check the certificate of the target {target}: {reason}")]
    Certificate {
        /// `user@host:port/database`.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A TLS file of the configuration cannot be used.
    #[error("read the TLS file {path}: {reason}")]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS is asked for, and the server does not offer it.
    #[error("connect to the target {target}: the server offers no TLS")]
    NoTls {
        /// `user@host:port/database`.
        target: String,
    },
    /// The two sides found no common ground for TLS.
    #[error("agree on TLS with the target {target}: {reason}")]
    Handshake {
        /// `user@host:port/database`.
        target: String,
        /// What went wrong.
        reason: String,
    },
    /// The URL of a connection cannot be read. It is not repeated, because it may hold a password.
    #[error("read the connection URL of the target: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// A statement failed.
    #[error("{attempt}")]
    Statement {
        /// What was attempted, on which object.
        attempt: String,
        /// Why it failed.
        source: Failure,
    },
    /// An answer of the server has another shape than the query asks for.
    #[error("{attempt}: unexpected answer: {what}")]
    Answer {
        /// What was attempted, on which object.
        attempt: String,
        /// What was unexpected about it.
        what: String,
    },
}

impl PostgresError {
    /// A failed statement. `attempt` says what was tried on which object: `copy into "s"."t"`.
    pub fn statement(attempt: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        Self::Statement {
            attempt: attempt.into(),
            source: Failure::from(error),
        }
    }

    /// What kind of failure it is; `Other` for what the server did not refuse.
    pub fn class(&self) -> Class {
        match self {
            Self::Connect { source, .. } | Self::Statement { source, .. } => source.class,
            Self::ConnectTimeout { .. } => Class::Connection,
            _ => Class::Other,
        }
    }
}

impl Diagnostic for PostgresError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::ConnectTimeout { .. } => codes::TGT001,
            Self::Connect { source, .. } => match source.class {
                Class::Connection => codes::TGT001,
                _ => codes::TGT002,
            },
            Self::Certificate { .. } => codes::TLS001,
            Self::NoTls { .. } => codes::TLS002,
            Self::TlsFile { .. } => codes::TLS003,
            Self::Handshake { .. } => codes::TLS004,
            Self::Url { .. } => codes::TGT012,
            Self::Statement { source, .. } => source.code(),
            Self::Answer { .. } => codes::TGT011,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Connect { .. } | Self::ConnectTimeout { .. } => {
                "look at pg_conn, then: chameleon check"
            }
            Self::Certificate { .. } => {
                "set tls.ca in pg_conn to the authority's file, or mode: require to do without"
            }
            Self::NoTls { .. } => "set ssl = on at the server, or tls: {mode: prefer} in pg_conn",
            Self::Url { .. } => "postgres://USER@HOST:PORT/DATABASE",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Why one value cannot go to the target. Never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The value does not fit in the target's type, or not without loss.
    #[error("the value does not fit in the target's type")]
    OutOfRange,
    /// U+0000 in text, which PostgreSQL cannot store, and `nul_character` is `fail`.
    #[error("the text holds a NUL character")]
    NulCharacter,
    /// A zero or partial date, and `zero_date` is `fail`.
    #[error("the date is zero or partial")]
    ZeroDate,
    /// Bytes that are not valid in the column's character set.
    #[error("the text is not valid in its character set")]
    InvalidText,
    /// An ENUM index or SET bit without a label.
    #[error("the value has no label in the column's definition")]
    UnknownLabel,
    /// Longer than the gigabyte that PostgreSQL can hold in one value.
    #[error("the value is longer than PostgreSQL can store")]
    TooLong,
    /// Text that is no value of the target's type.
    #[error("the text is no value of the target's type")]
    NotAValue,
    /// Bytes that are no geometry.
    #[error("the bytes are no geometry")]
    InvalidGeometry,
    /// The row image leaves the value out where one is needed.
    #[error("the row image does not hold the value")]
    Absent,
    /// The cell is not of the form that the column's type has: a defect.
    #[error("the value is not in the form that the column's type has")]
    Mismatch,
    /// No value of the source's type can go into the target's type.
    #[error("no conversion from {} to {}", .0.source, .0.target)]
    NoConversion(Box<TypePair>),
}

/// Two types that do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypePair {
    /// Source type as declared.
    pub source: String,
    /// Target type as SQL.
    pub target: String,
}

impl Diagnostic for EncodeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::OutOfRange => codes::RPL100,
            Self::NulCharacter => codes::RPL101,
            Self::ZeroDate => codes::RPL102,
            Self::InvalidText => codes::RPL103,
            Self::UnknownLabel => codes::RPL104,
            Self::TooLong => codes::RPL105,
            Self::NotAValue => codes::RPL106,
            Self::InvalidGeometry => codes::RPL107,
            Self::Absent => codes::RPL108,
            Self::Mismatch => codes::RPL109,
            Self::NoConversion(_) => codes::RPL110,
        }
    }
}

/// A row that cannot be encoded: which of its columns, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("encode column {column} of the row")]
pub struct RowError {
    /// Index of the encoder in the list given.
    pub column: usize,
    /// Why.
    pub source: EncodeError,
}

impl Diagnostic for RowError {
    fn code(&self) -> ErrorCode {
        self.source.code()
    }
}

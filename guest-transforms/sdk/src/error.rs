//! What a transform answers where it cannot go on.

use std::fmt;

use crate::bindings::chameleon::transform::types as wit;
pub use wit::ErrorKind;

/// An error that the host shows. Its text never holds a value of a row: it goes to logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// What is wrong, and where possible what to do.
    pub message: String,
    /// The row of the batch, from 0.
    pub row: Option<u32>,
    /// The index of the column in the source table.
    pub column: Option<u32>,
}

impl Error {
    /// The configuration is wrong.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// The configuration does not fit this table.
    pub fn schema(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Schema, message)
    }

    /// A row cannot be transformed. The host finds the row, and stops or sets it aside as configured.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    /// The host may call again with the same batch.
    pub fn retry(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retry, message)
    }

    /// Nothing more can be transformed.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Fatal, message)
    }

    /// The same error, at a row of the batch.
    #[must_use]
    pub fn at_row(mut self, row: usize) -> Self {
        self.row = u32::try_from(row).ok();
        self
    }

    /// The same error, at a column of the source table.
    #[must_use]
    pub fn at_column(mut self, index: u32) -> Self {
        self.column = Some(index);
        self
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            row: None,
            column: None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        wit::Error {
            kind: error.kind,
            message: error.message,
            row: error.row,
            column: error.column,
        }
    }
}

//! What goes wrong, said the same way everywhere: a code, what was attempted and on what, whether
//! to try again, and the next command to type.
//!
//! An [`ErrorCode`] is three letters and three digits. Codes are append-only; each has an entry in
//! [`codes`] and a page under `pages/`, which `chameleon explain CODE` prints.

pub mod codes;
mod finding;
mod render;

pub use codes::{CodeEntry, ErrorCode};
pub use finding::{Finding, Report, Severity};
pub use render::{render_error, render_error_json, render_report};

/// What the supervisor does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryDirective {
    /// The world is at fault and may recover: connection lost, server restarting, lock not to be
    /// had.
    WithBackoff,
    /// It stays as it is until somebody acts: missing right, purged binlog, disk full.
    AfterOperatorAction,
    /// Trying again cannot help: bad usage, bad configuration, a defect.
    Never,
}

/// An error with a code. Implemented by the error enum of every crate.
pub trait Diagnostic: std::error::Error + Send + Sync + 'static {
    /// The code, from [`codes`].
    fn code(&self) -> ErrorCode;

    /// What the supervisor does; the code's own directive unless a variant knows better.
    fn retry(&self) -> RetryDirective {
        self.code()
            .entry()
            .map_or(RetryDirective::Never, |e| e.retry)
    }

    /// The next command to type, or what to change, in one line.
    fn hint(&self) -> Option<String> {
        None
    }
}

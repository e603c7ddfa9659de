//! How calls for a table's rows fail, and how much of it is borne.

use std::sync::Arc;

use crate::error::{Fault, TransformError};
use crate::worker::Applied;

/// What a table's rows of one buffer may cost in failed calls.
pub(crate) const PATIENCE: u32 = 2000;
/// A time-out costs as much as so many breakdowns.
const TIME_OUT: u32 = 50;

/// A table version at one stage.
pub(crate) struct Task<'a> {
    pub(crate) stage: usize,
    pub(crate) applied: &'a Arc<Applied>,
    /// Numbers of the output tables in the buffer.
    pub(crate) routes: &'a [u32],
    pub(crate) patience: u32,
}

impl Task<'_> {
    /// Whether one more breakdown can be borne.
    pub(crate) fn bears(&mut self, fault: &Fault) -> bool {
        let cost = match fault {
            Fault::TimeOut { .. } => TIME_OUT,
            _ => 1,
        };
        let left = self.patience.checked_sub(cost);
        self.patience = left.unwrap_or(0);
        left.is_some()
    }
}

/// How a call failed.
pub(crate) enum Failed {
    /// On rows.
    Rows(Broken),
    /// The table cannot go on.
    Table(TransformError),
    /// Nothing can.
    Engine(TransformError),
}

/// A call failed on rows.
pub(crate) struct Broken {
    pub(crate) fault: Fault,
    /// The row of the batch that is to blame, where one is.
    pub(crate) row: Option<u32>,
    /// The instance is gone.
    pub(crate) dead: bool,
}

impl Failed {
    pub(crate) fn of(error: TransformError) -> Self {
        match error {
            TransformError::Engine { .. } => Self::Engine(error),
            error => Self::Table(error),
        }
    }
}

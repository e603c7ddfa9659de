//! From catalog 1.2 to 1.3, in one transaction.
//!
//! [`plan`] reads and says what would be done; [`apply`] does it, or for a dry run does it and takes
//! it back; [`verify`] compares the result with a new catalog. What there is to do follows from the
//! catalog's shape alone, so an upgrade that the original broke off half-way is finished by the same
//! steps. The SQL of each step is a file of `sql/upgrade/1.2--1.3`.
//!
//! Guarantee: every row that was in the relay is in the relay of its source afterwards, or in
//! quarantine where it belongs to none, and each batch keeps its order; counts are compared before
//! anything is dropped. Nothing here takes a backup.

mod apply;
mod conflicts;
mod error;
mod extents;
mod findings;
mod live;
mod outcome;
mod plan;
mod progress;
mod scripts;
mod space;
mod state;
mod steps;
mod survey;
mod text;
mod verify;

pub use apply::{Options, apply, end_turn, take_turn};
pub use error::UpgradeError;
pub use live::{in_words as session_in_words, upgrading};
pub use outcome::{Done, Outcome, SourceRows, StepDone};
pub use plan::{Plan, PlannedSource, PlannedStep, Seconds, plan};
pub use progress::{Event, Progress};
pub use text::{render_outcome, render_plan, render_verification};
pub use verify::{ComparedRows, Difference, DifferenceKind, TableRows, Verification, verify};

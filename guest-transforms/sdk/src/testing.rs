//! Runs a transform natively, as the host would: rows go in by name, the row at the target comes out.
//!
//! Every answer is checked as the host checks it. A violation is a fault of the transform, and panics with what the
//! host would say.

mod check;
mod column;
mod datum;
pub mod host;
mod table;
mod tester;

pub use datum::Datum;
pub use table::TestTable;
pub use tester::{Change, Outcome, Tester, Verdict};

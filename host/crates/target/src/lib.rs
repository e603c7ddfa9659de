//! Writes rows into PostgreSQL.
//!
//! Three ways, with the same guarantees: [`relay`] stores batches durably in the source's log
//! tables and [`replay`] applies them set-based while the next one is being read;
//! [`replay::DirectWriter`] applies a batch straight to the tables; [`loader`] copies the rows of a
//! snapshot. Rows and position commit in one transaction, but where several sessions share a batch:
//! there the position commits last, behind a note that makes a crash in between harmless.
//!
//! Nothing here reads a source, decides on a retry, or knows a transform.

pub mod apply;
mod apply_ddl;
#[doc(hidden)]
pub mod bench;
mod clock;
mod collapse;
pub mod error;
mod json;
pub mod loader;
mod order;
mod parallel;
mod prepared;
mod read_back;
pub mod relay;
pub mod replay;
pub mod rotate;
mod row_plans;
mod sequential;
mod sets;
mod statements;
mod table;

pub use apply::{Applied, Applier, ApplyPolicy, Strictness, TableFailure};
pub use error::TargetError;
pub use relay::RelayWriter;
pub use replay::{DdlEntry, DirectWriter, Replayed, Replayer};
pub use row_plans::Written;

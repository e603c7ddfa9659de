//! Row transforms as WebAssembly modules.
//!
//! A [`Chain`] is what the configuration says: modules, their configurations, the tables they are
//! for. A [`Worker`] has an instance of each and changes the rows of a
//! [`chameleon_model::ChangeBuffer`]: per table version it asks each module for a plan, hands over
//! the columns that the plan reads, as vectors, and takes back verdicts and the columns that the plan
//! makes. What no plan concerns is not touched and costs nothing.
//!
//! Guarantees: no row of a table that a transform is for passes untransformed. It comes out as the
//! transform made it, or is reported as failed, or its table is reported as stopped. Everything that
//! a module returns is checked before a cell is changed. A module has no clock, no random numbers and
//! no way out but a log line, a counter and a keyed hash; a fresh instance gives the same rows again.
//! It is bound in time, memory, stack and instances.
//!
//! Not done here: no connection is opened, nothing is stored, and no decision is taken about the
//! source: a table that stopped is the caller's to hold.

mod abi;
mod answer;
mod cache;
mod chain;
mod engine;
mod error;
mod fit;
mod gather;
mod host;
mod instance;
mod ledger;
mod module;
mod outcome;
mod pg_type;
mod plan;
mod run;
mod scatter;
mod spec;
mod task;
mod ticker;
mod words;
mod worker;

pub use chain::Chain;
pub use engine::Engine;
pub use error::{Fault, TransformError};
pub use module::{Description, Module, ModuleFacts};
pub use outcome::{FailedRow, Meta, Origin, Output, Outputs, StoppedTable};
pub use outcome::{TablePlan, TransformCount, Transformed};
pub use spec::{OnError, Secrets, Spec};
pub use worker::Worker;

//! The catalog `sch_chameleon` in version 1.3, and the tables of our own that hang on it.
//!
//! Every function takes a client or transaction and runs in the caller's transaction: nothing is
//! durable before the caller commits. The functions that run for every batch ([`batches::close`],
//! [`batches::advance`], [`batches::mark_replayed`], [`control::heartbeat`]) are one round trip
//! each. Nothing here decides on a retry, upgrades unasked, or sets a session's time zone: the
//! catalog's timestamps without time zone are in the server's own.

pub mod batches;
pub mod chunks;
pub mod control;
mod db;
mod error;
pub mod held;
pub mod history;
mod ids;
mod install;
pub mod prepared;
pub mod relay_log;
pub mod row_errors;
pub mod sessions;
mod sources;
pub mod table_rules;
pub mod tables;
pub mod upgrade;
mod version;
pub mod windows;

pub use error::CatalogError;
pub use ids::{BatchId, SourceId};
pub use install::{complete, drop_schema, install};
pub use sources::{SourceRow, SourceStatus, StatusRow};
pub use sources::{add_source, drop_source, refresh_parts, set_status, source, sources, status};
pub use version::{CatalogState, require_current, version};

/// Schema of the catalog.
pub const SCHEMA: &str = "sch_chameleon";

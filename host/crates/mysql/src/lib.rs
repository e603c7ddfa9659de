//! The MySQL or MariaDB source.
//!
//! One flow: [`Source::connect`] opens a session with fixed settings, [`preflight`] says whether
//! the source can be replicated, [`introspect`] reads the tables' schemas, [`snapshot`] reads
//! their rows at a known position, [`binlog`] follows what happens after it. Copy and stream give
//! the same cells for the same row: both go through [`value`].
//!
//! Nothing here writes to the source, decides on a retry, or knows PostgreSQL.

pub mod binlog;
mod connect;
mod error;
pub mod introspect;
pub mod preflight;
mod prepared;
mod probe;
mod rows;
mod selection;
mod server_info;
pub mod snapshot;
mod tls;
pub mod value;

pub use connect::{ConnectOptions, Source, SourceConn, TlsMode, TlsOptions};
pub use error::SourceError;
pub use selection::TableSelection;
pub use server_info::{Flavor, ServerInfo};

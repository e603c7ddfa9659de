//! PostgreSQL primitives: sessions, failures by SQLSTATE, binary COPY and array parameters, the
//! conversion of cells, and what a table of the target looks like.
//!
//! Nothing here knows a table of ours, and nothing decides on a retry.

pub mod array;
pub mod connect;
pub mod copy;
pub mod encode;
pub mod error;
pub mod introspect;
pub mod lock;
pub mod param;
pub mod sqlstate;
mod tls;
pub mod types;

pub use array::ArrayParam;
pub use chameleon_model::name::{quote_ident, quote_literal, quote_qualified};
pub use connect::{ConnectOptions, TlsMode, TlsOptions, connect};
pub use copy::BinaryCopy;
pub use encode::ColumnEncoder;
pub use error::{EncodeError, Failure, PostgresError, RowError};
pub use param::Param;
pub use sqlstate::{Class, Constraint, classify};
pub use tokio_postgres::{self, Client, GenericClient, Transaction};

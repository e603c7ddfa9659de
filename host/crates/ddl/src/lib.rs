//! The source's DDL, from statement text to PostgreSQL statements, in three pure steps:
//!
//! 1. [`parse`]: text to [`Statement`]. A hand-written lexer and a recursive-descent parser that
//!    know MySQL 5.7 to 9 and MariaDB 10.5 to 11.8. Statements that concern no table are named and
//!    otherwise not read.
//! 2. [`resolve()`]: a statement and the table versions before it to [`SchemaChange`]s, which hold
//!    whole table versions. The version that `resolve` makes is the one that introspection of the
//!    source would find after the statement.
//! 3. [`render`]: a schema change to PostgreSQL statements, with the types that [`mapping`] chooses.
//!
//! Nothing here opens a connection, knows a driver or keeps state. No input makes it panic, and no
//! statement is dropped in silence: what cannot be translated is [`SchemaChange::Unsupported`] or a
//! [`DdlError`], both of which name the tables concerned.

mod change;
mod context;
mod default_form;
mod error;
mod fuzz;
mod lexer;
pub mod mapping;
mod parser;
pub mod render;
mod resolve;
mod split;
pub mod statement;

pub use change::{ColumnChange, ExistingRows, SchemaChange, SessionFacts};
pub use context::{Dialect, ParseContext};
pub use default_form::shown_default;
pub use error::DdlError;
pub use fuzz::fuzz_parse;
pub use mapping::Mapping;
pub use parser::parse;
pub use resolve::{SchemaLookup, adopt, resolve};
pub use split::split;
pub use statement::Statement;

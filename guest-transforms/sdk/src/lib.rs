//! What an author of a row transform depends on.
//!
//! A transform is a type that implements [`Transform`]: it reads its configuration, says once per version of a table
//! what it reads and makes there ([`Planner`]), and then transforms batches of rows ([`Rows`]). Only the columns that
//! the plan asks for cross the boundary to WebAssembly, as whole columns; an author works with rows all the same.
//!
//! ```
//! use chameleon_transform_sdk::prelude::*;
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     column: ColumnName,
//! }
//!
//! struct Shout {
//!     config: Config,
//! }
//!
//! impl Transform for Shout {
//!     const NAME: &'static str = "shout";
//!     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
//!     type Config = Config;
//!     type Table = Output;
//!
//!     fn new(config: Config) -> Result<Self, Error> {
//!         Ok(Shout { config })
//!     }
//!
//!     fn plan(&self, table: &Table) -> Result<Plan<Output>, Error> {
//!         let mut plan = Planner::new(table);
//!         let Some(column) = table.select(&self.config.column)? else {
//!             return Ok(Plan::pass());
//!         };
//!         let output = plan.replace(&column.name)?;
//!         plan.apply(output)
//!     }
//!
//!     fn transform(&self, output: &Output, rows: &mut Rows<'_>) -> Result<(), Error> {
//!         rows.each_image(|row| {
//!             if let Some(text) = row.text(*output) {
//!                 row.set(*output, &text.to_uppercase());
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//!
//! chameleon_transform_sdk::export!(Shout);
//!
//! // Tested without WebAssembly:
//! use chameleon_transform_sdk::testing::{Change, TestTable, Tester};
//! let table = TestTable::new("shop", "note").key("id", "int").column("body", "text");
//! let mut tester = Tester::<Shout>::new(r#"{"column": "body"}"#).unwrap();
//! tester.plan(&table).unwrap();
//! let rows = tester.run(&[Change::insert([("id", 1.into()), ("body", "hello".into())])]).unwrap();
//! assert_eq!(rows[0].after("body"), &"HELLO".into());
//! ```
//!
//! What a transform does not do: open files or connections, read a clock or random numbers. The host gives it none of
//! these, so that the same rows always become the same rows.

#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    rustdoc::broken_intra_doc_links,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "generated"
)]
#[rustfmt::skip]
#[doc(hidden)]
pub mod bindings;
pub mod calendar;
mod error;
#[doc(hidden)]
pub mod guest;
pub mod host;
mod input;
mod layout;
mod nearest;
mod output;
mod planner;
mod row;
mod rows;
#[doc(hidden)]
pub mod rt;
mod table;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod transform;
mod value;

pub use bindings::chameleon::transform::types::{ColumnType, Op, TypeKind, ValueForm as Form};
pub use error::{Error, ErrorKind};
pub use input::ColumnIn;
pub use layout::{Input, Odd, Output, ReadKey, WriteKey};
pub use nearest::nearest;
pub use output::{ColumnOut, TextOut};
pub use planner::{Ops, Others, Plan, Planner};
pub use row::Row;
pub use rows::Rows;
pub use table::{Column, ColumnName, ColumnRule, Table};
pub use transform::Transform;
pub use value::{Image, Value};

/// All that most transforms need.
pub mod prelude {
    pub use crate::{
        Column, ColumnName, ColumnRule, Error, Form, Image, Input, Odd, Op, Output, Plan, Planner,
        Row, Rows, Table, Transform, TypeKind, Value,
    };
}
